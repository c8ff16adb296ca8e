"""How much can the tracker take in, and how soon does it answer? Beside MLflow and trackio, in one run.

    python -m benchmarks.tracking [--repeats 5] [--quick] [--mlflow PYTHON] [--json FILE]

A real `headhunt serve` on loopback is sent the bytes of real journals over HTTP. MLflow is asked by its own client over
HTTP, its server being that of the interpreter that --mlflow names, with SQLite; trackio by its own store, in this
process. What a tracker cannot be had for is left empty. Values are medians; the ratio says how far a goal is reached.
"""

import http.client
import importlib.util
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import httpx
import msgspec
import numpy as np

from benchmarks.report import Table, arguments, publish
from benchmarks.service_place import Server, serving
from benchmarks.tracking_others import MLflow, Other, Trackio
from headhunt.track.journal import Noted, Points, framed

COLUMNS = ("what", "headhunt", "wanted", "ratio", "mlflow", "trackio")
NAMES = ("loss", "accuracy", "lr")
PIECE = 1 << 20
"""Bytes of a journal that are sent at once."""
CLIENTS = 8
CALLS = "benchmarks.tracking_calls"
"""What a call of `log` costs the training, in a process of its own."""
IDLE_S = 2.0


@dataclass(frozen=True)
class Size:
    """How much of everything. theirs: steps that others are told, of three numbers each."""

    repeats: int = 5
    steps: int = 100_000
    curve: int = 100_000
    runs: int = 1000
    theirs: int = 5000


QUICK = Size(repeats=1, steps=3000, curve=10_000, runs=30, theirs=200)


class Asking:
    """One client, with one connection."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.wire = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
        self.asked = time.monotonic()

    def __enter__(self) -> "Asking":
        return self

    def __exit__(self, *fault: object) -> None:
        self.wire.close()

    def ask(self, method: str, path: str, body: bytes = b"", kind: str = "application/octet-stream") -> bytes:
        headers = {**self.server.headers, **({"Content-Type": kind} if method != "GET" else {})}
        if time.monotonic() - self.asked > IDLE_S:
            self.wire.close()  # the server has closed it, too
        self.wire.request(method, f"/api/v1{path}", body if method != "GET" else None, headers)
        answer = self.wire.getresponse()
        data = answer.read()
        self.asked = time.monotonic()
        if answer.status >= 300:
            raise SystemExit(f"{method} {path}: {answer.status} {data[:300]!r}")
        return data

    def begin(self, **begun: object) -> str:
        run = uuid.uuid4().hex
        self.ask("PUT", f"/runs/{run}", msgspec.json.encode(begun), "application/json")
        return run

    def tell(self, run: str, data: bytes) -> None:
        """As a courier does: piece by piece, from where the server is."""
        kept = 0
        while kept < len(data):
            answer = self.ask("POST", f"/runs/{run}/journal?writer=main&offset={kept}", data[kept : kept + PIECE])
            kept = int(msgspec.json.decode(answer)["kept"])


def main(given: list[str] | None = None) -> int:
    parser = arguments((__doc__ or "").partition("\n")[0])
    parser.add_argument("--repeats", type=int, default=Size.repeats)
    parser.add_argument("--quick", action="store_true", help="small, to see that it runs: the numbers say little")
    parser.add_argument("--mlflow", metavar="PYTHON", help="an interpreter with all of mlflow, which has its server")
    asked = parser.parse_args(given)
    size = QUICK if asked.quick else Size(repeats=asked.repeats)
    with tempfile.TemporaryDirectory(prefix="headhunt-tracking-", ignore_cleanup_errors=True) as folder:
        home = Path(folder) / "home"
        home.mkdir()
        table = Table("tracking", COLUMNS)
        with MLflow(asked.mlflow, Path(folder)) as mlflow, Trackio(Path(folder)) as trackio, serving(home) as server:
            server_side(table, server, size, (mlflow, trackio))
        publish("tracking", [table], seed=asked.seed, keep=asked.json)
        for other in (mlflow, trackio):
            if other.missing:
                print(f"{other.name} was left out: {other.missing}")
    if not asked.quick and importlib.util.find_spec(CALLS):
        subprocess.run([sys.executable, "-m", CALLS], check=True)
    return 0


def server_side(table: Table, server: Server, size: Size, others: Iterable[Other]) -> None:
    told = journal(size.steps)
    points = 3 * size.steps
    mlflow, trackio = others
    rate, cost = taken_in(server, told, points, 1, size.repeats)
    theirs = [rate_of(one, size.theirs) for one in (mlflow, trackio)]
    more(table, "points a second, one client", rate, 100_000, theirs)
    table.add("the same: microseconds of the server's processor time a point", cost, "", None, None, None)
    rate, cost = taken_in(server, told, points, CLIENTS, size.repeats)
    more(table, "points a second, eight clients", rate, 250_000, (None, None))
    table.add("the same: microseconds of the server's processor time a point", cost, "", None, None, None)
    with Asking(server) as one:
        drawing(table, one, size, (mlflow, trackio))
        listing(table, one, size, (mlflow, trackio))
    table.add("MiB resident of the server, afterwards", server.memory("VmRSS"), "", None, None, None)


def journal(steps: int) -> bytes:
    """Of a training that logs three numbers at each step."""
    chance = np.random.default_rng(0)
    values = np.cumsum(chance.normal(size=(steps, 3)), axis=0).tolist()
    at = 1.79e9 + np.cumsum(chance.uniform(0.001, 0.1, steps))
    return b"".join(
        framed(Points(float(when), step, dict(zip(NAMES, row, strict=True))))
        for step, (when, row) in enumerate(zip(at.tolist(), values, strict=True))
    )


def taken_in(server: Server, data: bytes, points: int, clients: int, repeats: int) -> tuple[float, float]:
    """(points a second, microseconds of the server's processor time a point), each client with a run of its own."""
    rates, costs = [], []
    for turn in range(repeats + 1):
        with ExitStack() as stack:
            asking = [stack.enter_context(Asking(server)) for _ in range(clients)]
            runs = [one.begin(experiment="speed") for one in asking]
            before, began = server.cpu(), time.perf_counter()
            with ThreadPoolExecutor(clients) as threads:
                list(threads.map(lambda one, run: one.tell(run, data), asking, runs))
            seconds, spent = time.perf_counter() - began, server.cpu() - before
        if turn:
            rates.append(clients * points / seconds)
            costs.append(spent / (clients * points) * 1e6)
    return median(rates), median(costs)


def drawing(table: Table, one: Asking, size: Size, others: tuple[Other, Other]) -> None:
    for count, words in ((size.curve, "a curve of 100,000 points, 2,000 of them answered: ms"),
                         (10 * size.curve, "the same of 1,000,000 points: ms")):  # fmt: skip
        run = one.begin(experiment="curves")
        one.tell(run, single(count))
        seconds = timed(lambda run=run: one.ask("GET", f"/runs/{run}/curves?metric=loss&points=2000"), size)  # type: ignore[misc]
        if count == size.curve:
            theirs = [other.drawn(size.curve, size.repeats) for other in others]
        less(table, words, 1000 * seconds, 30, theirs if count == size.curve else (None, None))


def single(count: int) -> bytes:
    chance = np.random.default_rng(1)
    values = chance.normal(size=count).tolist()
    return b"".join(framed(Points(1.79e9 + step, step, {"loss": value})) for step, value in enumerate(values))


def listing(table: Table, one: Asking, size: Size, others: tuple[Other, Other]) -> None:
    for number in range(size.runs):
        run = one.begin(experiment="list", name=f"run {number}", tags=["baseline"] if number % 2 else [])
        facts = {f"p{place}": place * 0.5 for place in range(8)} | {"lr": 0.1 / (1 + number % 10)}
        told = Points(1.79e9, 1, {"acc": (number % 100) / 100, "loss": 1.0, "val_loss": 2.0})
        one.tell(run, framed(Noted(1.79e9, "param", facts)) + framed(told))
    asked = httpx.QueryParams({"query": "metrics.acc >= 0 and params.lr < 1", "sort": "-metrics.acc", "limit": 1000})
    seconds = timed(lambda: one.ask("GET", f"/runs?{asked}&experiment=list"), size)
    theirs = [other.listed(size.runs, size.repeats) for other in others]
    less(table, "a list of 1,000 runs, filtered and sorted, all answered: ms", 1000 * seconds, 200, theirs)
    few = httpx.QueryParams({"query": "metrics.acc > 0.9 and tags.baseline", "sort": "-metrics.acc"})
    seconds = timed(lambda: one.ask("GET", f"/runs?{few}&experiment=list"), size)
    table.add("the same, of which 5 in 100 are answered: ms", 1000 * seconds, "", None, None, None)


def timed(work: Callable[[], object], size: Size) -> float:
    """The median; the first time warms up."""
    taken = []
    for turn in range(3 * size.repeats + 1):
        began = time.perf_counter()
        work()
        if turn:
            taken.append(time.perf_counter() - began)
    return median(taken)


def rate_of(other: Other, steps: int) -> float | None:
    seconds = other.told(steps)
    return None if seconds is None else 3 * steps / seconds


def more(table: Table, what: str, value: float, wanted: float, others: Iterable[float | None]) -> None:
    table.add(what, value, f">= {wanted:,.0f}", value / wanted, *others)


def less(table: Table, what: str, value: float, wanted: float, others: Iterable[float | None]) -> None:
    table.add(what, value, f"<= {wanted:g}", wanted / value, *others)


if __name__ == "__main__":
    sys.exit(main())

"""How fast is the service, and how much does it need? Reads under load, uploads, jobs, the idle server, and its twin.

    python -m benchmarks.service [--repeats 5] [--seconds 20] [--quick] [--json FILE]

A real `headhunt serve` on loopback, asked by other processes. What is compared goes in turns, so that a slow minute
hits both; values are medians. The ratio says how far a goal is reached: 1 and more is reached.
"""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks.chaos import unfinished
from benchmarks.report import Table, arguments, publish
from benchmarks.service_place import Server, fill_zoo, noise, photos, serving, upload
from headhunt.vocabulary import GIB, MIB
from service.parts import service_of
from service.settings import Settings

CLIENTS = 50
PAUSE_S = 0.2
"""A page that is open asks less often."""
FASTAPI = (sys.executable, "-m", "benchmarks.service_fastapi")
COLUMNS = ("what", "measured", "wanted", "ratio")


@dataclass(frozen=True)
class Size:
    """How much of everything."""

    repeats: int = 5
    seconds: float = 20.0
    upload: int = 200 * MIB
    huge: int = 2 * GIB
    samples: int = 40
    """To be recommended for, each once: what was looked at is remembered."""
    budget: str = "60s"
    """Of a recommendation."""


QUICK = Size(repeats=1, seconds=1.5, upload=4 * MIB, huge=16 * MIB, samples=2, budget="15s")


@dataclass
class Findings:
    """The one table. `at_most`, `at_least`: a goal; `tell`: a number beside it."""

    table: Table = field(default_factory=lambda: Table("service", COLUMNS))

    def tell(self, what: str, value: float) -> None:
        self.table.add(what, value, "", None)

    def at_most(self, what: str, value: float, wanted: float) -> None:
        self.table.add(what, value, f"<= {wanted:g}", wanted / value if value else None)

    def at_least(self, what: str, value: float, wanted: float) -> None:
        self.table.add(what, value, f">= {wanted:g}", value / wanted)

    def none(self, what: str, value: int) -> None:
        self.table.add(what, value, "0", 1.0 if value == 0 else 0.0)


def main(given: list[str] | None = None) -> int:
    parser = arguments((__doc__ or "").partition("\n")[0])
    parser.add_argument("--repeats", type=int, default=Size.repeats)
    parser.add_argument("--seconds", type=float, default=Size.seconds, help="of reading under load")
    parser.add_argument("--quick", action="store_true", help="small, to see that it runs: the numbers say little")
    asked = parser.parse_args(given)
    size = QUICK if asked.quick else Size(repeats=asked.repeats, seconds=asked.seconds)
    found = Findings()
    with tempfile.TemporaryDirectory(prefix="headhunt-service-", ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        fill_zoo(home)
        the_idle_server(found, home, size)
        uploads(found, home, size)
        memory(found, home, size)
        under_load(found, home, size)
        the_twin(found, home, size)
    publish("service", [found.table], seed=asked.seed, keep=asked.json)
    return 0


# --- The idle server --------------------------------------------------------------------------------------------------


def the_idle_server(found: Findings, home: Path, size: Size) -> None:
    seconds, resident, torch = [], [], 0
    for _ in range(max(size.repeats, 2)):
        with serving(home) as server:
            seconds.append(server.ready_s)
            time.sleep(0.5)
            resident.append(server.memory("VmRSS"))
            torch += "libtorch" in Path(f"/proc/{server.pid}/maps").read_text()
    found.at_most("idle: seconds from its start until it is ready", median(seconds), 1.5)
    found.at_most("idle: MiB resident", median(resident), 120)
    found.none("idle: with torch in it", torch)


# --- Uploads ----------------------------------------------------------------------------------------------------------


def uploads(found: Findings, home: Path, size: Size) -> None:
    """Transport is the time until all of it is on the disk and looked at: its first bytes say that it is no archive.
    With images, each is looked at, hashed and kept as well.
    """
    plain, archive = noise(home / "noise.bin", size.upload), photos(home / "photos.zip", size.upload, 0)
    with serving(home) as server:
        ways: dict[str, Callable[[int], float]] = {
            "plain": lambda _: written(plain, home / "copy.bin"),
            "bare body": lambda turn: sent(server, plain, f"noise-{turn}", False, 422),
            "form": lambda turn: sent(server, plain, f"noise-{turn}", True, 422),
            "images, bare body": lambda turn: sent(server, archive, f"bare-{turn}", False, 201),
            "images, form": lambda turn: sent(server, archive, f"form-{turn}", True, 201),
        }
        taken: dict[str, list[float]] = {name: [] for name in ways}
        for turn in range(size.repeats + 1):
            for name, way in ways.items():
                seconds = way(turn)
                if turn:
                    taken[name].append(plain.stat().st_size / MIB / seconds)
    for file in (plain, archive, home / "copy.bin"):
        file.unlink()
    rates = {name: median(values) for name, values in taken.items()}
    found.tell("write, fsync and SHA-256 of the same bytes, MiB/s", rates["plain"])
    for name in ("bare body", "form"):
        found.tell(f"upload, {name}: MiB/s", rates[name])
        ratios = [ours / plain for ours, plain in zip(taken[name], taken["plain"], strict=True)]
        found.at_least(f"upload, {name}: of the speed of write, fsync and SHA-256", median(ratios), 0.5)
    for name in ("images, bare body", "images, form"):
        found.tell(f"upload, {name}, until each image is looked at and kept: MiB/s", rates[name])


def written(source: Path, target: Path) -> float:
    digest, began = hashlib.sha256(), time.perf_counter()
    with open(source, "rb") as file, open(target, "wb") as copy:
        while block := file.read(MIB):
            digest.update(block)
            copy.write(block)
        copy.flush()
        os.fsync(copy.fileno())
    return time.perf_counter() - began


def sent(server: Server, file: Path, name: str, as_form: bool, expected: int) -> float:
    status, seconds = upload(server, file, name, as_form)
    if status != expected:
        raise SystemExit(f"An upload was answered with {status} instead of {expected}.")
    return seconds


def memory(found: Findings, home: Path, size: Size) -> None:
    huge = noise(home / "huge.bin", size.huge)
    for name, as_form in (("bare body", False), ("form", True)):
        with serving(home) as server:
            time.sleep(0.5)
            idle = server.memory("VmRSS")
            server.forget_peak()
            sent(server, huge, "huge", as_form, 422)
            grown = server.memory("VmHWM") - idle
        found.at_most(f"upload of {size.huge / GIB:.2g} GiB, {name}: MiB that the peak lies above idle", grown, 32)
    huge.unlink()


# --- Reads while others work ------------------------------------------------------------------------------------------


def under_load(found: Findings, home: Path, size: Size) -> None:
    archive = photos(home / "load.zip", size.upload, 1)
    samples = [photos(home / f"small-{seed}.zip", 0, seed + 2, 64) for seed in range(size.samples)]
    with serving(home, workers=2) as server, server.client() as client:
        for number, sample in enumerate(samples):
            sent(server, sample, f"small-{number}", True, 201)
        first = client.post("/api/v1/recommendations", json={"dataset": "small-0", "budget": size.budget}).json()["id"]
        wait_for(lambda: bool(client.get(f"/api/v1/recommendations/{first}").json()["ended"]))
        paths = ["/api/v1/datasets", "/api/v1/datasets/small-0", f"/api/v1/recommendations/{first}", "/health"]
        idle = read(server, size.seconds / 2, paths)
        with kept_busy(home, server, archive, size) as busy:
            loaded = read(server, size.seconds, paths)
            calm = read(server, size.seconds, paths, PAUSE_S)
        jobs_begin(found, home, server, size)
    most = at_most_asked(size.seconds / 4)
    found.tell(f"reads, {CLIENTS} clients, nothing beside: answers a second", idle["answers"] / idle["seconds"])
    found.tell("the same: ms, median", percentile(idle, 50))
    found.tell("the same: ms, 99th percentile", percentile(idle, 99))
    found.tell("with 2 recommendations and an upload: answers a second", loaded["answers"] / loaded["seconds"])
    found.tell("the same: ms, median", percentile(loaded, 50))
    found.at_most("the same: ms, 99th percentile", percentile(loaded, 99), 100)
    found.tell(f"the same, each asking {1 / PAUSE_S:.0f} times a second: ms, median", percentile(calm, 50))
    found.at_most("the same: ms, 99th percentile", percentile(calm, 99), 100)
    found.none("the same: errors", idle["errors"] + loaded["errors"] + calm["errors"] + busy.errors)
    found.tell("the same: uploads that ended meanwhile", busy.uploads)
    found.tell("the same: recommendations at work, on the average", busy.at_work)
    found.tell("the clients alone, asking what costs nothing: answers a second", most)


def read(
    server: Server, seconds: float, paths: list[str], pause: float = 0.0, clients: int = CLIENTS
) -> dict[str, Any]:
    asked = json.dumps([(path, server.key) for path in paths])
    words = [sys.executable, "-m", "benchmarks.service_load", str(server.port), str(clients), str(seconds)]
    words.append(str(pause))
    done = subprocess.run(words, input=asked, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def at_most_asked(seconds: float) -> float:
    """So much the clients could ask of a server that costs nothing: far more, or they are what is measured."""
    words = [sys.executable, "-m", "benchmarks.service_load"]
    with subprocess.Popen([*words, "echo"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port = process.stdout.readline().strip()
        words += [port, str(CLIENTS), str(seconds), "0"]
        done = subprocess.run(words, input='[["/", "key"]]', capture_output=True, text=True, check=True)
        process.terminate()
    told = json.loads(done.stdout)
    return float(told["answers"] / told["seconds"])


def percentile(told: dict[str, Any], which: float) -> float:
    return float(np.percentile(told["latencies"], which))


@dataclass
class Busy:
    uploads: int = 0
    errors: int = 0
    at_work: float = 0.0


@contextmanager
def kept_busy(home: Path, server: Server, archive: Path, size: Size) -> Iterator[Busy]:
    """Always an upload under way, and two recommendations at work."""
    busy, ending = Busy(), threading.Event()
    service, numbers, seen = service_of(Settings(home=home)), count(1), []

    def upload_again() -> None:
        for number in count():
            if ending.is_set():
                return
            status, _ = upload(server, archive, f"load-{number}", bool(number % 2))
            busy.uploads += 1
            busy.errors += status != 201

    def recommend_again() -> None:
        running: list[str] = []
        with server.client() as client:
            while not ending.wait(0.05):
                states = [service.queue.get(job).state for job in running]
                busy.errors += states.count("failed")
                running = [job for job, state in zip(running, states, strict=True) if state in ("queued", "running")]
                seen.append(states.count("running"))
                while len(running) < 3 and (number := next(numbers)) < size.samples:
                    asked = {"dataset": f"small-{number}", "budget": size.budget}
                    running.append(client.post("/api/v1/recommendations", json=asked).json()["id"])
            for job in running:
                client.post(f"/api/v1/recommendations/{job}/cancel")

    threads = [threading.Thread(target=one) for one in (upload_again, recommend_again)]
    for thread in threads:
        thread.start()
    try:
        wait_for(lambda: bool(seen) and (seen[-1] == 2 or size.samples < 3))
        seen.clear()
        yield busy
    finally:
        busy.at_work = sum(seen) / max(len(seen), 1)
        ending.set()
        for thread in threads:
            thread.join()
        service.database.close()


def wait_for(true: Callable[[], bool], patience_s: float = 120.0) -> None:
    began = time.monotonic()
    while not true():
        if time.monotonic() - began > patience_s:
            raise SystemExit("What was waited for did not come.")
        time.sleep(0.01)


# --- Jobs -------------------------------------------------------------------------------------------------------------


def jobs_begin(found: Findings, home: Path, server: Server, size: Size) -> None:
    """A worker that is warm, and has nothing to do: from the request to the job's first word."""
    service = service_of(Settings(home=home))
    running, spoken = [], []
    with server.client() as client:
        wait_for(lambda: unfinished(service.queue) == 0)
        for _ in range(2 * size.repeats):
            time.sleep(0.3)
            began = time.perf_counter()
            job = client.post("/api/v1/recommendations", json={"dataset": "small-0", "budget": size.budget}).json()[
                "id"
            ]
            wait_for(lambda job=job: service.queue.get(job).state != "queued")  # type: ignore[misc]
            running.append(time.perf_counter() - began)
            wait_for(lambda job=job: bool(service.queue.events(job)))  # type: ignore[misc]
            spoken.append(time.perf_counter() - began)
            wait_for(lambda job=job: service.queue.get(job).state == "done")  # type: ignore[misc]
    service.database.close()
    found.at_most("a warm job: seconds from the request until it is taken up", median(running), 0.5)
    found.at_most("a warm job: seconds from the request to its first word", median(spoken), 0.5)


# --- The twin ---------------------------------------------------------------------------------------------------------


def the_twin(found: Findings, home: Path, size: Size) -> None:
    """The same reads of the same database by the service and by its twin in FastAPI, in turns."""
    with serving(home) as ours, serving(home, command=FASTAPI) as twin, ours.client() as client:
        job = client.post("/api/v1/recommendations", json={"dataset": "small-0"}).json()["id"]
        routes = {
            "GET /health": ["/health"],
            "a dataset": ["/api/v1/datasets/small-0"],
            "a recommendation": [f"/api/v1/recommendations/{job}"],
            "all datasets": ["/api/v1/datasets"],
        }
        routes["all of these in turns"] = [path for paths in routes.values() for path in paths]
        for name, paths in routes.items():
            pairs = []
            for _ in range(size.repeats):
                pairs.append((cost(ours, paths, size), cost(twin, paths, size)))
            processor = [theirs[0] / mine[0] for mine, theirs in pairs]
            wall = [theirs[1] / mine[1] for mine, theirs in pairs]
            found.tell(f"{name}: ms of processor time, ours", median(mine[0] for mine, _ in pairs))
            found.tell(f"{name}: ms of processor time, FastAPI", median(theirs[0] for _, theirs in pairs))
            found.tell(f"{name}: wall time, FastAPI to ours", median(wall))
            found.at_least(f"{name}: processor time, FastAPI to ours", median(processor), 1.4)


def cost(server: Server, paths: list[str], size: Size) -> tuple[float, float]:
    """Milliseconds of the server's processor time and of wall time for one answer, 8 clients asking."""
    before = server.cpu()
    told = read(server, size.seconds / 10, paths, clients=8)
    if told["errors"]:
        raise SystemExit("A read was answered with an error.")
    return (server.cpu() - before) / told["answers"] * 1000, told["seconds"] / told["answers"] * 1000


if __name__ == "__main__":
    sys.exit(main())

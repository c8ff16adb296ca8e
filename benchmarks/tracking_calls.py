"""What a training pays for a call: `log()` of three scalars, one after the other, each tracker in a process of its own.

    python -m benchmarks.tracking_calls [--calls 20000] [--rounds 3] [--server URL] [--json FILE]

Of headhunt without a server, with one that is up (a stand-in on loopback that takes all), and with one that does not
answer; of trackio and mlflow (SQLite, no server) as they come, where they are installed. Also: seconds from the start
of `import` to the end of `init`. Every tracker has a folder of its own; the garbage collector runs as in a training.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec

from benchmarks.report import Table, arguments, publish
from headhunt.track.wire import JournalKept, Run

ROOT = Path(__file__).parents[1]
TIMED = """
import json, sys, time
calls = int(sys.argv[1])
began = time.perf_counter()
{begin}
ready = time.perf_counter() - began
clock, taken = time.perf_counter_ns, []
for step in range(200): {log}
for step in range(calls):
    before = clock()
    {log}
    taken.append(clock() - before)
began = time.perf_counter()
{end}
taken.sort()
us = lambda share: taken[min(int(share * calls), calls - 1)] / 1000
ended = time.perf_counter() - began
print("RESULT", json.dumps(dict(ready=ready, median=us(0.5), p99=us(0.99), worst=us(1.0), end=ended)))
"""
NAMES = "loss=0.5, accuracy=0.25, rate=0.001"
HEADHUNT = ("import headhunt\nheadhunt.init(project='calls')", f"headhunt.log({NAMES})", "headhunt.finish()")
TRACKIO = ("import trackio\ntrackio.init(project='calls')", f"trackio.log(dict({NAMES}))", "trackio.finish()")
MLFLOW = (
    "import mlflow\nmlflow.set_tracking_uri('sqlite:///mlflow.db')\nmlflow.start_run()",
    f"mlflow.log_metrics(dict({NAMES}), step=step)",
    "mlflow.end_run()",
)
SLOWER = 20
"""So many times fewer calls of those that take milliseconds."""


class Taking(BaseHTTPRequestHandler):
    """A server of runs that takes whatever comes, and keeps nothing."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *words: Any) -> None:
        """Nothing."""

    def answer(self) -> None:
        size = int(self.headers.get("Content-Length") or 0)
        self.rfile.read(size)
        query = parse_qs(urlsplit(self.path).query)
        told: Any = Run(id="0" * 32, experiment="", name="", state="running", started=0.0, seen=0.0)
        if "offset" in query:
            told = JournalKept(kept=int(query["offset"][0]) + size)
        elif self.path.endswith("/journal"):
            told = {}
        body = msgspec.json.encode(told)
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_PUT = do_POST = answer


@contextmanager
def taking() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Taking)
    server.daemon_threads = True
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def measured(parts: tuple[str, str, str], calls: int, **others: str) -> dict[str, float] | None:
    """None: it is not here, or does not run."""
    begin, log, end = parts
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        plain = {name: value for name, value in os.environ.items() if not name.startswith("HEADHUNT_")}
        path = os.pathsep.join([str(ROOT), str(ROOT / "sdk")])
        own = {
            "HEADHUNT_HOME": folder,
            "TRACKIO_DIR": folder,
            "HOME": folder,
            "PYTHONPATH": path,
            "HEADHUNT_LINGER": "1",
        }
        code = TIMED.format(begin=begin, log=log, end=end)
        done = subprocess.run(
            [sys.executable, "-c", code, str(calls)],
            env={**plain, **own, **others},
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
    with suppress(IndexError):
        return dict(json.loads(done.stdout.split("RESULT ")[1]))
    return None


def named(package: str) -> str:
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return f"{package} (not here)"


def main() -> None:
    parser = arguments("What a call of a tracker costs the training.")
    parser.add_argument("--calls", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    title = f"log() of three scalars, {asked.calls:,} calls, the middle of {asked.rounds} rounds"
    table = Table(title, ("tracker", "median us", "p99 us", "worst us", "import+init s", "finish s"))
    with taking() as url:
        server = {"HEADHUNT_SERVER": url, "HEADHUNT_API_KEY": "hh_x"}
        down = {"HEADHUNT_SERVER": "http://127.0.0.1:9", "HEADHUNT_API_KEY": "hh_x"}
        quick = (HEADHUNT[0], HEADHUNT[1], "")
        contenders: list[tuple[str, tuple[str, str, str], int, dict[str, str]]] = [
            ("headhunt, no server", HEADHUNT, asked.calls, {}),
            ("headhunt, server up", HEADHUNT, asked.calls, server),
            ("headhunt, server down", quick, asked.calls, down),
            (named("trackio"), TRACKIO, asked.calls, {}),
            (named("mlflow-skinny"), MLFLOW, max(asked.calls // SLOWER, 100), {}),
        ]
        rounds = [
            [measured(parts, calls, **others) for _, parts, calls, others in contenders] for _ in range(asked.rounds)
        ]
    for place, (name, *_) in enumerate(contenders):
        found = [one[place] for one in rounds]
        kept = [one for one in found if one is not None]
        columns = ("median", "p99", "worst", "ready", "end")
        table.add(name, *(median(one[column] for one in kept) if kept else None for column in columns))
    publish("tracking_calls", [table], seed=asked.seed, keep=asked.json)


if __name__ == "__main__":
    main()

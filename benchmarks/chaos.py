"""Do jobs survive kill -9 of the server, of its worker, and of the processes that do the work?

    python -m benchmarks.chaos [--jobs 1000] [--kills 100] [--stops 5] [--updates 2000] [--database URL] [--json FILE]

A real `serve` with a worker whose jobs are chains of hashes. Again and again one of its processes, drawn by chance, is
killed; a server that was killed is started again. At the end every job has to be done, with the very result that it has
undisturbed, every step told once and in order, and recovery is timed: from the death of a child to the next attempt.

Then a worker is stopped until its job is somebody else's, and wakes up: it changes nothing (chaos_stopped.py). And four
processes make thousands of updates of whatever counts: none is lost (chaos_counting.py).
"""

import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import msgspec
import sqlalchemy as sa

from benchmarks.chaos_counting import CALLS
from benchmarks.chaos_server import LEASE_S, SLOTS, settings_of
from benchmarks.chaos_stopped import awaken, children
from benchmarks.chaos_worker import STEPS, expected
from benchmarks.report import Table, arguments, publish, spread
from service.jobs.queue import Order, Queue
from service.parts import service_of
from service.settings import Settings
from service.tables import jobs

PATIENCE_S = 900.0
TARGETS = ("server", "worker", "child")
WRITERS = 4
COLUMNS = ("what", "measured", "wanted")


def main(given: list[str] | None = None) -> int:
    parser = arguments((__doc__ or "").partition("\n")[0])
    parser.add_argument("--jobs", type=int, default=1000)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--stops", type=int, default=5, help="of a worker, until its job is somebody else's")
    parser.add_argument("--updates", type=int, default=2000, help="of each of 4 writers, of each kind")
    parser.add_argument("--database", metavar="URL", help="an empty one (default: SQLite in a temporary folder)")
    asked = parser.parse_args(given)
    with tempfile.TemporaryDirectory(prefix="headhunt-chaos-") as folder:
        settings = settings_of(Path(folder), free_port(), asked.database)
        tables = [torment(settings, asked.jobs, asked.kills, random.Random(asked.seed))]
        tables += [stopped(settings, asked.stops), counted(settings, asked.updates)]
    publish("chaos", tables, seed=asked.seed, keep=asked.json)
    return 0


def torment(settings: Settings, count: int, kills: int, chance: random.Random) -> Table:
    service = service_of(settings)
    queue = service.queue
    put = {queue.put(Order(f"p{i % 5}", "digest", f"job {i}", attempts=10**6)).id: f"job {i}" for i in range(count)}
    server, began = begin(settings), time.monotonic()
    killed: Counter[str] = Counter()
    recovered: list[float] = []
    try:
        while (left := unfinished(queue)) and time.monotonic() - began < PATIENCE_S:
            time.sleep(chance.uniform(0.2, 0.6))
            at_work = process_of(server.pid, "child") is not None
            if killed.total() < kills and left > SLOTS and at_work:
                target = chance.choice(TARGETS)
                pid = process_of(server.pid, target)
                if pid is None:
                    continue
                before = running(queue)
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:  # it has just ended by itself
                    continue
                killed[target] += 1
                if target == "server":
                    server.wait()
                    server = begin(settings)
                elif target == "child":
                    recovered += recovery(queue, before)
    finally:
        server.terminate()
        server.wait(30)
    return report(queue, put, killed, recovered, time.monotonic() - began)


def report(queue: Queue, put: dict[str, str], killed: Counter[str], recovered: list[float], seconds: float) -> Table:
    found = {job: queue.get(job) for job in put}
    done = {job for job, one in found.items() if one.state == "done"}
    right = {job for job in done if msgspec.json.decode(found[job].result or b"") == expected(put[job])}
    steps = {job: [msgspec.json.decode(event.body)["step"] for event in queue.events(job)] for job in put}
    whole = sum(told == list(range(STEPS)) for told in steps.values())
    middle, _ = spread(recovered or [0.0])
    table = Table(f"{len(put):,} jobs, {killed.total()} kills, {queue.database.kind}", COLUMNS)
    table.add("killed: server, worker, child", ", ".join(str(killed[target]) for target in TARGETS), "")
    table.add("jobs that were lost", len(put) - len(done), "0")
    table.add("results that differ from those undisturbed", len(done) - len(right), "0")
    table.add("jobs whose steps were each told once, in order", whole, f"{len(put)}")
    table.add("attempts, all together", sum(one.attempt for one in found.values()), "")
    table.add("seconds from a child's death to the next attempt, median", middle, "")
    table.add("the same, longest", max(recovered, default=0.0), "<= 2")
    table.add("seconds, all together", seconds, "")
    return table


def stopped(settings: Settings, count: int) -> Table:
    queue = service_of(settings).queue
    found = [awaken(queue, settings.home, settings.database_url) for _ in range(count)]
    table = Table(f"{count} workers that wake up after their lease, {queue.database.kind}", COLUMNS)
    table.add("rows that they changed", sum(one.rows_changed for one in found), "0")
    table.add("jobs with one result, the right one, and each step once", sum(one.right for one in found), f"{count}")
    table.add("of which a second attempt was told from the first", sum(one.attempts == 2 for one in found), f"{count}")
    table.add("who noticed that the job had passed to somebody else", sum(one.noticed for one in found), f"{count}")
    return table


def counted(settings: Settings, count: int) -> Table:
    queue = service_of(settings).queue
    table = Table(f"{WRITERS} writers, {count:,} updates each, {queue.database.kind}", COLUMNS)
    for name, call in CALLS.items():
        lost, rate = call(queue, settings.database_url, WRITERS, count)
        table.add(f"{name}: lost", lost, "0")
        table.add(f"{name}: updates a second", rate, "")
    return table


def recovery(queue: Queue, before: dict[str, int]) -> list[float]:
    """Seconds until one of the jobs that ran is begun again; none where all of them had just ended."""
    began = time.monotonic()
    while time.monotonic() - began < 10 * LEASE_S:
        attempts = {job: queue.get(job) for job in before}
        if any(one.attempt > before[job] and one.state == "running" for job, one in attempts.items()):
            return [time.monotonic() - began]
        if all(one.state == "done" for one in attempts.values()):
            return []
        time.sleep(0.01)
    return [time.monotonic() - began]


def running(queue: Queue) -> dict[str, int]:
    """Job -> attempt."""
    with queue.database.read() as connection:
        rows = connection.execute(sa.select(jobs.c.id, jobs.c.attempt).where(jobs.c.state == "running")).all()
    return {row.id: row.attempt for row in rows}


def unfinished(queue: Queue) -> int:
    with queue.database.read() as connection:
        wanted = sa.select(sa.func.count()).select_from(jobs).where(jobs.c.state.in_(("queued", "running")))
        return int(connection.execute(wanted).scalar_one())


# --- Processes --------------------------------------------------------------------------------------------------------


def begin(settings: Settings) -> "subprocess.Popen[bytes]":
    words = [sys.executable, "-m", "benchmarks.chaos_server", str(settings.home), str(settings.port)]
    words += [settings.database] if settings.database else []
    return subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def process_of(server: int, target: str) -> int | None:
    """server > worker > fork server > child; None: there is none at this moment."""
    if target == "server":
        return server
    workers = [pid for pid in children(server) if "chaos_worker" in words_of(pid)]
    if target == "worker" or not workers:
        return workers[0] if workers else None
    working = [child for below in children(workers[0]) for child in children(below)]
    return working[-1] if working else None


def words_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode("utf-8", "replace")
    except OSError:
        return ""


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main())

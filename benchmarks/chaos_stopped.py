"""What does a worker do that was stopped, and wakes up when its job is somebody else's? A part of benchmarks/chaos.py.

A worker and its child are stopped with SIGSTOP in the middle of a job, as a laptop that sleeps or a paused machine
would be. Its lease lapses, another worker takes the job over and finishes it. Then the first goes on: it must change
nothing.
"""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import msgspec
import sqlalchemy as sa

from benchmarks.chaos_server import LEASE_S
from benchmarks.chaos_worker import STEPS, expected
from service.jobs.queue import Order, Queue
from service.store import DATABASE
from service.tables import job_events, jobs

PATIENCE_S = 60.0
PASSED = "job had passed to somebody else"


@dataclass(frozen=True)
class Awakened:
    """What was found of one job."""

    rows_changed: int
    """By the one that woke up."""
    attempts: int
    right: bool
    """One result, the one that it has undisturbed, and every step told once, in order."""
    noticed: bool
    """The child that woke up wrote, and was told that the job was its own no longer."""


def awaken(queue: Queue, home: Path, url: str) -> Awakened:
    job = queue.put(Order("stopped", "slow_digest", "stopped", attempts=10**6)).id
    first = Worker(home, url, "first")
    try:
        until(lambda: bool(queue.events(job)))
        frozen = first.freeze()
        while locked(url):  # it was writing, and SQLite lets nobody else write until it has: that is another story
            first.thaw(frozen)
            time.sleep(0.01)
            frozen = first.freeze()
        second = Worker(home, url, "second")
        try:
            until(lambda: queue.get(job).state == "done")
        finally:
            second.end()
        before = everything(queue, job)
        worker, *below = frozen
        first.thaw(below)  # the child alone: else the worker might end it before it writes
        until(lambda: PASSED in first.said())
        first.thaw([worker])
        until(lambda: not first.working())
        after = everything(queue, job)
    finally:
        first.end()
    found = queue.get(job)
    steps = [msgspec.json.decode(event.body)["step"] for event in queue.events(job)]
    whole = msgspec.json.decode(found.result or b"null") == expected("stopped") and steps == list(range(STEPS))
    return Awakened(changed(before, after), found.attempt, whole, PASSED in first.said())


def locked(url: str) -> bool:
    """Of PostgreSQL never: there a lock is on a row, and others are claimed meanwhile."""
    found = sa.make_url(url)
    if found.get_backend_name() != "sqlite":
        return False
    with closing(sqlite3.connect(str(found.database), timeout=0.2, isolation_level=None)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return True
        connection.execute("ROLLBACK")
    return False


Rows = list[tuple[object, ...]]


def everything(queue: Queue, job: str) -> Rows:
    with queue.database.read() as connection:
        row = connection.execute(sa.select(jobs).where(jobs.c.id == job)).all()
        events = connection.execute(sa.select(job_events).where(job_events.c.job == job)).all()
    return sorted((tuple(one) for one in [*row, *events]), key=repr)


def changed(before: Rows, after: Rows) -> int:
    return sum(one not in before for one in after) + sum(one not in after for one in before)


class Worker:
    """A process with one slot; its log goes to a file."""

    def __init__(self, home: Path, url: str, name: str) -> None:
        self.log = home / f"{name}-{time.monotonic_ns()}.log"
        words = [sys.executable, "-m", "benchmarks.chaos_worker", f"--home={home}", "--slots=1", f"--lease={LEASE_S}"]
        env = {**os.environ, DATABASE: url, "PYTHONPATH": os.pathsep.join(sys.path)}
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(words, env=env, stdin=subprocess.PIPE, stderr=log)

    def freeze(self) -> list[int]:
        """It, and all that it has started."""
        found = family(self.process.pid)
        for pid in found:
            os.kill(pid, signal.SIGSTOP)
        return found

    def thaw(self, frozen: list[int]) -> None:
        for pid in frozen:
            os.kill(pid, signal.SIGCONT)

    def working(self) -> bool:
        """A child of its fork server is at a job."""
        return any(family(below)[1:] for below in children(self.process.pid))

    def said(self) -> str:
        return self.log.read_text("utf-8", "replace")

    def end(self) -> None:
        self.process.kill()
        self.process.communicate()


def family(pid: int) -> list[int]:
    """It, its children and theirs."""
    return [pid, *(one for child in children(pid) for one in family(child))]


def children(pid: int) -> list[int]:
    """Of all its threads, by /proc: Linux."""
    try:
        return [
            int(word) for place in Path(f"/proc/{pid}/task").glob("*/children") for word in place.read_text().split()
        ]
    except OSError:
        return []


def until(true: Callable[[], bool]) -> None:
    began = time.monotonic()
    while not true():
        if time.monotonic() - began > PATIENCE_S:
            raise SystemExit("What was waited for did not come.")
        time.sleep(0.02)

"""Does any update get lost when several processes make them at once? The counting part of benchmarks/chaos.py.

    python -m benchmarks.chaos_counting CALL COUNT [JOB ATTEMPT]     one of the writers

The environment names the database.

Every call that counts something reads a number and writes the next one: events of a job, attempts at it, and the job
that stands for an idempotency key, which must be one.
"""

import json
import os
import subprocess
import sys
import time
from collections import Counter

from service.database import Database
from service.jobs.queue import Fence, Order, Queue

ORDER = Order("counting", "digest", "counted", attempts=10**9)
LONG_S = 3600.0
"""Nothing lapses while it is counted."""


# --- One writer -------------------------------------------------------------------------------------------------------


def tell(queue: Queue, count: int, fence: Fence) -> object:
    """How many calls said that they had written."""
    return sum(queue.tell(fence, [os.getpid(), number]) for number in range(count))


def claim(queue: Queue, count: int) -> object:
    """The attempts that were claimed, each given back at once."""
    found: list[tuple[str, int]] = []
    while len(found) < count:
        taken = queue.claim("writer")
        if taken is not None:
            found.append((taken.fence.job, taken.fence.attempt))
            queue.release(taken.fence)
    return found


def put(queue: Queue, count: int) -> object:
    """The jobs that the keys stand for."""
    return [queue.put(Order(ORDER.project, ORDER.kind, ORDER.spec, key=f"key {number}")).id for number in range(count)]


def write(call: str, url: str, count: int, rest: list[str]) -> object:
    queue = Queue(Database(url), LONG_S, most_waiting=10**9)
    sys.stdin.read()  # all begin at once
    if call == "tell":
        return tell(queue, count, Fence(rest[0], int(rest[1])))
    return (claim if call == "claim" else put)(queue, count)


# --- All of them ------------------------------------------------------------------------------------------------------


def told(queue: Queue, url: str, writers: int, count: int) -> tuple[int, float]:
    """(updates that were lost, updates a second). Each event has to have a number of its own, without a gap."""
    job = queue.put(ORDER)
    taken = queue.claim("counting")
    assert taken is not None
    said, seconds = together("tell", url, writers, count, [job.id, str(taken.fence.attempt)])
    numbers = [event.number for event in queue.events(job.id)]
    queue.finish(taken.fence, None)
    whole = writers * count
    kept = len(set(numbers) & set(range(1, whole + 1)))
    return max(whole - kept, whole - sum(int(str(one)) for one in said)), whole / seconds


def claimed(queue: Queue, url: str, writers: int, count: int) -> tuple[int, float]:
    """As above. Each attempt at a job is claimed by one, and their number is that of the claims."""
    put = [queue.put(ORDER).id for _ in range(2 * writers)]
    said, seconds = together("claim", url, writers, count, [])
    pairs = Counter((job, attempt) for one in said for job, attempt in list_of(one))
    counted = sum(queue.get(job).attempt for job in put)
    for name in put:
        queue.cancel(name)
    whole = writers * count
    return max(whole - len(pairs), abs(whole - counted)), whole / seconds


def ordered(queue: Queue, url: str, writers: int, count: int) -> tuple[int, float]:
    """As above. Whoever sends a key is told the same job, and there is one for each."""
    said, seconds = together("put", url, writers, count, [])
    lists = [list_of(one) for one in said]
    same = sum(len(set(ids)) == 1 for ids in zip(*lists, strict=True))
    jobs = {str(job) for ids in lists for job in ids}
    for job in jobs:
        queue.cancel(job)
    return max(count - same, abs(len(jobs) - count)), writers * count / seconds


def list_of(said: object) -> list[list[str]]:
    assert isinstance(said, list)
    return said


def together(call: str, url: str, writers: int, count: int, rest: list[str]) -> tuple[list[object], float]:
    """What each of the writers said, and the seconds from the first one's beginning to the last one's end."""
    words = [sys.executable, "-m", "benchmarks.chaos_counting", call, str(count), *rest]
    env = {**os.environ, "HEADHUNT_DATABASE": url, "PYTHONPATH": os.pathsep.join(sys.path)}
    started = [
        subprocess.Popen(words, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(writers)
    ]
    for one in started:
        assert one.stdout is not None
        one.stdout.readline()  # it has loaded what it needs
    began = time.monotonic()
    for one in started:
        assert one.stdin is not None
        one.stdin.close()
        one.stdin = None
    said = [json.loads(one.communicate()[0]) for one in started]
    return said, time.monotonic() - began


CALLS = {
    "events told of one job": told,
    "attempts claimed": claimed,
    "jobs put under the same keys": ordered,
}

if __name__ == "__main__":
    print("ready", flush=True)
    call, count, *rest = sys.argv[1:]
    json.dump(write(call, os.environ["HEADHUNT_DATABASE"], int(count), rest), sys.stdout)

"""Workers and their children: what is said of a job, whoever dies. The children are real processes."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from headhunt.wire import Job
from service.database import Database
from service.jobs import queue as queue_module, worker as worker_module
from service.jobs.places import Place, places
from service.jobs.queue import ENDED, Order, Queue
from service.jobs.worker import Post, Seat, Worker
from service.store import DATABASE
from service.tables import workers
from tests.service.work_kinds import KINDS

PATIENCE = 240.0


@pytest.fixture
def queue(database: Database, monkeypatch: pytest.MonkeyPatch) -> Queue:
    monkeypatch.setattr(queue_module, "BACKOFF_S", (0.0,))
    return Queue(database)


@pytest.fixture
def worker(queue: Queue, url: str, tmp_path: Path) -> Iterator[Worker]:
    with working(Worker(Post(url, tmp_path, KINDS), "w", slots=2)) as one:
        yield one


@contextmanager
def working(one: Worker) -> Iterator[Worker]:
    thread = threading.Thread(target=one.run)
    thread.start()
    try:
        yield one
    finally:
        one.stop()
        thread.join()
        one.queue.database.close()


def order(kind: str, spec: Any = None, attempts: int = 3) -> Order:
    return Order(project="p", kind=kind, spec=spec, attempts=attempts)


def until(true: Callable[[], bool]) -> None:
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < PATIENCE
        time.sleep(0.02)


def ended(queue: Queue, job: Job) -> Job:
    until(lambda: queue.get(job.id).state in ENDED)
    return queue.get(job.id)


def test_a_job_is_done_in_a_child_and_its_result_is_kept(queue: Queue, worker: Worker) -> None:
    done = ended(queue, queue.put(order("add", [1, 2, 3])))
    assert done.state == "done"
    assert msgspec.json.decode(done.result or b"") == {"sum": 6, "project": "p"}


def test_what_a_job_tells_is_there_to_read(queue: Queue, worker: Worker) -> None:
    job = ended(queue, queue.put(order("count", 5)))
    assert [msgspec.json.decode(event.body) for event in queue.events(job.id)] == [{"at": i} for i in range(5)]


def test_our_errors_are_told_in_their_words_and_not_tried_again(queue: Queue, worker: Worker) -> None:
    job = ended(queue, queue.put(order("refuse")))
    assert (job.state, job.attempt) == ("failed", 1)
    assert job.error is not None
    assert (job.error.code, job.error.words) == ("bad_value", "A budget of 'soon' cannot be kept.")


@pytest.mark.parametrize("kind", ["not_written", "insufficient_storage"])
def test_a_disk_that_was_full_is_tried_again(queue: Queue, worker: Worker, kind: str) -> None:
    job = ended(queue, queue.put(order("full_once", kind)))
    assert (job.state, job.attempt) == ("done", 2)


def test_errors_of_others_are_told_without_their_words(queue: Queue, worker: Worker) -> None:
    job = ended(queue, queue.put(order("break_inside")))
    assert job.error is not None
    assert job.error.code == "internal"
    assert "secret" not in job.error.words


def test_a_kind_that_nobody_knows_says_so(queue: Queue, worker: Worker) -> None:
    job = ended(queue, queue.put(order("paint")))
    assert job.error is not None
    assert "'paint'" in job.error.words


def test_a_child_that_is_killed_is_replaced_and_goes_on_where_it_was(queue: Queue, worker: Worker) -> None:
    job = ended(queue, queue.put(order("die_once")))
    assert (job.state, job.attempt) == ("done", 2)
    steps = [msgspec.json.decode(event.body)["step"] for event in queue.events(job.id)]
    assert steps == [0, 1, 2, 3]


def test_a_job_that_kills_its_child_every_time_ends_as_failed(queue: Queue, worker: Worker) -> None:
    job = ended(queue, queue.put(order("die", attempts=2)))
    assert (job.state, job.attempt) == ("failed", 2)
    assert job.error is not None
    assert job.error.code == "worker_died"


def test_what_is_cancelled_ends_soon_and_leaves_room_for_others(queue: Queue, worker: Worker, tmp_path: Path) -> None:
    place = tmp_path / "pid"
    job = queue.put(order("leave_pid", str(place)))
    until(lambda: place.exists() and place.read_text() != "")
    queue.cancel(job.id)
    assert ended(queue, job).state == "cancelled"
    until(lambda: gone(int(place.read_text())))
    assert ended(queue, queue.put(order("add", [1]))).state == "done"


def test_a_worker_that_shuts_down_gives_back_what_it_ran(queue: Queue, url: str, tmp_path: Path) -> None:
    with working(Worker(Post(url, tmp_path, KINDS), "first")):
        job = queue.put(order("sleep", attempts=1))
        until(lambda: queue.get(job.id).state == "running")
    assert queue.get(job.id).state == "queued"


WORKER = """
import sys
from pathlib import Path
from service.jobs.worker import Post, Worker
from tests.service.work_kinds import KINDS
if __name__ == "__main__":
    Worker(Post(sys.argv[1], Path(sys.argv[2]), KINDS, lease_s=1.0), "victim").run()
"""


def test_when_a_worker_is_killed_its_children_die_and_another_takes_the_job(
    queue: Queue, url: str, tmp_path: Path
) -> None:
    script, place = tmp_path / "victim.py", tmp_path / "pid"
    script.write_text(WORKER)
    victim = subprocess.Popen(
        [sys.executable, str(script), url, str(tmp_path)], env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    )
    try:
        spec = {"bytes": 1, "place": str(place), "then": "wait"}
        job = queue.put(order("with_grandchild", spec))
        until(lambda: len(pids(place)) == 2)
    finally:
        victim.send_signal(signal.SIGKILL)
        victim.wait()
    until(lambda: all(map(gone, pids(place))))
    place.unlink()
    with working(Worker(Post(url, tmp_path, KINDS, lease_s=1.0), "heir")):
        until(lambda: len(pids(place)) == 2)
        assert queue.get(job.id).attempt == 2
        queue.cancel(job.id)
        assert ended(queue, job).state == "cancelled"


@pytest.mark.parametrize("with_server", [False, True])
def test_only_a_worker_of_a_server_ends_when_its_standard_input_does(
    queue: Queue, url: str, tmp_path: Path, with_server: bool
) -> None:
    """As systemd and nohup start one: there is nothing to read."""
    words = [sys.executable, "-c", BY_HAND, "--home", str(tmp_path), *(["--with-server"] if with_server else [])]
    surroundings = {**os.environ, DATABASE: url, "PYTHONPATH": os.pathsep.join(sys.path)}
    one = subprocess.Popen(words, env=surroundings, stdin=subprocess.DEVNULL)
    try:
        if with_server:
            assert one.wait(PATIENCE) == 0
        else:
            assert ended(queue, queue.put(order("add", [1, 2]))).state == "done"
            assert one.poll() is None
    finally:
        one.terminate()
        one.wait(PATIENCE)


BY_HAND = "from service.work import main; from tests.service.work_kinds import KINDS; main(KINDS, ())"


def gone(pid: int) -> bool:
    """No such process, or one that is dead and not yet buried by its parent."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def test_a_job_that_takes_too_much_memory_ends_and_says_so(queue: Queue, url: str, tmp_path: Path) -> None:
    post = Post(url, tmp_path, KINDS, memory=3 * 2**29)
    with working(Worker(post, "w")):
        greedy = queue.put(Order("p", "greedy", {"bytes": 2**31}))
        small = queue.put(Order("p", "add", [1]))
        came = ended(queue, greedy)
        assert ended(queue, small).state == "done"
    assert came.state == "failed"
    assert came.error is not None
    assert came.error.code == "out_of_memory"
    assert came.attempt == 1


def test_what_a_child_started_counts_as_its_memory_and_ends_with_it(queue: Queue, url: str, tmp_path: Path) -> None:
    place = tmp_path / "pids"
    with working(Worker(Post(url, tmp_path, KINDS, memory=300 * 2**20), "w")):
        job = queue.put(Order("p", "with_grandchild", {"bytes": 600 * 2**20, "place": str(place), "then": "wait"}))
        came = ended(queue, job)
    assert came.error is not None
    assert came.error.code == "out_of_memory"
    until(lambda: all(map(gone, pids(place))))


@pytest.mark.parametrize("then", ["wait", "die", "end"])
def test_whatever_ends_a_child_ends_what_it_started(queue: Queue, url: str, tmp_path: Path, then: str) -> None:
    place = tmp_path / "pids"
    spec = {"bytes": 1, "place": str(place), "then": then}
    with working(Worker(Post(url, tmp_path, KINDS), "w")):
        job = queue.put(Order("p", "with_grandchild", spec, attempts=1))
        until(lambda: len(pids(place)) == 2)
        if then == "wait":
            queue.cancel(job.id)
        assert ended(queue, job).state == {"wait": "cancelled", "die": "failed", "end": "done"}[then]
        until(lambda: all(map(gone, pids(place))))


def pids(place: Path) -> list[int]:
    return [int(word) for word in place.read_text().split()] if place.exists() else []


def test_a_gpu_is_for_one_job_at_a_time_and_jobs_see_no_other(tmp_path: Path) -> None:
    gpu, cpu = places(1, ("3",))
    assert (gpu.resources, cpu.resources) == (("gpu", "any"), ("cpu",))
    assert places(2, ()) == (Place(("cpu", "any")), Place(("cpu", "any")))
    first, second = Seat(gpu, tmp_path), Seat(gpu, tmp_path)
    assert first.take()
    assert not first.take()
    assert not first.take(), "asking does not free it"
    assert not second.take(), "another worker of this machine"
    assert not second.take()
    first.leave()
    assert second.take()
    second.leave()


def test_no_more_jobs_run_at_a_time_than_there_are_places(queue: Queue, url: str, tmp_path: Path) -> None:
    jobs = [queue.put(Order(f"p{i}", "count_slowly", 4)) for i in range(4)]
    most = 0
    with working(Worker(Post(url, tmp_path, KINDS), "w", slots=1)):
        while any(queue.get(job.id).state not in ENDED for job in jobs):
            most = max(most, sum(queue.get(job.id).state == "running" for job in jobs))
            time.sleep(0.02)
    assert most == 1


def test_a_job_for_a_gpu_waits_where_there_is_none(queue: Queue, url: str, tmp_path: Path) -> None:
    waits = queue.put(Order("p", "seen", None, resource="gpu"))
    either = queue.put(Order("p", "seen", None, resource="any"))
    with working(Worker(Post(url, tmp_path, KINDS), "plain")):
        assert msgspec.json.decode(ended(queue, either).result or b"") == ""
        assert queue.get(waits.id).state == "queued"
    with working(Worker(Post(url, tmp_path, KINDS), "with a gpu", slots=0, gpus=("5",))):
        assert msgspec.json.decode(ended(queue, waits).result or b"") == "5"


def test_whoever_works_signs_the_roll(queue: Queue, url: str, tmp_path: Path) -> None:
    with working(Worker(Post(url, tmp_path, KINDS), "w", slots=3)):
        job = queue.put(Order("p", "add", [1]))
        ended(queue, job)
        with queue.database.read() as connection:
            row = connection.execute(sa.select(workers)).one()
        assert (row.id, row.slots, row.resources) == ("w", 3, "any,cpu")
    with queue.database.read() as connection:
        assert connection.execute(sa.select(workers)).all() == []


def test_no_worker_asks_its_own_clock_what_time_it_is() -> None:
    """Machines that share a database need not agree, and their clocks may jump: leases go by the database's."""
    for path in Path(worker_module.__file__).parent.glob("*.py"):
        found = re.findall(r"\btime\.(?!monotonic|sleep)\w+|\bdatetime\b", path.read_text())
        assert found == [], path.name

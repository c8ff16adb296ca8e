"""The queue: who may say what of a job, and what becomes of it when those who hold it are gone."""

import signal
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import msgspec
import pytest
import sqlalchemy as sa

from headhunt.errors import BadValue, TooManyJobs, UnknownJob
from headhunt.wire import JobFault
from service.database import Database
from service.jobs import queue as queue_module
from service.jobs.queue import Claim, Fence, Order, Queue
from service.migrations import migrate
from service.tables import jobs
from tests.service.tables_of import drop_all

ORDER = Order(project="p", kind="count", spec={"to": 3})
FAULT = JobFault(code="broken", words="It broke.", traceback="Traceback ...")


@pytest.fixture
def queue(database: Database) -> Queue:
    return Queue(database, lease_s=30.0)


def claimed(queue: Queue, worker: str = "w") -> Claim:
    found = queue.claim(worker)
    assert found is not None
    return found


def lapse(queue: Queue) -> None:
    """All leases end now, as if their holders had been silent for long."""
    with queue.database.write() as connection:
        connection.execute(sa.update(jobs).values(lease_until=0.0))


def hurry(queue: Queue) -> None:
    """Nothing waits for its next attempt any longer."""
    with queue.database.write() as connection:
        connection.execute(sa.update(jobs).values(run_after=0.0))


def test_a_job_is_put_claimed_and_finished(queue: Queue) -> None:
    job = queue.put(replace(ORDER, request_id="r1"))
    assert (job.state, job.attempt, job.result) == ("queued", 0, None)
    claim = claimed(queue)
    assert (claim.fence, claim.kind, msgspec.json.decode(claim.spec), claim.request_id) == (
        Fence(job.id, 1), "count", {"to": 3}, "r1",
    )  # fmt: skip
    assert queue.get(job.id).state == "running"
    assert queue.finish(claim.fence, {"sum": 6})
    done = queue.get(job.id)
    assert done.state == "done"
    assert done.result is not None
    assert msgspec.json.decode(done.result) == {"sum": 6}
    assert done.created <= (done.started or 0) <= (done.ended or 0)
    assert queue.claim("w") is None


def test_the_same_key_is_the_same_job(queue: Queue) -> None:
    first = queue.put(replace(ORDER, key="k"))
    assert queue.put(replace(ORDER, key="k")).id == first.id
    assert queue.put(replace(ORDER, key="k", project="q")).id != first.id
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda _: queue.put(replace(ORDER, key="crowd")).id, range(16)))
    assert len(found) == 1


def test_a_project_has_only_so_many_jobs_waiting(database: Database) -> None:
    queue = Queue(database, most_waiting=3)
    first = queue.put(replace(ORDER, key="k"))
    for _ in range(2):
        queue.put(ORDER)
    with pytest.raises(TooManyJobs, match="3 jobs"):
        queue.put(ORDER)
    assert queue.put(replace(ORDER, key="k")).id == first.id, "it waits already"
    assert queue.put(replace(ORDER, project="q")).state == "queued"
    claimed(queue)
    assert queue.put(ORDER).state == "queued", "one runs now"


def test_nobody_sees_a_job_of_another_project(queue: Queue) -> None:
    job = queue.put(ORDER)
    assert queue.get(job.id, "p").id == job.id
    for wrong in (lambda: queue.get(job.id, "q"), lambda: queue.cancel(job.id, "q"), lambda: queue.get("0" * 32)):
        with pytest.raises(UnknownJob):
            wrong()
    assert queue.get(job.id).state == "queued"


def test_a_job_is_claimed_once_however_many_ask(queue: Queue) -> None:
    put = {queue.put(ORDER).id for _ in range(40)}
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda i: queue.claim(f"w{i}"), range(60)))
    taken = Counter(claim.fence.job for claim in found if claim is not None)
    assert taken == Counter(put)


def test_only_what_a_worker_can_run_is_given_to_it(queue: Queue) -> None:
    queue.put(replace(ORDER, resource="gpu"))
    assert queue.claim("w", ["cpu"]) is None
    assert queue.claim("w", ["cpu", "gpu"]) is not None


def test_projects_take_turns(queue: Queue) -> None:
    for _ in range(3):
        queue.put(replace(ORDER, project="busy"))
    queue.put(replace(ORDER, project="quiet"))
    assert [claimed(queue).project for _ in range(4)] == ["busy", "quiet", "busy", "busy"]


def test_a_lease_that_lapsed_passes_to_another_and_the_first_changes_nothing(queue: Queue) -> None:
    job = queue.put(ORDER)
    first = claimed(queue, "stopped")
    assert queue.tell(first.fence, {"at": 1}, step={"done": 1})
    lapse(queue)
    second = claimed(queue, "other")
    assert second.fence == Fence(job.id, 2)
    assert second.step is not None
    assert msgspec.json.decode(second.step) == {"done": 1}
    assert queue.renew(first.fence) is None
    assert not queue.tell(first.fence, {"at": 99})
    assert not queue.finish(first.fence, "wrong")
    assert not queue.fail(first.fence, FAULT)
    assert not queue.cancelled(first.fence)
    assert not queue.release(first.fence)
    assert queue.finish(second.fence, "right")
    done = queue.get(job.id)
    assert (done.state, done.attempt, bytes(done.result or b"")) == ("done", 2, b'"right"')
    assert len(queue.events(job.id)) == 1


def test_who_renews_keeps_the_job(queue: Queue) -> None:
    queue.put(ORDER)
    claim = claimed(queue)
    lapse(queue)
    assert queue.renew(claim.fence) is True
    assert queue.claim("other") is None


def test_a_job_that_goes_wrong_is_tried_again_later_and_at_last_fails_with_its_reason(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_module, "BACKOFF_S", (600.0,))
    job = queue.put(replace(ORDER, attempts=2))
    assert queue.fail(claimed(queue).fence, FAULT)
    assert queue.get(job.id).state == "queued"
    assert queue.claim("w") is None  # it waits a while
    hurry(queue)
    assert queue.fail(claimed(queue).fence, FAULT)
    ended = queue.get(job.id)
    assert (ended.state, ended.attempt) == ("failed", 2)
    assert ended.error == JobFault(code="broken", words="It broke.")  # the traceback is not for everybody
    assert queue.claim("w") is None


def test_what_would_go_wrong_again_is_not_tried_again(queue: Queue) -> None:
    job = queue.put(ORDER)
    queue.fail(claimed(queue).fence, FAULT, again=False)
    assert queue.get(job.id).state == "failed"


def test_a_job_that_kills_every_worker_is_buried(queue: Queue) -> None:
    job = queue.put(replace(ORDER, attempts=2))
    for _ in range(2):
        claimed(queue)
        lapse(queue)
    assert queue.claim("w") is None
    ended = queue.get(job.id)
    assert ended.state == "failed"
    assert ended.error is not None
    assert ended.error.code == "worker_died"


def test_what_is_given_back_costs_no_attempt_and_its_old_fence_is_worth_nothing(queue: Queue) -> None:
    job = queue.put(replace(ORDER, attempts=1))
    first = claimed(queue)
    assert queue.release(first.fence)
    second = claimed(queue)
    assert second.fence != first.fence
    assert not queue.finish(first.fence, "wrong")
    lapse(queue)
    assert queue.claim("w") is None
    assert queue.get(job.id).state == "failed"


def test_what_waits_is_cancelled_at_once_and_what_runs_by_its_worker(queue: Queue) -> None:
    waiting, running = queue.put(replace(ORDER, project="b")), queue.put(replace(ORDER, project="a"))
    assert queue.cancel(waiting.id).state == "cancelled"
    claim = claimed(queue)
    assert claim.fence.job == running.id
    asked = queue.cancel(running.id)
    assert (asked.state, asked.cancelling) == ("running", True)
    assert queue.renew(claim.fence) is False
    assert queue.cancelled(claim.fence)
    assert queue.get(running.id).state == "cancelled"
    assert queue.cancel(running.id).state == "cancelled"


def test_what_was_cancelled_while_its_worker_died_does_not_run_again(queue: Queue) -> None:
    job = queue.put(ORDER)
    claimed(queue)
    queue.cancel(job.id)
    lapse(queue)
    assert queue.claim("w") is None
    assert queue.get(job.id).state == "cancelled"


def test_what_a_dead_worker_held_is_cancelled_at_once_though_no_other_worker_is_there(queue: Queue) -> None:
    job = queue.put(ORDER)
    claim = claimed(queue)
    lapse(queue)
    ended = queue.cancel(job.id)
    assert (ended.state, ended.cancelling) == ("cancelled", False)
    assert ended.ended is not None
    assert not queue.finish(claim.fence, "late")


@pytest.mark.parametrize("end", ["release", "fail", "fail for good"])
def test_what_was_cancelled_is_not_taken_up_again_when_its_worker_or_its_process_ends(queue: Queue, end: str) -> None:
    job = queue.put(ORDER)
    claim = claimed(queue)
    queue.cancel(job.id)
    if end == "release":
        assert queue.release(claim.fence)
    else:
        assert queue.fail(claim.fence, FAULT, again=end == "fail")
    ended = queue.get(job.id)
    assert (ended.state, ended.cancelling) == ("cancelled", False)
    assert ended.ended is not None
    hurry(queue)
    assert queue.claim("w") is None


def test_events_are_numbered_and_read_from_where_one_stopped(queue: Queue) -> None:
    job = queue.put(ORDER)
    claim = claimed(queue)
    for i in range(5):
        assert queue.tell(claim.fence, {"at": i})
    numbers = [(event.number, msgspec.json.decode(event.body)["at"]) for event in queue.events(job.id, after=2)]
    assert numbers == [(3, 2), (4, 3), (5, 4)]


def test_of_many_who_tell_at_once_none_is_lost(queue: Queue) -> None:
    job = queue.put(ORDER)
    claim = claimed(queue)
    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(lambda i: queue.tell(claim.fence, i), range(100)))
    assert [event.number for event in queue.events(job.id)] == list(range(1, 101))


@pytest.mark.parametrize("url", ["nonsense", "mysql://a/b", "sqlite+nothing:///x", "postgresql+nothing://x"])
def test_a_database_that_cannot_be_is_refused_in_words(url: str) -> None:
    with pytest.raises(BadValue):
        Database(url)


WORKER = """
import sys, time
from service.database import Database
from service.jobs.queue import Queue
queue = Queue(Database(sys.argv[1]), lease_s=0.5)
while True:
    claim = queue.claim(sys.argv[2])
    if claim is None:
        time.sleep(0.02)
        continue
    total = int(claim.step or 0)
    for i in range(total, 5):
        time.sleep(0.01)
        queue.tell(claim.fence, i, step=i + 1)
    queue.finish(claim.fence, {"job": claim.fence.job, "steps": 5})
"""


def test_whatever_is_killed_no_job_is_lost_and_none_is_finished_twice(database: Database, url: str) -> None:
    queue = Queue(database)
    put = [queue.put(replace(ORDER, project=f"p{i % 3}", attempts=100)).id for i in range(30)]
    began = time.monotonic()
    workers = [worker(url, f"w{i}") for i in range(2)]
    kills = 0
    try:
        while any(queue.get(job).state != "done" for job in put) and time.monotonic() - began < 120:
            time.sleep(0.4)
            if kills < 6:
                workers[kills % 2].send_signal(signal.SIGKILL)
                workers[kills % 2].wait()
                workers[kills % 2] = worker(url, f"again{kills}")
                kills += 1
    finally:
        for one in workers:
            one.kill()
            one.wait()
    assert kills >= 1
    for job in put:
        done = queue.get(job)
        assert done.state == "done"
        assert msgspec.json.decode(done.result or b"") == {"job": job, "steps": 5}


def worker(url: str, name: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-c", WORKER, url, name])


def test_several_may_make_the_tables_at_once(url: str) -> None:
    """As a server and a command do that begin at the same moment."""
    emptied = Database(url)
    drop_all(emptied)
    emptied.close()
    makers = [Database(url) for _ in range(6)]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda one: migrate(one), makers))
    assert Queue(makers[0]).put(ORDER).state == "queued"
    for one in makers:
        one.close()

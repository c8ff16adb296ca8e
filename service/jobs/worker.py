"""A worker: claims jobs, runs each in a child of its own, and speaks for it to the queue.

    worker --fork server, torch already loaded--> child: work --tell, finish, fail--> queue
       |  every half second: is it cancelled? is it still ours? is it too large?     kill -9 the child
       +  every third of a lease: renew
       +  the child is gone without a word: another attempt

The child writes its own progress and result, under its fence. When the worker dies, the children die with it, and all
that they started: each holds one end of a pipe, and ends when the other end is closed. Nobody renews the lease then,
and the job passes on.
"""

import contextlib
import importlib
import logging
import multiprocessing
import os
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import IO, Any, NoReturn, TypeVar

import msgspec

from headhunt.errors import HeadhuntError, NotWritten, ServiceUnavailable, one_line
from headhunt.vocabulary import GIB
from headhunt.wire import JobFault
from service.database import Database
from service.jobs import families
from service.jobs.places import Place, hold, memory_here, places
from service.jobs.queue import Claim, Queue
from service.jobs.roll import Roll
from service.logs import REQUEST, log_as_json
from service.telling import told_of

log = logging.getLogger("headhunt.worker")
LOOK_S = 0.5
"""So often a running job is asked whether it was cancelled."""
IDLE_S = 0.2
"""So long nothing is asked for when there was nothing to do."""
SHARE_OF_MEMORY = 0.9
PATIENCE_S = 600.0
"""So long a job waits for a database that is gone, before what it came to is lost and it begins again."""
NICE = 10
"""Children give way to whoever answers requests on the same machine."""
AFTER_DEATH_S = 0.2
"""Before the next attempt when a child died: most are killed from outside, and attempts are counted anyhow."""

T = TypeVar("T")
Kinds = Mapping[str, str]
"""Kind of job -> `module:function` that takes a Work and returns what the job comes to."""
PASSING: tuple[type[BaseException], ...] = (ServiceUnavailable, NotWritten, OSError, MemoryError)
"""What may go better another time, as a full disk may. All other errors would come again."""


def stays(_: float) -> NoReturn:
    raise HeadhuntError("This work is not one of a worker's, and cannot be put off.")


@dataclass(frozen=True)
class Work:
    """What a job's function is given. tell: say how far it is; `step` is what a later attempt finds in `step`."""

    home: Path
    project: str
    spec: Any
    step: Any
    tell: Callable[..., None]
    ray: str | None = None
    """A cluster on which the pieces of the job may be done; its truth stays here."""
    database: str | None = None
    job: str = ""
    request: str | None = None
    """Where, and under which names, what it trains is told as runs; without a database nothing is."""
    leave: Callable[[float], NoReturn] = stays
    """Ends this attempt, to be begun again after so many seconds: its place is free for others until then."""


@dataclass(frozen=True)
class Post:
    """Where a worker stands: all that a child needs, and may be sent to it."""

    database: str
    home: Path
    kinds: Kinds
    lease_s: float = 10.0
    memory: int = 0
    """Bytes that one job may hold; 0: its share of what the machine has."""
    ray: str | None = None


class Lost(HeadhuntError):
    """The job passed to somebody else while this child worked on it."""


class Running:
    """One child at its job."""

    def __init__(self, claim: Claim, process: BaseProcess, alive: Connection, seat: "Seat") -> None:
        self.claim, self.process, self.alive, self.seat = claim, process, alive, seat
        self.renewed = time.monotonic()
        self._over = False

    @property
    def leader(self) -> int:
        if self.process.pid is None:  # 0 would be this worker's own group
            raise RuntimeError("a child that was not started")
        return self.process.pid

    def look_after(self, queue: Queue, memory: int) -> None:
        """Renew in time; end the child when the job was cancelled, is ours no longer, or takes too much memory."""
        now = time.monotonic()
        if families.memory_of(self.leader, memory) > memory:
            self.end()
            words = f"The job took more than the {memory / GIB:.1f} GiB of memory that it may have. Send fewer images."
            queue.fail(self.claim.fence, JobFault(code="out_of_memory", words=words), again=False)
            return
        try:
            if now - self.renewed > queue.lease_s / 3:
                said = queue.renew(self.claim.fence)
                self.renewed = now
            else:
                said = queue.wanted(self.claim.fence)
        except ServiceUnavailable:  # the lease lapses when this goes on, and the fence keeps the rest right
            return
        if said is not True:
            self.end()
            if said is False:
                queue.cancelled(self.claim.fence)

    def end(self) -> None:
        """The child, and all that it started. Once: its number may be another's later."""
        if not self._over:
            families.end(self.leader)
            self.process.kill()  # one that does not lead yet
            self.process.join()
            self._over = True

    def bury(self, queue: Queue) -> None:
        """The child has ended. When it said nothing, its death is what came of this attempt; else this does nothing."""
        self.end()
        code = self.process.exitcode
        fault = JobFault(code="worker_died", words=f"The process of this job ended without a word (exit code {code}).")
        queue.fail(self.claim.fence, fault, wait_s=AFTER_DEATH_S)  # raises where the database is gone: asked again
        self.alive.close()
        self.seat.leave()


class Seat:
    """A place that a job may take, and the lock of its GPU while one does."""

    def __init__(self, place: Place, home: Path) -> None:
        self.place, self.home = place, home
        self.taken = False
        self._lock: IO[bytes] | None = None

    def take(self) -> bool:
        if self.taken:
            return False
        if self.place.gpu is not None:
            self._lock = hold(self.place, self.home)
            if self._lock is None:
                return False
        self.taken = True
        return True

    def leave(self) -> None:
        self.taken = False
        if self._lock is not None:
            self._lock.close()
            self._lock = None


class Worker:
    """`slots` jobs at a time, and one more on each GPU. `stop` lets it end soon: what runs is given back, and costs no
    attempt."""

    def __init__(self, post: Post, name: str, slots: int = 1, gpus: tuple[str, ...] = ()) -> None:
        self.post, self.name = post, name
        self.database = Database(post.database)
        self.queue = Queue(self.database, post.lease_s)
        self.seats = [Seat(place, post.home) for place in places(slots, gpus)]
        self.memory = post.memory or int(SHARE_OF_MEMORY * memory_here() / max(1, len(self.seats)))
        self.roll = Roll(self.database, name, [seat.place for seat in self.seats])
        self.running: list[Running] = []
        self._stopping = threading.Event()
        self._context = multiprocessing.get_context("forkserver")

    def preload(self, modules: list[str]) -> None:
        """What every child would import; before the first job."""
        self._context.set_forkserver_preload(modules)

    def stop(self) -> None:
        self._stopping.set()

    def run(self) -> None:
        """Until it is stopped."""
        try:
            while not self._stopping.is_set():
                with contextlib.suppress(ServiceUnavailable):
                    self.roll.sign()
                    self.turn()
                self.rest()
        finally:
            for one in self.running:
                one.end()
                one.seat.leave()
                with contextlib.suppress(ServiceUnavailable):
                    self.queue.release(one.claim.fence)
            with contextlib.suppress(ServiceUnavailable):
                self.roll.leave()

    def turn(self) -> None:
        """Look after those that run, then fill the free places."""
        for one in list(self.running):
            if one.process.is_alive():
                one.look_after(self.queue, self.memory)
            if not one.process.is_alive():
                one.bury(self.queue)
                self.running.remove(one)
        empty = set[tuple[str, ...]]()
        for seat in self.seats:
            if seat.place.resources in empty or self._stopping.is_set() or not seat.take():
                continue
            if not self.fill(seat):
                empty.add(seat.place.resources)

    def fill(self, seat: Seat) -> bool:
        """The next job that may run here; none: the seat stays free."""
        claim = None
        try:
            claim = self.queue.claim(self.name, seat.place.resources)
        finally:
            if claim is None:
                seat.leave()
        if claim is not None:
            self.running.append(self.begin(claim, seat))
        return claim is not None

    def begin(self, claim: Claim, seat: Seat) -> Running:
        ours, theirs = self._context.Pipe()
        sent = (self.post, claim, seat.place, theirs)
        process = self._context.Process(target=child, args=sent, name=claim.fence.job)
        process.start()
        theirs.close()
        log.info("job begins", extra=named(claim))
        return Running(claim, process, ours, seat)

    def rest(self) -> None:
        """Until something may have happened: a child that ends is seen at once."""
        ended = [one.process.sentinel for one in self.running]
        if ended:
            wait(ended, LOOK_S if all(seat.taken for seat in self.seats) else IDLE_S)
        else:
            self._stopping.wait(IDLE_S)


# --- In the child -----------------------------------------------------------------------------------------------------


def child(post: Post, claim: Claim, place: Place, alive: Connection) -> None:
    """Do the work, and say what came of it."""
    families.lead()
    os.nice(NICE)
    threading.Thread(target=die_with_the_worker, args=(alive,), daemon=True).start()
    place.enter()
    go_first_when_memory_ends()
    log_as_json()
    REQUEST.set(claim.request_id)
    queue = Queue(Database(post.database), post.lease_s)
    try:
        result = function_of(post.kinds, claim.kind)(work_of(post, claim, queue))
        kept = patiently(lambda: queue.finish(claim.fence, result))
        log.info("job is done" if kept else "job had passed to somebody else", extra=named(claim))
    except Lost:
        log.warning("job had passed to somebody else", extra=named(claim))
    except BaseException as error:
        log.warning("job fails: %s", one_line(error), exc_info=error, extra=named(claim))
        fault, again = fault_of(error), isinstance(error, PASSING)
        patiently(lambda: queue.fail(claim.fence, fault, again=again))


def patiently(say: Callable[[], T]) -> T:
    """What a job came to is not lost with the database: it is said when it is back."""
    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            return say()
        except ServiceUnavailable:
            if time.monotonic() > until:
                raise
            time.sleep(IDLE_S)


def go_first_when_memory_ends() -> None:
    """The system ends a job rather than the server, where memory runs out."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("800")


def named(claim: Claim) -> dict[str, Any]:
    """What every log line about a job says."""
    told = {"job": claim.fence.job, "kind": claim.kind, "project": claim.project, "attempt": claim.fence.attempt}
    return {"told": told, "request_id": claim.request_id}


def die_with_the_worker(alive: Connection) -> None:
    """The worker never sends anything: when this returns, it is gone."""
    with contextlib.suppress(EOFError, OSError):
        alive.recv_bytes()
    families.end(os.getpid())
    os._exit(1)


def work_of(post: Post, claim: Claim, queue: Queue) -> Work:
    def tell(body: Any, step: Any = None) -> None:
        if not patiently(lambda: queue.tell(claim.fence, body, step)):
            raise Lost(f"Job {claim.fence.job} is no longer ours.")

    step = None if claim.step is None else msgspec.json.decode(claim.step)
    spec, names = msgspec.json.decode(claim.spec), (post.database, claim.fence.job, claim.request_id)

    def leave(seconds: float) -> NoReturn:
        patiently(lambda: queue.release(claim.fence, seconds))
        log.info("job is put off", extra=named(claim))
        os._exit(0)  # as a kill: what is kept goes on from here

    return Work(post.home, claim.project, spec, step, tell, post.ray, *names, leave)


def function_of(kinds: Kinds, kind: str) -> Callable[[Work], Any]:
    if kind not in kinds:
        raise HeadhuntError(f"This worker knows no jobs of the kind {kind!r}. Bring it to the server's version.")
    module, name = kinds[kind].split(":")
    found: Callable[[Work], Any] = getattr(importlib.import_module(module), name)
    return found


def fault_of(error: BaseException) -> JobFault:
    """Our own errors in their words; what others raise is not for the user's eyes."""
    trace = "".join(traceback.format_exception(error))
    if isinstance(error, HeadhuntError):
        return JobFault(code=error.code, words=told_of(error), traceback=trace)
    if isinstance(error, MemoryError):
        return JobFault(code="out_of_memory", words="The worker's memory did not suffice.", traceback=trace)
    return JobFault(code="internal", words="The job failed inside. The server's log has the details.", traceback=trace)

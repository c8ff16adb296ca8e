"""The queue: a table of jobs that workers lease. Whatever is killed, no job is lost and none is finished twice.

    queued --claim--> running --finish--> done
      ^                 | |----fail-----> failed        after the last attempt, with its error and traceback
      |<--fail, lapse --| |----cancel---> cancelled

A claim makes a *fence*: (job, attempt). Everything that a worker says of a job carries it, and is written only while
the job is running in that very attempt. A worker that was stopped, and wakes up after its lease has passed to another,
changes nothing. A lease that nobody renewed lapses: the next claim takes the job up in a new attempt.

Fair between projects: of all that may run, the job of the project with the fewest running comes first, then the
oldest.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from headhunt.errors import HasEnded, InUse, KeyReused, TooManyJobs, UnknownJob
from headhunt.wire import Job, JobEvent, JobFault, JobState
from service.database import Database
from service.tables import job_events, jobs

ATTEMPTS = 3
BACKOFF_S = (1.0, 10.0, 60.0)
"""Waited before the second attempt, the third, and all others."""
MOST_WAITING = 1000
"""Jobs of one project. Its next one would wait for days, and the queue is everybody's."""
AT_ONCE = 100
"""Jobs that one query asks for."""
ENDED: tuple[JobState, ...] = ("done", "failed", "cancelled")


@dataclass(frozen=True)
class Order:
    """What is asked for. key: the same project and key are the same job, however often they are sent."""

    project: str
    kind: str
    spec: Any
    resource: str = "cpu"
    key: str | None = None
    request_id: str | None = None
    attempts: int = ATTEMPTS
    dataset: str | None = None
    by: str | None = None


@dataclass(frozen=True)
class Fence:
    """One attempt at one job. Only its holder may say what came of it."""

    job: str
    attempt: int


@dataclass(frozen=True)
class Claim:
    """A job that this worker has leased. step: what the attempt before it had kept."""

    fence: Fence
    project: str
    kind: str
    spec: bytes
    step: bytes | None
    request_id: str | None


class News(NamedTuple):
    """What became of a job since somebody looked."""

    state: JobState
    events: list[JobEvent]


class Queue:
    """The jobs of a database. Every method is one transaction."""

    def __init__(self, database: Database, lease_s: float = 10.0, most_waiting: int = MOST_WAITING) -> None:
        self.database, self.lease_s, self.most_waiting = database, lease_s, most_waiting
        self.now = database.now
        self._one = sa.select(jobs).where(jobs.c.id == sa.bindparam("job"))

    # --- those who order ---

    def put(self, order: Order) -> Job:
        """A new job, or the one that was put under this key before. Raises KeyReused, TooManyJobs."""
        try:
            return self._put(order)
        except sa.exc.IntegrityError:  # somebody put the same key at this moment, and has committed it now
            return self._put(order)

    def _put(self, order: Order) -> Job:
        with self.database.write() as connection:
            same = (jobs.c.project == order.project) & (jobs.c.key == order.key)
            if order.key is not None and (row := connection.execute(sa.select(jobs).where(same)).first()) is not None:
                check_same(row, order)
                return job_of(row)
            self._check_room(connection, order.project)
            name = uuid.uuid4().hex
            values = {
                "id": name,
                "project": order.project,
                "kind": order.kind,
                "spec": msgspec.json.encode(order.spec).decode(),
                "resource": order.resource,
                "state": "queued",
                "attempt": 0,
                "attempts": order.attempts,
                "created": self.now,
                "run_after": self.now,
                "cancel": False,
                "key": order.key,
                "request_id": order.request_id,
                "dataset": order.dataset,
                "by": order.by,
            }
            connection.execute(sa.insert(jobs).values(values))
            return self._read(connection, name, None)

    def get(self, job: str, project: str | None = None) -> Job:
        """With what it told last, while it runs. `project`: of this one only; of another it does not exist."""
        with self.database.read() as connection:
            found = self._read(connection, job, project)
            if found.state != "running":
                return found
            newest = sa.select(job_events.c.body).where(job_events.c.job == job)
            body = connection.execute(newest.order_by(job_events.c.number.desc()).limit(1)).scalar()
            return found if body is None else msgspec.structs.replace(found, progress=msgspec.Raw(body.encode()))

    def spec(self, job: str) -> Any:
        """What was asked for. Raises UnknownJob."""
        with self.database.read() as connection:
            text = connection.execute(sa.select(jobs.c.spec).where(jobs.c.id == job)).scalar()
        if text is None:
            raise UnknownJob(job)
        return msgspec.json.decode(text)

    def all(
        self,
        project: str,
        kind: str | None = None,
        before: tuple[float, str] | None = None,
        limit: int = 100,
        state: str | None = None,
    ) -> list[Job]:
        """The newest first, without their results; `before`: the time and id of the last one that was seen."""
        shown = [column for column in jobs.c if column.name not in ("spec", "step", "result")]
        wanted: sa.Select[Any] = sa.select(*shown, sa.null().label("result")).where(jobs.c.project == project)
        if kind is not None:
            wanted = wanted.where(jobs.c.kind == kind)
        if state is not None:
            wanted = wanted.where(jobs.c.state == state)
        if before is not None:
            at, name = before
            wanted = wanted.where((jobs.c.created < at) | ((jobs.c.created == at) & (jobs.c.id < name)))
        with self.database.read() as connection:
            rows = connection.execute(wanted.order_by(jobs.c.created.desc(), jobs.c.id.desc()).limit(limit)).all()
        return [job_of(row) for row in rows]

    def remove(self, job: str, project: str) -> None:
        """One that has ended, with all that was told of it. Raises UnknownJob, InUse."""
        with self.database.write() as connection:
            self._read(connection, job, project)
            ended = (jobs.c.id == job) & jobs.c.state.in_(ENDED)
            if not connection.execute(sa.delete(jobs).where(ended)).rowcount:
                raise InUse("This job has not ended. Cancel it first.")

    def cancel(self, job: str, project: str | None = None) -> Job:
        """What waits ends at once, and so does what a dead worker holds; what runs is ended by its worker at the next
        look. Twice is as once.

        Raises HasEnded where it came to something before.
        """
        with self.database.write() as connection:
            found = self._read(connection, job, project)
            if found.state in ("done", "failed"):
                raise HasEnded(f"This job is {found.state}; it can no longer be cancelled.")
            idle = (jobs.c.id == job) & ((jobs.c.state == "queued") | self._lapsed())
            connection.execute(sa.update(jobs).where(idle).values(state="cancelled", ended=self.now, cancel=True))
            running = (jobs.c.id == job) & (jobs.c.state == "running")
            connection.execute(sa.update(jobs).where(running).values(cancel=True))
            return self._read(connection, job, project)

    def events(self, job: str, after: int = 0) -> list[JobEvent]:
        """What was told of a job since event number `after`, in order."""
        with self.database.read() as connection:
            wanted = sa.select(job_events).where(job_events.c.job == job, job_events.c.number > after)
            rows = connection.execute(wanted.order_by(job_events.c.number)).all()
        return [event_of(row) for row in rows]

    def news(self, seen: Mapping[str, int]) -> dict[str, News]:
        """Of several jobs at once: the state, and what was told since the number that was seen. Jobs that are gone are
        left out. The state is read first: where it has ended, nothing is told any more."""
        found = dict[str, News]()
        names = list(seen)
        with self.database.read() as connection:
            for some in (names[i : i + AT_ONCE] for i in range(0, len(names), AT_ONCE)):
                states = sa.select(jobs.c.id, jobs.c.state).where(jobs.c.id.in_(some))
                found.update((row.id, News(row.state, [])) for row in connection.execute(states))
                after = [(job_events.c.job == name) & (job_events.c.number > seen[name]) for name in some]
                told = sa.select(job_events).where(sa.or_(*after)).order_by(job_events.c.job, job_events.c.number)
                for row in connection.execute(told):
                    if row.job in found:
                        found[row.job].events.append(event_of(row))
        return found

    # --- those who work ---

    def claim(self, worker: str, resources: Sequence[str] = ("cpu", "any")) -> Claim | None:
        """Lease the next job; None: nothing may run now. Jobs whose last attempt lapsed are buried on the way."""
        with self.database.write() as connection:
            self._bury(connection)
            row = connection.execute(self._next(resources)).first()
            if row is None:
                return None
            taken = {
                "state": "running",
                "attempt": row.attempt + 1,
                "worker": worker,
                "lease_until": self.now + self.lease_s,
                "started": sa.func.coalesce(jobs.c.started, self.now),
            }
            connection.execute(sa.update(jobs).where(jobs.c.id == row.id).values(taken))
            step = None if row.step is None else row.step.encode()
            fence = Fence(row.id, row.attempt + 1)
            return Claim(fence, row.project, row.kind, row.spec.encode(), step, row.request_id)

    def renew(self, fence: Fence) -> bool | None:
        """Go on for another lease. True: go on; False: it was cancelled; None: it is ours no longer."""
        with self.database.write() as connection:
            row = connection.execute(sa.select(jobs.c.cancel).where(self._held(fence))).first()
            if row is None:
                return None
            connection.execute(sa.update(jobs).where(self._held(fence)).values(lease_until=self.now + self.lease_s))
            return not row.cancel

    def wanted(self, fence: Fence) -> bool | None:
        """As `renew`, without renewing: it only reads."""
        with self.database.read() as connection:
            row = connection.execute(sa.select(jobs.c.cancel).where(self._held(fence))).first()
        return None if row is None else not row.cancel

    def tell(self, fence: Fence, body: Any, step: Any = None) -> bool:
        """Add an event, and with it what a later attempt may go on from. False: it is ours no longer."""
        with self.database.write() as connection:
            kept = {} if step is None else {"step": msgspec.json.encode(step).decode()}
            held = {"lease_until": self.now + self.lease_s}
            if not connection.execute(sa.update(jobs).where(self._held(fence)).values({**held, **kept})).rowcount:
                return False
            self._event(connection, fence.job, body)
            return True

    def finish(self, fence: Fence, result: Any) -> bool:
        """Done. False: it is ours no longer, and nothing was written."""
        return self._end(fence, "done", result=msgspec.json.encode(result).decode())

    def cancelled(self, fence: Fence) -> bool:
        """The worker has stopped what was cancelled."""
        return self._end(fence, "cancelled")

    def fail(self, fence: Fence, fault: JobFault, again: bool = True, wait_s: float | None = None) -> bool:
        """It went wrong: another attempt after a while, or the end. `again` False: another would end the same way.
        wait_s: before the next attempt; None: longer each time. What was cancelled meanwhile ends as that.
        """
        text = msgspec.json.encode(fault).decode()
        with self.database.write() as connection:
            held = sa.select(jobs.c.attempts, jobs.c.cancel).where(self._held(fence)).with_for_update()
            row = connection.execute(held).first()
            if row is None:
                return False
            last = not again or fence.attempt >= row.attempts
            wait = BACKOFF_S[min(fence.attempt, len(BACKOFF_S)) - 1] if wait_s is None else wait_s
            values = (
                {"state": "cancelled" if row.cancel else "failed", "ended": self.now}
                if last or row.cancel
                else {"state": "queued", "run_after": self.now + wait, "lease_until": None}
            )
            connection.execute(sa.update(jobs).where(self._held(fence)).values({**values, "error": text}))
            return True

    def release(self, fence: Fence, wait_s: float = 0.0) -> bool:
        """Give it back unfinished, as a worker does that shuts down, or for a while: that was no fault of the job. What
        was cancelled meanwhile ends."""
        with self.database.write() as connection:
            values = {
                "state": sa.case((jobs.c.cancel, "cancelled"), else_="queued"),
                "ended": sa.case((jobs.c.cancel, self.now)),
                "attempts": jobs.c.attempts + 1,  # the number of the attempt is never used again: it is the fence
                "run_after": self.now + wait_s,
                "lease_until": None,
                "worker": None,
            }
            return connection.execute(sa.update(jobs).where(self._held(fence)).values(values)).rowcount > 0

    def wake(self, job: str) -> None:
        """One that was put off may run now."""
        with self.database.write() as connection:
            waits = (jobs.c.id == job) & (jobs.c.state == "queued")
            connection.execute(sa.update(jobs).where(waits).values(run_after=self.now))

    # --- inside ---

    def _check_room(self, connection: Connection, project: str) -> None:
        waiting = sa.select(sa.func.count()).where(jobs.c.project == project, jobs.c.state == "queued")
        if (count := connection.execute(waiting).scalar_one()) >= self.most_waiting:
            raise TooManyJobs(
                f"{count:,} jobs of this project wait already. Wait until some have begun, or cancel some."
            )

    def _held(self, fence: Fence) -> sa.ColumnElement[bool]:
        """The fence: this job, in this attempt, still running. One that lapsed and was not taken up is ours still."""
        return (jobs.c.id == fence.job) & (jobs.c.attempt == fence.attempt) & (jobs.c.state == "running")

    def _lapsed(self) -> sa.ColumnElement[bool]:
        """Nobody has renewed the lease: whoever held the job is dead, or as good as that."""
        return (jobs.c.state == "running") & (jobs.c.lease_until < self.now)

    def _next(self, resources: Sequence[str]) -> sa.Select[Any]:
        running = sa.alias(jobs)
        busy = (
            sa.select(sa.func.count())
            .where(running.c.project == jobs.c.project, running.c.state == "running", running.c.lease_until >= self.now)
            .scalar_subquery()
        )
        waits = (jobs.c.state == "queued") & (jobs.c.run_after <= self.now)
        wanted = sa.select(jobs).where(jobs.c.resource.in_(resources), waits | self._lapsed())
        return wanted.order_by(busy, jobs.c.created, jobs.c.id).limit(1).with_for_update(skip_locked=True, of=jobs)

    def _bury(self, connection: Connection) -> None:
        """Jobs whose lease lapsed: cancelled ones end, and those without an attempt left fail."""
        lapsed = self._lapsed()
        connection.execute(sa.update(jobs).where(lapsed & jobs.c.cancel).values(state="cancelled", ended=self.now))
        fault = JobFault(code="worker_died", words="The worker died at every attempt, and said nothing.")
        died = {"state": "failed", "ended": self.now, "error": msgspec.json.encode(fault).decode()}
        connection.execute(sa.update(jobs).where(lapsed & (jobs.c.attempt >= jobs.c.attempts)).values(died))

    def _end(self, fence: Fence, state: JobState, **values: Any) -> bool:
        with self.database.write() as connection:
            ended = {"state": state, "ended": self.now, **values}
            return connection.execute(sa.update(jobs).where(self._held(fence)).values(ended)).rowcount > 0

    def _event(self, connection: Connection, job: str, body: Any) -> None:
        """Numbered from 1. The update of the job's row before it keeps two tellers apart."""
        last = sa.select(sa.func.coalesce(sa.func.max(job_events.c.number), 0)).where(job_events.c.job == job)
        number = connection.execute(last).scalar_one() + 1
        text = msgspec.json.encode(body).decode()
        connection.execute(sa.insert(job_events).values(job=job, number=number, at=self.now, body=text))

    def _read(self, connection: Connection, job: str, project: str | None) -> Job:
        row = connection.execute(self._one, {"job": job}).first()
        if row is None or project not in (None, row.project):
            raise UnknownJob(job)
        return job_of(row)


def check_same(row: Row[Any], order: Order) -> None:
    """One key, one question: what was asked counts, not what the server made of it. Raises KeyReused."""
    before, now = (asked_of(msgspec.json.decode(text)) for text in (row.spec, msgspec.json.encode(order.spec)))
    if (row.kind, before) != (order.kind, now):
        raise KeyReused("This Idempotency-Key was sent with another question before. Give each question its own.")


def asked_of(spec: Any) -> Any:
    return spec.get("asked", spec) if isinstance(spec, dict) else spec


def event_of(row: Row[Any]) -> JobEvent:
    return JobEvent(number=row.number, at=row.at, body=msgspec.Raw(row.body.encode()))


def job_of(row: Row[Any]) -> Job:
    """As everybody may see it: no lease, no worker, no traceback."""
    fault = None if row.error is None else msgspec.json.decode(row.error, type=JobFault)
    return Job(
        id=row.id,
        kind=row.kind,
        state=row.state,
        attempt=row.attempt,
        created=row.created,
        started=row.started,
        ended=row.ended,
        cancelling=row.cancel and row.state == "running",
        result=None if row.result is None else msgspec.Raw(row.result.encode()),
        error=None if fault is None or row.state == "done" else msgspec.structs.replace(fault, traceback=None),
        dataset=row.dataset,
        by=row.by,
    )

"""A job is followed to its end over any number of connections: each goes on after the last event that was read."""

from collections.abc import Iterator
from typing import TypeVar

import httpx2
import msgspec

from headhunt.errors import HeadhuntError, Interrupted, ServerUnreachable, ServiceUnavailable, one_line, printable
from headhunt.progress import Progress, Watch
from headhunt.remote.jobs import ENDED, Job
from headhunt.remote.problems import error_of
from headhunt.remote.transport import CONNECT_S, Server, Waiting

SILENCE_S = 30.0
"""A stream that says nothing for so long is opened again: it may be dead, and the job only waits."""
RECOMMEND = "recommend"
LARGEST_EVENT = 256 * 2**20
"""The last event holds the whole answer, a card for each model."""


T = TypeVar("T")


class Leader(msgspec.Struct, frozen=True):
    model: str
    expected_accuracy: float | None = None


class Told(msgspec.Struct, frozen=True):
    """What an event of progress says. Others may say more: that is passed over."""

    stage: str
    done: int = 0
    total: int = 0
    words: str = ""
    leaders: tuple[Leader, ...] = ()


def outcome(server: Server, job: Job, kind: type[T], watch: Watch, noun: str) -> T:
    """What comes of a job, a ranking or a tuning. Ctrl-C stops the waiting, not the job."""
    try:
        ended = followed(server, job, watch)
    except KeyboardInterrupt:
        raise left_behind(server, job) from None
    check(ended)
    try:
        return msgspec.json.decode(ended.result, type=kind)
    except msgspec.DecodeError as error:
        raise HeadhuntError(f"The job {job.id} of {server.url} gave no {noun}: {one_line(error)}.") from error


def followed(server: Server, job: Job, watch: Watch) -> Job:
    """The job when it has ended. Raises UnknownJob when it was deleted, ServerUnreachable when patience has ended."""
    waits, after = Waiting(server.patience), 0
    if job.state == "queued":
        watch(Progress("waiting", 0, 1, "for a free worker"))
    while job.state not in ENDED:
        try:
            for event in events(server, job.id, after, waits):
                waits.heard()
                if event.event == "end":
                    return msgspec.json.decode(event.data, type=Job)
                if event.event == "progress":
                    after = int(event.id) if event.id.isdecimal() else after
                    watch(progress_of(event.data))
            waits.nap(ServerUnreachable(f"{server.url} ends the answer before the job has ended. {again(server, job)}"))
        except (ServerUnreachable, ServiceUnavailable) as error:
            waits.nap(unreachable(error, server, job))
        except msgspec.DecodeError as error:
            raise HeadhuntError(f"The answer of {server.url} is not understood: {one_line(error)}.") from error
    return job


def events(server: Server, job: str, after: int, waits: Waiting) -> Iterator[httpx2.ServerSentEvent]:
    headers = {"Accept": "text/event-stream, application/problem+json", "Last-Event-ID": str(after)}
    timeout = httpx2.Timeout(SILENCE_S, connect=CONNECT_S)
    try:
        with server.opened("GET", f"/jobs/{job}/events", headers=headers, timeout=timeout) as response:
            waits.heard()
            yield from httpx2.EventSource(response, LARGEST_EVENT)
    except ServerUnreachable as error:
        if not isinstance(error.__cause__, httpx2.ReadTimeout):
            raise


def progress_of(data: str) -> Progress:
    told = msgspec.json.decode(data, type=Told)
    leaders = tuple((printable(one.model), one.expected_accuracy) for one in told.leaders)
    return Progress(printable(told.stage), told.done, told.total, printable(told.words), leaders)


def unreachable(error: HeadhuntError, server: Server, job: Job) -> HeadhuntError:
    """With the way back to the job."""
    words = str(error).partition(". ")[0]
    found = type(error)(f"{words}. The job goes on there. {again(server, job)}")
    found.__cause__ = error
    return found


def again(server: Server, job: Job) -> str:
    if job.kind != RECOMMEND:
        return f"Call again: the job {job.id} is found by what it was asked."
    return f"Call again, or: headhunt suggest --job {job.id} --server {server.url}"


def left_behind(server: Server, job: Job) -> Interrupted:
    """Ctrl-C here stops nothing there."""
    return Interrupted(f"stopped waiting; the job goes on at {server.url}. {again(server, job)}")


def check(job: Job) -> None:
    """Raises what the job ended with, when that is no answer."""
    if job.state == "cancelled":
        what = "recommendation was cancelled on the server. Call again for a new one."
        if job.kind != RECOMMEND:
            what = "tuning was cancelled on the server. Call again: it goes on with its study."
        raise Interrupted(f"The {what}")
    if job.state == "failed":
        raise error_of(*((job.error.code, job.error.words) if job.error else ("", "The job failed. Call again.")))

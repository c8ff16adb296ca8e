"""Jobs of every kind: what was asked for, how far it is, what came of it."""

from typing import Annotated, Any

from litestar import Request, Response, delete, get, post
from litestar.concurrency import sync_to_thread
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter

from headhunt.wire import Job, JobState, Page
from service.access import Caller
from service.following import Following, still_allowed, stream_of
from service.headers import LastEvent
from service.paging import Paging, page_of, polled
from service.parts import Service
from service.tunings.state import cancelled

TAGS = ["jobs"]
Kind = Annotated[str | None, QueryParameter(max_length=32, description="Only of this kind, as recommend or train.")]
State = Annotated[JobState | None, QueryParameter(name="state", description="Only those in this state.")]


@get("/jobs", sync_to_thread=True, who="reader", tags=TAGS)
def list_jobs(
    request: Request[Any, Any, Any],
    service: NamedDependency[Service],
    caller: NamedDependency[Caller],
    paging: NamedDependency[Paging],
    kind: Kind = None,
    in_state: State = None,
) -> Response[Page[Job]]:
    """The newest first, without their results."""
    found = service.queue.all(caller.project, kind, paging.cursor(float, str), paging.limit + 1, in_state)
    return polled(request, page_of(found, paging.limit, lambda one: (one.created, one.id)))


@get("/jobs/{job:str}", sync_to_thread=True, who="reader", tags=TAGS)
def get_job(
    request: Request[Any, Any, Any],
    service: NamedDependency[Service],
    caller: NamedDependency[Caller],
    job: FromPath[str],
) -> Response[Job]:
    """With its result when it is done, with what it told last while it runs."""
    return polled(request, service.queue.get(job, caller.project))


@post("/jobs/{job:str}/cancel", status_code=200, sync_to_thread=True, who="member", tags=TAGS)
def cancel_job(service: NamedDependency[Service], caller: NamedDependency[Caller], job: FromPath[str]) -> Job:
    """What waits ends at once, what runs within two seconds. What was cancelled before stays so."""
    found = service.queue.cancel(job, caller.project)
    cancelled(service, found, caller.project)
    return found


@delete("/jobs/{job:str}", status_code=204, sync_to_thread=True, who="member", tags=TAGS)
def remove_job(service: NamedDependency[Service], caller: NamedDependency[Caller], job: FromPath[str]) -> None:
    """One that has ended, with all that it told."""
    service.queue.remove(job, caller.project)


@get("/jobs/{job:str}/events", who="reader", tags=TAGS, media_type="text/event-stream")
async def follow_job(
    request: Request[Any, Any, Any],
    service: NamedDependency[Service],
    following: NamedDependency[Following],
    caller: NamedDependency[Caller],
    job: FromPath[str],
    last: LastEvent = None,
) -> Response[bytes]:
    """Server-sent events: `progress` as it comes, then `end` with the job. Last-Event-ID goes on where one stopped."""
    await sync_to_thread(service.queue.get, job, caller.project)
    return stream_of(following, job, last, still_allowed(service.access, request, caller))


ROUTES = (list_jobs, get_job, cancel_job, remove_job, follow_job)

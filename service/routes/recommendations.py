"""Recommendations: ask for one, follow it, take it back, ask again, compare two. Each is a job."""

from typing import Annotated, Any

import msgspec
from litestar import Request, Response, delete, get, post
from litestar.concurrency import sync_to_thread
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter

from headhunt.durations import seconds_of
from headhunt.errors import UnknownJob
from headhunt.wire import Comparison, Job, Page, RecommendationAsked
from service.access import Caller
from service.comparing import compared
from service.following import Following, still_allowed, stream_of
from service.headers import Again, LastEvent
from service.ordering import Asked, accepted, order_of
from service.paging import Paging, page_of, polled
from service.parts import Service

KIND = "recommend"
TAGS = ["recommendations"]
Id = Annotated[str, QueryParameter(max_length=64, description="The id of a recommendation.")]


@post("/recommendations", status_code=202, sync_to_thread=True, who="member", tags=TAGS)
def ask(
    request: Request[Any, Any, Any],
    service: NamedDependency[Service],
    caller: NamedDependency[Caller],
    data: JSONBody[RecommendationAsked],
    again: Again = None,
) -> Response[Job]:
    """Which model to start from, for a dataset that is here. The answer comes as the job's result."""
    seconds_of(data.budget)
    return ordered(request, service, caller, data, again)


@get("/recommendations", sync_to_thread=True, who="reader", tags=TAGS)
def list_recommendations(
    request: Request[Any, Any, Any],
    service: NamedDependency[Service],
    caller: NamedDependency[Caller],
    paging: NamedDependency[Paging],
) -> Response[Page[Job]]:
    """The newest first, without their results."""
    found = service.queue.all(caller.project, KIND, paging.cursor(float, str), paging.limit + 1)
    return polled(request, page_of(found, paging.limit, lambda one: (one.created, one.id)))


@get("/recommendations/{job:str}", sync_to_thread=True, who="reader", tags=TAGS)
def get_recommendation(
    request: Request[Any, Any, Any],
    service: NamedDependency[Service],
    caller: NamedDependency[Caller],
    job: FromPath[str],
) -> Response[Job]:
    return polled(request, recommendation(service, caller, job))


@post("/recommendations/{job:str}/cancel", status_code=200, sync_to_thread=True, who="member", tags=TAGS)
def cancel(service: NamedDependency[Service], caller: NamedDependency[Caller], job: FromPath[str]) -> Job:
    """What waits ends at once, what runs within two seconds."""
    recommendation(service, caller, job)
    return service.queue.cancel(job, caller.project)


@delete("/recommendations/{job:str}", status_code=204, sync_to_thread=True, who="member", tags=TAGS)
def remove(service: NamedDependency[Service], caller: NamedDependency[Caller], job: FromPath[str]) -> None:
    """One that has ended."""
    recommendation(service, caller, job)
    service.queue.remove(job, caller.project)


@get("/recommendations/{job:str}/events", who="reader", tags=TAGS, media_type="text/event-stream")
async def follow(
    request: Request[Any, Any, Any],
    service: NamedDependency[Service],
    following: NamedDependency[Following],
    caller: NamedDependency[Caller],
    job: FromPath[str],
    last: LastEvent = None,
) -> Response[bytes]:
    """Server-sent events: `progress` as it comes, then `end` with the job. Last-Event-ID goes on where one stopped."""
    await sync_to_thread(recommendation, service, caller, job)
    return stream_of(following, job, last, still_allowed(service.access, request, caller))


@post("/recommendations/{job:str}/repeat", status_code=202, sync_to_thread=True, who="member", tags=TAGS)
def repeat(
    request: Request[Any, Any, Any],
    service: NamedDependency[Service],
    caller: NamedDependency[Caller],
    job: FromPath[str],
    again: Again = None,
) -> Response[Job]:
    """The same question, of what the dataset holds now."""
    before = recommendation(service, caller, job)
    asked = msgspec.convert(service.queue.spec(job)["asked"], RecommendationAsked)
    asked = msgspec.structs.replace(asked, dataset=before.dataset or asked.dataset)
    return ordered(request, service, caller, asked, again)


@get("/recommendations/compare", sync_to_thread=True, who="reader", tags=TAGS)
def compare(
    request: Request[Any, Any, Any],
    service: NamedDependency[Service],
    caller: NamedDependency[Caller],
    before: Id,
    after: Id,
) -> Response[Comparison]:
    """Two that are done: where each model stood, and where it stands."""
    return polled(request, compared(recommendation(service, caller, before), recommendation(service, caller, after)))


def recommendation(service: Service, caller: Caller, job: str) -> Job:
    found = service.queue.get(job, caller.project)
    if found.kind != KIND:
        raise UnknownJob(job)
    return found


def ordered(
    request: Request[Any, Any, Any], service: Service, caller: Caller, asked: RecommendationAsked, key: str | None
) -> Response[Job]:
    dataset = service.datasets.get(caller.project, asked.dataset)
    spec = {"asked": asked, "version": dataset.version, "name": dataset.name}
    what = Asked(KIND, spec, "any", dataset.id)
    return accepted(service.queue, order_of(request, caller, what, key, caller.project), "recommendations")


ROUTES = (ask, list_recommendations, compare, get_recommendation, cancel, remove, follow, repeat)

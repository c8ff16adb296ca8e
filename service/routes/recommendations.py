"""Recommendations: ask for one, follow it, take it back, ask again, compare two. Each is a job."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, delete, get, post
from litestar.concurrency import sync_to_thread
from litestar.di import NamedDependency
from litestar.params import FromPath, HeaderParameter, JSONBody
from litestar.response import ServerSentEvent, ServerSentEventMessage

from headhunt.durations import seconds_of
from headhunt.errors import UnknownJob
from headhunt.wire import Job, Page, RecommendationAsked
from service.access import Caller
from service.jobs.queue import ENDED, Order
from service.paging import Paging, page_of, polled
from service.parts import Service

KIND = "recommend"
LOOK_S = 0.25
TAGS = ["recommendations"]
Again = Annotated[
    str | None, HeaderParameter(name="Idempotency-Key", max_length=128, description="The same key is the same job.")
]


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


@get("/recommendations/{job:str}/events", who="reader", tags=TAGS)
async def follow(
    request: Request[Any, Any, Any],
    service: NamedDependency[Service],
    caller: NamedDependency[Caller],
    job: FromPath[str],
) -> ServerSentEvent:
    """Server-sent events: `progress` as it comes, then `end` with the job. Last-Event-ID goes on where one stopped."""
    await sync_to_thread(recommendation, service, caller, job)
    last = request.headers.get("last-event-id", "0")
    return ServerSentEvent(told(service, job, int(last) if last.isdecimal() and len(last) < 10 else 0))


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
    order = Order(
        caller.project,
        KIND,
        spec,
        key=key,
        request_id=request.state.request_id,
        resource="any",
        dataset=dataset.id,
        by=caller.who,
    )
    job = service.queue.put(order)
    return Response(job, status_code=202, headers={"Location": f"/api/v1/recommendations/{job.id}"})


async def told(service: Service, job: str, after: int) -> AsyncIterator[ServerSentEventMessage]:
    while True:
        state = await sync_to_thread(service.queue.get, job)
        for event in await sync_to_thread(service.queue.events, job, after):
            after = event.number
            yield ServerSentEventMessage(bytes(event.body).decode(), event="progress", id=str(after))
        if state.state in ENDED:
            yield ServerSentEventMessage(msgspec.json.encode(state).decode(), event="end")
            return
        await asyncio.sleep(LOOK_S)


ROUTES = (ask, list_recommendations, get_recommendation, cancel, remove, follow)

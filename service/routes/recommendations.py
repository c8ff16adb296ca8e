"""Recommendations: ask for one, follow it, take it back. Each is a job."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec
from litestar import Request, Response, get, post
from litestar.concurrency import sync_to_thread
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from litestar.response import ServerSentEvent, ServerSentEventMessage

from headhunt.durations import seconds_of
from headhunt.vocabulary import Job, RecommendationAsked
from service.jobs.queue import ENDED, Order
from service.routes.state import Service, caller_of

KIND = "recommend"
LOOK_S = 0.25


@post("/recommendations", status_code=202, sync_to_thread=True)
def ask(
    request: Request[Any, Any, Any], service: NamedDependency[Service], data: JSONBody[RecommendationAsked]
) -> Response[Job]:
    caller = caller_of(service, request, "member")
    seconds_of(data.budget)
    dataset = service.datasets.get(caller.project, data.dataset)
    spec = {"asked": data, "version": dataset.version, "name": dataset.name}
    key = request.headers.get("idempotency-key")
    job = service.queue.put(Order(caller.project, KIND, spec, key=key, request_id=request.state.request_id))
    return Response(job, status_code=202, headers={"Location": f"/api/v1/recommendations/{job.id}"})


@get("/recommendations/{job:str}", sync_to_thread=True)
def get_recommendation(request: Request[Any, Any, Any], service: NamedDependency[Service], job: FromPath[str]) -> Job:
    return service.queue.get(job, caller_of(service, request, "reader").project)


@post("/recommendations/{job:str}/cancel", status_code=200, sync_to_thread=True)
def cancel(request: Request[Any, Any, Any], service: NamedDependency[Service], job: FromPath[str]) -> Job:
    return service.queue.cancel(job, caller_of(service, request, "member").project)


@get("/recommendations/{job:str}/events")
async def follow(
    request: Request[Any, Any, Any], service: NamedDependency[Service], job: FromPath[str]
) -> ServerSentEvent:
    """Server-sent events: `progress` as it comes, then `end` with the job. Last-Event-ID goes on where one stopped."""
    caller = await sync_to_thread(caller_of, service, request, "reader")
    await sync_to_thread(service.queue.get, job, caller.project)
    last = request.headers.get("last-event-id", "0")
    return ServerSentEvent(told(service, job, int(last) if last.isdecimal() and len(last) < 10 else 0))


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

"""A job is ordered: who asked, for what, under which key; the answer is 202 and where to look."""

from dataclasses import dataclass
from typing import Any

from litestar import Request, Response

from headhunt.wire import Job
from service.access import Caller
from service.jobs.queue import ATTEMPTS, Order, Queue


@dataclass(frozen=True)
class Asked:
    """What the job is to do. dataset: the one that it works on."""

    kind: str
    spec: dict[str, Any]
    resource: str = "cpu"
    dataset: str | None = None
    attempts: int = ATTEMPTS


def order_of(request: Request[Any, Any, Any], caller: Caller, asked: Asked, key: str | None, project: str) -> Order:
    return Order(
        project,
        asked.kind,
        asked.spec,
        resource=asked.resource,
        key=key,
        request_id=request.state.request_id,
        dataset=asked.dataset,
        by=caller.who,
        attempts=asked.attempts,
    )


def accepted(queue: Queue, order: Order, place: str = "jobs") -> Response[Job]:
    job = queue.put(order)
    return Response(job, status_code=202, headers={"Location": f"/api/v1/{place}/{job.id}"})

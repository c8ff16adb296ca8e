"""Datasets: send one or describe one, see its versions and what changed, have it examined, remove it."""

import asyncio
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
from litestar import Request, Response, delete, get, post
from litestar.concurrency import sync_to_thread
from litestar.di import NamedDependency
from litestar.exceptions import ValidationException
from litestar.params import FromPath, FromQuery

from headhunt.vocabulary import Entry, Struct
from headhunt.wire import Dataset, DatasetListed, DiffShown, Job, Page
from service.access import Caller
from service.data.arriving import BARE, archive_into, json_of, need_name, room_of
from service.data.rows import Target, check_name
from service.jobs.queue import Order
from service.paging import Paging, page_of, polled
from service.parts import Service
from service.uploads import draft

TAGS = ["datasets"]
DECODING = ThreadPoolExecutor(1, "decoding")
"""Large descriptions, one at a time."""
STEP = 5000
EXAMINE = "health"
SENT: dict[str, Any] = {
    "filters": ("name",),
    "takes": (*BARE, "multipart/form-data"),
    "struct": DatasetListed,
    "also": (200,),
}
"""How a dataset comes, for the description."""


@post("/datasets", request_max_body_size=None, who="member", tags=TAGS, **SENT)
async def add_dataset(
    request: Request[Any, Any, Any], service: NamedDependency[Service], caller: NamedDependency[Caller]
) -> Response[Dataset]:
    """A zip or tar of images with a folder for each class: as the file `archive` of a form, or as the bare body. Or
    JSON that lists images which were sent before."""
    return await arrived(request, service, caller, None)


@post("/datasets/{dataset:str}/versions", request_max_body_size=None, who="member", tags=TAGS, **SENT)
async def add_version(
    request: Request[Any, Any, Any],
    service: NamedDependency[Service],
    caller: NamedDependency[Caller],
    dataset: FromPath[str],
) -> Response[Dataset]:
    """The next version of a dataset, sent as a dataset is."""
    found = await sync_to_thread(service.datasets.get, caller.project, dataset)
    return await arrived(request, service, caller, found)


@get("/datasets", sync_to_thread=True, who="reader", tags=TAGS)
def list_datasets(
    request: Request[Any, Any, Any],
    service: NamedDependency[Service],
    caller: NamedDependency[Caller],
    paging: NamedDependency[Paging],
) -> Response[Page[Dataset]]:
    """The newest first."""
    found = service.datasets.all(caller.project, paging.cursor(float, str), paging.limit + 1)
    return polled(request, page_of(found, paging.limit, lambda one: (one.created, one.id)))


@get("/datasets/{dataset:str}", sync_to_thread=True, who="reader", tags=TAGS)
def get_dataset(
    request: Request[Any, Any, Any],
    service: NamedDependency[Service],
    caller: NamedDependency[Caller],
    dataset: FromPath[str],
) -> Response[Dataset]:
    """By id or by name."""
    return polled(request, service.datasets.get(caller.project, dataset))


@get("/datasets/{dataset:str}/versions", sync_to_thread=True, who="reader", tags=TAGS)
def list_versions(
    request: Request[Any, Any, Any],
    service: NamedDependency[Service],
    caller: NamedDependency[Caller],
    dataset: FromPath[str],
    paging: NamedDependency[Paging],
) -> Response[Page[Dataset]]:
    """The newest first."""
    (before,) = paging.cursor(int) or (None,)
    found = service.datasets.versions(caller.project, dataset, before, paging.limit + 1)
    return polled(request, page_of(found, paging.limit, lambda one: (one.number,)))


@get("/datasets/{dataset:str}/diff", sync_to_thread=True, who="reader", tags=TAGS)
def get_diff(
    service: NamedDependency[Service],
    caller: NamedDependency[Caller],
    dataset: FromPath[str],
    before: FromQuery[int | None] = None,
    after: FromQuery[int | None] = None,
) -> DiffShown:
    """What changed between two versions, by their numbers; the last two, if none are given."""
    return service.datasets.diff(caller.project, dataset, before, after)


@post("/datasets/{dataset:str}/health", status_code=202, sync_to_thread=True, who="member", tags=TAGS)
def examine(
    request: Request[Any, Any, Any],
    service: NamedDependency[Service],
    caller: NamedDependency[Caller],
    dataset: FromPath[str],
) -> Response[Job]:
    """What is wrong with its newest version, as a job; its result is what `headhunt health --json` prints."""
    found = service.datasets.get(caller.project, dataset)
    order = Order(
        caller.project,
        EXAMINE,
        {"version": found.version, "name": found.name},
        request_id=request.state.request_id,
        dataset=found.id,
        by=caller.who,
    )
    job = service.queue.put(order)
    return Response(job, status_code=202, headers={"Location": f"/api/v1/jobs/{job.id}"})


@delete("/datasets/{dataset:str}", status_code=204, sync_to_thread=True, who="member", tags=TAGS)
def remove_dataset(service: NamedDependency[Service], caller: NamedDependency[Caller], dataset: FromPath[str]) -> None:
    """With all its versions. Not while a job works on it."""
    service.datasets.remove(caller.project, dataset)


async def arrived(
    request: Request[Any, Any, Any], service: Service, caller: Caller, found: Dataset | None
) -> Response[Dataset]:
    """found: the dataset whose next version comes; None: a dataset."""
    room = await room_of(request, service, caller)
    if request.content_type[0] == "application/json":
        body = await json_of(request)
        listed = await asyncio.get_running_loop().run_in_executor(DECODING, listed_in, body)
        target = target_of(caller, found, listed.name)
        made, new = await sync_to_thread(service.datasets.add_listed, target, listed.entries)
        return dataset_answer(made, new)
    async with draft(service.settings.home, room.most) as file:
        came = await archive_into(request, room, file)
        target = target_of(caller, found, came.name)
        made, new = await file.run(service.datasets.add, target, Path(file.name), came.called)
    return dataset_answer(made, new)


def target_of(caller: Caller, found: Dataset | None, name: str) -> Target:
    if found is not None:
        return Target(caller.project, found.name, found.id)
    check_name(need_name(name))
    return Target(caller.project, name)


class Described(Struct, frozen=True):
    """DatasetListed, of which only the outline has been read."""

    name: str
    entries: tuple[msgspec.Raw, ...]


def listed_in(body: bytes) -> DatasetListed:
    """In steps: while one is decoded, nobody else's Python runs, in whatever thread."""
    try:
        outline = msgspec.json.decode(body, type=Described)
        entries: list[Entry] = []
        for first in range(0, len(outline.entries), STEP):
            entries += entries_in(outline.entries[first : first + STEP], first)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ValidationException(str(error)) from error
    return DatasetListed(outline.name, tuple(entries))


def entries_in(some: Sequence[msgspec.Raw], first: int) -> list[Entry]:
    try:
        return msgspec.json.decode(b"[" + b",".join(some) + b"]", type=list[Entry])
    except msgspec.ValidationError as error:  # as if it had been decoded whole
        place = re.sub(r"\$\[(\d+)\]", lambda found: f"$.entries[{first + int(found[1])}]", str(error))
        raise msgspec.ValidationError(place) from error


def dataset_answer(made: Dataset, new: bool) -> Response[Dataset]:
    return Response(made, status_code=201 if new else 200, headers={"Location": f"/api/v1/datasets/{made.id}"})


ROUTES = (
    add_dataset,
    add_version,
    list_datasets,
    get_dataset,
    list_versions,
    get_diff,
    examine,
    remove_dataset,
)

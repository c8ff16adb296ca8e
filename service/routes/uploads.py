"""Archives that come in parts: for what is large, and for connections that break."""

from typing import Annotated, Any

from litestar import Request, Response, delete, get, post, put
from litestar.concurrency import sync_to_thread
from litestar.di import NamedDependency
from litestar.params import FromPath, HeaderParameter, JSONBody

from headhunt.wire import Dataset, Upload, UploadAsked
from service.access import Caller
from service.data.arriving import bytes_into, room_of
from service.data.parcels import PART_BYTES, check_asked
from service.data.room import disk_room
from service.parts import Service
from service.routes.datasets import dataset_answer
from service.uploads import draft

TAGS = ["datasets"]
Again = Annotated[
    str | None, HeaderParameter(name="Idempotency-Key", max_length=128, description="The same key is the same upload.")
]


@post("/uploads", sync_to_thread=True, who="member", tags=TAGS)
def begin(
    service: NamedDependency[Service],
    caller: NamedDependency[Caller],
    data: JSONBody[UploadAsked],
    again: Again = None,
) -> Response[Upload]:
    """Announce an archive: its size, and its digest if it is known."""
    check_asked(data)
    disk_room(service.settings.home, service.settings.least_free_bytes).check(data.size)
    made = service.parcels.begin(caller.project, data, again)
    return Response(made, status_code=201, headers={"Location": f"/api/v1/uploads/{made.id}"})


@get("/uploads/{upload:str}", sync_to_thread=True, who="member", tags=TAGS)
def get_upload(service: NamedDependency[Service], caller: NamedDependency[Caller], upload: FromPath[str]) -> Upload:
    """Which parts are here."""
    return service.parcels.get(caller.project, upload)


@put(
    "/uploads/{upload:str}/parts/{number:int}",
    request_max_body_size=None,
    who="member",
    tags=TAGS,
    takes=("application/octet-stream",),
)
async def put_part(
    request: Request[Any, Any, Any],
    service: NamedDependency[Service],
    caller: NamedDependency[Caller],
    upload: FromPath[str],
    number: FromPath[int],
) -> Upload:
    """A part, numbered from 1, as the bare body. One that is sent again takes the place of the first."""
    await sync_to_thread(service.parcels.get, caller.project, upload)
    room = await room_of(request, service, caller, part=PART_BYTES)
    async with draft(service.settings.home, room.most) as file:
        await bytes_into(request, room, file)
        return await file.run(service.parcels.put, caller.project, upload, number, file)


@post("/uploads/{upload:str}/finish", who="member", tags=TAGS, also=(200,))
async def finish(
    service: NamedDependency[Service], caller: NamedDependency[Caller], upload: FromPath[str]
) -> Response[Dataset]:
    """All parts are here: they become a dataset."""
    async with draft(service.settings.home) as file:
        made, new = await file.run(service.parcels.finish, caller.project, upload, file)
    return dataset_answer(made, new)


@delete("/uploads/{upload:str}", status_code=204, sync_to_thread=True, who="member", tags=TAGS)
def remove_upload(service: NamedDependency[Service], caller: NamedDependency[Caller], upload: FromPath[str]) -> None:
    """With the parts that came."""
    service.parcels.remove(caller.project, upload)


ROUTES = (begin, get_upload, put_part, finish, remove_upload)

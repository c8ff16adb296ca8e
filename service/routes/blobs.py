"""Images by digest, so that what is here already need not be sent."""

from pathlib import Path
from typing import Any

from litestar import Request, post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from headhunt.errors import UnsupportedType
from headhunt.vocabulary import MIB
from headhunt.wire import BlobsKept, Digests
from service.access import Caller
from service.data.arriving import bytes_into, room_of
from service.parts import Service
from service.uploads import draft

TAGS = ["datasets"]
LARGEST_ASKED = 16 * MIB
"""Two hundred thousand digests."""
KINDS = ("application/x-tar", "application/octet-stream")


@post(
    "/blobs/missing",
    status_code=200,
    request_max_body_size=LARGEST_ASKED,
    sync_to_thread=True,
    who="member",
    tags=TAGS,
)
def missing(service: NamedDependency[Service], caller: NamedDependency[Caller], data: JSONBody[Digests]) -> Digests:
    """Which of these images the project does not have yet. What other projects have is nobody else's business."""
    return Digests(digests=service.holdings.missing(caller.project, data.digests))


@post("/blobs", status_code=200, request_max_body_size=None, who="member", tags=TAGS, takes=KINDS)
async def add_blobs(
    request: Request[Any, Any, Any], service: NamedDependency[Service], caller: NamedDependency[Caller]
) -> BlobsKept:
    """A tar of images of any name, kept by their digests for a dataset that is described afterwards."""
    kind = request.content_type[0]
    if kind not in KINDS:
        raise UnsupportedType(f"Images cannot come as {kind or 'nothing'!r}. Send a tar, as application/x-tar.")
    room = await room_of(request, service, caller)
    async with draft(service.settings.home, room.most) as file:
        await bytes_into(request, room, file)
        return await file.run(service.datasets.keep_images, caller.project, Path(file.name))


ROUTES = (missing, add_blobs)

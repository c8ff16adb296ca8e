"""A body comes in: as a form with a file, as bare bytes, or as JSON. All go through the same
checks: room for it before it is read and while it is, no encodings that unpack, the checksum that came with it.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from litestar import Request
from litestar.concurrency import sync_to_thread

from headhunt.errors import BadValue, ChecksumMismatch, TooLarge, UnsupportedType
from headhunt.vocabulary import MIB
from service.access import Caller
from service.data.room import Room, any_room, disk_room, project_room
from service.parts import Service
from service.uploads import LARGEST, Draft, bare, form

LARGEST_JSON = 64 * MIB
BARE = ("application/octet-stream", "application/zip", "application/x-tar", "application/gzip")
SUFFIXES = (".tar.gz", ".tgz", ".tar", ".zip")
DIGEST = re.compile(r"sha-256=:([A-Za-z0-9+/]{43}=):")
Asking = Request[Any, Any, Any]


@dataclass(frozen=True)
class Arrived:
    """An archive that lies in its draft. called: as its file was called where it came from."""

    name: str
    called: str


async def room_of(request: Asking, service: Service, caller: Caller, part: int | None = None) -> Room:
    """Checked against what the request declares. Nothing of the body has been read. part: the most that a part of an
    upload has; the project's room was seen to when the whole was announced."""
    if request.headers.get("content-encoding", "identity") != "identity":
        raise UnsupportedType("A body that is packed for the way is not taken. Send it without Content-Encoding.")
    settings = service.settings
    rooms = [disk_room(settings.home, settings.least_free_bytes), any_room(part or LARGEST)]
    if part is None:
        rooms.append(await sync_to_thread(project_room, service.holdings, caller.project))
    room = min(rooms, key=lambda one: one.most)
    room.check(declared(request))
    return room


def declared(request: Asking) -> int | None:
    size = request.headers.get("content-length", "")
    return int(size) if size.isdecimal() and len(size) < 20 else None


async def archive_into(request: Asking, room: Room, file: Draft) -> Arrived:
    """A form with the file `archive`, or the bare bytes with ?name="""
    kind, options = request.content_type
    name = request.query_params.get("name", "")
    body = Checked(request, summed=kind not in BARE)
    try:
        if kind == "multipart/form-data":
            fields, filename = await form(body.stream(), options.get("boundary", ""), file)
            called = stem_of(filename)
            name = fields.get("name") or name or called
        elif kind in BARE:
            called = name
            await bare(request.stream(), file)
        else:
            raise UnsupportedType(f"An archive cannot come as {kind or 'nothing'!r}. Send a form, or application/zip.")
    except TooLarge:
        raise room.fault(1) from None
    body.check(file.digest)
    return Arrived(name, called)


async def bytes_into(request: Asking, room: Room, file: Draft) -> None:
    """The bare bytes, of whatever kind."""
    try:
        await bare(request.stream(), file)
    except TooLarge:
        raise room.fault(1) from None
    Checked(request, summed=False).check(file.digest)


async def json_of(request: Asking, largest: int = LARGEST_JSON) -> bytes:
    """The whole body, which is JSON."""
    body, pieces, size = Checked(request, summed=True), [], 0
    async for piece in body.stream():
        size += len(piece)
        if size > largest:
            raise TooLarge(f"The description is larger than {largest:,} bytes. Send an archive instead.")
        pieces.append(piece)
    body.check()
    return b"".join(pieces)


class Checked:
    """A body with the checksum that was announced for it (RFC 9530), if one was. It is of the body as it is sent, so of
    a form as a whole. summed: what comes is summed up here; else `check` is told what it came to."""

    def __init__(self, request: Asking, summed: bool) -> None:
        self._request, self._summed = request, summed
        self._announced = announced(request.headers.get("content-digest", ""))
        self._sum = hashlib.sha256()

    async def stream(self) -> AsyncIterator[bytes]:
        async for piece in self._request.stream():
            if self._announced is not None and self._summed:
                self._sum.update(piece)
            yield piece

    def check(self, digest: str = "") -> None:
        came = self._sum.digest() if self._summed else bytes.fromhex(digest)
        if self._announced not in (None, came):
            raise ChecksumMismatch("What came is not what its Content-Digest says. Send it again.")


def announced(header: str) -> bytes | None:
    """Digests of other kinds are passed over, as the RFC has it; one of ours that cannot be read is a fault."""
    if "sha-256=" not in header:
        return None
    found = DIGEST.search(header)
    try:
        return base64.b64decode(found[1], validate=True) if found else b""
    except binascii.Error:
        return b""


def need_name(name: str) -> str:
    if not name:
        raise BadValue("The dataset has no name. Send it as ?name=NAME, or as the field 'name' of a form.")
    return name


def stem_of(filename: str) -> str:
    """`photos.tar.gz` is called photos. It names nothing on the disk."""
    plain = filename.replace("\\", "/").rpartition("/")[2]
    return next((plain[: -len(suffix)] for suffix in SUFFIXES if plain.lower().endswith(suffix)), plain)

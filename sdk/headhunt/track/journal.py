"""The journal of a run: all that was told of it, in the order in which it was told. Written by appending, once.

    HOME/runs/RUN/WRITER.journal     one for each process that tells of the run
    HOME/runs/RUN/files/DIGEST       what was kept with it, by SHA-256

A frame is the length of its record (4 bytes, little end first), the CRC-32 of it (4 bytes), and the record: an array in
MessagePack whose first member names its kind. JSON would do, but for NaN and infinity. A frame that is cut off, as by
a kill while the disk was full, ends what can be read: `frames_in` says up to where all is well.

The same bytes go to a server, which knows of each writer how far it has read. So whatever is sent again, by whomever,
is taken once: `offset` is all that the two sides need to agree upon.
"""

import struct
import zlib
from collections.abc import Iterator
from typing import Any

import msgspec

HEAD = struct.Struct("<II")
LONGEST = 64 << 20
"""Of a record: one that says it is longer is none."""


class Points(msgspec.Struct, frozen=True, array_like=True, tag="m"):
    """Numbers of one step."""

    at: float
    step: int
    values: dict[str, float]


class Noted(msgspec.Struct, frozen=True, array_like=True, tag="n"):
    """Facts by name, each as JSON knows them; the newest holds. kind: param, tag, summary."""

    at: float
    kind: str
    values: dict[str, Any]


class Kept(msgspec.Struct, frozen=True, array_like=True, tag="f"):
    """A file, under a path of the run's own. kind: file, model, image, table, histogram, text, confusion."""

    at: float
    path: str
    digest: str
    size: int
    kind: str = "file"
    step: int | None = None
    facts: dict[str, Any] = msgspec.field(default_factory=dict)


class Said(msgspec.Struct, frozen=True, array_like=True, tag="c"):
    """What the program printed. stream: out, err."""

    at: float
    stream: str
    text: str


class Began(msgspec.Struct, frozen=True, array_like=True, tag="b"):
    """The run begins, or goes on. facts: experiment, name, intent, parent, group, dataset, model, pid, host, rank."""

    at: float
    facts: dict[str, Any]


class Known(msgspec.Struct, frozen=True, array_like=True, tag="i"):
    """About where it runs. facts: code {commit, dirty, diff, command}, environment {python, packages ...}, skew."""

    at: float
    facts: dict[str, Any]


class Ended(msgspec.Struct, frozen=True, array_like=True, tag="e"):
    """state: finished, failed, lost. error: the traceback, or what is known of the end."""

    at: float
    state: str
    error: str | None = None


class Marked(msgspec.Struct, frozen=True, array_like=True, tag="x"):
    """Something was not kept as it was told: a value that is no number, points that a full disk had no room for."""

    at: float
    words: str
    count: int = 1


Record = Points | Noted | Kept | Said | Began | Known | Ended | Marked
encode = msgspec.msgpack.Encoder().encode
decode = msgspec.msgpack.Decoder(Record).decode


def framed(record: Any) -> bytes:
    """A record, or the array that stands for it, as it is appended."""
    body = encode(record)
    return HEAD.pack(len(body), zlib.crc32(body)) + body


def frames_in(data: bytes) -> Iterator[tuple[int, Record]]:
    """Each record, and where the next one begins. Ends before the first frame that is not whole."""
    place, size, view = 0, len(data), memoryview(data)
    while place + HEAD.size <= size:
        length, crc = HEAD.unpack_from(data, place)
        end = place + HEAD.size + length
        body = view[place + HEAD.size : end]
        if length > LONGEST or end > size or zlib.crc32(body) != crc:
            return
        try:
            record = decode(body)
        except (msgspec.DecodeError, UnicodeError, RecursionError):  # the last two are no kinds of the first
            return
        yield end, record
        place = end

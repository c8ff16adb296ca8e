"""An archive comes in: a form with a file, or the bare bytes. It goes to a file as it comes, and never into memory.

The loop that serves everybody only collects. Each upload has a thread of its own, which takes a block at a time,
parses, hashes and writes it while the next one comes in; whoever sends faster than the disk writes has to wait.
"""

import asyncio
import contextlib
import hashlib
import os
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import IO, ParamSpec, TypeVar

from multipart import MultipartError, MultipartSegment, ParserError, PushMultipartParser

from headhunt.errors import BadValue, EmptyUpload, TooLarge
from headhunt.vocabulary import GIB, MIB

LARGEST = 20 * GIB
LONGEST_FIELD = 4096
MOST_PARTS = 16
BLOCK = MIB
"""Handed to the thread at once: of an upload, three of them lie in memory at most."""
SYNCED = 8 * MIB
"""After so much the disk is set to work, beside what goes on; twice as much may wait for it, and no more."""
FORGOTTEN_S = 24 * 3600.0
"""A draft this old is of a server that was killed."""
P = ParamSpec("P")
T = TypeVar("T")


class Draft:
    """What has come of an upload: a file, its size, and its SHA-256. All but `run` is for its own threads, of which one
    works and one waits for the disk.
    """

    def __init__(self, file: IO[bytes], lane: ThreadPoolExecutor, largest: int) -> None:
        self.file, self.lane, self.largest = file, lane, largest
        self.name = file.name
        self.size = self._synced = 0
        self._hash = hashlib.sha256()
        self._syncing: Future[None] | None = None

    @property
    def digest(self) -> str:
        return self._hash.hexdigest()

    def run(self, work: Callable[P, T], *given: P.args, **named: P.kwargs) -> "asyncio.Future[T]":
        """In a thread of this upload, never in the way of other requests. One thing at a time: await it."""
        return asyncio.get_running_loop().run_in_executor(self.lane, partial(work, *given, **named))

    def write(self, data: bytes | bytearray) -> None:
        self.size += len(data)
        if self.size > self.largest:
            raise TooLarge(f"The upload is larger than {self.largest:,} bytes. Send less, or in several datasets.")
        self._hash.update(data)
        self.file.write(data)
        if self.size - self._synced > SYNCED:
            self._wait_for_disk()
            self._syncing, self._synced = self.lane.submit(os.fsync, self.file.fileno()), self.size

    def finish(self) -> None:
        if self.size == 0:
            raise EmptyUpload("No archive came: send a zip or tar as the file 'archive'.")
        self._wait_for_disk()
        self.file.flush()
        os.fsync(self.file.fileno())

    def close(self) -> None:
        try:
            self._wait_for_disk()
        finally:
            self.file.close()

    def _wait_for_disk(self) -> None:
        syncing, self._syncing = self._syncing, None
        if syncing is not None:
            syncing.result()


@asynccontextmanager
async def draft(home: Path, largest: int = LARGEST) -> AsyncIterator[Draft]:
    """A file beside the blobs that is gone afterwards, whatever happens."""
    lane = ThreadPoolExecutor(2, "upload")
    loop = asyncio.get_running_loop()
    try:
        file = await loop.run_in_executor(lane, new_file, home / "uploads")
        made = Draft(file, lane, largest)
        try:
            yield made
        finally:
            await asyncio.shield(made.run(made.close))
    finally:
        lane.shutdown(wait=False)


def new_file(folder: Path) -> IO[bytes]:
    folder.mkdir(parents=True, exist_ok=True)
    forget(folder)
    return tempfile.NamedTemporaryFile(dir=folder, prefix="upload-", suffix=".part")


def forget(folder: Path) -> None:
    """Drafts of servers that were killed in the middle of one."""
    for left in folder.glob("upload-*.part"):
        with contextlib.suppress(OSError):  # another server was faster
            if time.time() - left.stat().st_mtime > FORGOTTEN_S:
                left.unlink()


async def bare(body: AsyncIterator[bytes], into: Draft) -> None:
    await pump(body, into, into.write)
    await into.run(into.finish)


async def form(body: AsyncIterator[bytes], boundary: str, into: Draft) -> tuple[dict[str, str], str]:
    """The fields of a form, and the name that its file was sent under; the file goes `into`."""
    reader = Form(boundary, into)
    await pump(body, into, reader.feed)
    await into.run(reader.finish)
    await into.run(into.finish)
    return reader.fields, reader.filename


async def pump(body: AsyncIterator[bytes], into: Draft, feed: Callable[[bytearray], None]) -> None:
    """One block is fed while the next one is collected."""
    feeding: asyncio.Future[None] | None = None
    held = bytearray()
    try:
        async for chunk in body:
            held += chunk
            if len(held) >= BLOCK:
                if feeding is not None:
                    await feeding
                feeding, held = into.run(feed, held), bytearray()
        if feeding is not None:
            await feeding
        feeding = into.run(feed, held)
        await feeding
    finally:
        if feeding is not None and not feeding.done():
            await asyncio.wait([feeding])


class Form:
    """A form as it comes in: its short fields are kept, its file is written down."""

    def __init__(self, boundary: str, into: Draft) -> None:
        self.into, self.fields, self.filename = into, dict[str, str](), ""
        self._part: MultipartSegment | None = None
        self._kept = b""
        with as_ours():
            self._parser = PushMultipartParser(boundary, max_segment_count=MOST_PARTS, max_header_size=LONGEST_FIELD)

    def feed(self, block: bytearray) -> None:
        if not block:
            return
        with as_ours():
            for found in self._parser.parse(block):
                if isinstance(found, MultipartSegment):
                    self._part, self._kept = found, b""
                elif found is None:
                    self._end_part()
                else:
                    self._take(found)

    def finish(self) -> None:
        """Raises BadValue where the end of the form did not come."""
        with as_ours():
            self._parser.close()

    def _take(self, data: bytes) -> None:
        if self._part is not None and self._part.filename:
            self.filename = self._part.filename
            self.into.write(data)
            return
        self._kept += data
        if len(self._kept) > LONGEST_FIELD:
            raise BadValue(f"A field of the form is longer than {LONGEST_FIELD} bytes.")

    def _end_part(self) -> None:
        if self._part is not None and not self._part.filename:
            self.fields[self._part.name] = self._kept.decode("utf-8", "replace")
        self._part = None


@contextlib.contextmanager
def as_ours() -> Iterator[None]:
    """What is wrong with a form, in our words."""
    try:
        yield
    except (MultipartError, ParserError) as error:
        raise BadValue("The form is not as forms are (multipart/form-data). Send it with -F archive=@FILE.") from error

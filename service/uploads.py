"""An archive comes in: a form with a file, or the bare bytes. It goes to a file as it comes, and never into memory."""

import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from multipart import MultipartError, MultipartSegment, ParserError, PushMultipartParser

from headhunt.errors import BadValue, EmptyUpload, TooLarge
from headhunt.vocabulary import GIB

LARGEST = 20 * GIB
LONGEST_FIELD = 4096
MOST_PARTS = 16


@contextmanager
def draft(home: Path) -> Iterator[IO[bytes]]:
    """A file beside the blobs that is gone afterwards, whatever happens."""
    folder = home / "uploads"
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=folder, prefix="upload-", suffix=".part") as file:
        yield file


async def bare(body: AsyncIterator[bytes], into: IO[bytes], largest: int = LARGEST) -> None:
    size = 0
    async for chunk in body:
        size += len(chunk)
        if size > largest:
            raise TooLarge(f"The upload is larger than {largest:,} bytes. Send less, or in several datasets.")
        into.write(chunk)
    finished(into, size)


async def form(
    body: AsyncIterator[bytes], boundary: str, into: IO[bytes], largest: int = LARGEST
) -> tuple[dict[str, str], str]:
    """The fields of a form, and the name that its file was sent under; the file goes `into`."""
    fields: dict[str, str] = {}
    filename, size, part, kept = "", 0, None, b""
    try:
        with PushMultipartParser(boundary, max_segment_count=MOST_PARTS, max_header_size=LONGEST_FIELD) as parser:
            async for chunk in body:
                for found in parser.parse(chunk):
                    if isinstance(found, MultipartSegment):
                        part, kept = found, b""
                    elif found is None:
                        if part is not None and not part.filename:
                            fields[part.name] = kept.decode("utf-8", "replace")
                        part = None
                    elif part is not None and part.filename:
                        filename = part.filename
                        size += len(found)
                        if size > largest:
                            raise TooLarge(f"The upload is larger than {largest:,} bytes. Send less.")
                        into.write(found)
                    else:
                        kept += found
                        if len(kept) > LONGEST_FIELD:
                            raise BadValue(f"A field of the form is longer than {LONGEST_FIELD} bytes.")
    except (MultipartError, ParserError) as error:
        raise BadValue("The form is not as forms are (multipart/form-data). Send it with -F archive=@FILE.") from error
    finished(into, size)
    return fields, filename


def finished(into: IO[bytes], size: int) -> None:
    if size == 0:
        raise EmptyUpload("No archive came: send a zip or tar as the file 'archive'.")
    into.flush()
    os.fsync(into.fileno())

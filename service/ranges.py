"""A file sent as it lies on the disk, whole or in part (RFC 9110, one range): what broke off is gone on with."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from litestar import Request, Response
from litestar.concurrency import sync_to_thread
from litestar.response import Stream

CHUNK = 1 << 20
RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)


def file_answer(request: Request[Any, Any, Any], path: Path, tag: str, name: str) -> Response[Any]:
    """tag: changes when the file does; a name by content never does. name: what the client may call it."""
    size, quoted = path.stat().st_size, f'"{tag}"'
    headers = {"ETag": quoted, "Accept-Ranges": "bytes", "Cache-Control": "private, no-cache"}
    asked = request.headers.get("if-none-match", "")
    if quoted in {one.strip().removeprefix("W/") for one in asked.split(",")} or asked.strip() == "*":
        return Response(b"", status_code=304, headers=headers)
    whole = request.headers.get("if-range", quoted) != quoted
    part = None if whole else part_of(request.headers.get("range", ""), size)
    if part is not None and part[0] >= part[1]:
        return Response(b"", status_code=416, headers={**headers, "Content-Range": f"bytes */{size}"})
    start, end = part or (0, size)
    headers["Content-Length"] = str(end - start)
    headers["Content-Disposition"] = f'attachment; filename="{name}"'
    if part is not None:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    status = 200 if part is None else 206
    return Stream(read(path, start, end), status_code=status, media_type="application/octet-stream", headers=headers)


def part_of(asked: str, size: int) -> tuple[int, int] | None:
    """From where to where, the end outside; None: all of it, as also for ranges that are not understood. A range that
    is empty cannot be satisfied."""
    found = RANGE.fullmatch(asked.replace(" ", ""))
    if found is None or found.group(0) == "bytes=-":
        return None
    first, last = found.groups()
    if not first:
        return (max(0, size - int(last)), size)
    if last and int(last) < int(first):
        return None
    return (int(first), min(size, int(last) + 1) if last else size)


async def read(path: Path, start: int, end: int) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        file.seek(start)
        while start < end:
            chunk = await sync_to_thread(file.read, min(CHUNK, end - start))
            if not chunk:
                return
            start += len(chunk)
            yield chunk

"""Lists in pages, and answers that are not sent again while they stay the same.

A page is asked for by `?limit=` and `?after=`, the `next` of the page before: what a cursor holds is nobody's business
but the list's. A list that is polled carries an ETag; `If-None-Match` gets 304 while nothing changed.
"""

import base64
import binascii
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

import msgspec
from litestar import Request, Response
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from headhunt.errors import BadValue
from headhunt.wire import Page
from service.access import Caller

T = TypeVar("T")
MOST, USUAL = 1000, 100
LONGEST = 1024
Limit = Annotated[int, QueryParameter(name="limit", ge=1, le=MOST, description="How many at most.")]
After = Annotated[
    str | None, QueryParameter(name="after", max_length=LONGEST, description="The `next` of the page before.")
]


@dataclass(frozen=True)
class Paging:
    """limit: how many. after: the values that the last page ended with; empty on the first."""

    limit: int
    after: tuple[Any, ...]

    def cursor(self, *kinds: type) -> tuple[Any, ...] | None:
        """What `after` holds, as these types; None on the first page. Raises BadValue."""
        if not self.after:
            return None
        try:
            return msgspec.convert(self.after, tuple[kinds])  # type: ignore[valid-type]
        except msgspec.ValidationError as error:
            raise BadValue("This 'after' is of another list. Give the 'next' of the page before.") from error


def paging_of(caller: NamedDependency[Caller], limit: Limit = USUAL, after: After = None) -> Paging:  # noqa: ARG001
    """caller: asked for so that it comes first (service/app.py)."""
    if after is None:
        return Paging(limit, ())
    try:
        held = msgspec.json.decode(base64.urlsafe_b64decode(after.encode("ascii") + b"=="), type=tuple[Any, ...])
    except (ValueError, binascii.Error, UnicodeError, msgspec.DecodeError, RecursionError) as error:
        raise BadValue("This 'after' is none of ours. Give the 'next' of the page before.") from error
    if not held:
        raise BadValue("This 'after' is none of ours. Give the 'next' of the page before.")
    return Paging(limit, held)


def page_of(found: Sequence[T], limit: int, ends: Callable[[T], tuple[Any, ...]]) -> Page[T]:
    """`found`: one more than `limit`, where there are more. ends: what the next page begins after."""
    items = tuple(found[:limit])
    more = len(found) > limit
    return Page(items=items, next=cursor_of(ends(items[-1])) if more else None)


def cursor_of(values: tuple[Any, ...]) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(values)).decode().rstrip("=")


def polled(request: Request[Any, Any, Any], value: Any) -> Response[Any]:
    """The value, or 304 where the client has it already."""
    body = msgspec.json.encode(value)
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    asked = request.headers.get("if-none-match", "")
    if tag in {one.strip().removeprefix("W/") for one in asked.split(",")}:
        return Response(None, status_code=304, headers={"ETag": tag, "Cache-Control": "private, no-cache"})
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    return Response(body, media_type="application/json", headers=headers)

"""Errors become answers in one place: problem+json (RFC 9457) with a stable code, and nothing of what lies inside."""

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException

from headhunt.errors import (
    BadValue,
    BlobBroken,
    BlobsMissing,
    CatalogueBroken,
    HasEnded,
    HeadhuntError,
    HomeLocked,
    InUse,
    Misdirected,
    MissingFile,
    NameTaken,
    NoMailServer,
    NotAllowed,
    NotReady,
    NotSignedIn,
    NotWritten,
    Refused,
    ReportFailed,
    ServiceUnavailable,
    TooLarge,
    TooManyJobs,
    TooManyMails,
    TooManyTries,
    TooSlow,
    TrialTaken,
    UnknownName,
    UnsupportedType,
    UploadIncomplete,
)
from headhunt.wire import Problem
from service.naming import name_of
from service.telling import is_inside, told_of
from zoo.images.blobs import FULL

log = logging.getLogger("headhunt.service")
STATUS: tuple[tuple[type[HeadhuntError], int], ...] = (
    (NotSignedIn, 401),
    (NotAllowed, 403),
    (UnknownName, 404),
    (NameTaken, 409),
    (InUse, 409),
    (HasEnded, 409),
    (BlobsMissing, 409),
    (UploadIncomplete, 409),
    (NotReady, 409),
    (TrialTaken, 409),
    (NoMailServer, 409),
    (TooManyTries, 429),
    (TooManyJobs, 429),
    (TooManyMails, 429),
    (Misdirected, 421),
    (Refused, 422),
    (TooLarge, 413),
    (NotWritten, 507),
    (TooSlow, 408),
    (UnsupportedType, 415),
    (HomeLocked, 503),
    (ServiceUnavailable, 503),
    (CatalogueBroken, 503),
    (BlobBroken, 503),
    (ReportFailed, 503),
    (MissingFile, 503),
    (BadValue, 400),
)
"""The first that fits; all others of ours are 422: understood, and impossible."""


class Impossible(Exception):
    """What is asked for names something that cannot be: 422, with the code and the words of our error inside."""

    def __init__(self, error: HeadhuntError) -> None:
        super().__init__(str(error))
        self.error = error


PROBLEM = "application/problem+json"


def answered(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """What is told of an error. What nobody foresaw is told as `internal`, and written to the log."""
    name_of(request.scope)
    if isinstance(error, NotSignedIn) and is_a_page(request):
        return Response(b"", status_code=303, headers={"Location": f"/sign-in?then={quote(request.url.path)}"})
    if isinstance(error, HeadhuntError):
        status = next((status for kind, status in STATUS if isinstance(error, kind)), 422)
        if is_inside(error):
            log.error("inside: %s %s", request.method, request.url.path, exc_info=error)
        wait = {"Retry-After": str(error.wait_s)} if isinstance(error, TooManyTries) else None
        return problem(request, status, error.code, told_of(error, 4000), wait)
    if isinstance(error, Impossible):
        return problem(request, 422, error.error.code, str(error.error))
    if isinstance(error, HTTPException):
        status = error.status_code
        return problem(request, status, code_of(status), words_of(error), error.headers)
    if isinstance(error, UnicodeError):
        return problem(request, 400, "malformed_body", "The body is not text in UTF-8.")
    if isinstance(error, RecursionError):
        return problem(request, 400, "too_deep", "The body is nested too deeply.")
    if isinstance(error, OSError) and error.errno in FULL:
        return problem(request, 507, "insufficient_storage", "The server's disk is full.")
    log.error("unforeseen: %s %s", request.method, request.url.path, exc_info=error)
    return problem(request, 500, "internal", "Something went wrong inside. The server's log has the details.")


def is_a_page(request: Request[Any, Any, Any]) -> bool:
    """Somebody followed a link with a browser, and cannot read JSON."""
    looks = request.method == "GET" and "text/html" in request.headers.get("accept", "")
    return looks and request.url.path.startswith("/projects/")


def problem(
    request: Request[Any, Any, Any], status: int, code: str, detail: str, more: Mapping[str, str] | None = None
) -> Response[bytes]:
    name = name_of(request.scope)
    told = Problem(
        type=f"https://headhunt.invalid/problems/{code}",
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        code=code,
        request_id=name,
    )
    headers = {**(more or {}), **({"WWW-Authenticate": "Bearer"} if status == 401 else {})}
    return Response(msgspec.json.encode(told), status_code=status, media_type=PROBLEM, headers=headers)


def code_of(status: int) -> str:
    plain = HTTPStatus(status).phrase.lower().replace(" ", "_").replace("-", "_")
    return {400: "malformed_body", 413: "too_large", 415: "unsupported_type"}.get(status, plain)


def words_of(error: HTTPException) -> str:
    """What the framework says of a request that it did not understand, with the fields it names."""
    extra = error.extra if isinstance(error.extra, list) else []
    fields = [f"{one.get('key', '')}: {one.get('message', '')}".strip(": ") for one in extra if isinstance(one, dict)]
    return "; ".join([error.detail, *fields]) or HTTPStatus(error.status_code).phrase

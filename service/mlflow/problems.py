"""Errors as MLflow's clients read them: `{"error_code": "RESOURCE_DOES_NOT_EXIST", "message": ...}`."""

import logging
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException

from headhunt.errors import (
    BadValue,
    HasEnded,
    HeadhuntError,
    InUse,
    NameTaken,
    NotAllowed,
    NotSignedIn,
    NotWritten,
    ServiceUnavailable,
    TooManyTries,
    TooSlow,
    UnknownName,
)
from service.naming import name_of
from service.telling import told_of
from zoo.images.blobs import FULL

log = logging.getLogger("headhunt.mlflow")
CODES: tuple[tuple[type[HeadhuntError], int, str], ...] = (
    (NotSignedIn, 401, "UNAUTHENTICATED"),
    (NotAllowed, 403, "PERMISSION_DENIED"),
    (UnknownName, 404, "RESOURCE_DOES_NOT_EXIST"),
    (NameTaken, 400, "RESOURCE_ALREADY_EXISTS"),
    (InUse, 409, "RESOURCE_CONFLICT"),
    (HasEnded, 409, "RESOURCE_CONFLICT"),
    (TooManyTries, 429, "REQUEST_LIMIT_EXCEEDED"),
    (ServiceUnavailable, 503, "TEMPORARILY_UNAVAILABLE"),
    (TooSlow, 408, "DEADLINE_EXCEEDED"),
    (NotWritten, 507, "RESOURCE_EXHAUSTED"),
    (BadValue, 400, "INVALID_PARAMETER_VALUE"),
)
"""The first that fits; all others of ours say that the request cannot be done: 400."""


NO_KEY = " MLflow's clients take the key from MLFLOW_TRACKING_TOKEN."


class NoSuchCall(HeadhuntError):
    """A call of MLflow's protocol that is not served here."""


def answered(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    name_of(request.scope)
    if isinstance(error, NoSuchCall):
        return told(404, "ENDPOINT_NOT_FOUND", str(error))
    if isinstance(error, HeadhuntError):
        status, code = next(
            ((status, code) for kind, status, code in CODES if isinstance(error, kind)),
            (400, "INVALID_PARAMETER_VALUE"),
        )
        if isinstance(error, NotWritten):
            log.error("not written: %s", request.url.path, exc_info=error)
        wait = {"Retry-After": str(error.wait_s)} if isinstance(error, TooManyTries) else {}
        hint = NO_KEY if isinstance(error, NotSignedIn) else ""
        return told(status, code, told_of(error, 4000) + hint, wait)
    if isinstance(error, HTTPException):
        return told(error.status_code, code_of(error.status_code), error.detail or "The request is not understood.")
    if isinstance(error, RecursionError | UnicodeError):
        return told(400, "INVALID_PARAMETER_VALUE", "The body is no JSON in UTF-8, or nested too deeply.")
    if isinstance(error, OSError) and error.errno in FULL:
        return told(507, "RESOURCE_EXHAUSTED", "The server's disk is full.")
    log.error("unforeseen: %s %s", request.method, request.url.path, exc_info=error)
    return told(500, "INTERNAL_ERROR", "Something went wrong inside. The server's log has the details.")


def code_of(status: int) -> str:
    """Of what the framework refuses."""
    return {404: "ENDPOINT_NOT_FOUND", 405: "ENDPOINT_NOT_FOUND"}.get(status, "BAD_REQUEST")


def told(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> Response[bytes]:
    body = msgspec.json.encode({"error_code": code, "message": message})
    more = {**(headers or {}), **({"WWW-Authenticate": "Bearer"} if status == 401 else {})}
    return Response(body, status_code=status, media_type="application/json", headers=more)

"""What surrounds every request: its name, its line in the log, its line in the audit, its numbers, careful headers."""

import logging
import time
from typing import Any

from litestar import Request
from litestar.concurrency import sync_to_thread
from litestar.types import Message, Scope

from headhunt.errors import ServiceUnavailable
from service.access import SAFE, Caller
from service.asked import check_asked
from service.measures import Measures
from service.naming import name_of
from service.parts import Service

log = logging.getLogger("headhunt.requests")
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; form-action 'self'; base-uri 'none'",
    "Cache-Control": "no-store",
}
CAREFUL = tuple((name.lower().encode(), value.encode()) for name, value in HEADERS.items())
NOBODY = Caller()


async def begin(request: Request[Any, Any, Any]) -> None:
    """Async because else it would be sent to a thread."""
    check_asked(request)


class Surroundings:
    """Called before every answer begins to be sent."""

    def __init__(self, service: Service, measures: Measures) -> None:
        self.service, self.measures = service, measures

    async def __call__(self, message: Message, scope: Scope) -> None:
        if message["type"] != "http.response.start":
            return
        name_of(scope)
        state: dict[str, Any] = dict(scope.get("state") or {})
        headers = message["headers"]
        there = {name.lower() for name, _ in headers}
        more = (*CAREFUL, (b"x-request-id", state["request_id"].encode()))
        message["headers"] = [*headers, *(one for one in more if one[0] not in there)]
        await self._note(scope, state, message["status"])

    async def _note(self, scope: Scope, state: dict[str, Any], status: int) -> None:
        """A route may be `quiet`: what comes every second, and changes nobody's rights, would drown the audit."""
        method, path = str(scope.get("method", "")), str(scope.get("path", ""))
        route = str(scope.get("path_template") or "unknown")
        took = time.perf_counter() - state["began"]
        caller: Caller = state.get("caller") or NOBODY
        self.measures.request(method, route, status, took)
        level = logging.WARNING if status >= 500 else logging.INFO
        told = {"method": method, "route": route, "status": status, "ms": round(1000 * took, 2), "who": caller.who}
        log.log(level, "%s %s %s", method, route, status, extra={"request_id": state["request_id"], "told": told})
        if method in SAFE or status >= 400 or route == "unknown" or scope["route_handler"].opt.get("quiet"):
            return
        self.service.access.forget()
        line = (f"{method} {route}", path, status)
        try:
            await sync_to_thread(self.service.audit.add, caller.project, caller.who, line, state["request_id"])
        except ServiceUnavailable:  # the change itself has been made; the log has the line
            log.exception("the audit could not be written: %s", line, extra={"request_id": state["request_id"]})

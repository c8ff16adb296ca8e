"""How long a request may take to come: a client that sends a byte now and then would else hold its place for ever.

The body: so many seconds, and one more for each KiB that has come. Only the time that we wait for the client counts.
The headers: a connection that is silent in the middle of them, or before them, is closed.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from litestar.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from headhunt.errors import BadValue, TooSlow

BYTES_A_SECOND = 1024.0
CLOSE = (b"connection", b"close")
MOST_HEADERS = 64 * 2**10
"""Bytes. httptools knows no limit."""


def patient(seconds: float) -> Callable[[ASGIApp], ASGIApp]:
    """For bodies, as a middleware. Raises TooSlow where the application waits for one."""

    def surround(app: ASGIApp) -> ASGIApp:
        async def with_patience(scope: Scope, receive: Receive, send: Send) -> None:
            refuse_ambiguous(scope)
            clock = Clock(receive, seconds)
            await app(scope, clock.receive, clock.closing(send))

        return with_patience

    return surround


def refuse_ambiguous(scope: Any) -> None:
    """A proxy before us might understand another request than we do, and take a part of it for somebody else's."""
    names = [name for name, _ in scope["headers"]]
    if b"content-length" in names and b"transfer-encoding" in names:
        raise BadValue("The body has both a Content-Length and a Transfer-Encoding. Send one of them.")
    if any(name == b"transfer-encoding" and value.lower() != b"chunked" for name, value in scope["headers"]):
        raise BadValue("The only Transfer-Encoding that is known here is chunked. Send the body as it is.")
    if names.count(b"host") != 1 and scope["http_version"] == "1.1":
        raise BadValue(f"The request has {names.count(b'host')} Host headers. Send one.")


class Clock:
    """Counts what a client sends, and how long it lets us wait."""

    def __init__(self, receive: Receive, seconds: float) -> None:
        self._receive, self._seconds = receive, seconds
        self._waited, self._came, self._whole, self._given_up = 0.0, 0, False, False

    async def receive(self) -> Any:
        if self._whole:  # what comes now is no body: whoever waits for the end of the connection may wait
            return await self._receive()
        left = self._seconds + self._came / BYTES_A_SECOND - self._waited
        began = time.monotonic()
        try:
            async with asyncio.timeout(max(left, 0.0)):
                message = await self._receive()
        except TimeoutError as error:
            self._given_up = True
            raise TooSlow(
                f"Of the body, {self._came:,} bytes came in {self._waited + left:.0f} s. Send faster."
            ) from error
        self._waited += time.monotonic() - began
        if message["type"] == "http.request":
            self._came += len(message.get("body", b""))
            self._whole = not message.get("more_body", False)
        elif message["type"] == "http.disconnect":
            raise BadValue(f"The connection ended after {self._came:,} bytes of the body.")
        return message

    def closing(self, send: Send) -> Send:
        """What still comes of a body that was given up is no next request."""

        async def close_after(message: Message) -> None:
            if message["type"] == "http.response.start" and self._given_up:
                message["headers"] = [*message["headers"], CLOSE]
            await send(message)

        return close_after


class PatientProtocol(HttpToolsProtocol):
    """Closes connections on which the headers of a request do not come to an end, in time or in length."""

    seconds: float
    _waiting: asyncio.TimerHandle | None = None
    _told = 0
    """Bytes of the line, the headers and the trailers of this request."""
    _unread = 0
    """Bytes that came since the parser told of anything: of one header that has no end, or of nothing at all."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._told = 0

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value))
        super().on_header(name, value)

    def on_body(self, body: bytes) -> None:
        self._unread = 0
        super().on_body(body)

    def _count(self, size: int) -> None:
        self._unread = 0
        self._told += size
        if self._told > MOST_HEADERS:
            raise ValueError(self._told)  # to the parser, which then calls it no request

    def data_received(self, data: bytes) -> None:
        self._unread += len(data)
        super().data_received(data)
        if self._unread > MOST_HEADERS and not self.transport.is_closing():
            self.send_400_response("The line or the headers of the request have no end.")
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop_waiting()
        elif self._waiting is None and not self.transport.is_closing():
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._waiting = self.loop.call_later(self.seconds, self._give_up)

    def _stop_waiting(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _give_up(self) -> None:
        self._waiting = None
        if self.cycle is None or self.cycle.response_complete:
            self.transport.close()


def patient_protocol(seconds: float) -> type[PatientProtocol]:
    """uvicorn makes one of these for each connection, and knows nothing of seconds."""
    return type("PatientProtocol", (PatientProtocol,), {"seconds": seconds})

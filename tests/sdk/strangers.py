"""Servers that are not ours, on loopback: they answer as they were told, and remember what came."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


class Stranger(ThreadingHTTPServer):
    """status, headers, body: what everybody is answered. `came`: the requests, as (line, headers)."""

    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.answer = (status, headers, body)
        self.came: list[tuple[str, dict[str, str]]] = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


class Answering(BaseHTTPRequestHandler):
    server: Stranger

    def do_GET(self) -> None:
        self.server.came.append((self.requestline, {name.lower(): value for name, value in self.headers.items()}))
        status, headers, body = self.server.answer
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def log_message(self, *words: object) -> None:
        """Quiet."""


@contextmanager
def stranger(status: int = 200, body: bytes = b"<html></html>", **headers: str) -> Iterator[Stranger]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    with Stranger(status, {"Content-Type": "text/html", **named}, body) as one:
        Thread(target=one.serve_forever, daemon=True).start()
        yield one
        one.shutdown()

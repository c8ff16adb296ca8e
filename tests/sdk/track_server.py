"""A server of runs on loopback, as the service's routes are: it takes each byte once. It can be down, lose its answers
after it has taken what came, refuse, or hang."""

import hashlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec

from headhunt.track.journal import Kept, Record, frames_in
from headhunt.track.wire import JournalKept, Run, RunBegun
from headhunt.wire import Page
from tests.sdk.servers import free_port, shut

KEY = "hh_test_key"


class Runs:
    """What the server has. It stays while the server is down."""

    def __init__(self) -> None:
        self.begun: dict[str, RunBegun] = {}
        self.journals: dict[str, dict[str, bytearray]] = {}
        self.files: dict[str, dict[str, bytes]] = {}
        self.asked: list[tuple[str, Any]] = []
        self.requests = self.beats = self.lost_answers = 0
        self.lose_every = 0
        self.refuse: tuple[int, str] | None = None
        self.refuse_files = False
        self.hold_files: threading.Event | None = None
        self.hang: threading.Event | None = None
        self.lock = threading.Lock()
        self.connections: set[socket.socket] = set()

    def records(self, run: str) -> list[Record]:
        """Of all writers, in the order of their names."""
        return [one for _, data in sorted(self.journals.get(run, {}).items()) for _, one in frames_in(bytes(data))]

    def take(self, run: str, writer: str, offset: int, data: bytes) -> int:
        with self.lock:
            there = self.journals[run].setdefault(writer, bytearray())
            if offset <= len(there):
                there += data[len(there) - offset :]
            whole = 0
            for end, _ in frames_in(bytes(there)):
                whole = end
            del there[whole:]
            self.beats += not data
            return len(there)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    runs: Runs

    def log_message(self, *words: Any) -> None:
        """Nothing."""

    def handle(self) -> None:
        self.runs.connections.add(self.connection)
        try:
            super().handle()
        except (OSError, ValueError):  # it was cut
            return
        finally:
            self.runs.connections.discard(self.connection)

    def answer(self) -> None:
        body = self.body()
        runs, parts = self.runs, urlsplit(self.path)
        runs.requests += 1
        if runs.hang is not None:
            runs.hang.wait(240)
        if runs.hold_files is not None and "/files/" in self.path:
            runs.hold_files.wait(240)
        if self.headers.get("Authorization") != f"Bearer {KEY}":
            return self.problem(401, "not_signed_in")
        if runs.refuse is not None:
            return self.problem(*runs.refuse)
        names = parts.path.removeprefix("/api/v1/runs/").split("/")
        answer = self.does(names[0], names[1:], {name: one[0] for name, one in parse_qs(parts.query).items()}, body)
        if runs.lose_every and runs.requests % runs.lose_every == 0:
            runs.lost_answers += 1
            self.close_connection = True
            return None
        return self.problem(404, "unknown_run") if answer is None else self.say(200, msgspec.json.encode(answer))

    do_GET = do_PUT = do_POST = answer

    def does(self, run: str, words: list[str], query: dict[str, str], body: bytes) -> Any:
        runs = self.runs
        if not words:
            runs.begun.setdefault(run, msgspec.json.decode(body, type=RunBegun))
            runs.journals.setdefault(run, {})
            return Run(id=run, experiment="", name="", state="running", started=0.0, seen=0.0)
        if run not in runs.begun:
            return None
        if words[0] == "files":
            if runs.refuse_files or hashlib.sha256(body).hexdigest() != words[1]:
                return None
            runs.files.setdefault(run, {})[words[1]] = body
            return {}
        if words[0] == "lacking":
            named = {one.digest for one in runs.records(run) if isinstance(one, Kept)}
            return Page(items=tuple(sorted(named - runs.files.get(run, {}).keys())), next=None)
        if words[0] != "journal":
            runs.asked.append((words[0], msgspec.json.decode(body)))
            return {}
        if self.command == "GET":
            return {name: len(data) for name, data in runs.journals[run].items()}
        return JournalKept(kept=runs.take(run, query["writer"], int(query["offset"]), body))

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def problem(self, status: int, code: str) -> None:
        told = {"type": "about:blank", "title": "No", "status": status, "detail": f"{code}.", "code": code}
        self.say(status, msgspec.json.encode(told), "problem+json")

    def say(self, status: int, body: bytes, kind: str = "json") -> None:
        self.send_response(status)
        self.send_header("Content-Type", f"application/{kind}")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class TrackServer:
    """`up` and `down` as often as wanted; the port and what was taken stay."""

    def __init__(self) -> None:
        self.runs, self.port = Runs(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._server: ThreadingHTTPServer | None = None

    def up(self) -> None:
        handler = type("Bound", (Handler,), {"runs": self.runs})
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def down(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            for one in list(self.runs.connections):
                shut(one)
            self._server = None


@contextmanager
def track_server() -> Iterator[TrackServer]:
    one = TrackServer()
    one.up()
    try:
        yield one
    finally:
        one.down()

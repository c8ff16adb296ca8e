"""A small hub on loopback: as much of the hub's protocol as its client needs, and the ways in which a hub can fail."""

import hashlib
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMIT = "0123456789abcdef0123456789abcdef01234567"
REFUSALS = {"gated": (403, "GatedRepo"), "broken": (503, "")}


@dataclass
class Hub:
    """The repositories it holds, what was asked of it, and its manner: `well` or one of the ways to fail."""

    repositories: dict[str, dict[str, bytes]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    manner: str = "well"
    endpoint: str = ""
    ended: threading.Event = field(default_factory=threading.Event)


@contextmanager
def serving(hub: Hub) -> Iterator[Hub]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler_for(hub))
    server.daemon_threads = True
    server.block_on_close = False
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    hub.endpoint = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield hub
    finally:
        hub.ended.set()
        server.shutdown()
        server.server_close()
        thread.join()


def handler_for(hub: Hub) -> type[BaseHTTPRequestHandler]:
    return type("BoundHandler", (Handler,), {"hub": hub})


class Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self.answer(body=False)

    def do_GET(self) -> None:
        self.answer(body=True)

    def log_message(self, format: str, *args: object) -> None:
        pass

    def answer(self, body: bool) -> None:
        self.hub.asked.append(f"{self.command} {self.path}")
        manner = self.hub.manner
        if manner == "silent" or (manner == "silent body" and body):
            self.hub.ended.wait(240)
            self.close_connection = True
            return
        repo, _, rest = self.path.lstrip("/").partition("/resolve/")
        file = rest.partition("/")[2]
        if manner in REFUSALS:
            self.refuse(*REFUSALS[manner])
        elif repo not in self.hub.repositories:
            self.refuse(404, "RepoNotFound")
        elif file not in self.hub.repositories[repo]:
            self.refuse(404, "EntryNotFound")
        else:
            self.give(self.hub.repositories[repo][file], body)

    def refuse(self, status: int, code: str) -> None:
        self.send_response(status)
        self.send_header("X-Error-Code", code)
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def give(self, content: bytes, body: bool) -> None:
        self.send_response(200)
        self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if body:
            self.pour(content)

    def pour(self, content: bytes) -> None:
        if self.hub.manner == "cut":
            self.wfile.write(content[: len(content) // 2])
            self.close_connection = True
            return
        piece = 1 + len(content) // 12 if self.hub.manner == "slow" else len(content)
        for start in range(0, len(content), piece):
            self.wfile.write(content[start : start + piece])
            self.wfile.flush()
            time.sleep(0.1 if self.hub.manner == "slow" else 0)

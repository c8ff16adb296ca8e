"""`headhunt serve`: the application in this process, a worker beside it that is started again whenever it dies, and a
thread that takes in the runs of its own home."""

import logging
import os
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import uvicorn
from litestar.concurrency import set_asyncio_executor

from headhunt.errors import BadValue
from service.app import create_app
from service.gathering import Gatherer, Gathering
from service.logs import log_as_json
from service.parts import Service, first_link, service_of
from service.patience import patient_protocol
from service.settings import Settings
from service.store import DATABASE, STORE

log = logging.getLogger("headhunt.serve")
AGAIN_S = 1.0
"""Between a worker's death and the next one."""
PRIVATE = 0o077
"""What is written is for this user alone: the home holds passwords' hashes and other people's images."""
THREADS = 4
"""For handlers that ask the database. More of them take the interpreter from each other, and all answers come later."""
PATIENCE_S = 10.0
"""So long a worker may take to give back what it runs."""


class Workers:
    """The worker process of this server."""

    def __init__(self, settings: Settings, module: str) -> None:
        self.settings, self.module = settings, module
        self._ending = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._watch = threading.Thread(target=self._keep, name="workers", daemon=True)

    def __enter__(self) -> "Workers":
        if self.settings.workers:
            self._watch.start()
        return self

    def __exit__(self, *fault: object) -> None:
        self._ending.set()
        process = self._process
        if process is not None and process.stdin is not None:
            process.stdin.close()
            try:
                process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _keep(self) -> None:
        """A worker is there, until this server ends."""
        while not self._ending.is_set():
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and our own words
                self.command(), stdin=subprocess.PIPE, env=self.surroundings()
            )
            code = self._process.wait()
            if not self._ending.wait(AGAIN_S):
                log.warning("the worker ended with %s and is started again", code)

    def command(self) -> list[str]:
        asked = self.settings
        words: dict[str, object] = {"home": asked.home, "slots": asked.workers, "lease": asked.lease_s}
        if asked.ray is not None:
            words["ray"] = asked.ray
        given = [f"--{name}={value}" for name, value in words.items()]
        return [sys.executable, "-m", self.module, "--with-server", *given]

    def surroundings(self) -> dict[str, str]:
        """The URLs of the database and the store may hold passwords, and everybody sees the words of a command."""
        store = {} if self.settings.store is None else {STORE: self.settings.store}
        return {**os.environ, DATABASE: self.settings.database_url, **store}


def serve(settings: Settings, worker: str = "service.work") -> None:
    """Until it is told to stop. worker: the module that is started as one; benchmarks bring jobs of their own."""
    os.umask(PRIVATE)
    with listening(settings) as place:
        set_asyncio_executor(ThreadPoolExecutor(THREADS, "request"))
        app = create_app(settings)
        config = uvicorn.Config(app, **options(settings))
        log_as_json()
        with Workers(settings, worker), Gatherer(gathering_of(app.state.service)):
            greet(settings)
            uvicorn.Server(config).run([place])


def gathering_of(service: Service) -> Gathering:
    return Gathering(service.settings.home, service.tracking, service.run_files, service.projects)


def greet(settings: Settings) -> None:
    """For people: where it is, and the way in while the admin has no password."""
    service = service_of(settings)
    try:
        token = first_link(service)
    finally:
        service.database.close()
    print(f"headhunt serves on {settings.address}", flush=True)
    if token:
        print(f"Sign in, once, as admin: {settings.link(token)}", flush=True)


def options(settings: Settings) -> dict[str, Any]:
    """How uvicorn is run; benchmarks compare others under the same."""
    return {
        "http": patient_protocol(settings.patience_s),
        "ws": "none",
        "log_config": None,
        "access_log": False,
        "timeout_graceful_shutdown": 5,
        "server_header": False,
        "proxy_headers": settings.url is not None,
    }


def listening(settings: Settings) -> socket.socket:
    """The port, before anything is promised or started."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    # With its protocol named: else asyncio does not know that it is TCP, and leaves every answer to Nagle's algorithm,
    # which keeps the second half of it back for 40 ms.
    place = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        place.bind((settings.host, settings.port))
    except OSError as error:
        place.close()
        raise BadValue(
            f"Nothing can listen on {settings.host}:{settings.port} ({error.strerror or error})."
            " Give another --port, or an address of this machine as --host."
        ) from error
    return place

"""`headhunt serve` as a real process on loopback, which may be killed and come back on the same port."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx2

from headhunt.remote.transport import Server
from tests.recommender.little_zoo import REFERENCE

HEADHUNT = [sys.executable, "-c", "from headhunt.cli.main import run; run()"]
PATIENCE_S = 240.0


def said(
    home: Path, *words: str | Path, given: str | None = None, **environment: str
) -> "subprocess.CompletedProcess[str]":
    """The command as a user types it, in a home of its own."""
    plain = {name: value for name, value in os.environ.items() if name not in ("HEADHUNT_SERVER", "HEADHUNT_API_KEY")}
    surroundings = {**plain, "HEADHUNT_HOME": str(home), "OMP_NUM_THREADS": "1", **environment}
    command = [*HEADHUNT, *map(str, words)]
    return subprocess.run(command, env=surroundings, input=given, capture_output=True, text=True, check=False)


def until(true: Callable[[], object]) -> None:
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < PATIENCE_S
        time.sleep(0.05)


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


class Running:
    """A server of a home. `start` and `kill` as often as wanted; the port stays."""

    def __init__(self, home: Path, workers: int = 1) -> None:
        self.home, self.workers, self.port = home, workers, free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None
        self.key = ""

    def start(self) -> None:
        surroundings = {**os.environ, "HEADHUNT_HOME": str(self.home), "HEADHUNT_REFERENCE": REFERENCE}
        words = [*HEADHUNT, "serve", "--port", str(self.port), "--workers", str(self.workers)]
        self.process = subprocess.Popen(words, env=surroundings, stdout=subprocess.DEVNULL)
        until(self.answers)
        self.key = self.key or said(self.home, "key", "create").stdout.strip()

    def answers(self) -> bool:
        try:
            return httpx2.get(f"{self.url}/ready", trust_env=False).status_code == 200
        except httpx2.TransportError:
            return False

    def kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(240)

    def server(self, **options: float) -> Server:
        return Server(self.url, self.key, **options)


@contextmanager
def running(home: Path, workers: int = 1) -> Iterator[Running]:
    one = Running(home, workers)
    try:
        one.start()
        yield one
    finally:
        one.stop()


class Cable:
    """A port that leads to another one, until it is cut; what went through it is counted."""

    def __init__(self, to: int) -> None:
        self.to, self.port, self.connections = to, free_port(), 0
        self.url = f"http://127.0.0.1:{self.port}"
        self._ends: list[socket.socket] = []
        self._listener: socket.socket | None = None
        self.mend()

    def mend(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def cut(self) -> None:
        """Every connection ends, and nobody listens."""
        if self._listener is not None:
            shut(self._listener)
        for end in self._ends:
            shut(end)
        self._ends.clear()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return
            self.connections += 1
            far = socket.create_connection(("127.0.0.1", self.to))
            self._ends += [near, far]
            for one, other in ((near, far), (far, near)):
                threading.Thread(target=carry, args=(one, other), daemon=True).start()


def carry(one: socket.socket, other: socket.socket) -> None:
    try:
        while data := one.recv(65536):
            other.sendall(data)
    except OSError:
        pass
    shut(other)
    shut(one)


def shut(one: socket.socket) -> None:
    with suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()


@contextmanager
def cable(to: int) -> Iterator[Cable]:
    made = Cable(to)
    try:
        yield made
    finally:
        made.cut()

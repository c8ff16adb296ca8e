"""What benchmarks/service.py works with: a home with a small zoo, archives, and a real `headhunt serve` on loopback."""

import io
import os
import signal
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
from PIL import Image

from headhunt.vocabulary import MIB, Protocol
from service.parts import service_of
from service.projects import DEFAULT
from service.settings import Settings
from zoo.repository import Zoo
from zoo.starter.build import StarterPlan
from zoo.starter.domains import Counts
from zoo.starter.filling import fill_starter
from zoo.starter.networks import StarterNetwork

SERVE = (sys.executable, "-c", "from headhunt.cli.main import run; run()", "serve")
BRIEF = Protocol(steps=30, batch_size=32, lr=3e-3, precision="fp32", input_size=32)
REFERENCE = "solids/test_resnet"
PATIENCE_S = 120.0


@dataclass(frozen=True)
class Server:
    """A process that serves, and a key for it."""

    process: "subprocess.Popen[bytes]"
    port: int
    key: str
    began: float
    """time.monotonic() when the process was started."""
    ready_s: float

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=f"http://127.0.0.1:{self.port}", headers=self.headers, timeout=PATIENCE_S)

    def memory(self, field: str) -> float:
        """`VmRSS` or `VmHWM` in MiB."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(f"{field}:")) / 1024

    def forget_peak(self) -> None:
        """From now on VmHWM is the peak since now."""
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    def cpu(self) -> float:
        """Seconds of processor time until now, of the web process alone."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def serving(home: Path, workers: int = 0, command: Sequence[str] = SERVE) -> Iterator[Server]:
    """command: what is started, with --port and --workers; it is ready when /ready says so."""
    key, port = key_of(home), free_port()
    words = [*command, "--port", str(port), "--workers", str(workers)]
    env = {**os.environ, "HEADHUNT_HOME": str(home), "HEADHUNT_REFERENCE": REFERENCE}
    began = time.monotonic()
    process = subprocess.Popen(words, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until_ready(process, port)
        yield Server(process, port, key, began, time.monotonic() - began)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def wait_until_ready(process: "subprocess.Popen[bytes]", port: int) -> None:
    began = time.monotonic()
    while process.poll() is None and time.monotonic() - began < PATIENCE_S:
        try:
            with socket.create_connection(("127.0.0.1", port), 1.0) as one:
                one.sendall(b"GET /ready HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n")
                if one.recv(64).startswith(b"HTTP/1.1 200"):
                    return
        except OSError:
            time.sleep(0.005)
    raise SystemExit("The server did not become ready.")


def key_of(home: Path) -> str:
    service = service_of(Settings(home=home))
    try:
        return service.key(DEFAULT, "owner")
    finally:
        service.database.close()


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


# --- What is in the home, and what is sent ----------------------------------------------------------------------------


def fill_zoo(home: Path) -> None:
    """Four models over two domains, taught for a moment: enough for a recommendation to have all its stages."""
    networks = (StarterNetwork("test_resnet", "", BRIEF), StarterNetwork("test_efficientnet", "", BRIEF))
    plan = StarterPlan(("glyphs", "solids"), networks, Counts(train=12, test=4))
    fill_starter(Zoo(home), plan=plan, process_count=1)


def photos(place: Path, size: int, seed: int, side: int = 256) -> Path:
    """A zip of `size` bytes or a little more: JPEGs of noise in two classes."""
    chance = np.random.default_rng(seed)
    with zipfile.ZipFile(place, "w") as file:
        number = 0
        while place.stat().st_size < size or number < 40:
            held = io.BytesIO()
            pixels = chance.integers(0, 256, (side, side, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(held, "JPEG", quality=95)
            file.writestr(f"{'cat' if number % 2 else 'dog'}/{number}.jpg", held.getvalue())
            number += 1
    return place


def noise(place: Path, size: int) -> Path:
    """What is no archive: the server looks at its first bytes, and refuses it when all of it has come."""
    with open(place, "wb") as file:
        block = np.random.default_rng(0).bytes(8 * MIB)
        while size > 0:
            size -= file.write(block[:size])
        os.fsync(file.fileno())
    return place


# --- How it is sent ---------------------------------------------------------------------------------------------------


def upload(server: Server, file: Path, name: str, as_form: bool) -> tuple[int, float]:
    """(status, seconds). The kernel sends the file from its cache: that costs this process nothing."""
    before, after, kind = b"", b"", "application/zip"
    if as_form:
        disposition = 'Content-Disposition: form-data; name="archive"; filename="a.zip"'
        field = 'Content-Disposition: form-data; name="name"'
        before = f"--xyz\r\n{field}\r\n\r\n{name}\r\n--xyz\r\n{disposition}\r\n\r\n".encode()
        after, kind = b"\r\n--xyz--\r\n", "multipart/form-data; boundary=xyz"
    length = len(before) + file.stat().st_size + len(after)
    head = (
        f"POST /api/v1/datasets?name={name} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {server.key}\r\n"
        f"content-type: {kind}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
    )
    began = time.perf_counter()
    with socket.create_connection(("127.0.0.1", server.port), PATIENCE_S) as one, open(file, "rb") as source:
        one.sendall(head.encode() + before)
        one.sendfile(source)
        one.sendall(after)
        answer = b""
        while data := one.recv(65536):
            answer += data
    return int(answer[9:12] or 0), time.perf_counter() - began

"""What clients do below HTTP: raw bytes over sockets, to a real server process on loopback."""

import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from service.parts import service_of
from service.settings import Settings
from tests.service.asking import archive

PATIENCE_S = 1.5
SERVER = """
import sys
from pathlib import Path
from service.serve import serve
from service.settings import Settings
serve(Settings(home=Path(sys.argv[1]), port=int(sys.argv[2]), workers=0, patience_s=float(sys.argv[3])))
"""
CHUNKED = b"transfer-encoding: chunked\r\n"


@dataclass(frozen=True)
class Place:
    home: Path
    port: int
    pid: int
    key: str

    @property
    def who(self) -> bytes:
        return f"host: 127.0.0.1:{self.port}\r\nauthorization: Bearer {self.key}\r\n".encode()

    def upload(self, headers: bytes, name: str = "photos") -> bytes:
        line = f"POST /api/v1/datasets?name={name} HTTP/1.1\r\ncontent-type: application/zip\r\n"
        return line.encode() + self.who + headers + b"\r\n"

    def get(self, path: bytes, headers: bytes = b"") -> bytes:
        return b"GET " + path + b" HTTP/1.1\r\n" + self.who + headers + b"connection: close\r\n\r\n"

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), 120.0)

    def answer(self, sent: bytes) -> bytes:
        """All that comes until the connection is closed, which it must be."""
        with self.connect() as one:
            with suppress(BrokenPipeError, ConnectionResetError):  # it had heard enough
                one.sendall(sent)
            return rest(one)

    def status(self, sent: bytes) -> int:
        return status_of(self.answer(sent))

    def datasets(self) -> bytes:
        return self.answer(self.get(b"/api/v1/datasets")).partition(b"\r\n\r\n")[2]

    def drafts(self) -> list[Path]:
        return list((self.home / "uploads").glob("*"))

    def forget_peak(self) -> None:
        """The start of a server needs more than what comes after it."""
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    def peak(self) -> int:
        """Bytes, since it was forgotten."""
        found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{self.pid}/status").read_text())
        assert found is not None
        return int(found[1]) * 1024


def rest(one: socket.socket) -> bytes:
    held = b""
    with suppress(ConnectionResetError):
        while data := one.recv(65536):
            held += data
    return held


def status_of(answer: bytes) -> int:
    assert answer.startswith(b"HTTP/1.1 "), answer[:100]
    return int(answer[9:12])


def until(true: Callable[[], object]) -> None:
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < 240
        time.sleep(0.02)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    home = tmp_path_factory.mktemp("home")
    service = service_of(Settings(home=home))
    key = service.key("default", "member")
    service.database.close()
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    words = [sys.executable, "-c", SERVER, str(home), str(port), str(PATIENCE_S)]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    made = Place(home, port, process.pid, key)
    try:
        until(lambda: process.poll() is None and ready(made))
        yield made
    finally:
        process.terminate()
        process.wait(240)


def ready(place: Place) -> bool:
    try:
        return place.status(place.get(b"/ready")) == 200
    except OSError:
        return False


def test_a_body_that_trickles_is_given_up_and_others_do_not_notice(place: Place) -> None:
    """The issue's example is a byte in ten seconds; here a byte in half of a second, with patience as much shorter."""
    with place.connect() as slow:
        slow.sendall(place.upload(b"content-length: 1000000\r\n", "slow"))
        began = time.monotonic()
        slow.settimeout(PATIENCE_S / 3)
        answer = b""
        while not answer:
            slow.sendall(b"x")
            assert place.status(place.get(b"/api/v1/datasets")) == 200
            try:
                answer = slow.recv(65536)
            except TimeoutError:
                assert time.monotonic() - began < 240
        slow.settimeout(240)
        answer += rest(slow)  # it ends: the connection is closed
    assert status_of(answer) == 408
    assert b'"code":"too_slow"' in answer
    assert time.monotonic() - began >= PATIENCE_S
    until(lambda: not place.drafts())


def test_a_json_body_that_does_not_come_is_given_up(place: Place) -> None:
    line = b"POST /api/v1/recommendations HTTP/1.1\r\ncontent-type: application/json\r\n"
    assert place.status(line + place.who + b"content-length: 100\r\n\r\n{") == 408


def test_a_form_that_does_not_come_is_given_up(place: Place) -> None:
    line = b"POST /api/v1/datasets HTTP/1.1\r\ncontent-type: multipart/form-data; boundary=x\r\n"
    assert place.status(line + place.who + b"content-length: 1000\r\n\r\n--x\r\n") == 408


@pytest.mark.parametrize("sent", [b"", b"GET /health HTTP/1.1\r\nx-a: b"])
def test_headers_that_do_not_come_are_given_up(place: Place, sent: bytes) -> None:
    assert place.answer(sent) == b""


def test_the_headers_of_a_second_request_that_do_not_come_are_given_up(place: Place) -> None:
    with place.connect() as one:
        one.sendall(b"GET /health HTTP/1.1\r\n" + place.who + b"\r\n")
        answer = b""
        while not answer.endswith(b"}"):
            answer += one.recv(65536)
        one.sendall(b"GET /health HT")
        assert rest(one) == b""


def test_who_sends_slowly_but_steadily_is_waited_for(place: Place) -> None:
    """More than a KiB a second: so much more that a machine which holds its breath for seconds changes nothing."""
    data = archive(count=100)
    with place.connect() as one:
        one.sendall(place.upload(f"content-length: {len(data)}\r\nconnection: close\r\n".encode(), "steady"))
        began, parts = time.monotonic(), 8
        for i in range(parts):
            one.sendall(data[len(data) * i // parts : len(data) * (i + 1) // parts])
            time.sleep(PATIENCE_S / 4)
        assert time.monotonic() - began > PATIENCE_S
        assert status_of(rest(one)) == 201


@pytest.mark.parametrize("headers", [b"content-length: 1000000\r\n", CHUNKED])
def test_a_client_that_goes_away_in_the_middle_leaves_nothing(place: Place, headers: bytes) -> None:
    before = place.datasets()
    data = archive(seed=7)
    with place.connect() as one:
        body = data if headers != CHUNKED else b"%x\r\n%b\r\n" % (len(data), data)
        one.sendall(place.upload(headers, "half") + body)
        until(place.drafts)
    until(lambda: not place.drafts())
    assert place.datasets() == before


def test_a_body_with_two_lengths_is_refused(place: Place) -> None:
    for line in (b"content-length: 5\r\n" + CHUNKED, CHUNKED + b"content-length: 5\r\n"):
        assert place.status(place.upload(line + b"connection: close\r\n") + b"5\r\nhello\r\n0\r\n\r\n") == 400
    assert place.status(place.upload(b"content-length: 5\r\ncontent-length: 6\r\n") + b"hello!") == 400


@pytest.mark.parametrize("size", [b"zz", b"-5", b"0x5", b"5 5", b"f" * 40])
def test_a_chunk_without_a_size_is_refused(place: Place, size: bytes) -> None:
    assert place.status(place.upload(CHUNKED) + size + b"\r\nhello\r\n0\r\n\r\n") == 400


@pytest.mark.parametrize(
    "line",
    [
        b"content-length: -5\r\n",
        b"content-length: five\r\n",
        b"transfer-encoding: x\r\n",
        b"transfer-encoding: gzip, chunked\r\n",
    ],
)
def test_a_length_that_is_none_is_refused(place: Place, line: bytes) -> None:
    assert place.status(place.upload(line) + b"hello") in (400, 501)


@pytest.mark.parametrize("hosts", [b"", b"host: 127.0.0.1\r\nhost: elsewhere\r\n"])
def test_a_request_names_one_host(place: Place, hosts: bytes) -> None:
    for path in (b"/health", b"/api/v1/datasets"):
        line = b"GET " + path + b" HTTP/1.1\r\nauthorization: Bearer " + place.key.encode()
        assert place.status(line + b"\r\nconnection: close\r\n" + hosts + b"\r\n") == 400
    assert place.status(b"GET /health HTTP/1.0\r\n\r\n") == 200


@pytest.mark.slow
def test_an_archive_in_chunks_of_a_byte_is_taken_in_little_memory(place: Place) -> None:
    """3 MB of them: 18 MB on the wire."""
    place.forget_peak()
    before = place.peak()
    body = b"1\r\nx\r\n" * 3_000_000 + b"0\r\n\r\n"
    status = place.status(place.upload(CHUNKED + b"connection: close\r\n", "crumbs") + body)
    assert status == 422  # it is no archive, which was seen when all of it had come
    assert place.peak() - before < 32 * 2**20


def test_lines_without_an_end_are_refused(place: Place) -> None:
    long = b"a" * 2**20
    assert place.status(place.get(b"/api/v1/datasets?" + long)) in (400, 414)
    assert place.status(place.get(b"/" + long)) in (400, 414)
    assert place.status(place.get(b"/health", b"x-long: " + long + b"\r\n")) in (400, 431)
    assert place.status(place.get(b"/health", b"".join(b"x-%d: y\r\n" % i for i in range(100_000)))) in (400, 431)


@pytest.mark.parametrize(("size", "status"), [(60_000, 200), (70_000, 400)])
def test_headers_have_64_kib_and_no_more(place: Place, size: int, status: int) -> None:
    """Come at once or in two pieces."""
    whole = place.get(b"/health", b"x-long: " + b"a" * size + b"\r\n")
    assert place.status(whole) == status
    with place.connect() as one:
        one.sendall(whole[:1000])
        time.sleep(0.05)
        with suppress(BrokenPipeError, ConnectionResetError):
            one.sendall(whole[1000:])
        assert status_of(rest(one)) == status


@pytest.mark.parametrize("line", [b"x-a: b\r\n", b"x" * 1000, b"x: " + b"y" * 10_000])
def test_trailers_have_an_end_too(place: Place, line: bytes) -> None:
    """20 MB of them, and no memory for it."""
    place.forget_peak()
    before = place.peak()
    chunk = b"5\r\nhello\r\n0\r\n"
    assert place.answer(place.upload(CHUNKED) + chunk + line * (20_000_000 // len(line)))[9:12] in (b"", b"400")
    assert place.peak() - before < 16 * 2**20


def test_what_follows_the_size_of_a_chunk_has_an_end(place: Place) -> None:
    assert place.answer(place.upload(CHUNKED) + b"5;" + b"x" * 20_000_000)[9:12] in (b"", b"400")


def test_a_long_body_leaves_the_next_request_its_headers(place: Place) -> None:
    """Sent without waiting for the answers."""
    body = b'{"dataset": "none", "budget": "' + b"9" * 300_000 + b'"}'
    line = b"POST /api/v1/recommendations HTTP/1.1\r\ncontent-type: application/json\r\n" + place.who
    both = place.answer(line + b"content-length: %d\r\n\r\n" % len(body) + body + place.get(b"/health"))
    assert status_of(both) in (400, 404, 422)
    assert both.count(b"HTTP/1.1 200") == 1


def test_ten_thousand_parameters_harm_nobody(place: Place) -> None:
    for words in (b"&".join(b"a%d=1" % i for i in range(10_000)), b"&".join([b"a="] * 10_000)):
        assert place.status(place.get(b"/api/v1/datasets?" + words)) in (200, 400, 414)


def test_what_is_no_http_is_refused_and_the_next_request_is_answered(place: Place) -> None:
    for sent in (b"\x16\x03\x01\x02\x00\r\n\r\n", b"GET\r\n\r\n", b"\r\n" * 10 + b"NONSENSE\r\n\r\n", b"\0" * 1000):
        assert place.answer(sent)[9:12] in (b"", b"400")
    assert place.status(place.get(b"/ready")) == 200

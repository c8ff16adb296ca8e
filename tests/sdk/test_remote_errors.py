"""What a server says went wrong is raised as the error that it was; where no server of ours answers, a line says so."""

import gzip
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import httpx2
import pytest
from litestar.testing import TestClient

import headhunt
from headhunt.errors import BadValue, HeadhuntError, NotSignedIn, ServerUnreachable, UnknownDataset, UnknownJob
from headhunt.remote import engine, reading, transport
from headhunt.remote.address import address, in_the_clear
from headhunt.remote.following import progress_of
from headhunt.remote.problems import error_of, family
from headhunt.remote.transport import Server
from headhunt.wire import Dataset, Me
from service.app import create_app
from service.parts import service_of
from service.settings import Settings
from tests.sdk.servers import free_port, said
from tests.sdk.strangers import stranger


class InProcess(httpx2.BaseTransport):
    """The way to an application in this process, without a network."""

    def __init__(self, client: "TestClient[object]") -> None:
        self.client = client

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        answer = self.client.request(
            request.method, request.url.raw_path.decode(), headers=list(request.headers.items()), content=request.read()
        )
        return httpx2.Response(answer.status_code, headers=list(answer.headers.items()), content=answer.content)


@pytest.fixture
def app(tmp_path: Path) -> Iterator[tuple[InProcess, str]]:
    settings = Settings(home=tmp_path / "served")
    service = service_of(settings)
    key = service.key("default", "member")
    service.database.close()
    with TestClient(create_app(settings)) as client:
        yield InProcess(client), key


@pytest.mark.parametrize("kind", sorted(set(family(HeadhuntError)), key=lambda one: one.code))
def test_every_error_arrives_as_the_class_that_it_was_with_its_words(kind: type[HeadhuntError]) -> None:
    words = "No thing named 'x'. Try again in 7 s."
    found = error_of(kind.code, words)
    assert (type(found), str(found), found.code) == (kind, words, kind.code)


def test_a_code_that_nobody_knows_is_an_error_that_carries_it() -> None:
    found = error_of("invented_tomorrow", "Something new.")
    assert (type(found), str(found), found.code) == (HeadhuntError, "Something new.", "invented_tomorrow")
    assert HeadhuntError.code == "headhunt_error"


def test_what_the_service_raises_is_raised_here(app: tuple[InProcess, str]) -> None:
    way, key = app
    with Server("http://127.0.0.1", key, transport=way) as server:
        assert server.greet().role == "member"
        with pytest.raises(UnknownDataset, match="'nothing'") as caught:
            server.ask("GET", "/datasets/nothing", Dataset)
        assert caught.value.name == "nothing"
        with pytest.raises(UnknownJob):
            engine.find(server, "0" * 32)
        with pytest.raises(HeadhuntError) as other:
            server.ask("GET", "/no/such/route", Dataset)
        assert other.value.code == "not_found"


def test_a_key_that_does_not_hold_is_told_with_the_way_to_another(app: tuple[InProcess, str]) -> None:
    way, key = app
    for wrong in (None, key + "x", "hh_no_no"):
        with (
            Server("http://127.0.0.1", wrong, transport=way) as server,
            pytest.raises(NotSignedIn, match="headhunt login"),
        ):
            server.greet()


def test_a_key_that_cannot_be_one_is_refused_before_it_is_sent() -> None:
    for wrong in ("", "hh a", "hh\nX: y", "schlüssel"):
        with pytest.raises(BadValue, match="key"):
            Server("http://127.0.0.1", wrong)


# --- Addresses --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "plain"),
    [
        ("http://Host:8765/", "http://host:8765"),
        ("HTTPS://host:443", "https://host"),
        ("http://[::1]:8765", "http://[::1]:8765"),
        ("https://host/headhunt/", "https://host/headhunt"),
        ("http://host:80/api/v1", "http://host"),
    ],
)
def test_a_server_has_one_address_however_it_is_written(given: str, plain: str) -> None:
    assert address(given) == plain


@pytest.mark.parametrize(
    "wrong",
    ["host:8765", "ftp://host", "", "http://", "http://host:no", "http://a:b@host", "http://host?x", "http://h o"],
)
def test_what_is_no_address_is_refused_with_how_one_looks(wrong: str) -> None:
    with pytest.raises(BadValue, match="Give"):
        address(wrong)


def test_plain_http_is_warned_of_unless_it_stays_on_this_machine() -> None:
    quiet = ("http://127.0.0.1:8765", "http://[::1]", "http://localhost:1", "https://host")
    assert [in_the_clear(url) for url in quiet] == [None] * 4
    assert "in the clear" in str(in_the_clear("http://host:8765"))


# --- Who answers, if anybody ------------------------------------------------------------------------------------------


def reason(url: str) -> str:
    with Server(url, "hh_a_b") as server, pytest.raises(ServerUnreachable) as caught:
        server.greet()
    assert url in str(caught.value)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_where_nobody_listens_a_line_says_what_would_do() -> None:
    assert "headhunt serve" in reason(f"http://127.0.0.1:{free_port()}")
    assert "cannot be reached" in reason("http://nobody.invalid")


def test_another_kind_of_server_is_told_from_ours() -> None:
    with stranger() as page:
        assert "is no headhunt server (200, text/html)" in reason(page.url)
    with stranger(404, b"nothing here") as page:
        assert "is no headhunt server (404" in reason(page.url)
    with (
        stranger(200, b'{"a": 1}', Content_Type="application/json") as other,
        Server(other.url, "hh_a_b") as server,
        pytest.raises(HeadhuntError, match="another version"),
    ):
        server.greet()
    with stranger(502, b"bad gateway") as proxy:
        assert "502" in reason(proxy.url)


def test_an_answer_that_is_too_large_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "LARGEST_ANSWER", 2**20)
    packed = gzip.compress(b" " * 2**24)
    for body, more in ((b" " * 2**21, {}), (packed, {"Content_Encoding": "gzip"})):
        with (
            stranger(200, body, Content_Type="application/json", **more) as flood,
            Server(flood.url, "hh_a_b") as server,
            pytest.raises(HeadhuntError, match="larger than 1,048,576 bytes"),
        ):
            server.greet()
    with stranger(404, b" " * 2**21, Content_Type="application/problem+json") as flood:
        assert "is no headhunt server (404" in reason(flood.url)


def test_what_a_server_tells_cannot_command_the_terminal() -> None:
    found = error_of("made\x1b]0;up\x07", "No such\x1b[2J dataset\r\nDone. \u202e")
    assert (str(found) + found.code).isprintable()
    assert "No such\\x1b[2J dataset" in str(found)
    body = b'{"stage": "a\\u001b[2J", "words": "b\\u001b[2J", "leaders": [{"model": "c\\u001b[2J"}]}'
    told = progress_of(body.decode())
    assert (told.stage + told.words + told.leaders[0][0]).isprintable()


def test_a_redirect_is_told_and_the_key_goes_nowhere_else() -> None:
    with stranger() as thief, stranger(307, Location=thief.url + "/api/v1/session") as front:
        assert thief.url in reason(front.url)
        assert front.came[0][1]["authorization"] == "Bearer hh_a_b"
        assert thief.came == []


def test_a_server_that_keeps_silent_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "LONG_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert "in time" in reason(f"http://127.0.0.1:{silent.getsockname()[1]}")


def test_https_to_plain_http_and_back_are_told_apart(tmp_path: Path) -> None:
    with stranger() as plain:
        assert "Try http://" in reason(plain.url.replace("http:", "https:"))
    with secured(tmp_path) as port:
        assert "not trusted" in reason(f"https://127.0.0.1:{port}")


class secured:
    """A server with a certificate that nobody knows; it takes one connection at a time."""

    def __init__(self, folder: Path) -> None:
        words = (
            "openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1"
        )
        files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
        subprocess.run([*words.split(), *files], check=True, capture_output=True)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
        self.place = socket.create_server(("127.0.0.1", 0))

    def __enter__(self) -> int:
        Thread(target=self.serve, daemon=True).start()
        return int(self.place.getsockname()[1])

    def serve(self) -> None:
        try:
            while True:
                one, _ = self.place.accept()
                try:
                    self.context.wrap_socket(one, server_side=True).close()
                except (OSError, ssl.SSLError):
                    one.close()
        except OSError:
            return

    def __exit__(self, *fault: object) -> None:
        self.place.shutdown(socket.SHUT_RDWR)
        self.place.close()


def test_a_proxy_of_the_environment_is_used_unless_it_is_told_not_to(monkeypatch: pytest.MonkeyPatch) -> None:
    with stranger(418) as proxy, stranger(404) as plain:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("http_proxy", proxy.url)
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        assert "418" in reason("http://far.invalid:8765")
        assert proxy.came[0][0].startswith("GET http://far.invalid:8765/api/v1/session")
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        assert "404" in reason(plain.url)
        assert len(proxy.came) == 1


# --- Patience ---------------------------------------------------------------------------------------------------------


class Failing(httpx2.BaseTransport):
    """The connection breaks so many times after the first answer."""

    def __init__(self, broken: int) -> None:
        self.broken, self.calls = broken, 0

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        self.calls += 1
        if 1 < self.calls <= 1 + self.broken:
            raise httpx2.ReadError("broken", request=request)
        return httpx2.Response(200, json={"user": None, "key": "a", "admin": False, "project": "p", "role": "member"})


def test_a_question_is_asked_again_after_the_connection_broke_but_the_first_is_not() -> None:
    way = Failing(2)
    with Server("http://127.0.0.1", transport=way) as server:
        server.greet()
        assert server.ask("GET", "/session", Me).project == "p"
    assert way.calls == 4


def test_patience_has_an_end() -> None:
    way = Failing(10**6)
    with Server("http://127.0.0.1", transport=way, patience=0.5) as server:
        server.greet()
        began = time.monotonic()
        with pytest.raises(ServerUnreachable, match="broken"):
            server.ask("GET", "/session", Me)
    assert way.calls > 2
    assert time.monotonic() - began < transport.PATIENCE_S


# --- What is wrong in the question ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [{"budget": "soon"}, {"budget": 0}, {"limits": {"colour": "red"}}, {"limits": {"max_params": object()}}],
)
def test_what_is_wrong_in_the_question_is_the_same_error_and_nobody_is_asked(
    wrong: dict[str, object], photos: Path, taught: Path
) -> None:
    errors = []
    for server in ("local", f"http://127.0.0.1:{free_port()}"):
        with pytest.raises(HeadhuntError) as caught:
            headhunt.suggest_model(photos, home=taught, server=server, key="hh_a_b", **wrong)  # type: ignore[arg-type]
        errors.append((type(caught.value), str(caught.value)))
    assert errors[0] == errors[1]


def test_the_command_tells_it_in_one_line(photos: Path, home: Path) -> None:
    done = said(home, "suggest", photos, "--server", f"http://127.0.0.1:{free_port()}", HEADHUNT_API_KEY="hh_a_b")
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    assert "cannot be reached" in done.stderr

"""Bad archives and bad images over HTTP: every case that the reader of archives is tested with, sent to a server. The
tests themselves are those of tests/zoo/test_archives.py and test_image_headers.py; what they open is sent here instead.
Nothing of it depends on the database.
"""

import base64
import gzip
import hashlib
import inspect
import io
import itertools
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
from litestar.testing import TestClient

import tests.zoo.test_archives as archives
import tests.zoo.test_image_headers as images
from headhunt import errors
from headhunt.vocabulary import MIB, Refusal, SampleLimits
from headhunt.wire import Dataset
from service.app import create_app
from service.parts import service_of
from service.settings import Settings
from tests.service.asking import HERE, Client, archive, bearer, send
from tests.zoo.images import many, picture, tar_header, with_exif
from zoo.images.samples import open_sample, stored_sample

GOOD = picture(99)
NOT_TOLD = {"test_litter_is_passed_over_and_counted"}
"""How much was passed over is not told over HTTP."""


class Server:
    """One for all cases. After each of them it has no draft left, and takes the next good archive."""

    def __init__(self, client: Client, key: str, home: Path) -> None:
        self.client, self.key, self.home = client, key, home
        self.names = (f"case {i}" for i in itertools.count())

    def post(self, data: bytes, filename: str = "x.zip") -> Any:
        files = {"archive": (filename, data)}
        answer = self.client.post(
            "/api/v1/datasets", headers=bearer(self.key), files=files, data={"name": next(self.names)}
        )
        assert answer.status_code < 500, answer.text
        assert str(self.home) not in answer.text
        assert "upload-" not in answer.text
        assert list((self.home / "uploads").iterdir()) == []
        return answer

    def refused(self, path: Path, limits: SampleLimits | None = None) -> errors.SampleRefused:
        """In place of the one of tests/zoo/test_archives.py."""
        if limits is not None or path.is_dir() or path.stat().st_size > 50 * MIB:
            with pytest.raises(errors.SampleRefused) as caught:
                open_sample(path, limits).close()
            return caught.value
        answer = self.post(path.read_bytes(), path.name)
        problem = answer.json()
        assert answer.headers["content-type"] == "application/problem+json"
        if path.stat().st_size:
            assert answer.status_code == 422, answer.text
        member, colon, _ = problem["detail"].partition(": ")
        found = errors.SampleRefused("as told", member if colon else None)
        found.code = "empty_sample" if problem["code"] == "empty_upload" else problem["code"]
        return found

    def open_sample(self, path: Path, limits: SampleLimits | None = None) -> Any:
        if limits is not None or path.is_dir():
            return open_sample(path, limits)
        answer = self.post(path.read_bytes(), path.name)
        assert answer.status_code == 201, answer.text
        made = msgspec.json.decode(answer.content, type=Dataset)
        sample = stored_sample(made.version, self.home)
        sample.refused = made.refused
        return sample

    def code(self, data: bytes, limits: SampleLimits = images.LIMITS) -> str:
        """In place of the one of tests/zoo/test_image_headers.py: the image among good ones."""
        (one,) = self.report(data)
        return one.code

    def report(self, data: bytes) -> tuple[Refusal, ...]:
        held = io.BytesIO()
        with zipfile.ZipFile(held, "w") as file:
            for name, good in many(40).items():
                file.writestr(name, good)
            file.writestr("dog/bad.jpg", data)
        answer = self.post(held.getvalue())
        assert answer.status_code == 201, answer.text
        return msgspec.json.decode(answer.content, type=Dataset).refused


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    settings = Settings(url=HERE, home=tmp_path_factory.mktemp("bad") / "home")
    service = service_of(settings)
    key = service.key("default", "member")
    service.database.close()
    with TestClient(create_app(settings), raise_server_exceptions=False) as client:
        yield Server(client, key, settings.home)


def cases(module: Any, using: set[str]) -> Iterator[Any]:
    """Every test of a module that uses one of these functions, with every set of its parameters."""
    for name, function in vars(module).items():
        if not name.startswith("test_") or name in NOT_TOLD or not using & set(function.__code__.co_names):
            continue
        marks = [mark for mark in getattr(function, "pytestmark", ()) if mark.name == "parametrize"]
        for number, chosen in enumerate(itertools.product(*(given(mark.args) for mark in marks))):
            yield pytest.param(function, {k: v for one in chosen for k, v in one.items()}, id=f"{name}-{number}")


def given(args: Any) -> list[dict[str, Any]]:
    names, values = args[0], args[1]
    names = [name.strip() for name in names.split(",")] if isinstance(names, str) else list(names)
    return [dict(zip(names, value if len(names) > 1 else (value,), strict=True)) for value in values]


def run(function: Callable[..., None], given: Mapping[str, Any], tmp_path: Path) -> None:
    wanted = inspect.signature(function).parameters
    function(**given, **({"tmp_path": tmp_path} if "tmp_path" in wanted else {}))


@pytest.mark.parametrize(("function", "given"), list(cases(archives, {"refused", "open_sample"})))
def test_a_bad_archive_is_refused_over_http_as_it_is_here(  # rows 31 to 50
    function: Callable[..., None],
    given: Mapping[str, Any],
    server: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(archives, "refused", server.refused)
    monkeypatch.setattr(archives, "open_sample", server.open_sample)
    run(function, given, tmp_path)


@pytest.mark.parametrize(("function", "given"), list(cases(images, {"code"})))
def test_a_bad_image_stands_in_the_report(  # rows 51 to 62
    function: Callable[..., None],
    given: Mapping[str, Any],
    server: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(images, "code", server.code)
    run(function, given, tmp_path)


def test_a_header_that_promises_a_gigabyte_is_refused(server: Server) -> None:  # row 46
    answer = server.post(tar_header(b"@LongLink", b"%011o\0" % 2**30, b"L") + bytes(1024), "x.tar")
    assert (answer.status_code, answer.json()["code"]) == (422, "header_too_large")


@pytest.mark.parametrize(
    "data",
    [
        picture(1, (8, 8), "GIF"),  # row 57
        picture(1, (64, 48), "JPEG") + bytes(10 * MIB),  # row 65
        with_exif(picture(1, (64, 48), "JPEG"), 6),  # row 63
        picture(1, (1, 1)),  # row 62
    ],
)
def test_odd_images_are_taken(server: Server, data: bytes) -> None:
    assert server.report(data) == ()


def test_one_picture_under_two_labels_is_kept_and_told(server: Server) -> None:  # row 64
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as file:
        for name in ("cat/1.png", "dog/1.png", "dog/2.png"):
            file.writestr(name, GOOD if name != "dog/2.png" else picture(1))
    made = server.post(held.getvalue()).json()
    assert made["images"] == 3
    assert made["warnings"][0].startswith("duplicate_conflicting_labels")


def test_if_all_images_are_broken_there_is_no_dataset(server: Server) -> None:  # row 72
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as file:
        file.writestr("cat/1.png", GOOD[:40])
    answer = server.post(held.getvalue())
    assert (answer.status_code, answer.json()["code"]) == (422, "no_valid_images")


# --- On the way ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["x" * 10_000, "", " ", "\u202ephotos", "a\r\nSet-Cookie: x=1", "a\0b", "0" * 32])
def test_what_cannot_be_a_name_is_refused(server: Server, name: str) -> None:  # row 20
    headers = {**bearer(server.key), "Content-Type": "application/zip"}
    answer = server.client.post("/api/v1/datasets", params={"name": name}, headers=headers, content=archive())
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_value")
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("name", ["\U0001f408", "<script>alert(1)</script>", "{{7*7}}", "../../x", "C:\\x", "a b"])
def test_what_can_be_a_name_is_told_as_it_is(server: Server, name: str) -> None:  # row 20
    headers = {**bearer(server.key), "Content-Type": "application/zip"}
    answer = server.client.post("/api/v1/datasets", params={"name": name}, headers=headers, content=archive())
    assert (answer.status_code, answer.json()["name"]) == (201, name)
    assert answer.headers["content-type"].startswith("application/json")
    assert sorted(path.name for path in server.home.parent.iterdir()) == [server.home.name]


@pytest.mark.parametrize("filename", ["../../x.zip", "C:\\x.zip", "y" * 4096 + ".zip", "\u202egpj.zip"])
def test_the_name_of_a_file_is_no_path(server: Server, filename: str) -> None:  # row 28
    before = sorted(path for path in server.home.parent.rglob("*") if "blobs" not in path.parts)
    answer = server.post(archive(), filename)
    assert answer.status_code in (201, 400), answer.text
    after = sorted(path for path in server.home.parent.rglob("*") if "blobs" not in path.parts)
    assert {path.parent.name for path in set(after) - set(before)} <= {"versions"}


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/form-data", b"--x\r\n"),
        ("multipart/form-data; boundary=x", b"no form at all"),
        ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n' * 1001),
        ("multipart/form-data; boundary=" + "x" * 5000, b"--x--"),
    ],
)
def test_what_is_no_form_is_refused(server: Server, kind: str, body: bytes) -> None:  # row 28
    headers = {**bearer(server.key), "Content-Type": kind}
    answer = server.client.post("/api/v1/datasets?name=form", headers=headers, content=body)
    assert answer.status_code == 400, answer.text
    assert list((server.home / "uploads").iterdir()) == []


def test_a_body_that_unpacks_on_the_way_is_refused(server: Server) -> None:  # row 29
    bomb = gzip.compress(bytes(10 * MIB))
    headers = {**bearer(server.key), "Content-Type": "application/zip", "Content-Encoding": "gzip"}
    for path in ("datasets?name=bomb", "blobs"):
        kind = "application/zip" if "name" in path else "application/x-tar"
        answer = server.client.post(f"/api/v1/{path}", headers={**headers, "Content-Type": kind}, content=bomb)
        assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_type")


@pytest.mark.parametrize("kind", ["text/xml", "application/pdf", "image/png", ""])
def test_other_kinds_of_content_are_refused(server: Server, kind: str) -> None:
    headers = {**bearer(server.key), "Content-Type": kind}
    answer = server.client.post("/api/v1/datasets?name=kind", headers=headers, content=archive())
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_type")


def test_a_checksum_is_looked_at(server: Server) -> None:  # row 30
    data = archive(seed=50)
    right = "sha-256=:" + base64.b64encode(hashlib.sha256(data).digest()).decode() + ":"
    wrong = "sha-256=:" + base64.b64encode(hashlib.sha256(b"").digest()).decode() + ":"
    headers = {**bearer(server.key), "Content-Type": "application/zip"}
    for told, status in ((wrong, 422), ("sha-256=nonsense", 422), ("sha-512=:abc=:", 201), (right, 200)):
        answer = server.client.post(
            "/api/v1/datasets?name=summed", headers={**headers, "Content-Digest": told}, content=data
        )
        assert answer.status_code == status, (told, answer.text)
        assert answer.json().get("code", "checksum_mismatch") == "checksum_mismatch"


def test_nothing_that_was_sent_spoiled_the_server(server: Server) -> None:
    assert send(server.client, server.key, "last").status_code == 201

"""Room: what a project may keep, what the disk has. Nothing is read that cannot be kept, and nothing is left behind."""

import asyncio
import hashlib
import io
import json
import os
import random
import resource
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa
from litestar.testing import TestClient

from headhunt.errors import InsufficientStorage
from headhunt.vocabulary import GIB
from service.app import create_app
from service.data.reading import Measured
from service.data.rows import Target
from service.parts import service_of
from service.settings import Settings
from service.tables import projects
from tests.service.asking import HERE, Client, archive, bearer, send
from tests.service.test_datasets import describe, entries_of, send_blobs
from tests.service.test_resumable import begin, finish, part
from tests.zoo.images import picture
from zoo.images.blobs import Blobs

ROOM = 20_000
FILES = {f"{'cat' if i % 2 else 'dog'}/{i}.png": picture(i, (40, 40)) for i in range(6)}
"""They fit once, and not twice."""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(url=HERE, home=tmp_path / "home", project_bytes=ROOM)


@pytest.fixture
def key(settings: Settings) -> str:
    service = service_of(settings)
    made = service.key("default", "member")
    service.database.close()
    return made


@pytest.fixture
def client(settings: Settings) -> Iterator[Client]:
    with TestClient(create_app(settings), raise_server_exceptions=False) as one:
        yield one


def taken(settings: Settings) -> int:
    service = service_of(settings)
    found = service.projects.one(service.projects.ensure("default")).bytes
    service.database.close()
    return found


def drafts(settings: Settings) -> list[Path]:
    return [path for path in (settings.home / "uploads").rglob("*") if path.is_file()]


def stored(files: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", method) as file:
        for name, data in files.items():
            file.writestr(name, data)
    return held.getvalue()


async def only_declared(settings: Settings, key: str, path: str, kind: str, size: int) -> tuple[int, str]:
    """A request that tells its size; whoever reads its body fails."""
    said: list[Any] = []

    async def receive() -> Any:
        raise AssertionError("the body was read")

    async def tell(message: Any) -> None:
        said.append(message)

    headers = {"authorization": f"Bearer {key}", "content-type": kind, "content-length": str(size), "host": "127.0.0.1"}
    scope: Any = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"name=photos" if path.endswith("datasets") else b"",
        "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 1),
    }
    await create_app(settings)(scope, receive, tell)
    body = b"".join(message.get("body", b"") for message in said)
    return said[0]["status"], json.loads(body)["code"]


@pytest.mark.parametrize(
    ("path", "kind"), [("/api/v1/datasets", "application/zip"), ("/api/v1/blobs", "application/x-tar")]
)
def test_what_is_declared_too_large_is_refused_unread(  # row 22
    settings: Settings, key: str, path: str, kind: str
) -> None:
    assert asyncio.run(only_declared(settings, key, path, kind, ROOM + 1)) == (413, "over_quota")
    full = msgspec.structs.replace(settings, least_free_bytes=2**20 * GIB)
    assert asyncio.run(only_declared(full, key, path, kind, 1)) == (507, "insufficient_storage")


def test_what_is_too_large_undeclared_stops_at_the_limit(client: Client, key: str, settings: Settings) -> None:  # 23
    def much() -> Iterator[bytes]:
        for _ in range(100):
            yield b"PK" * 1000

    for path, kind in (("datasets?name=photos", "application/zip"), ("blobs", "application/x-tar")):
        headers = {**bearer(key), "Content-Type": kind}
        answer = client.post(f"/api/v1/{path}", headers=headers, content=much())
        assert (answer.status_code, answer.json()["code"]) == (413, "over_quota")
    assert (drafts(settings), taken(settings)) == ([], 0)


def test_a_small_archive_of_large_images_stops_at_the_limit(client: Client, key: str, settings: Settings) -> None:
    head = picture(0, (60, 60), "BMP")[:54]
    flat = {f"cat/{i}.bmp": head + bytes([i]) * 60 * 180 for i in range(10)}
    packed = stored(flat, zipfile.ZIP_DEFLATED)
    assert len(packed) < ROOM < sum(map(len, flat.values()))
    answer = send(client, key, data=packed)
    assert (answer.status_code, answer.json()["code"]) == (413, "over_quota")
    assert images(settings) == []
    assert (drafts(settings), taken(settings)) == ([], 0)


def images(settings: Settings) -> list[str]:
    return sorted(path.name for path in (settings.home / "blobs").rglob("*") if path.is_file())


def test_an_archive_under_a_name_that_is_taken_leaves_none_of_its_images(
    client: Client, key: str, settings: Settings
) -> None:
    assert send(client, key, data=archive(2)).status_code == 201
    before = images(settings)
    answer = send(client, key, data=archive(9, seed=50))
    assert (answer.status_code, answer.json()["code"]) == (409, "name_taken")
    assert images(settings) == before
    assert send(client, key, data=archive(2)).status_code == 200


def test_what_others_have_stays_when_an_archive_with_it_is_refused(
    client: Client, key: str, settings: Settings
) -> None:
    head = picture(0, (60, 60), "BMP")[:54]
    flat = {f"cat/{i}.bmp": head + bytes([i]) * 60 * 180 for i in range(10)}
    assert send(client, key, "one", stored(dict([*flat.items()][:1]), zipfile.ZIP_DEFLATED)).status_code == 201
    before = images(settings)
    assert send(client, key, "two", stored(flat, zipfile.ZIP_DEFLATED)).json()["code"] == "over_quota"
    assert images(settings) == before


def test_images_that_somebody_found_meanwhile_are_not_taken_back(settings: Settings) -> None:
    service = service_of(settings)
    project, blobs = service.projects.ensure("default", make=True), Blobs(settings.home / "blobs")
    found, alone = (hashlib.sha256(data).hexdigest() for data in (b"found", b"alone"))

    def fail(mine: Measured) -> None:
        for digest, data in ((found, b"found"), (alone, b"alone"), (alone, b"alone")):
            mine.put(digest, data)
        os.utime(blobs.path(found), (1, 1))  # as whoever finds it does, only that clocks may be coarse
        raise InsufficientStorage("The disk is nearly full. Make space.")

    with pytest.raises(InsufficientStorage), Measured(blobs, project, service.holdings) as mine:
        fail(mine)
    assert images(settings) == [found]
    service.database.close()


def test_the_disk_is_looked_at_while_images_are_unpacked(settings: Settings) -> None:
    service = service_of(msgspec.structs.replace(settings, project_bytes=10 * GIB, least_free_bytes=2**20 * GIB))
    project = service.projects.ensure("default", make=True)
    data = settings.home / "photos.zip"
    data.write_bytes(stored(FILES))
    with pytest.raises(InsufficientStorage):
        service.datasets.add(Target(project, "photos"), data)
    assert images(settings) == []
    service.database.close()


def test_what_a_project_has_costs_no_room(client: Client, key: str, settings: Settings, tmp_path: Path) -> None:
    size = sum(map(len, FILES.values()))
    assert ROOM / 2 < size < ROOM
    assert send(client, key, data=stored(FILES)).status_code == 201
    _, entries = entries_of(FILES, tmp_path / "photos")
    assert describe(client, key, entries[:4], "some").status_code == 201
    assert taken(settings) == size
    more = {f"{i}.png": picture(100 + i, (40, 40)) for i in range(6)}
    over = send_blobs(client, key, more)
    assert (over.status_code, over.json()["code"]) == (413, "over_quota")
    assert taken(settings) == size


def test_known_images_beside_new_ones_are_not_counted_twice(client: Client, key: str, settings: Settings) -> None:
    """The archive would not fit if the project did not have most of it."""
    head = picture(0, (60, 60), "BMP")[:54]
    flat = {f"cat/{i}.bmp": head + bytes([i]) * 60 * 180 for i in range(1)}
    assert send(client, key, "one", stored(flat, zipfile.ZIP_DEFLATED)).status_code == 201
    more = flat | {"cat/new.png": picture(5, (40, 40)), "cat/newer.png": picture(6, (40, 40))}
    more |= {"cat/more.png": picture(7, (40, 40))}
    assert sum(map(len, more.values())) + len(flat["cat/0.bmp"]) > ROOM
    assert send(client, key, "two", stored(more, zipfile.ZIP_DEFLATED)).status_code == 201
    assert taken(settings) == sum(map(len, more.values()))


def test_a_project_may_have_a_limit_of_its_own(client: Client, key: str, settings: Settings) -> None:
    service = service_of(settings)
    with service.database.write() as connection:
        connection.execute(sa.update(projects).values(max_bytes=100))
    service.database.close()
    assert send(client, key, data=stored(FILES)).json()["code"] == "over_quota"
    assert begin(client, key, bytes(101)).json()["code"] == "over_quota"


def test_what_was_announced_is_room_that_is_taken(client: Client, key: str, settings: Settings) -> None:
    data = stored(FILES)
    own = begin(client, key, data).json()["id"]
    assert begin(client, key, data, name="second").json()["code"] == "over_quota"
    assert send(client, key, data=data).json()["code"] == "over_quota"
    assert part(client, key, own, 1, data).status_code == 200
    assert finish(client, key, own).status_code == 201
    assert taken(settings) == sum(map(len, FILES.values()))


@contextmanager
def disk_full_at(size: int) -> Iterator[None]:
    """No file may become larger: the system answers as a full disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_disk_that_fills_up_is_told_and_the_server_goes_on(  # row 27
    settings: Settings, key: str
) -> None:
    roomy = msgspec.structs.replace(settings, project_bytes=10 * GIB)
    with TestClient(create_app(roomy), raise_server_exceptions=False) as client:
        own = begin(client, key, bytes(3_000_000)).json()["id"]
        with disk_full_at(1_500_000):
            answers = [
                send(client, key, data=bytes(3_000_000)),
                send_blobs(client, key, {"a": bytes(3_000_000)}),
                part(client, key, own, 1, bytes(3_000_000)),
            ]
        for answer in answers:
            assert (answer.status_code, answer.json()["code"]) == (507, "insufficient_storage"), answer.text
            assert str(settings.home) not in answer.text
        assert drafts(settings) == []
        assert send(client, key, data=archive()).status_code == 201


def test_an_image_that_no_longer_fits_is_told_without_paths(settings: Settings, key: str) -> None:
    """The archive fits on the disk, and what is in it does not."""
    roomy = msgspec.structs.replace(settings, project_bytes=10 * GIB)
    head = picture(0, (1000, 1000), "BMP")[:54]
    noise = random.Random(0).randbytes(20_000)
    data = stored({"cat/x.bmp": head + noise * 150}, zipfile.ZIP_DEFLATED)
    with TestClient(create_app(roomy), raise_server_exceptions=False) as client:
        with disk_full_at(1_500_000):
            answer = send(client, key, data=data)
        assert (answer.status_code, answer.json()["code"]) == (507, "insufficient_storage"), answer.text
        assert "blobs" not in answer.text
        assert send(client, key, data=data).status_code == 201

"""Several machines, one bucket: two homes that share a database and a store, which is a server of its own here."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient
from safetensors.torch import save

from headhunt.errors import BadValue
from headhunt.vocabulary import Domain
from service.app import create_app
from service.database import Database
from service.jobs.queue import Queue
from service.jobs.worker import Work
from service.object_store import ENDPOINT
from service.parts import Service, service_of
from service.settings import Settings
from service.store import DATABASE, STORE, store_of
from service.stored import dataset_sample, zoo_of
from service.zoo_work import add
from tests.service.asking import HERE, Client, archive, bearer, send
from tests.service.bucket import BUCKET, KEYS, Bucket
from tests.service.test_resumable import begin, finish, part, pieces_of
from tests.zoo.images import folder_of, many
from zoo.catalogue.store import Catalogue
from zoo.images.blobs import Blobs
from zoo.images.samples import open_sample
from zoo.networks.building import build_network

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning")


@pytest.fixture(scope="module")
def server() -> Iterator[Bucket]:
    one = Bucket()
    yield one
    one.kill()


@pytest.fixture
def settings(server: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name, value in {**KEYS, ENDPOINT: server.endpoint}.items():
        monkeypatch.setenv(name, value)
    url = f"sqlite:///{tmp_path / 'service.db'}"
    return Settings(url=HERE, home=tmp_path / "one", database=url, store=f"s3://{BUCKET}/{tmp_path.name}")


@pytest.fixture
def other(settings: Settings, tmp_path: Path) -> Settings:
    return Settings(url=HERE, home=tmp_path / "two", database=settings.database, store=settings.store)


@pytest.fixture
def clients(settings: Settings, other: Settings) -> Iterator[tuple[Client, Client]]:
    apps = [TestClient(create_app(one), raise_server_exceptions=False) for one in (settings, other)]
    with apps[0], apps[1]:
        yield apps[0], apps[1]


@pytest.fixture
def key(settings: Settings) -> str:
    service = service_of(settings)
    made = service.key("default", "owner")
    service.database.close()
    return made


def work_in(home: Path, dataset: dict[str, Any]) -> Work:
    spec = {"version": dataset["version"], "name": dataset["name"]}
    return Work(home=home, project="", spec=spec, step=None, tell=lambda *_: None)


def test_a_dataset_of_one_machine_is_worked_on_by_another(
    clients: tuple[Client, Client], key: str, other: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = send(clients[0], key).json()
    assert not (other.home / "blobs").exists()
    monkeypatch.setenv(STORE, str(other.store))
    for _ in range(2):
        with dataset_sample(work_in(other.home, made)) as sample:
            assert {len(sample.read(entry)) > 0 for entry in sample.entries()} == {True}
            assert sample.version.id == made["version"]
    assert list((other.home / "uploads").iterdir()) == []


def test_versions_are_compared_by_a_machine_that_has_seen_neither(clients: tuple[Client, Client], key: str) -> None:
    send(clients[0], key)
    files = {"archive": ("photos.zip", archive(5))}
    assert clients[0].post("/api/v1/datasets/photos/versions", headers=bearer(key), files=files).status_code == 201
    told = clients[1].get("/api/v1/datasets/photos/diff", headers=bearer(key)).json()
    assert (told["added"], told["removed"]) == (4, 0)
    assert clients[1].delete("/api/v1/datasets/photos", headers=bearer(key)).status_code == 204


def test_parts_of_an_upload_go_to_different_machines(
    clients: tuple[Client, Client], key: str, server: Bucket, settings: Settings
) -> None:
    data = archive(8)
    own = begin(clients[0], key, data).json()["id"]
    for number, piece in pieces_of(data, 4).items():
        assert part(clients[number % 2], key, own, number, piece).status_code == 200
    done = finish(clients[1], key, own)
    assert (done.status_code, done.json()["images"]) == (201, 16)
    assert not server.names(f"{str(settings.store)[10:]}/uploads/")


def test_a_store_that_is_gone_is_told_and_nothing_is_half_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = Bucket()
    for name, value in {**KEYS, ENDPOINT: server.endpoint}.items():
        monkeypatch.setenv(name, value)
    settings = Settings(url=HERE, home=tmp_path / "home", store=f"s3://{BUCKET}/x")
    service = service_of(settings)
    key = service.key("default", "owner")
    data = archive(4)
    try:
        with TestClient(create_app(settings), raise_server_exceptions=False) as client:
            own = begin(client, key, data, name="parts").json()["id"]
            server.kill()
            for answer in (send(client, key), part(client, key, own, 1, data)):
                assert (answer.status_code, answer.json()["code"]) == (503, "service_unavailable"), answer.text
                assert "127.0.0.1" not in answer.text
            assert client.get("/api/v1/datasets", headers=bearer(key)).json()["items"] == []
            assert client.get(f"/api/v1/uploads/{own}", headers=bearer(key)).json()["parts"] == []
            assert service.projects.one(service.projects.ensure("default")).bytes == 0
            assert list((settings.home / "uploads").iterdir()) == []
            server.start()
            assert send(client, key).status_code == 201
            assert part(client, key, own, 1, data).status_code == 200
            assert finish(client, key, own).status_code == 201
    finally:
        service.database.close()
        server.kill()


@pytest.mark.parametrize("url", ["s3://", "ftp://x/y", "bucket/prefix", "file:///etc"])
def test_what_is_no_store_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(BadValue):
        store_of(tmp_path, url)


# --- The zoo ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def machines(settings: Settings, other: Settings) -> Iterator[tuple[Service, Service]]:
    made = service_of(settings), service_of(other)
    yield made
    for one in made:
        one.database.close()


def add_domain(service: Service, name: str, **facts: Any) -> None:
    with Catalogue(service.settings.home).change() as draft:
        draft.add_domain(Domain(name=name, **facts))


def domains(service: Service) -> set[str]:
    return set(Catalogue(service.settings.home).read().domains)


def test_what_one_machine_adds_the_other_has(machines: tuple[Service, Service]) -> None:
    one, two = machines
    add_domain(one, "cats")
    one.shared_zoo.push()
    two.shared_zoo.pull()
    assert domains(two) == {"cats"}
    with Catalogue(two.settings.home).change() as draft:
        draft.remove_domain("cats")
    two.shared_zoo.push()
    one.shared_zoo.pull()
    assert domains(one) == set()


def test_changes_on_two_machines_at_once_are_both_kept(machines: tuple[Service, Service]) -> None:
    one, two = machines
    for i, name in enumerate("abcdef"):
        add_domain(machines[i % 2], name)
        with (machines[i % 2].settings.home / "history.jsonl").open("a") as history:
            history.write(f'{{"row": "{name}"}}\n')
    for service in (one, two, one):
        service.shared_zoo.push()
    two.shared_zoo.pull()
    assert domains(one) == domains(two) == set("abcdef")
    lines = [(service.settings.home / "history.jsonl").read_text().splitlines() for service in machines]
    assert lines[0] == lines[1]
    assert len(lines[0]) == 6


def test_images_and_weights_come_with_the_whole(machines: tuple[Service, Service], tmp_path: Path) -> None:
    one, two = machines
    blobs = Blobs(one.settings.home / "blobs")
    with open_sample(folder_of(many(6), tmp_path / "photos")) as sample:
        version = sample.store(blobs)
    add_domain(one, "pets", version=version.id)
    (one.settings.home / "reference").mkdir()
    (one.settings.home / "reference" / "eyes.safetensors").write_bytes(b"eyes")
    one.shared_zoo.push()
    two.shared_zoo.pull(whole=True)
    assert all(entry.digest in Blobs(two.settings.home / "blobs") for entry in version.entries)
    assert (two.settings.home / "reference" / "eyes.safetensors").read_bytes() == b"eyes"


def test_a_job_sees_the_newest_zoo_and_shares_what_it_changed(
    machines: tuple[Service, Service], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = machines
    add_domain(one, "cats")
    one.shared_zoo.push()
    monkeypatch.setenv(STORE, str(two.settings.store))
    monkeypatch.setenv(DATABASE, two.settings.database_url)
    work = work_in(two.settings.home, {"version": "", "name": ""})
    with zoo_of(work) as zoo:
        assert set(zoo.catalogue.read().domains) == {"cats"}
        add_domain(two, "dogs")
    one.shared_zoo.pull()
    assert domains(one) == {"cats", "dogs"}


def test_weights_are_brought_by_their_digest(machines: tuple[Service, Service]) -> None:
    one, two = machines
    digest = hashlib.sha256(b"weights").hexdigest()
    place = one.settings.home / "sent"
    place.write_bytes(b"weights")
    one.store.send({f"weights/{digest}.safetensors": place})
    two.shared_zoo.pull_weights([digest])
    assert (two.settings.home / "weights" / f"{digest}.safetensors").read_bytes() == b"weights"


def test_what_one_machine_does_with_the_zoo_another_sees_and_works_on(
    clients: tuple[Client, Client], key: str, settings: Settings, other: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A domain published on one, weights sent to it, the job done by the other, the model removed there."""
    first, second = clients
    send(first, key)
    assert first.post("/api/v1/zoo/domains", headers=bearer(key), json={"dataset": "photos"}).status_code == 201
    assert second.get("/api/v1/zoo/domains/photos", headers=bearer(key)).json()["images"] == 6
    network = build_network("test_resnet", classes=2, input_size=32)
    body = save({name: value.contiguous() for name, value in network.state_dict().items()})
    sent = first.post(
        "/api/v1/zoo/weights?network=test_resnet&domain=photos&name=own&input_size=32&classes=cat&classes=dog",
        headers={**bearer(key), "Content-Type": "application/octet-stream"},
        content=body,
    )
    assert sent.status_code == 202, sent.text
    for name, value in ((STORE, settings.store), (DATABASE, settings.database)):
        monkeypatch.setenv(name, str(value))
    database = Database(str(settings.database))
    spec = Queue(database).spec(sent.json()["id"])
    add(Work(home=other.home, project="", spec=spec, step=None, tell=lambda *_, **__: None))
    database.close()
    card = first.get("/api/v1/zoo/models/photos/own", headers=bearer(key)).json()
    there = first.get(f"/api/v1/zoo/weights/{card['weights']}", headers=bearer(key))
    assert hashlib.sha256(there.content).hexdigest() == card["weights"]
    assert second.delete("/api/v1/zoo/models/photos/own", headers=bearer(key)).status_code == 204
    assert first.get("/api/v1/zoo/models/photos/own", headers=bearer(key)).status_code == 404

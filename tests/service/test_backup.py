"""The backup of docs/operations.md, made of a running service: whatever happens meanwhile, it comes back whole."""

import shutil
import sqlite3
import time
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from litestar.testing import TestClient

from service.app import create_app
from service.collecting import HOUR_S, Collector
from service.parts import service_of
from service.settings import Settings
from service.store import LocalStore
from tests.service.asking import HERE, Client, archive, bearer, send
from tests.service.test_resumable import begin, finish, part, pieces_of

UNCOPIED = ("service.db", "service.db-wal", "service.db-shm", "uploads")


def copy_files(home: Path, backup: Path, *without: str) -> None:
    """As `rsync -a` does: what is there already stays."""
    shutil.copytree(home, backup, ignore=shutil.ignore_patterns(*UNCOPIED, *without), dirs_exist_ok=True)


def back_up(home: Path, backup: Path, meanwhile: Iterable[None]) -> None:
    """meanwhile: goes on between every two steps."""
    going = iter(meanwhile)
    copy_files(home, backup)
    next(going)
    with (
        closing(sqlite3.connect(home / "service.db")) as here,
        closing(sqlite3.connect(backup / "service.db")) as there,
    ):
        here.backup(there)
    next(going)
    shutil.copy2(home / "catalogue.json", backup / "catalogue.json")
    next(going)
    copy_files(home, backup, "catalogue.json")


def publish(client: Client, key: str, name: str) -> None:
    made = client.post("/api/v1/zoo/domains", headers=bearer(key), json={"dataset": name})
    assert made.status_code == 201, made.text


def test_a_backup_of_a_running_service_comes_back_whole(tmp_path: Path) -> None:
    settings = Settings(url=HERE, home=tmp_path / "home")
    service = service_of(settings)
    key = service.key("default", "owner")
    collector = Collector(service.database, settings.home, service.store, lambda: time.time() + 2 * HOUR_S)
    data = archive(3, seed=300)

    with TestClient(create_app(settings), raise_server_exceptions=False) as client:
        upload = begin(client, key, data, name="parts").json()["id"]
        part(client, key, upload, 1, pieces_of(data, 2)[1])
        send(client, key, "old", archive(2))
        send(client, key, "row", archive(3, seed=500))
        publish(client, key, "row")

        def meanwhile() -> Iterable[None]:
            send(client, key, "new", archive(2, seed=20))
            yield
            client.delete("/api/v1/datasets/old", headers=bearer(key))
            found = collector.collect()
            assert found is not None
            assert found.images > 0
            send(client, key, "newer", archive(2, seed=40))
            publish(client, key, "newer")
            yield
            client.delete("/api/v1/zoo/domains/row", headers=bearer(key))
            client.delete("/api/v1/datasets/row", headers=bearer(key))
            collector.collect()
            yield

        back_up(settings.home, tmp_path / "backup", meanwhile())
    service.database.close()
    check_restored(Settings(url=HERE, home=tmp_path / "backup"), key, upload, data)


def check_restored(settings: Settings, key: str, upload: str, data: bytes) -> None:
    service, store = service_of(settings), LocalStore(settings.home)
    project = service.projects.ensure("default")
    versions = {one.name: one.version for one in service.datasets.all(project)}
    assert set(versions) == {"old", "new", "row"}
    domains = {name: str(domain.version) for name, domain in service.repository.shelf().domains.items()}
    assert set(domains) == {"row", "newer"}
    for version in [*versions.values(), *domains.values()]:
        assert store.lacking([entry.digest for entry in store.manifest(version).entries], ()) == set()
    service.database.close()
    with TestClient(create_app(settings), raise_server_exceptions=False) as client:
        part(client, key, upload, 2, pieces_of(data, 2)[2])
        assert finish(client, key, upload).json()["code"] == "upload_incomplete"
        part(client, key, upload, 1, pieces_of(data, 2)[1])
        assert finish(client, key, upload).status_code == 201

"""What nobody needs is removed, and nothing else: not what is young, not what is in use, not while it is sent again."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from headhunt.cli.main import main
from headhunt.errors import UnknownDataset
from headhunt.vocabulary import Domain
from headhunt.wire import DomainAsked
from service.collecting import DAY_S, HOUR_S, LOCK, MONTH_S, Collected, Collector
from service.database import Database
from service.jobs.queue import Order
from service.locks import if_alone
from service.parts import Service, service_of
from service.repository import Repository
from service.settings import Settings
from service.stocking import Stocking
from service.store import LocalStore, Lying
from service.tables import jobs, project_blobs, sessions, uploads
from tests.service.asking import Client, archive, bearer, send
from tests.service.test_datasets import send_blobs
from tests.service.test_resumable import begin, part
from tests.zoo.images import folder_of, many, picture
from zoo.catalogue.store import Catalogue, Draft
from zoo.images.blobs import Blobs
from zoo.images.samples import open_sample


@pytest.fixture
def service(settings: Settings) -> Iterator[Service]:
    made = service_of(settings)
    yield made
    made.database.close()


def collect(service: Service, later_s: float = 2 * HOUR_S, dry: bool = False) -> Collected:
    """As if so much time had passed for all files."""
    home = service.settings.home
    found = Collector(service.database, home, service.store, lambda: time.time() + later_s).collect(dry)
    assert found is not None
    return found


def blobs_of(service: Service) -> Blobs:
    return Blobs(service.settings.home / "blobs")


def files(service: Service, *tops: str) -> set[str]:
    home = service.settings.home
    return {str(p.relative_to(home)) for top in tops for p in (home / top).rglob("*") if p.is_file()}


def a_day_passes(database: Database, *tables: sa.Table) -> None:
    with database.write() as connection:
        for table in tables:
            column = table.c.touched if "touched" in table.c else table.c.created
            connection.execute(sa.update(table).values({column: column - 1.1 * DAY_S}))


def test_files_of_a_removed_dataset_go_once_they_are_old(
    client: Client, keys: dict[str, str], service: Service
) -> None:
    send(client, keys["member"])
    kept = send(client, keys["member"], "kept", archive(2)).json()
    before = files(service, "blobs", "versions")
    client.delete("/api/v1/datasets/photos", headers=bearer(keys["member"]))
    assert collect(service, later_s=HOUR_S / 2).images == 0
    assert files(service, "blobs", "versions") == before
    told = collect(service, dry=True)
    assert files(service, "blobs", "versions") == before
    found = collect(service)
    assert found == told
    assert (found.images, found.manifests) == (2, 1)
    assert found.freed > 0
    sample = service.store.manifest(kept["version"])
    assert all(entry.digest in blobs_of(service) for entry in sample.entries)
    assert collect(service) == Collected()


def test_what_was_sent_ahead_and_never_named_goes_after_a_day(
    client: Client, keys: dict[str, str], service: Service
) -> None:
    send_blobs(client, keys["member"], many(4))
    assert collect(service).unnamed == 0
    assert len(files(service, "blobs")) == 4
    a_day_passes(service.database, project_blobs)
    told = collect(service, dry=True)
    assert (told.unnamed, told.images) == (4, 4)
    assert collect(service) == told
    assert files(service, "blobs") == set()
    assert service.projects.one(service.projects.ensure("default")).bytes == 0


def test_what_a_dataset_names_stays_however_old(client: Client, keys: dict[str, str], service: Service) -> None:
    send(client, keys["member"])
    a_day_passes(service.database, project_blobs)
    before = files(service, "blobs", "versions")
    assert collect(service, later_s=10 * MONTH_S) == Collected()
    assert files(service, "blobs", "versions") == before


def test_images_of_domains_stay(service: Service, tmp_path: Path) -> None:
    with open_sample(folder_of(many(4), tmp_path / "pets")) as sample:
        version = sample.store(blobs_of(service))
    with Catalogue(service.settings.home).change() as draft:
        draft.add_domain(Domain(name="pets", version=version.id))
    assert collect(service) == Collected()
    with Catalogue(service.settings.home).change() as draft:
        draft.remove_domain("pets")
    assert (collect(service).images, files(service, "blobs", "versions")) == (4, set())


def test_what_a_job_works_on_stays_until_it_has_ended(service: Service, tmp_path: Path) -> None:
    with open_sample(folder_of(many(4), tmp_path / "pets")) as sample:
        version = sample.store(blobs_of(service))
    job = service.queue.put(Order("p", "recommend", {"version": version.id}))
    assert collect(service) == Collected()
    service.queue.cancel(job.id)
    assert collect(service).images == 4


def test_uploads_that_nobody_goes_on_with_go(client: Client, keys: dict[str, str], service: Service) -> None:
    own = begin(client, keys["member"], b"data").json()["id"]
    part(client, keys["member"], own, 1, b"data")
    assert collect(service) == Collected()
    assert len(files(service, "uploads")) == 1
    a_day_passes(service.database, uploads)
    assert collect(service).uploads == 1
    assert files(service, "uploads") == set()
    assert client.get(f"/api/v1/uploads/{own}", headers=bearer(keys["member"])).status_code == 404


def test_parts_without_an_upload_go(service: Service) -> None:
    folder = service.settings.home / "uploads" / ("a" * 32)
    folder.mkdir(parents=True)
    (folder / "00001-x").write_bytes(b"data")
    assert collect(service).uploads == 1
    assert not folder.exists()


def test_what_killed_processes_left_goes(service: Service) -> None:
    home = service.settings.home
    for name in ("uploads/upload-x.part", "uploads/other", "blobs/ab/x.1-2.tmp", "features/x", "probes/a/b.json"):
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_bytes(b"data")
    assert collect(service, later_s=HOUR_S / 2) == Collected()
    assert collect(service).images == 1
    assert collect(service, later_s=2 * DAY_S).drafts == 1
    assert collect(service, later_s=2 * MONTH_S).caches == 2
    assert files(service, "uploads", "blobs", "features", "probes") == {"uploads/other"}


def test_sessions_that_have_expired_go(service: Service) -> None:
    user = service.people.add("somebody").id
    row = {"user": user, "csrf": "x", "linked": False, "created": service.database.now}
    with service.database.write() as connection:
        for name, expires in (("old", -1.0), ("new", 1000.0)):
            values = {"id": name, **row, "expires": service.database.now + expires}
            connection.execute(sa.insert(sessions).values(values))
    assert collect(service).sessions == 1


def test_a_project_keeps_all_while_a_manifest_of_it_cannot_be_read_and_the_rest_goes_on(
    client: Client, keys: dict[str, str], service: Service
) -> None:
    version = send(client, keys["member"]).json()["version"]
    send_blobs(client, keys["member"], many(4))
    kept = files(service, "blobs")
    send_blobs(client, keys["other"], {f"other/{i}.png": picture(900 + i) for i in range(3)})
    (service.settings.home / "versions" / f"{version}.json").write_bytes(b"{")
    a_day_passes(service.database, project_blobs)
    found = collect(service)
    assert (found.unnamed, found.images) == (3, 3)
    assert files(service, "blobs") == kept


def damaged(place: Path) -> None:
    place.write_bytes(b"")


@pytest.mark.parametrize("spoil", [damaged, Path.unlink])
def test_a_domain_whose_manifest_is_lost_keeps_what_was_here_before_it_and_nothing_else(
    client: Client, keys: dict[str, str], service: Service, spoil: Callable[[Path], None]
) -> None:
    version = publish(client, keys["owner"])
    client.delete("/api/v1/datasets/photos", headers=bearer(keys["owner"]))
    kept = files(service, "blobs")
    spoil(service.settings.home / "versions" / f"{version}.json")
    send_blobs(client, keys["member"], {f"{i}.png": picture(900 + i) for i in range(4)})
    for name in files(service, "blobs") - kept:  # as if they came long after the domain
        os.utime(service.settings.home / name, (time.time() + DAY_S, time.time() + DAY_S))
    a_day_passes(service.database, project_blobs)
    assert collect(service, later_s=2 * DAY_S).images == 4
    assert files(service, "blobs") == kept


def publish(client: Client, key: str) -> str:
    version = send(client, key).json()["version"]
    made = client.post("/api/v1/zoo/domains", headers=bearer(key), json={"dataset": "photos", "name": "pets"})
    assert made.status_code == 201, made.text
    return str(version)


class Midway(LocalStore):
    """Does something once, in the middle of a pass: when this folder of a store is looked at."""

    def __init__(self, home: Path, folder: str, then: Callable[[], object]) -> None:
        super().__init__(home)
        self.folder, self.then = folder, then

    def lying(self, folder: str) -> Iterator[Lying]:
        if folder == self.folder:
            self.then()
        return super().lying(folder)


@pytest.mark.parametrize("folder", ["uploads", "blobs", "versions"])
def test_a_domain_that_is_published_during_a_pass_keeps_its_files(
    client: Client, keys: dict[str, str], service: Service, folder: str
) -> None:
    """Its dataset goes at once, so that nothing else protects them."""

    def then() -> None:
        publish(client, keys["owner"])
        assert client.delete("/api/v1/datasets/photos", headers=bearer(keys["owner"])).status_code == 204

    home, clock = service.settings.home, lambda: time.time() + 2 * HOUR_S
    assert Collector(service.database, home, Midway(home, folder, then), clock).collect() is not None
    assert collect(service) == Collected()
    domain = service.repository.shelf().domain("pets")
    entries = service.store.manifest(str(domain.version)).entries
    assert len(entries) == 6
    assert service.store.lacking([entry.digest for entry in entries], ()) == set()


def test_a_dataset_that_goes_while_it_is_published_is_no_domain(
    client: Client, keys: dict[str, str], service: Service
) -> None:
    send(client, keys["owner"])
    project = service.projects.ensure("default")

    class Late(Repository):
        @contextmanager
        def change(self) -> Iterator[Draft]:
            with super().change() as draft:
                yield draft
                if "pets" in draft.domains:
                    service.datasets.remove(project, "photos")

    stocking = Stocking(Late(service.settings.home, service.shared_zoo), service.datasets)
    with pytest.raises(UnknownDataset):
        stocking.publish(DomainAsked(dataset="photos", name="pets"), project)
    assert service.repository.shelf().domains == {}


def test_one_process_collects_at_a_time(service: Service, settings: Settings) -> None:
    other = Database(settings.database_url)
    with if_alone(other, LOCK, settings.home / "collect.lock") as alone:
        assert alone
        assert Collector(service.database, settings.home, service.store).collect() is None
    other.close()
    assert Collector(service.database, settings.home, service.store).collect() is not None


def test_an_image_that_is_sent_while_it_is_collected_is_there_afterwards(
    client: Client, keys: dict[str, str], service: Service
) -> None:
    """To this collector every file is old, however new: only the order of what is written protects them. A server that
    loses the race may say that it could not keep it, but never that something is there which is not."""
    project = service.projects.ensure("default")
    data = archive(6)
    clock = lambda: time.time() + 2 * HOUR_S  # noqa: E731
    collector = Collector(service.database, service.settings.home, service.store, clock)
    stop, passes = threading.Event(), []

    def keep_collecting() -> None:
        while not stop.is_set():
            found = collector.collect()
            passes.append(0 if found is None else found.images)

    with ThreadPoolExecutor(1) as threads:
        collecting = threads.submit(keep_collecting)
        try:
            for _ in range(12):
                answer = send(client, keys["member"], data=data)
                if answer.status_code in (503, 507):
                    continue
                assert answer.status_code == 201, answer.text
                entries = service.store.manifest(answer.json()["version"]).entries
                assert service.store.lacking([entry.digest for entry in entries], ()) == set()
                service.datasets.remove(project, "photos")
        finally:
            stop.set()
        collecting.result()
    assert sum(passes) > 0


def test_the_command_says_what_would_go(
    client: Client, keys: dict[str, str], service: Service, capsys: pytest.CaptureFixture[str]
) -> None:
    send(client, keys["member"])
    client.delete("/api/v1/datasets/photos", headers=bearer(keys["member"]))
    for path in (service.settings.home / "blobs").rglob("*"):
        os.utime(path, (0, 0))
    where = ["--home", str(service.settings.home), "--database", str(service.settings.database)]
    assert main(["collect", "--dry-run", *where]) == 0
    assert "6 images would be removed" in capsys.readouterr().out
    assert main(["collect", *where]) == 0
    assert "6 images removed" in capsys.readouterr().out
    assert files(service, "blobs") == set()


def test_what_a_job_told_goes_a_month_after_it_ended_and_its_result_stays(service: Service) -> None:
    queue = service.queue
    for _ in range(3):
        queue.put(Order(project="p", kind="k", spec={}))
    fences = [claim.fence for claim in (queue.claim("w"), queue.claim("w"), queue.claim("w")) if claim is not None]
    for fence in fences:
        queue.tell(fence, {"stage": "one"})
    old, young, runs = (fence.job for fence in fences)
    for fence in fences[:2]:
        queue.finish(fence, {"well": True})
    with service.database.write() as connection:
        long_ago = jobs.c.created - 1.1 * MONTH_S
        connection.execute(sa.update(jobs).where(jobs.c.id.in_((old, runs))).values(created=long_ago))
        connection.execute(sa.update(jobs).where(jobs.c.id == old).values(ended=long_ago))
    assert collect(service, dry=True).events == 1
    assert [len(queue.events(one)) for one in (old, young, runs)] == [1, 1, 1]
    assert collect(service).events == 1
    assert [len(queue.events(one)) for one in (old, young, runs)] == [0, 1, 1]
    assert bytes(queue.get(old).result or b"") == b'{"well":true}'

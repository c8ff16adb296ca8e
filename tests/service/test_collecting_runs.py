"""Files of runs go when no run of their project names them, and not before. On both databases."""

import hashlib
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from headhunt.track.journal import Kept
from service.collecting import DAY_S, HOUR_S, Collected, Collector
from service.parts import Service, service_of
from service.settings import Settings
from tests.service.asking import Client, bearer
from tests.service.test_runs import Asking, put_file
from tests.tracking.telling import journal
from tracking.tables import project_files, runs


@pytest.fixture
def service(settings: Settings) -> Iterator[Service]:
    made = service_of(settings)
    yield made
    made.database.close()


def collect(service: Service, later_s: float = 2 * HOUR_S, dry: bool = False) -> Collected:
    home = service.settings.home
    found = Collector(service.database, home, service.store, lambda: time.time() + later_s).collect(dry)
    assert found is not None
    return found


def a_day_passes(service: Service) -> None:
    with service.database.write() as connection:
        connection.execute(sa.update(project_files).values(created=project_files.c.created - 1.1 * DAY_S))


def lying(service: Service) -> list[Path]:
    return [path for path in (service.settings.home / "files").rglob("*") if path.is_file()]


def test_a_file_goes_with_the_last_run_that_names_it(client: Client, keys: dict[str, str], service: Service) -> None:
    member = Asking(client, keys["member"])
    data = b"weights"
    digest = hashlib.sha256(data).hexdigest()
    one, other = member.begin(), member.begin()
    for run in (one, other):
        put_file(member, run, data)
        member.tell(run, journal(Kept(1.0, "w", digest, len(data))))
    a_day_passes(service)
    client.delete(f"/api/v1/runs/{one}", headers=member.headers)
    assert collect(service).run_files == 0
    assert member.get(f"/{other}/files/{digest}").content == data
    client.delete(f"/api/v1/runs/{other}", headers=member.headers)
    told = collect(service, dry=True)
    assert len(lying(service)) == 1
    assert collect(service) == told
    assert (told.run_files, told.run_files_here, lying(service)) == (1, 1, [])


def test_what_is_young_stays_though_nobody_names_it(client: Client, keys: dict[str, str], service: Service) -> None:
    member = Asking(client, keys["member"])
    put_file(member, member.begin(), b"sent ahead")
    assert collect(service).run_files == 0
    a_day_passes(service)
    assert collect(service, later_s=0.0).run_files_here == 0
    assert len(lying(service)) == 1
    assert collect(service).run_files_here == 1


def test_another_projects_run_keeps_no_file_of_this_one(client: Client, keys: dict[str, str], service: Service) -> None:
    member, other = Asking(client, keys["member"]), Asking(client, keys["other"])
    data = b"mine"
    digest = hashlib.sha256(data).hexdigest()
    put_file(member, member.begin(), data)
    other.tell(other.begin(), journal(Kept(1.0, "w", digest, len(data))))
    a_day_passes(service)
    assert collect(service).run_files == 1


def test_a_project_goes_with_its_runs(client: Client, keys: dict[str, str], service: Service) -> None:
    other = Asking(client, keys["other"])
    put_file(other, other.begin(), b"data")
    project = service.projects.ensure("other")
    assert client.delete(f"/api/v1/projects/{project}", headers=bearer(keys["other"])).status_code == 204
    with service.database.read() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(runs)).scalar() == 0
        assert connection.execute(sa.select(sa.func.count()).select_from(project_files)).scalar() == 0

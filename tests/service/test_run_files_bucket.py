"""Files of runs in a bucket that several machines share."""

import hashlib
import time
from pathlib import Path

import pytest

from headhunt.track.journal import Kept
from service.collecting import DAY_S, HOUR_S, Collector
from service.parts import service_of
from service.settings import Settings
from tests.service.asking import Client
from tests.service.bucket import Bucket
from tests.service.test_collecting_runs import a_day_passes
from tests.service.test_object_store import clients, key, other, server, settings
from tests.service.test_runs import Asking, put_file
from tests.tracking.telling import journal

__all__ = ["clients", "key", "other", "server", "settings"]
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning")
DATA = b"weights" * 100_000
DIGEST = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def members(clients: tuple[Client, Client], key: str) -> tuple[Asking, Asking]:
    return Asking(clients[0], key), Asking(clients[1], key)


def sent(member: Asking) -> str:
    run = member.begin()
    assert put_file(member, run, DATA).status_code == 204
    member.tell(run, journal(Kept(1.0, "w", DIGEST, len(DATA))))
    return run


def in_bucket(server: Bucket, settings: Settings) -> list[str]:
    prefix = f"{settings.store.rpartition('/')[2]}/files/" if settings.store else ""
    return server.names(prefix)


def test_a_file_that_came_to_one_machine_is_had_from_another(
    members: tuple[Asking, Asking], server: Bucket, settings: Settings, other: Settings
) -> None:
    run = sent(members[0])
    (name,) = in_bucket(server, settings)
    assert name.endswith(f"/files/{DIGEST[:2]}/{DIGEST}")
    assert not list((other.home / "files").rglob(DIGEST))
    assert members[1].get(f"/{run}/files/{DIGEST}").content == DATA
    part = members[1].client.get(
        f"/api/v1/runs/{run}/files/{DIGEST}", headers={**members[1].headers, "Range": "bytes=7-13"}
    )
    assert (part.status_code, part.content) == (206, b"weights")


def test_a_machine_that_lost_its_disk_has_the_files_again(members: tuple[Asking, Asking], settings: Settings) -> None:
    run = sent(members[0])
    for path in (settings.home / "files").rglob(DIGEST):
        path.unlink()
    assert members[0].get(f"/{run}/files/{DIGEST}").content == DATA


def test_a_file_stays_in_the_bucket_while_a_run_names_it_and_leaves_the_home_when_none_does(
    members: tuple[Asking, Asking], server: Bucket, settings: Settings
) -> None:
    run = sent(members[0])
    service = service_of(settings)

    def collect(later_s: float) -> None:
        Collector(service.database, settings.home, service.store, lambda: time.time() + later_s).collect(False)

    a_day_passes(service)
    collect(2 * DAY_S)
    assert len(in_bucket(server, settings)) == 1
    members[1].client.delete(f"/api/v1/runs/{run}", headers=members[1].headers)
    collect(2 * HOUR_S)
    assert not list(Path(settings.home / "files").rglob(DIGEST))
    service.database.close()


def test_a_bucket_that_is_gone_is_told_and_what_was_sent_again_is_there(
    members: tuple[Asking, Asking], server: Bucket, settings: Settings
) -> None:
    run = members[0].begin()
    server.kill()
    answer = put_file(members[0], run, DATA)
    assert answer.status_code in (502, 503), answer.text
    server.start()
    assert put_file(members[0], run, DATA).status_code == 204
    members[0].tell(run, journal(Kept(1.0, "w", DIGEST, len(DATA))))
    assert len(in_bucket(server, settings)) == 1
    assert members[1].get(f"/{run}/files/{DIGEST}").content == DATA

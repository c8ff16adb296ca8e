"""What is under the service goes away and comes back: clear answers, nothing lost, nothing half made."""

import sqlite3
import threading
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa
from litestar.testing import TestClient

from service import database as database_module
from service.app import create_app
from service.database import Database
from service.jobs.queue import Order, Queue
from service.jobs.worker import Post, Worker
from service.settings import Settings
from tests.service.asking import Client, bearer, send
from tests.service.cut_wire import Wire
from tests.service.test_worker import ended, until, working
from tests.service.work_kinds import KINDS

GONE_S = 30.0


@pytest.fixture
def wire(database: Database) -> Any:
    if database.is_sqlite:
        pytest.skip("SQLite is a file: nothing can be cut")
    place = database.engine.url
    with Wire(place.host or "127.0.0.1", place.port or 5432) as one:
        yield one


def through(database: Database, wire: Wire) -> str:
    return database.engine.url.set(host="127.0.0.1", port=wire.port).render_as_string(hide_password=False)


def test_a_database_that_is_gone_is_told_and_all_goes_on_when_it_is_back(
    database: Database, wire: Wire, keys: dict[str, str], tmp_path: Path
) -> None:
    settings = Settings(home=tmp_path / "home", database=through(database, wire), url="http://testserver.local")
    with TestClient(create_app(settings), raise_server_exceptions=False) as client:
        assert send(client, keys["member"]).status_code == 201
        wire.cut()
        for answer in (
            client.get("/api/v1/datasets", headers=bearer(keys["reader"])),
            client.post("/api/v1/recommendations", headers=bearer(keys["member"]), json={"dataset": "photos"}),
            send(client, keys["member"], "more"),
            client.get("/ready"),
        ):
            assert (answer.status_code, answer.json()["code"]) == (503, "service_unavailable"), answer.text
            assert "127.0.0.1" not in answer.text
            assert "psycopg" not in answer.text
        assert client.get("/health").status_code == 200
        wire.mend()
        names = [one["name"] for one in client.get("/api/v1/datasets", headers=bearer(keys["reader"])).json()["items"]]
        assert names == ["photos"], "nothing half made"
        assert send(client, keys["member"], "more").status_code == 201


@pytest.mark.parametrize("gone_s", [2.0, pytest.param(GONE_S, marks=pytest.mark.slow)])
def test_a_job_outlives_the_database_s_absence(database: Database, wire: Wire, tmp_path: Path, gone_s: float) -> None:
    queue = Queue(database)
    job = queue.put(Order("p", "count_slowly", 8))
    with working(Worker(Post(through(database, wire), tmp_path, KINDS, lease_s=1.0), "w")):
        until(lambda: len(queue.events(job.id)) >= 2)
        wire.cut()
        time.sleep(gone_s)
        wire.mend()
        came = ended(queue, job)
    assert came.state == "done"
    told = [msgspec.json.decode(event.body)["at"] for event in queue.events(job.id)]
    assert sorted(set(told)) == list(range(8))
    assert msgspec.json.decode(came.result or b"") == 8


def test_a_database_that_another_program_holds_locked_is_told(
    client: Client, keys: dict[str, str], database: Database, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    if not database.is_sqlite:
        pytest.skip("PostgreSQL locks rows")
    monkeypatch.setattr(database_module, "PATIENCE_S", 0.2)
    with TestClient(create_app(settings), raise_server_exceptions=False) as hasty:
        assert send(hasty, keys["member"]).status_code == 201
        holder = sqlite3.connect(database.engine.url.database or "", isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        asked = {"dataset": "photos"}
        refused = hasty.post("/api/v1/recommendations", headers=bearer(keys["member"]), json=asked)
        assert (refused.status_code, refused.json()["code"]) == (503, "service_unavailable")
        assert hasty.get("/api/v1/datasets", headers=bearer(keys["reader"])).status_code == 200, "reading needs no lock"
        holder.execute("ROLLBACK")
        holder.close()
        again = hasty.post("/api/v1/recommendations", headers=bearer(keys["member"]), json=asked)
        assert again.status_code == 202
        listed = hasty.get("/api/v1/recommendations", headers=bearer(keys["reader"])).json()["items"]
        assert [one["id"] for one in listed] == [again.json()["id"]]


def test_a_patient_writer_waits_for_a_lock(client: Client, keys: dict[str, str], database: Database) -> None:
    """As long as PATIENCE_S, where somebody else writes for a while."""
    if not database.is_sqlite:
        pytest.skip("PostgreSQL locks rows")
    send(client, keys["member"])
    holder = sqlite3.connect(database.engine.url.database or "", isolation_level=None, check_same_thread=False)
    holder.execute("BEGIN IMMEDIATE")
    threading.Timer(1.0, lambda: (holder.execute("ROLLBACK"), holder.close())).start()
    asked = client.post("/api/v1/recommendations", headers=bearer(keys["member"]), json={"dataset": "photos"})
    assert asked.status_code == 202


def test_a_broken_database_tells_nothing_of_itself(client: Client, keys: dict[str, str], database: Database) -> None:
    with database.write() as connection:
        connection.execute(sa.text("DROP TABLE dataset_versions"))
    answer = client.get("/api/v1/datasets", headers=bearer(keys["reader"]))
    assert answer.status_code in (500, 503)
    assert "dataset_versions" not in answer.text
    assert "SELECT" not in answer.text

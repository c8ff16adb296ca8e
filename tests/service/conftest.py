"""Every test of the store runs on SQLite, and on PostgreSQL where HEADHUNT_TEST_DATABASE names one."""

import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import sqlalchemy as sa
from litestar.testing import TestClient

from service.app import create_app
from service.database import Database
from service.keys import ROLES
from service.migrations import NEWEST
from service.parts import service_of
from service.settings import Settings
from tests.service.asking import Client
from tests.service.tables_of import drop_all, make_all


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'service.db'}"
    named = os.environ.get("HEADHUNT_TEST_DATABASE")
    if not named:
        pytest.skip("HEADHUNT_TEST_DATABASE names no PostgreSQL, as in postgresql+psycopg://user@127.0.0.1/test")
    return own_database(named, os.environ.get("PYTEST_XDIST_WORKER", "alone"))


@cache
def own_database(named: str, worker: str) -> str:
    """Of each process of the tests, beside the one that was named: they run at the same time."""
    whole = sa.make_url(named)
    mine = whole.set(database=f"{whole.database}_{worker}")
    engine = sa.create_engine(whole, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f'DROP DATABASE IF EXISTS "{mine.database}" WITH (FORCE)')
        connection.exec_driver_sql(f'CREATE DATABASE "{mine.database}"')
    engine.dispose()
    return mine.render_as_string(hide_password=False)


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    made = Database(url)
    drop_all(made)
    make_all(made)
    with made.write() as connection:  # as migrations leave it, and faster
        connection.exec_driver_sql("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)")
        connection.exec_driver_sql(f"INSERT INTO alembic_version VALUES ('{NEWEST}')")
    yield made
    made.close()


@pytest.fixture
def settings(database: Database, url: str, tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", database=url, url="http://testserver.local")


@pytest.fixture
def client(settings: Settings) -> Iterator[Client]:
    with TestClient(create_app(settings), raise_server_exceptions=False) as one:
        yield one


@pytest.fixture
def keys(settings: Settings) -> dict[str, str]:
    """Of a project: one of each role, one that has expired, one that was revoked; and one of another project."""
    service = service_of(settings)
    made = {role: service.key("default", role) for role in ROLES}
    made["other"] = service.key("other", "owner")
    made["expired"] = service.key("default", "owner", days=1e-9)
    made["revoked"] = service.key("default", "owner")
    service.keys.revoke(service.projects.ensure("default"), made["revoked"].split("_")[1])
    service.database.close()
    return made

"""Every test of the store runs on SQLite, and on PostgreSQL where HEADHUNT_TEST_DATABASE names one."""

import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import sqlalchemy as sa

from service.database import Database
from service.tables import metadata


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
    metadata.drop_all(made.engine)
    metadata.create_all(made.engine)
    yield made
    made.close()

"""The tables come by migrations, and are what service/tables.py says. On both databases."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

import service.migrations
from headhunt.errors import BadValue
from service.database import Database
from service.migrations import NEWEST, migrate, version_of
from tests.service.tables_of import ALL, drop_all

BROKEN = """
import sqlalchemy as sa
from alembic import op

revision = "9999"
down_revision = "{newest}"


def upgrade() -> None:
    op.create_table("half_made", sa.Column("id", sa.Integer(), primary_key=True))
    op.execute("INSERT INTO half_made VALUES (1)")
    raise RuntimeError("in the middle")
"""


@pytest.fixture
def empty(url: str) -> Iterator[Database]:
    made = Database(url)
    drop_all(made)
    yield made
    drop_all(made)
    made.close()


def tables(database: Database) -> set[str]:
    with database.read() as connection:
        return set(sa.inspect(connection).get_table_names())


def test_migrations_come_to_what_the_tables_say(empty: Database) -> None:
    migrate(empty)
    with empty.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, list(ALL)) == []
        assert version_of(connection) == NEWEST


def test_migrating_twice_is_as_once(empty: Database) -> None:
    migrate(empty)
    before = tables(empty)
    migrate(empty)
    assert tables(empty) == before


def test_a_newer_database_is_left_alone(empty: Database) -> None:
    migrate(empty)
    with empty.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(BadValue, match="newer headhunt"):
        migrate(empty)
    with empty.read() as connection:
        assert version_of(connection) == "9999"


def test_of_processes_that_migrate_at_once_one_does_and_all_go_on(empty: Database, url: str) -> None:
    """Each has an engine of its own, as processes have, and all begin at the same moment."""
    together = threading.Barrier(4)

    def begin(_: int) -> str | None:
        database = Database(url)
        together.wait()
        try:
            migrate(database)
            with database.read() as connection:
                return version_of(connection)
        finally:
            database.close()

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(begin, range(4))) == [NEWEST] * 4


def test_a_migration_that_fails_leaves_nothing_half_made(
    empty: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrate(empty)
    before = tables(empty)
    here = tmp_path / "migrations"
    (here / "versions").mkdir(parents=True)
    (here / "env.py").write_text((service.migrations.HERE / "env.py").read_text())
    for path in (service.migrations.HERE / "versions").glob("[0-9]*.py"):
        (here / "versions" / path.name).write_text(path.read_text())
    (here / "versions" / "9999_broken.py").write_text(BROKEN.format(newest=NEWEST))
    with monkeypatch.context() as patch:
        patch.setattr(service.migrations, "HERE", here)
        patch.setattr(service.migrations, "NEWEST", "9999")
        with pytest.raises(RuntimeError, match="in the middle"):
            migrate(empty)
    assert tables(empty) == before
    with empty.read() as connection:
        assert version_of(connection) == NEWEST
    migrate(empty)

"""The tables come and change by Alembic, one line of migrations for SQLite and PostgreSQL.

`migrate` is called whenever a server or a worker begins. What is up to date is seen without Alembic, which takes
longer to import than to look.
"""

from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from headhunt.errors import BadValue
from service.database import Database

HERE = Path(__file__).parent
NEWEST = max(path.stem.partition("_")[0] for path in (HERE / "versions").glob("[0-9]*.py"))
"""Revisions are named by rising numbers: 0001, 0002 ..."""
LOCK = 4_846_843
"""The number of PostgreSQL's lock for migrating; any, always the same."""


def migrate(database: Database) -> None:
    """Bring the tables to what this headhunt needs. Several processes may begin at once: one migrates, all others wait.

    Raises BadValue where a newer headhunt has been here: going back could lose what it wrote.
    """
    with database.read() as connection:
        if version_of(connection) == NEWEST:
            return
    with database.write() as connection:
        if not database.is_sqlite:
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK})")
        found = version_of(connection)
        if found is not None and found > NEWEST:
            raise BadValue(
                f"The database is of a newer headhunt (its tables are at {found}, this one knows {NEWEST})."
                " Install the newer one again."
            )
        if found != NEWEST:
            upgrade(connection)


def version_of(connection: Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    found = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    return None if found is None else str(found)


def upgrade(connection: Connection) -> None:
    from alembic import command  # here, since a database that is up to date needs none of it
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(HERE).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")

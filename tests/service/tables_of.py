"""Tests begin with an empty database."""

from service.database import Database
from service.tables import metadata


def drop_all(database: Database) -> None:
    metadata.drop_all(database.engine)
    with database.write() as connection:
        connection.exec_driver_sql("DROP TABLE IF EXISTS alembic_version")

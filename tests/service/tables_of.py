"""Tests begin with an empty database."""

import tracking.tables
from service.database import Database
from service.tables import metadata

ALL = (tracking.tables.metadata, metadata)
"""Whatever has tables."""


def make_all(database: Database) -> None:
    for one in ALL:
        one.create_all(database.engine)


def drop_all(database: Database) -> None:
    for one in ALL:
        one.drop_all(database.engine)
    with database.write() as connection:
        connection.exec_driver_sql("DROP TABLE IF EXISTS alembic_version")

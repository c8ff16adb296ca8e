"""One database, SQLite or PostgreSQL: connections that write are told apart from those that read.

    with database.write() as connection: ...
    with database.read() as connection: ...

Readers see the database as it was when they began. On SQLite a writer begins with BEGIN IMMEDIATE, so that two wait for
each other instead of failing in the middle. On PostgreSQL whoever reads a row in order to change it locks it.

All times are those of the database's clock, in seconds since 1970: machines that share a database need not agree.
"""

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import ArgumentError, DataError, InterfaceError, NoSuchModuleError, OperationalError, TimeoutError
from sqlalchemy.pool import ConnectionPoolEntry

from headhunt.errors import BadValue, ServiceUnavailable, one_line

log = logging.getLogger("headhunt.database")
PATIENCE_S = 30.0
"""So long a writer waits for another one."""
SNAPSHOT = "REPEATABLE READ"
"""On PostgreSQL; a transaction of SQLite reads so anyway."""
CLOCKS = {
    "sqlite": "(julianday('now') - 2440587.5) * 86400.0",
    "postgresql": "extract(epoch from clock_timestamp())::double precision",
}


class Database:
    """An engine of SQLAlchemy that begins its transactions as each database needs it."""

    def __init__(self, url: str) -> None:
        self.engine = engine_for(url)
        self.kind = self.engine.dialect.name
        self._reading = self.engine if self.is_sqlite else self.engine.execution_options(isolation_level=SNAPSHOT)
        self.now: sa.ColumnElement[float] = sa.literal_column(CLOCKS[self.kind], sa.Float)

    @property
    def is_sqlite(self) -> bool:
        return self.kind == "sqlite"

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Commits at the end, or takes all back."""
        with told(), self.engine.connect() as connection:
            writing = connection.execution_options(writes=True)
            with writing.begin():
                yield writing

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """All that is read within is of one moment: nothing is seen half written, or half removed."""
        with told(), self._reading.connect() as connection, connection.begin():
            yield connection

    def close(self) -> None:
        self.engine.dispose()


@contextmanager
def told() -> Iterator[None]:
    """A database that does not answer becomes an error of ours."""
    try:
        yield
    except (OperationalError, InterfaceError, TimeoutError) as error:
        log.warning("the database does not answer: %s", one_line(error))
        raise ServiceUnavailable("The database does not answer. Nothing is lost; try again.") from error
    except (DataError, OverflowError) as error:
        raise BadValue("A value is too large, or holds a character that cannot be kept (NUL). Send another.") from error


def engine_for(url: str) -> Engine:
    try:
        found = sa.make_url(url)
    except ArgumentError as error:
        raise BadValue(f"{url!r} is no URL of a database. Give sqlite:///FILE or postgresql+psycopg://...") from error
    kind = found.get_backend_name()
    if kind not in CLOCKS:
        raise BadValue(f"The database {kind!r} is not supported. Use sqlite or postgresql+psycopg.")
    try:
        if kind == "sqlite":
            made = sa.create_engine(found, connect_args={"timeout": PATIENCE_S}, pool_size=8, max_overflow=32)
            sa.event.listen(made, "connect", _open_sqlite)
            sa.event.listen(made, "begin", _begin_sqlite)
            return made
        waits = {"connect_timeout": 5, "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3}
        return sa.create_engine(found, connect_args=waits, pool_size=8, max_overflow=32, pool_pre_ping=True)
    except (NoSuchModuleError, ModuleNotFoundError) as error:
        raise BadValue(f"{url!r} needs a driver that is not installed ({one_line(error)}).") from error


def _open_sqlite(connection: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
    """Transactions are begun by us; readers do not wait for writers; what is committed survives a kill."""
    connection.isolation_level = None
    for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    """By the driver itself: what SQLAlchemy does around a statement costs ten times as much as this one."""
    writes = connection.get_execution_options().get("writes", False)
    try:
        connection.connection.cursor().execute("BEGIN IMMEDIATE" if writes else "BEGIN")
    except sqlite3.OperationalError as error:
        raise OperationalError("BEGIN", None, error) from error

"""Things that one process at a time does, on all machines that share a database."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from service.database import Database


@contextmanager
def if_alone(database: Database, number: int, file: Path) -> Iterator[bool]:
    """False: another process is at it. The lock goes with the process. number: of PostgreSQL's lock; file: SQLite lies
    on one machine, where a file does as well."""
    with on_file(file) if database.is_sqlite else on_server(database, number) as alone:
        yield alone


@contextmanager
def on_server(database: Database, number: int) -> Iterator[bool]:
    with database.engine.connect() as connection:
        alone = bool(connection.exec_driver_sql(f"SELECT pg_try_advisory_lock({number})").scalar())
        connection.commit()
        try:
            yield alone
        finally:
            if alone:
                connection.exec_driver_sql(f"SELECT pg_advisory_unlock({number})")
                connection.commit()


@contextmanager
def on_file(file: Path) -> Iterator[bool]:
    file.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(file, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            alone = True
        except BlockingIOError:
            alone = False
        yield alone
    finally:
        os.close(handle)


@contextmanager
def in_turn(database: Database, number: int, file: Path) -> Iterator[None]:
    """As above, waiting for whoever is at it."""
    if not database.is_sqlite:
        with database.engine.connect() as connection:
            connection.exec_driver_sql(f"SELECT pg_advisory_lock({number})")
            connection.commit()
            try:
                yield
            finally:
                connection.exec_driver_sql(f"SELECT pg_advisory_unlock({number})")
                connection.commit()
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(file, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)

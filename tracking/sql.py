"""What the tracker needs of a database, and statements that the two kinds write in their own way."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

EACH = {
    "sqlite": "SELECT value FROM json_each(:given)",
    "postgresql": "SELECT json_array_elements_text(CAST(:given AS json))",
}
AT_ONCE = 500
"""Names in one question: SQLite takes a thousand values at least."""
BATCH = 5_000
"""Rows that are written by one call."""


class Database(Protocol):
    """service.database.Database is one. now: its clock, in seconds since 1970."""

    now: sa.ColumnElement[float]

    def write(self) -> AbstractContextManager[Connection]:
        """One transaction: committed at the end, or taken back. On SQLite one at a time."""

    def read(self) -> AbstractContextManager[Connection]: ...


def put(connection: Connection, table: sa.Table, rows: Sequence[dict[str, Any]], replace: bool = True) -> int:
    """Rows that are there already by their key become these, or stay; how many were written."""
    made = adding(connection, table)
    keys = [column.name for column in table.primary_key]
    others = {name: made.excluded[name] for name in (rows[0] if rows else ()) if name not in keys}
    if replace and others:
        made = made.on_conflict_do_update(index_elements=keys, set_=others)
    else:
        made = made.on_conflict_do_nothing()
    done = 0
    for first in range(0, len(rows), BATCH):
        done += connection.execute(made, list(rows[first : first + BATCH])).rowcount
    return done


def adding(connection: Connection, table: sa.Table) -> Any:
    """An INSERT that can say what is done with a row that is there."""
    kind: Any = postgresql if connection.dialect.name == "postgresql" else sqlite
    return kind.insert(table)


def among(connection: Connection, values: Sequence[str]) -> sa.TextualSelect:
    """For `in_`, where there are many: as one value, since an IN of as many takes longer to write than to answer."""
    text = sa.text(EACH[connection.dialect.name]).bindparams(given=msgspec.json.encode(values).decode())
    return text.columns(sa.column("given", sa.String))


def in_parts(names: Sequence[Any]) -> list[Sequence[Any]]:
    return [names[first : first + AT_ONCE] for first in range(0, len(names), AT_ONCE)]


def more_of(connection: Connection, one: Any, other: Any) -> Any:
    """The greater of two, in the words of the database."""
    return sa.func.max(one, other) if connection.dialect.name == "sqlite" else sa.func.greatest(one, other)


def less_of(connection: Connection, one: Any, other: Any) -> Any:
    return sa.func.min(one, other) if connection.dialect.name == "sqlite" else sa.func.least(one, other)

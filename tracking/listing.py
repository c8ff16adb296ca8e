"""Runs are found: what a query asks for is looked up for all runs of a project, and tried in this process. So a query
means the same on every database, and a run that lacks what is asked for is no special case.
"""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from headhunt.errors import BadValue
from tracking.sql import among, in_parts
from tracking.tables import experiments, run_metrics, run_values, runs
from tracking.values import BEGINNING, NOT_FINITE, read

SHOWN_METRICS = SHOWN_VALUES = 100
"""Of each run of a list, by name; of values, of each kind. What is asked or sorted by is there in any case."""
SILENT_S = 90.0
"""A run of which nothing was heard for so long is lost, until something is."""
UNWATCHED = "unwatched"
"""Running, as far as anybody knows: of such a run nothing is heard while it has nothing to tell."""
ATTRIBUTES = (
    "id",
    "name",
    "state",
    "started",
    "ended",
    "seen",
    "intent",
    "experiment",
    "dataset",
    "group",
    "parent",
    "model",
    "by",
    "error",
)
LONG = ("intent", "error", "dataset", "model")
NOT_THERE = "The run that this list was to go on from is not in it any longer. Begin again, without 'after'."
Facts = Mapping[tuple[str, str], Any]


class Key(Protocol):
    @property
    def kind(self) -> str: ...
    @property
    def name(self) -> str: ...


class Order(Protocol):
    """What tracking.query.parse_order makes."""

    @property
    def key(self) -> Key: ...
    @property
    def descending(self) -> bool: ...


class Query(Protocol):
    """What tracking.query.parse makes."""

    def names(self) -> Collection[tuple[str, str]]: ...
    def holds(self, facts: Facts, /) -> bool: ...


class Asked(NamedTuple):
    """Of a list. order: the newest first, where nothing is given. after: the id of the run that the last page ended
    with. deleted: True for those that were laid aside alone, None for all."""

    query: Query | None = None
    order: Sequence[Order] = ()
    after: str | None = None
    limit: int = 100
    experiments: Collection[str] | None = None
    deleted: bool | None = False

    def named(self) -> set[tuple[str, str]]:
        """What is asked and sorted by."""
        names = set(self.query.names()) if self.query else set()
        return names | {(one.key.kind, one.key.name) for one in self.order}


def state_of(now: sa.ColumnElement[float]) -> sa.ColumnElement[str]:
    """lost, by the database's clock, is what does not say that it has ended, and says nothing else."""
    silent = (runs.c.state == "running") & (runs.c.seen < now - SILENT_S)
    return sa.case((silent, "lost"), (runs.c.state == UNWATCHED, "running"), else_=runs.c.state)


def rows_of(now: sa.ColumnElement[float], short: bool = False) -> sa.Select[Any]:
    """short: of long texts their beginning."""
    columns = [column for column in runs.c if column.name not in ("state", "experiment", "facts")]
    shown = [begun(column) if short and column.name in LONG else column for column in columns]
    return sa.select(*shown, *named_state(now)).join_from(runs, experiments)


def begun(column: sa.Column[Any]) -> sa.ColumnElement[Any]:
    """A character more than is shown, so that it is seen whether there are more."""
    return sa.func.substr(column, 1, BEGINNING + 1).label(column.name)


def named_state(now: sa.ColumnElement[float]) -> list[sa.ColumnElement[Any]]:
    """What a run's state and its experiment are called."""
    return [
        state_of(now).label("state"),
        experiments.c.name.label("experiment"),
        runs.c.experiment.label("experiment_id"),
    ]


def found(connection: Connection, now: sa.ColumnElement[float], project: str, asked: Asked) -> list[Any]:
    """Rows, sorted, those of this page: looked for by what is asked alone, and read as far as a list shows them."""
    plain = asked.query is None and not asked.order
    ids = next_ids(connection, project, asked) if plain else sifted(connection, now, project, asked)
    wanted = rows_of(now, short=True).where(runs.c.id.in_(among(connection, ids)))
    rows = {row.id: row for row in connection.execute(wanted).all()}
    return [rows[one] for one in ids if one in rows]


def of_project(wanted: sa.Select[Any], project: str, asked: Asked) -> sa.Select[Any]:
    """The newest first."""
    wanted = wanted.where(runs.c.project == project).order_by(runs.c.started.desc(), runs.c.id)
    if asked.experiments is not None:
        wanted = wanted.where(experiments.c.name.in_(list(asked.experiments)))
    if asked.deleted is not None:
        wanted = wanted.where(runs.c.deleted.is_not(None) if asked.deleted else runs.c.deleted.is_(None))
    return wanted


def next_ids(connection: Connection, project: str, asked: Asked) -> list[str]:
    """Where nothing is asked for, the database counts them off."""
    joined = sa.select(runs.c.id, runs.c.started).join_from(runs, experiments)
    wanted = of_project(joined, project, asked)
    if asked.after is not None:
        last = connection.execute(wanted.where(runs.c.id == asked.after)).first()
        if last is None:
            raise BadValue(NOT_THERE)
        later = (runs.c.started == last.started) & (runs.c.id > last.id)
        wanted = wanted.where((runs.c.started < last.started) | later)
    return [row.id for row in connection.execute(wanted.limit(asked.limit)).all()]


def sifted(connection: Connection, now: sa.ColumnElement[float], project: str, asked: Asked) -> list[str]:
    """All runs of the project are held against what is asked, each with no more than that needs."""
    names = asked.named()
    needed = {name for kind, name in names if kind == "attribute"} | {
        "dataset" for kind, _ in names if kind == "dataset"
    }
    columns = [runs.c[name] for name in ATTRIBUTES if name in needed - {"id", "state", "experiment"}]
    wanted = sa.select(runs.c.id, *columns, *named_state(now)).join_from(runs, experiments)
    rows = list(connection.execute(of_project(wanted, project, asked)).all())
    facts = facts_of(connection, rows, names)
    if asked.query is not None:
        rows = [row for row in rows if asked.query.holds(facts[row.id])]
    for order in reversed(asked.order):
        rows = ordered(rows, facts, order)
    return [row.id for row in page(rows, asked.after, asked.limit)]


def page(rows: list[Any], after: str | None, limit: int) -> list[Any]:
    if after is None:
        return rows[:limit]
    for place, row in enumerate(rows):
        if row.id == after:
            return rows[place + 1 : place + 1 + limit]
    raise BadValue(NOT_THERE)


def ordered(rows: list[Any], facts: Mapping[str, Facts], order: Order) -> list[Any]:
    """Stable. Numbers before texts; what is not there, and NaN, comes last either way."""
    key = (order.key.kind, order.key.name)
    there: list[tuple[tuple[int, Any], Any]] = []
    absent = []
    for row in rows:
        value = sortable(facts[row.id].get(key))
        absent.append(row) if value is None else there.append((value, row))
    there.sort(key=lambda one: one[0], reverse=order.descending)
    return [row for _, row in there] + absent


def sortable(value: Any) -> tuple[int, Any] | None:
    value = value[0] if isinstance(value, tuple) and value else value
    if isinstance(value, str):
        value = NOT_FINITE.get(value, value)
    if value is None or value == () or (isinstance(value, float) and math.isnan(value)):
        return None
    return (0, value) if isinstance(value, int | float) else (1, str(value))


def facts_of(connection: Connection, rows: list[Any], names: set[tuple[str, str]]) -> dict[str, dict[Any, Any]]:
    """What a query needs of each run. Values are as they were told; a metric is its newest number."""
    facts: dict[str, dict[Any, Any]] = {row.id: {} for row in rows}
    plain = [name for kind, name in names if kind == "attribute" and name in ATTRIBUTES]
    for row in rows:
        for name in plain:
            facts[row.id]["attribute", name] = getattr(row, name)
        if getattr(row, "dataset", None) is not None:
            facts[row.id]["dataset", "name"] = row.dataset
            facts[row.id]["dataset", "digest"] = row.dataset
    for kind in ("param", "tag", "summary"):
        _add_values(connection, facts, kind, [name for of, name in names if of == kind])
    _add_metrics(connection, facts, [name for of, name in names if of == "metric"])
    return facts


def _add_values(connection: Connection, facts: dict[str, dict[Any, Any]], kind: str, names: list[str]) -> None:
    for some in in_parts(names):
        mine = (run_values.c.kind == kind) & run_values.c.name.in_(some)
        for row in _of_runs(
            connection, sa.select(run_values.c.run, run_values.c.name, run_values.c.value), mine, facts
        ):
            facts[row.run][kind, row.name] = read(row.value)


def _add_metrics(connection: Connection, facts: dict[str, dict[Any, Any]], names: list[str]) -> None:
    wanted = sa.select(run_metrics.c.run, run_metrics.c.name, run_metrics.c.last)
    for some in in_parts(names):
        for row in _of_runs(connection, wanted, run_metrics.c.name.in_(some), facts):
            facts[row.run]["metric", row.name] = math.nan if row.last is None else row.last


def _of_runs(
    connection: Connection, wanted: sa.Select[Any], mine: sa.ColumnElement[bool], ids: Collection[str]
) -> Iterable[Any]:
    column: Any = wanted.selected_columns[0]
    return connection.execute(wanted.where(column.in_(among(connection, list(ids))), mine)).all()

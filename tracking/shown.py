"""Runs, as they are told: one with all that is known of it, or many as a list shows them.

A run may hold thousands of values of many kilobytes. Of those a list has the first by name, and of a long one its
beginning; `whole` says whether that is all.
"""

import math
from collections.abc import Callable, Collection
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from headhunt.track.wire import Run
from tracking.listing import ATTRIBUTES, LONG, SHOWN_METRICS, SHOWN_VALUES
from tracking.sql import among, in_parts
from tracking.tables import run_metrics, run_values
from tracking.values import BEGINNING, Marks, cut, read, told

Names = Collection[tuple[str, str]]
ENDS = "..."
NEWEST = (run_metrics.c.run, run_metrics.c.name, run_metrics.c.last)

KEYS = (run_values.c.run, run_values.c.kind, run_values.c.name)
"""In the order of their index."""
SHORT = sa.select(*KEYS, sa.func.substr(run_values.c.value, 1, BEGINNING + 1))


class Held:
    """Of one run."""

    def __init__(self) -> None:
        self.values: dict[str, dict[str, Any]] = {"param": {}, "tag": {}, "summary": {}}
        self.metrics: dict[str, float | str] = {}
        self.whole = True


def runs_of(
    connection: Connection, rows: list[Any], detail: Callable[[str], dict[str, Any]] | None = None
) -> list[Run]:
    """With all that they told. detail: the facts of the surroundings, for those of whom they are asked."""
    held = {row.id: Held() for row in rows}
    mine = run_values.c.run.in_(among(connection, list(held)))
    for run, kind, name, value in connection.execute(sa.select(run_values).where(mine).order_by(*KEYS)).all():
        held[run].values[kind][name] = read(value)
    of_runs = run_metrics.c.run.in_(among(connection, list(held)))
    wanted = sa.select(*NEWEST).where(of_runs).order_by(run_metrics.c.run, run_metrics.c.name)
    for run, name, last in connection.execute(wanted).all():
        held[run].metrics[name] = shown_number(last)
    return [run_of(row, held[row.id], detail(row.id) if detail else {}) for row in rows]


def listed(connection: Connection, rows: list[Any], names: Names) -> list[Run]:
    """names: what was asked for, which is there in any case."""
    held = {row.id: Held() for row in rows}
    _add_first_values(connection, held)
    _add_first_metrics(connection, held)
    if parts := {run: one for run, one in held.items() if not one.whole}:
        _add_named(connection, parts, names)
    return [run_of(row, held[row.id], {}, short=True) for row in rows]


def _add_first_values(connection: Connection, held: dict[str, Held]) -> None:
    """Where a run has more than are shown, these are counted off, and the values of no others are read."""
    mine = run_values.c.run.in_(among(connection, list(held)))
    each = sa.select(run_values.c.run).where(mine).group_by(run_values.c.run, run_values.c.kind)
    many = set(connection.execute(each.having(sa.func.count() > SHOWN_VALUES)).scalars())
    few = run_values.c.run.in_(among(connection, [run for run in held if run not in many]))
    for run, kind, name, text in connection.execute(SHORT.where(few).order_by(*KEYS)).all():
        _put(held[run], kind, name, text)
    for run in many:
        held[run].whole = False
        for kind in held[run].values:
            some = (run_values.c.run == run) & (run_values.c.kind == kind)
            for _, _, name, text in connection.execute(SHORT.where(some).order_by(*KEYS).limit(SHOWN_VALUES)).all():
                _put(held[run], kind, name, text)


def _add_first_metrics(connection: Connection, held: dict[str, Held]) -> None:
    place = sa.func.row_number().over(partition_by=run_metrics.c.run, order_by=run_metrics.c.name).label("place")
    mine = run_metrics.c.run.in_(among(connection, list(held)))
    some = sa.select(*NEWEST, place).where(mine).subquery()
    wanted = sa.select(some).where(some.c.place <= SHOWN_METRICS + 1).order_by(some.c.run, some.c.place)
    for run, name, last, number in connection.execute(wanted).all():
        if number > SHOWN_METRICS:
            _leave(held[run])
        else:
            held[run].metrics[name] = shown_number(last)


def _add_named(connection: Connection, held: dict[str, Held], names: Names) -> None:
    mine = among(connection, list(held))
    for kind in ("param", "tag", "summary"):
        for some in in_parts([name for of, name in names if of == kind]):
            named = (run_values.c.kind == kind) & run_values.c.name.in_(some) & run_values.c.run.in_(mine)
            for run, _, name, text in connection.execute(SHORT.where(named)):
                _put(held[run], kind, name, text)
    for some in in_parts([name for of, name in names if of == "metric"]):
        named = run_metrics.c.name.in_(some) & run_metrics.c.run.in_(mine)
        for run, name, last in connection.execute(sa.select(*NEWEST).where(named)):
            held[run].metrics[name] = shown_number(last)


def _put(held: Held, kind: str, name: str, text: str) -> None:
    if len(text) > BEGINNING:
        held.whole = False
        held.values[kind][name] = cut(text) + ENDS
    else:
        held.values[kind][name] = read(text)


def _leave(held: Held) -> None:
    held.whole = False


def shown_number(last: float | None) -> float | str:
    return told(math.nan if last is None else last)


def run_of(row: Any, held: Held, facts: dict[str, Any], short: bool = False) -> Run:
    about = {name: getattr(row, name) for name in ATTRIBUTES}
    for name in LONG if short else ():
        if about[name] is not None and len(about[name]) > BEGINNING:
            about[name], held.whole = f"{about[name][:BEGINNING]}{ENDS}", False
    return Run(
        **about,
        params=held.values["param"],
        tags=held.values["tag"],
        summary=held.values["summary"],
        metrics=held.metrics,
        facts=facts,
        marks=Marks(row.marks).told(),
        whole=held.whole,
    )

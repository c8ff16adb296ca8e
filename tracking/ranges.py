"""Parts of a long curve: no more chunks are read than hold what is asked for.

came(connection, run, name, first, most)      in the order in which points came: what comes later moves nothing
by_step(connection, run, name, first, most)   by step; of the same step, as they came
newest_at(connection, run, name, step)        the value at a step, or the one before
"""

from typing import Any, NamedTuple

import numpy as np
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from tracking.columns import CHUNK, Points, in_order, points_of, read_tail, unpack
from tracking.sql import in_parts
from tracking.tables import metric_chunks, run_metrics

NOTHING = points_of((), (), ())


class Span(NamedTuple):
    """A chunk, or the tail, which comes last and lies in the row of the metric."""

    number: int
    points: int
    first_step: int
    last_step: int


class Parts:
    """Of one metric, in one transaction. count: of its points; 0 where there is none."""

    def __init__(self, connection: Connection, run: str, name: str) -> None:
        self.connection = connection
        self.mine = (metric_chunks.c.run == run) & (metric_chunks.c.name == name)
        columns = (run_metrics.c.count, run_metrics.c.chunks, run_metrics.c.tail)
        wanted = sa.select(*columns).where(run_metrics.c.run == run, run_metrics.c.name == name)
        found: Any = connection.execute(wanted).first() or (0, 0, b"")
        self.count, self.chunks = int(found[0]), int(found[1])
        self.tail = read_tail(bytes(found[2]))

    def chunks_of(self, which: sa.ColumnElement[bool]) -> list[Points]:
        """As they came."""
        wanted = sa.select(metric_chunks.c.count, metric_chunks.c.data).where(self.mine, which)
        rows = self.connection.execute(wanted.order_by(metric_chunks.c.number)).all()
        return [unpack(bytes(data), count) for count, data in rows]

    def spans(self) -> list[Span]:
        """The tail, too."""
        columns = [metric_chunks.c[name] for name in ("number", "count", "first_step", "last_step")]
        found = [Span(*row) for row in self.connection.execute(sa.select(*columns).where(self.mine)).all()]
        if len(self.tail):
            steps = self.tail["step"]
            found.append(Span(self.chunks, len(self.tail), int(steps.min()), int(steps.max())))
        return found

    def of(self, spans: list[Span]) -> Points:
        """As they came."""
        numbers = sorted(one.number for one in spans)
        sealed = in_parts([one for one in numbers if one < self.chunks])
        found = [one for some in sealed for one in self.chunks_of(metric_chunks.c.number.in_(some))]
        return np.concatenate([NOTHING, *found, *([self.tail] if self.chunks in numbers else [])])


def came(connection: Connection, run: str, name: str, first: int, most: int) -> tuple[Points, int]:
    """Those from this place on, so many at most, and how many there are of all."""
    parts = Parts(connection, run, name)
    low, high = first // CHUNK, (first + most - 1) // CHUNK
    number = metric_chunks.c.number
    found = parts.chunks_of((number >= low) & (number <= high)) if low < parts.chunks else []
    if high >= parts.chunks:
        found.append(parts.tail)
    start = first - min(low, parts.chunks) * CHUNK
    return np.concatenate([NOTHING, *found])[start : start + most], parts.count


def by_step(connection: Connection, run: str, name: str, first: int, most: int) -> tuple[Points, int]:
    """As `came`. Chunks whose steps overlap are put in order together."""
    parts = Parts(connection, run, name)
    found, place = [], 0
    for together in overlapping(parts.spans()):
        count = sum(one.points for one in together)
        if place + count > first and place < first + most:
            found.append(in_order(parts.of(together))[max(0, first - place) : first + most - place])
        place += count
    return np.concatenate([NOTHING, *found]), parts.count


def overlapping(spans: list[Span]) -> list[list[Span]]:
    """By step; those that share steps together."""
    groups: list[list[Span]] = []
    last = 0
    for one in sorted(spans, key=lambda one: (one.first_step, one.number)):
        if groups and one.first_step <= last:
            groups[-1].append(one)
        else:
            groups.append([one])
        last = max(last, one.last_step) if len(groups[-1]) > 1 else one.last_step
    return groups


def newest_at(connection: Connection, run: str, name: str, step: int) -> float | None:
    """The value that was told last at this step, or at the last one before it; else the first of all."""
    parts = Parts(connection, run, name)
    spans = parts.spans()
    before = [one for one in spans if one.first_step <= step]
    if not before:
        lowest = min((one.first_step for one in spans), default=0)
        found = in_order(parts.of([one for one in spans if one.first_step == lowest]))
        return float(found["value"][0]) if len(found) else None
    reached = max(one.last_step if one.last_step <= step else one.first_step for one in before)
    found = in_order(parts.of([one for one in before if one.last_step >= reached]))
    return float(found["value"][np.searchsorted(found["step"], step, side="right") - 1])

"""The points of runs in the database: they are added to tails and sealed into chunks, and read back in order."""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy.engine import Connection

from tracking.columns import CHUNK, POINT, STRETCH, Points, in_order, pack, peaks, points_of, read_tail, thinned, unpack
from tracking.frames import Column
from tracking.sql import in_parts, put
from tracking.tables import metric_chunks, run_metrics
from tracking.values import Marks, named

MOST_METRICS = 10_000
"""Of one run."""


class Series(NamedTuple):
    """Points by step; those of the same step, as they came."""

    steps: NDArray[np.int64]
    times: NDArray[np.float64]
    values: NDArray[np.float64]


def prepared(columns: Mapping[str, Column], marks: Marks) -> dict[str, Points]:
    """Outside of any transaction."""
    made: dict[str, Points] = {}
    for name, column in columns.items():
        kept, points = named(name, marks), points_of(*column)
        made[kept] = np.concatenate((made[kept], points)) if kept in made else points
    return made


def add_points(connection: Connection, run: str, found: Mapping[str, Points], marks: Marks) -> None:
    """The run's row is locked."""
    before = _rows(connection, run, list(found))
    new = [name for name in found if name not in before]
    room = MOST_METRICS - _count(connection, run) if new else 0
    for name in new[max(room, 0) :]:
        marks.add(f"a run has {MOST_METRICS:,} metrics at most: points of others were not kept", len(found[name]))
    refused = set(new[max(room, 0) :])
    rows, chunks = [], []
    for name, points in found.items():
        if name not in refused:
            row, sealed = grown(run, name, points, before.get(name))
            rows.append(row)
            chunks += sealed
    if chunks:
        connection.execute(sa.insert(metric_chunks), chunks)
    if rows:
        put(connection, run_metrics, rows)


def _rows(connection: Connection, run: str, names: list[str]) -> dict[str, Any]:
    wanted = sa.select(run_metrics).where(run_metrics.c.run == run)
    found: dict[str, Any] = {}
    for some in in_parts(names):
        found |= {row.name: row for row in connection.execute(wanted.where(run_metrics.c.name.in_(some)))}
    return found


def _count(connection: Connection, run: str) -> int:
    wanted = sa.select(sa.func.count()).select_from(run_metrics).where(run_metrics.c.run == run)
    return int(connection.execute(wanted).scalar() or 0)


def grown(run: str, name: str, points: Points, before: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The row of a metric with these points after all others, and the chunks that have become full."""
    chunk = 0 if before is None else before.chunks
    data = points.tobytes() if before is None else bytes(before.tail) + points.tobytes()
    sealed, size = [], CHUNK * POINT.itemsize
    while len(data) >= size:
        sealed.append(chunk_row(run, name, chunk, read_tail(data[:size])))
        chunk, data = chunk + 1, data[size:]
    return {"run": run, "name": name, **summed(points, before), "chunks": chunk, "tail": data}, sealed


def chunk_row(run: str, name: str, number: int, points: Points) -> dict[str, Any]:
    return {
        "run": run,
        "name": name,
        "number": number,
        "count": len(points),
        "first_step": int(points["step"].min()),
        "last_step": int(points["step"].max()),
        "peaks": peaks(points).tobytes(),
        "data": pack(points),
    }


def summed(points: Points, before: Any) -> dict[str, Any]:
    """last: of the highest step; of those, the one that came last."""
    steps, values = points["step"], points["value"]
    place = len(steps) - 1 - int(np.argmax(steps[::-1]))
    last: dict[str, Any] = {"last_step": int(steps[place]), "last_time": float(points["time"][place])}
    last["last"] = None if math.isnan(values[place]) else float(values[place])
    if before is not None and before.last_step > last["last_step"]:
        last = {name: getattr(before, name) for name in last}
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if len(finite) else (None, None)
    if before is not None and before.min is not None:
        low = before.min if low is None else min(low, before.min)
        high = before.max if high is None else max(high, before.max)
    return {"count": len(points) + (0 if before is None else before.count), **last, "min": low, "max": high}


# --- Reading ----------------------------------------------------------------------------------------------------------


def series(connection: Connection, run: str, name: str) -> Series:
    """All points; none of a metric that is not there."""
    return series_of(in_order(whole(connection, run, name)))


def series_of(found: Points) -> Series:
    return Series(found["step"].copy(), found["time"].copy(), found["value"].copy())


def whole(connection: Connection, run: str, name: str) -> Points:
    """As they came."""
    mine = (metric_chunks.c.run == run) & (metric_chunks.c.name == name)
    wanted = sa.select(metric_chunks.c.count, metric_chunks.c.data).where(mine).order_by(metric_chunks.c.number)
    return np.concatenate(
        [
            *(unpack(bytes(data), count) for count, data in connection.execute(wanted).all()),
            _tail(connection, run, name),
        ]
    )


def _tail(connection: Connection, run: str, name: str) -> Points:
    wanted = sa.select(run_metrics.c.tail).where(run_metrics.c.run == run, run_metrics.c.name == name)
    return read_tail(bytes(connection.execute(wanted).scalar() or b""))


def drawn(connection: Connection, run: str, name: str, most: int) -> tuple[Points, int] | None:
    """At most so many points with all peaks, by step, and how many there are. None: there is no such metric."""
    wanted = sa.select(run_metrics.c.count).where(run_metrics.c.run == run, run_metrics.c.name == name)
    count = connection.execute(wanted).scalar()
    if count is None:
        return None
    enough = count >= most * STRETCH // 2  # of each stretch, two points
    found = outline(connection, run, name) if enough else whole(connection, run, name)
    return thinned(in_order(found), most), int(count)


def outline(connection: Connection, run: str, name: str) -> Points:
    """The peaks of all chunks, the first point, and what is in no chunk yet."""
    mine = (metric_chunks.c.run == run) & (metric_chunks.c.name == name)
    wanted = sa.select(metric_chunks.c.peaks).where(mine).order_by(metric_chunks.c.number)
    found = [read_tail(bytes(data)) for data in connection.execute(wanted).scalars().all()]
    return np.concatenate([*_ends(connection, mine), *found, _tail(connection, run, name)])


def _ends(connection: Connection, mine: sa.ColumnElement[bool]) -> list[Points]:
    """The first and the last point by step of what is in chunks: peaks need not hold them."""
    ends = []
    for order, place in ((metric_chunks.c.first_step, 0), (metric_chunks.c.last_step.desc(), -1)):
        one = sa.select(metric_chunks.c.count, metric_chunks.c.data).where(mine).order_by(order).limit(1)
        count, data = connection.execute(one).one()
        ordered = in_order(unpack(bytes(data), count))
        ends.append(ordered[[place]])
    return ends

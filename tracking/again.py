"""Which points are told again: of a metric, those that are in no chunk yet, and those of its last chunk."""

from collections.abc import Sequence

import numpy as np
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from tracking.columns import read_tail, unpack
from tracking.sql import in_parts
from tracking.tables import metric_chunks, run_metrics

Told = tuple[int, float, bytes]
"""Step, time, value: by its bits, since NaN equals nothing."""


def newest(connection: Connection, run: str, names: Sequence[str]) -> dict[str, set[Told]]:
    """By metric. The run is locked."""
    found: dict[str, set[Told]] = {}
    last = (
        (metric_chunks.c.run == run_metrics.c.run)
        & (metric_chunks.c.name == run_metrics.c.name)
        & (metric_chunks.c.number == run_metrics.c.chunks - 1)
    )
    columns = (run_metrics.c.name, run_metrics.c.tail, metric_chunks.c.count, metric_chunks.c.data)
    for some in in_parts(names):
        mine = (run_metrics.c.run == run) & run_metrics.c.name.in_(some)
        for name, tail, count, data in connection.execute(
            sa.select(*columns).outerjoin(metric_chunks, last).where(mine)
        ):
            parts = [read_tail(bytes(tail)), *([unpack(bytes(data), count)] if data is not None else [])]
            held = np.concatenate(parts)
            bits = (as_bits(value) for value in held["value"].tolist())
            found[name] = set(zip(held["step"].tolist(), held["time"].tolist(), bits, strict=True))
    return found


def as_bits(value: float) -> bytes:
    return np.float64(value).tobytes() if value == value else b"nan"

"""What a run has, looked up: metrics, points, files, output. What is written lies in tracking/store.py."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from headhunt.errors import BadValue, UnknownRun
from headhunt.track.wire import Curve, CurvePart, Metric, Printed, RunFile
from tracking.sql import Database
from tracking.tables import NO_STEP, project_files, run_console, run_files, run_metrics, run_writers, runs
from tracking.values import read, told

if TYPE_CHECKING:
    from tracking.curves import Series

FEWEST, MOST = 4, 100_000
"""Points of an answer."""
PIECES = 1000
"""Of a console's output, at once."""


class Looking:
    """The half of Tracking that changes nothing."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def need(self, project: str, run: str) -> None:
        """Raises UnknownRun where the project has none of this id."""
        with self.database.read() as connection:
            self._need(connection, project, run)

    def journal(self, project: str, run: str) -> dict[str, int]:
        """How far each writer's journal has been read."""
        with self.database.read() as connection:
            self._need(connection, project, run)
            mine = sa.select(run_writers.c.writer, run_writers.c.kept).where(run_writers.c.run == run)
            rows = connection.execute(mine.order_by(run_writers.c.writer)).all()
        return {row.writer: row.kept for row in rows}

    def metrics(self, project: str, run: str) -> list[Metric]:
        columns = [run_metrics.c[name] for name in ("name", "count", "last", "last_step", "min", "max")]
        with self.database.read() as connection:
            self._need(connection, project, run)
            wanted = sa.select(*columns).where(run_metrics.c.run == run).order_by(run_metrics.c.name)
            rows = connection.execute(wanted).all()
        return [
            Metric(name, count, "nan" if last is None else told(last), step, low, high)
            for name, count, last, step, low, high in rows
        ]

    def points(self, project: str, run: str, name: str) -> "Series":
        """All points of a metric by step: arrays of steps, times and values. Empty where there is no such metric."""
        from tracking.curves import series

        with self.database.read() as connection:
            self._need(connection, project, run)
            return series(connection, run, name)

    def part(
        self, project: str, run: str, name: str, first: int, most: int, *, ordered: bool = False
    ) -> tuple["Series", int]:
        """Points from a place on, so many at most, and how many there are of all. As they came, where a place stays
        the same whatever comes later; ordered: by step."""
        from tracking.curves import series_of
        from tracking.ranges import by_step, came

        with self.database.read() as connection:
            self._need(connection, project, run)
            points, count = (by_step if ordered else came)(connection, run, name, first, most)
        return series_of(points), count

    def told_part(self, project: str, run: str, name: str, first: int, most: int) -> CurvePart:
        """As they came."""
        found, count = self.part(project, run, name, first, most)
        steps, times, values = (column.tolist() for column in found)
        end = first + len(steps)
        more = end if end < count else None
        return CurvePart(name, tuple(steps), tuple(map(told, values)), tuple(times), count, more)

    def value_at(self, project: str, run: str, name: str, step: int) -> float | None:
        """The newest that had been told at this step; None where there is no such metric."""
        from tracking.ranges import newest_at

        with self.database.read() as connection:
            self._need(connection, project, run)
            return newest_at(connection, run, name, step)

    def curves(self, project: str, run: str, names: Sequence[str], most: int = 2000) -> list[Curve]:
        """Those that there are, of at most so many points each: the lowest and highest of every stretch stay."""
        from tracking.curves import drawn

        if not FEWEST <= most <= MOST:
            raise BadValue(f"A curve has {FEWEST} to {MOST:,} points, and {most} were asked for.")
        with self.database.read() as connection:
            self._need(connection, project, run)
            found_now = [(name, drawn(connection, run, name, most)) for name in names]
        return [curve_of(name, *one) for name, one in found_now if one is not None]

    def whole_curves(self, project: str, run: str, names: Sequence[str]) -> list[Curve]:
        """All points of each."""
        from tracking.columns import points_of

        found = [(name, self.points(project, run, name)) for name in names]
        return [curve_of(name, points_of(*one), len(one.steps)) for name, one in found]

    def curve(self, project: str, run: str, name: str, most: int = 2000) -> Curve:
        """One of no points where there is no such metric."""
        return next(iter(self.curves(project, run, [name], most)), Curve(name, (), (), (), 0, True))

    def files(self, project: str, run: str, first: int = 0, limit: int | None = None) -> list[RunFile]:
        """By path, and by step."""
        with self.database.read() as connection:
            self._need(connection, project, run)
            wanted = sa.select(run_files).where(run_files.c.run == run).order_by(run_files.c.path, run_files.c.step)
            rows = connection.execute(wanted.offset(first).limit(limit)).all()
        return [file_of(row) for row in rows]

    def newest_files(self, project: str, run: str, kind: str, most: int) -> list[RunFile]:
        """Of one kind, the newest first."""
        mine = (run_files.c.run == run) & (run_files.c.kind == kind)
        order = (run_files.c.created.desc(), run_files.c.path, run_files.c.step)
        with self.database.read() as connection:
            self._need(connection, project, run)
            rows = connection.execute(sa.select(run_files).where(mine).order_by(*order).limit(most)).all()
        return [file_of(row) for row in rows]

    def console(self, project: str, run: str, after: int = 0, limit: int = PIECES) -> list[Printed]:
        mine = (run_console.c.run == run) & (run_console.c.number > after)
        columns = [run_console.c[name] for name in Printed.__struct_fields__]
        with self.database.read() as connection:
            self._need(connection, project, run)
            rows = connection.execute(sa.select(*columns).where(mine).order_by(run_console.c.number).limit(limit))
            return [Printed(*row) for row in rows]

    def has_file(self, project: str, run: str, digest: str) -> bool:
        """Whether the run names it, and the project has it."""
        named_by = (run_files.c.run == run) & (run_files.c.digest == digest)
        kept = (project_files.c.project == project) & (project_files.c.digest == digest)
        with self.database.read() as connection:
            self._need(connection, project, run)
            there = sa.select(sa.exists().where(named_by), sa.exists().where(kept))
            return all(connection.execute(there).one())

    def lacking(self, project: str, run: str, after: str = "", limit: int | None = None) -> list[str]:
        """Digests that the run names, and that are not there, in their order."""
        kept = sa.exists().where(project_files.c.project == project, project_files.c.digest == run_files.c.digest)
        wanted = sa.select(run_files.c.digest).distinct().where(run_files.c.run == run, ~kept)
        with self.database.read() as connection:
            self._need(connection, project, run)
            later = wanted.where(run_files.c.digest > after).order_by(run_files.c.digest).limit(limit)
            return list(connection.execute(later).scalars())

    def _need(self, connection: Connection, project: str, run: str, lock: bool = False) -> Any:
        """The row of the run. Raises UnknownRun."""
        wanted = sa.select(runs, self.database.now.label("now")).where(runs.c.id == run, runs.c.project == project)
        row = connection.execute(wanted.with_for_update() if lock else wanted).first()
        if row is None:
            raise UnknownRun(run)
        return row


def file_of(row: Any) -> RunFile:
    step = None if row.step == NO_STEP else row.step
    return RunFile(row.path, row.digest, row.size, row.kind, step, row.created, read(row.facts))


def curve_of(name: str, points: Any, count: int) -> Curve:
    values = points["value"].tolist()
    return Curve(
        name,
        tuple(points["step"].tolist()),
        tuple(told(value) for value in values),
        tuple(points["time"].tolist()),
        count,
        len(values) == count,
    )

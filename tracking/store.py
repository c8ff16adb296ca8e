"""Runs, kept: the one way to the tables.

    tracking.begin(project, run, RunBegun(...), by)      the same id again is the same run
    tracking.append(project, run, writer, offset, data)  a piece of a journal; answers how far it has been read

A piece is taken in one transaction with the place up to where the journal has been read. So of what is sent twice, or
in pieces that overlap, nothing is taken twice; of what leaves a gap, nothing at all.
"""

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from headhunt.errors import BadValue, UnknownRun
from headhunt.track.journal import Record, framed
from headhunt.track.wire import Experiment, Run, RunBegun, RunChange
from tracking.listing import UNWATCHED, Asked, Order, Query, found, rows_of
from tracking.looking import Looking
from tracking.pieces import Piece
from tracking.shown import listed, runs_of
from tracking.sql import adding, less_of, more_of, put
from tracking.tables import (
    experiments,
    metric_chunks,
    project_files,
    removed_runs,
    run_console,
    run_files,
    run_metrics,
    run_values,
    run_writers,
    runs,
)
from tracking.taking import Taking, check_tags, remove_values
from tracking.values import LARGEST_VALUE, Marks, clipped, is_time, read, without_nul, written

RUN = re.compile(r"[0-9a-f]{32}")
WRITER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class Lying(NamedTuple):
    """Of a run that is found in a home. seen: when it was heard of last. begun: when its beginning was written; 0 where
    that is not there."""

    seen: float
    begun: float


class Tracking(Looking):
    """With what changes nothing (tracking/looking.py)."""

    # --- runs come and change ---

    def begin(self, project: str, run: str, begun: RunBegun, by: str | None = None, lying: Lying | None = None) -> Run:
        """The run of this id, which is made where there is none. Raises UnknownRun where it is another project's, or
        no id at all: 32 digits and letters a to f. lying: it is not asked for now, but found in a home: then it is
        unknown, too, where it was removed since."""
        check_run(run)
        with self.database.write() as connection:
            row = self._row_of_run(connection, project, begun, by)
            row["seen"] = row["seen"] if lying is None else min(lying.seen, row["seen"])
            if put(connection, runs, [{"id": run, **row}], replace=False):
                self._not_removed(connection, run, lying)  # after it: a removal at the same time is over then
                tags = {("tag", clipped(name) or ""): "" for name in begun.tags}
                put_values(connection, run, tags)
        return self.get(project, run)

    def _not_removed(self, connection: Connection, run: str, lying: Lying | None) -> None:
        at = connection.execute(sa.select(removed_runs.c.at).where(removed_runs.c.run == run)).scalar()
        if at is None:
            return
        if lying is not None and lying.begun <= at:
            raise UnknownRun(run, hint="It was removed.")
        connection.execute(sa.delete(removed_runs).where(removed_runs.c.run == run))

    def _row_of_run(self, connection: Connection, project: str, begun: RunBegun, by: str | None) -> dict[str, Any]:
        now = float(connection.execute(sa.select(self.database.now)).scalar() or 0.0)
        return {
            "project": project,
            "experiment": self._ensure(connection, project, begun.experiment),
            "name": clipped(begun.name),
            "intent": without_nul(begun.intent)[:LARGEST_VALUE],
            "state": "running",
            "started": begun.started if begun.started is not None and is_time(begun.started) else now,
            "created": now,
            "seen": now,
            "parent": clipped(begun.parent),
            "group": clipped(begun.group),
            "dataset": None if begun.dataset is None else without_nul(begun.dataset)[:4000],
            "model": None if begun.model is None else without_nul(begun.model)[:4000],
            "by": clipped(by, 160),
            "bytes": 0,
            "facts": "{}",
            "marks": "{}",
        }

    def append(self, project: str, run: str, writer: str, offset: int, data: bytes, seen: float | None = None) -> int:
        """How far the journal has been read. seen: when it was heard of, if that is not now. Raises BrokenJournal or
        UnknownRecord, when what comes before the fault has been kept."""
        check_run(run)
        if not WRITER.fullmatch(writer) or offset < 0:
            raise BadValue(f"{writer[:80]!r} at {offset} is no place in a journal. Give a name and a number of bytes.")
        with self.database.read() as connection:
            self._need(connection, project, run)
            kept = kept_of(connection, run, writer)
        piece = Piece(data, offset, kept)
        with self.database.write() as connection:
            row = self._need(connection, project, run, lock=True)
            now_kept = kept_of(connection, run, writer)
            if now_kept != kept:  # somebody else was faster
                piece = Piece(data, offset, now_kept)
            self._take(connection, row, writer, piece, seen)
        if piece.told.fault is not None:
            raise piece.told.fault
        return piece.kept + piece.told.size

    def tell(self, project: str, run: str, writer: str, records: Callable[[Connection, Any], Iterable[Record]]) -> None:
        """For those who have no journal: as if it went on by these. records: asked while the run is locked, with its
        row; it may refuse."""
        check_run(run)
        with self.database.write() as connection:
            row = self._need(connection, project, run, lock=True)
            data = b"".join(map(framed, records(connection, row)))
            kept = kept_of(connection, run, writer)
            self._take(connection, row, writer, Piece(data, kept, kept), None)

    def unwatch(self, project: str, run: str) -> None:
        """It is running until it says otherwise, and is not lost by being silent: whoever tells of it has no beat."""
        with self.database.write() as connection:
            self._need(connection, project, run, lock=True)
            changes = {"state": UNWATCHED, "ended": None, "error": None, "seen": self.database.now}
            connection.execute(sa.update(runs).where(runs.c.id == run).values(changes))

    def _take(self, connection: Connection, row: Any, writer: str, piece: Piece, seen: float | None) -> None:
        heard: Any = self.database.now
        if seen is not None:
            heard = more_of(connection, runs.c.seen, less_of(connection, sa.literal(seen), heard))
        changes: dict[str, Any] = {"seen": heard}
        if piece.told.size:
            changes |= self._apply(connection, row, piece)
            at = piece.kept + piece.told.size
            put(connection, run_writers, [{"run": row.id, "writer": writer, "kept": at, "seen": row.now}])
        connection.execute(sa.update(runs).where(runs.c.id == row.id).values(changes))

    def _apply(self, connection: Connection, row: Any, piece: Piece) -> dict[str, Any]:
        marks = Marks(row.marks)
        for words, count in piece.marks.counts.items():
            marks.add(words, count)
        taking = Taking(connection, row, marks)
        taking.take(piece.told.records)
        if piece.points:
            from tracking.curves import add_points

            add_points(connection, row.id, piece.points, marks)
        if marks.changed:
            taking.changes["marks"] = marks.written()
        return {**taking.changes, "bytes": runs.c.bytes + piece.told.size}

    def change(self, project: str, run: str, change: RunChange) -> Run:
        intent = None if change.intent is None else without_nul(change.intent)[:LARGEST_VALUE]
        told_now = {"name": clipped(change.name), "intent": intent}
        with self.database.write() as connection:
            self._need(connection, project, run, lock=True)
            values = {name: value for name, value in told_now.items() if value is not None}
            if values:
                connection.execute(sa.update(runs).where(runs.c.id == run).values(values))
            tags = {("tag", clipped(name) or ""): value for name, value in change.tags.items()}
            remove_values(connection, run, "tag", [name for (_, name), value in tags.items() if value is None])
            put_values(connection, run, {key: value for key, value in tags.items() if value is not None})
            check_tags(connection, run, tags.values())
        return self.get(project, run)

    def resume(self, project: str, run: str) -> Run:
        """It goes on: what had ended is running again, and lost once more unless something is heard of it."""
        with self.database.write() as connection:
            self._need(connection, project, run, lock=True)
            again = {"state": "running", "ended": None, "error": None, "seen": self.database.now}
            connection.execute(sa.update(runs).where(runs.c.id == run).values(again))
        return self.get(project, run)

    def end(self, project: str, run: str, state: str, ended: float | None = None, error: str | None = None) -> Run:
        """For those who have no journal."""
        with self.database.write() as connection:
            self._need(connection, project, run, lock=True)
            at: Any = self.database.now if ended is None else ended
            changes = {"state": state, "ended": None if state == "running" else at, "error": error}
            connection.execute(sa.update(runs).where(runs.c.id == run).values(changes))
        return self.get(project, run)

    def lay_aside(self, project: str, run: str, aside: bool = True) -> None:
        """It is in no list any longer, and can be brought back."""
        with self.database.write() as connection:
            self._need(connection, project, run, lock=True)
            when = self.database.now if aside else None
            connection.execute(sa.update(runs).where(runs.c.id == run).values(deleted=when))

    def remove(self, project: str, run: str) -> None:
        """For good. Its files go with the next collection, if no other run has them."""
        with self.database.write() as connection:
            row = self._need(connection, project, run, lock=True)
            put(connection, removed_runs, [{"run": run, "at": row.now}])
            for table in (run_values, metric_chunks, run_metrics, run_files, run_console, run_writers):
                connection.execute(sa.delete(table).where(table.c.run == run))
            connection.execute(sa.delete(runs).where(runs.c.id == run))

    # --- runs are found ---

    def get(self, project: str, run: str) -> Run:
        """With the facts of its surroundings."""
        with self.database.read() as connection:
            row = connection.execute(
                rows_of(self.database.now).add_columns(runs.c.facts).where(runs.c.id == run, runs.c.project == project)
            ).first()
            if row is None:
                raise UnknownRun(run)
            return runs_of(connection, [row], lambda _: read(row.facts))[0]

    def find(
        self,
        project: str,
        query: Query | None = None,
        sort: Sequence[Order] | None = None,
        after: str | None = None,
        limit: int = 100,
        *,
        experiment: str | None = None,
        experiments: Collection[str] | None = None,
        deleted: bool | None = False,
    ) -> list[Run]:
        """sort: the newest first, where nothing is given. after: the id of the run that the last page ended with.
        deleted: True for those alone that were laid aside, None for all. What they hold is told as far as a list shows
        it: `whole` says whether that is all."""
        names = [experiment] if experiment is not None else experiments
        asked = Asked(query, sort or (), after, limit, names, deleted)
        with self.database.read() as connection:
            return listed(connection, found(connection, self.database.now, project, asked), asked.named())

    def experiments(self, project: str) -> list[Experiment]:
        """By name."""
        count = sa.func.count(runs.c.id).label("runs")
        joined = experiments.outerjoin(runs, (runs.c.experiment == experiments.c.id) & runs.c.deleted.is_(None))
        mine = (experiments.c.project == project) & experiments.c.deleted.is_(None)
        columns = (experiments.c.id, experiments.c.name, experiments.c.created)
        wanted = sa.select(*columns, count).select_from(joined).where(mine).group_by(*columns)
        with self.database.read() as connection:
            rows = connection.execute(wanted.order_by(experiments.c.name)).all()
        return [Experiment(str(row.id), row.name, row.created, row.runs) for row in rows]

    def ensure_experiment(self, project: str, name: str) -> str:
        with self.database.write() as connection:
            return str(self._ensure(connection, project, name))

    # --- files that were sent ---

    def keep_file(
        self, project: str, digest: str, size: int, check: Callable[[Connection], None] | None = None
    ) -> None:
        """It lies where files lie, and is the project's from now on. check: may refuse, in the same transaction."""
        row = {"project": project, "digest": digest, "size": size, "created": self.database.now}
        with self.database.write() as connection:
            if check is not None:
                check(connection)
            again = adding(connection, project_files).on_conflict_do_update(
                index_elements=["project", "digest"], set_={"created": row["created"]}
            )
            connection.execute(again.values(row))

    # --- inside ---

    def _ensure(self, connection: Connection, project: str, name: str) -> int:
        """The experiment of this name, which is made where there is none."""
        kept = clipped(name) or "default"
        mine = (experiments.c.project == project) & (experiments.c.name == kept)
        wanted = sa.select(experiments.c.id).where(mine)
        there = connection.execute(wanted).scalar()
        if there is None:
            row = {"project": project, "name": kept, "created": self.database.now}
            connection.execute(adding(connection, experiments).on_conflict_do_nothing().values(row))
            there = connection.execute(wanted).scalar_one()
        return int(there)


def check_run(run: str) -> None:
    if not RUN.fullmatch(run):
        raise UnknownRun(run, hint="The id of a run is 32 digits and letters a to f.")


def kept_of(connection: Connection, run: str, writer: str) -> int:
    wanted = sa.select(run_writers.c.kept).where(run_writers.c.run == run, run_writers.c.writer == writer)
    return int(connection.execute(wanted).scalar() or 0)


def put_values(connection: Connection, run: str, values: dict[tuple[str, str], Any]) -> None:
    rows = [{"run": run, "kind": kind, "name": name, "value": written(value)} for (kind, name), value in values.items()]
    if rows:
        put(connection, run_values, rows)

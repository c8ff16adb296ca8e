"""Which files a project has, by digest, and how much room is left to it. A file counts once in each project; what its
runs told of themselves, and the files that came with them (service/run_files.py), count, too.

Whoever names files (a dataset) and whoever removes what nobody names (service/collecting.py) keep out of each other's
way: both write in a transaction that begins with `keep_files` or `remove_files`. On SQLite writers are alone anyhow; on
PostgreSQL the one is a shared lock, the other an exclusive one.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from headhunt.errors import BadValue, OverQuota, ServiceUnavailable, UnknownProject, printable
from service.database import Database
from service.store import Store
from service.tables import project_blobs, projects, shared_files, uploads
from tracking.tables import project_files, runs
from zoo.images.blobs import DIGEST

AT_ONCE = 20_000
"""Digests in one question. They go as one value: an IN of as many takes ten times as long to write as to answer."""
EACH = {
    "sqlite": "SELECT value FROM json_each(:digests)",
    "postgresql": "SELECT json_array_elements_text(CAST(:digests AS json))",
}
ADD = {
    "sqlite": "SELECT :project, key, value, {now} FROM json_each(:sizes)",
    "postgresql": "SELECT :project, key, CAST(value AS bigint), {now} FROM json_each_text(CAST(:sizes AS json))",
}
COLLECTED = "collected"
"""The row of shared_files that counts removals; no file has this name."""
LOCK = 4_846_844
"""The number of PostgreSQL's lock for files; service/migrations has the one before it."""


class Vanished(ServiceUnavailable):
    """A file was collected between being found here and being named. Storing it again heals it."""


class Pushed(NamedTuple):
    """Files that were pushed to the store a moment ago, and what `generation` was before."""

    digests: set[str]
    generation: int


class Holdings:
    """The table project_blobs. `allowed`: what a project may take, unless it has a limit of its own. least_free: bytes
    of the disk that stay free."""

    def __init__(self, database: Database, store: Store, allowed: int, least_free: int = 0) -> None:
        self.database, self.store, self.allowed, self.least_free = database, store, allowed, least_free

    def missing(self, project: str, digests: Collection[str]) -> tuple[str, ...]:
        """Which of these the project does not have, in the order given. Of other projects' files nothing is told."""
        check_digests(digests)
        with self.database.read() as connection:
            held = self.sizes(connection, project, digests)
        gone = self.store.lacking(held, pushed=held)
        return tuple(digest for digest in dict.fromkeys(digests) if digest not in held or digest in gone)

    def left(self, project: str, announced: bool = True) -> int:
        """Bytes that still may come; what uploads in parts have announced counts as there."""
        with self.database.read() as connection:
            return self._limit(connection, project) - self.taken(connection, project, announced)

    def push(self, version: str | None, digests: Collection[str]) -> Pushed:
        """To the store go a manifest, and those files that no project has."""
        with self.database.read() as connection:
            pushed = Pushed(set(digests) - self._known(connection, digests), generation(connection))
        self.store.push(version, pushed.digests)
        return pushed

    def check_pushed(self, connection: Connection, pushed: Pushed) -> None:
        """In the transaction that names them, locked. Raises Vanished."""
        if self.store.shared and generation(connection) != pushed.generation:
            raise Vanished("The store was cleared up meanwhile. Send the files again.")

    def keep(self, connection: Connection, project: str, sizes: Mapping[str, int], pushed: Pushed) -> None:
        """These files are the project's from now on. Raises OverQuota, and Vanished where one is here no longer."""
        limit = self._limit(connection, project, lock=True)
        held = self.sizes(connection, project, sizes)
        new = {digest: size for digest, size in sizes.items() if digest not in held}
        if gone := self.store.lacking(new.keys() - self._known(connection, new), pushed.digests):
            raise Vanished(f"{len(gone):,} files were collected meanwhile. Send them again.")
        self.check_pushed(connection, pushed)
        if new:
            self._add(connection, project, new)
            taken = self.taken(connection, project)
            if taken > limit:
                raise over(taken - limit)

    def lock(self, connection: Connection, project: str) -> None:
        """Nobody else keeps files in this project, or puts datasets there, until this transaction ends."""
        self._limit(connection, project, lock=True)

    def check_room(self, connection: Connection, project: str, size: int) -> None:
        """Raises OverQuota where so much more would be too much."""
        left = self._limit(connection, project) - self.taken(connection, project, announced=True)
        if size > left:
            raise over(size - left)

    def let_go(self, connection: Connection, project: str, digests: Iterable[str]) -> None:
        for some in chunks(digests):
            mine = (project_blobs.c.project == project) & project_blobs.c.digest.in_(listed(connection, some))
            connection.execute(sa.delete(project_blobs).where(mine))

    def take_back(self, written: Mapping[Path, int]) -> None:
        """Files of the home that a request wrote and could not keep, and when (ns). Whoever else found or wrote one
        since has made it younger, and whoever has named it has a row: those stay. Of a shared store the home is a
        cache, from which jobs read: the collector sees to it."""
        if self.store.shared or not written:
            return
        with self.database.write() as connection:
            remove_files(connection)
            known = self._known(connection, [path.name for path in written])
            for path, at in written.items():
                with suppress(FileNotFoundError):
                    if path.name not in known and path.stat().st_mtime_ns == at:
                        path.unlink()

    def owned(self, project: str, digests: Iterable[str]) -> dict[str, int]:
        """As `sizes`, in a transaction of its own."""
        with self.database.read() as connection:
            return self.sizes(connection, project, digests)

    def sizes(self, connection: Connection, project: str, digests: Iterable[str]) -> dict[str, int]:
        """Of those that the project has."""
        mine = sa.select(project_blobs.c.digest, project_blobs.c.size).where(project_blobs.c.project == project)
        found: dict[str, int] = {}
        for some in chunks(digests):
            rows = connection.execute(mine.where(project_blobs.c.digest.in_(listed(connection, some))))
            found.update((row.digest, row.size) for row in rows)
        return found

    def taken(self, connection: Connection, project: str, announced: bool = False) -> int:
        sums = [sa.select(sa.func.sum(project_blobs.c.size)).where(project_blobs.c.project == project)]
        if announced:
            waiting = (uploads.c.project == project) & uploads.c.dataset.is_(None)
            sums.append(sa.select(sa.func.sum(uploads.c.size)).where(waiting))
        sums.append(sa.select(sa.func.sum(runs.c.bytes)).where(runs.c.project == project))
        sums.append(sa.select(sa.func.sum(project_files.c.size)).where(project_files.c.project == project))
        return sum(int(connection.execute(one).scalar() or 0) for one in sums)

    def _add(self, connection: Connection, project: str, sizes: Mapping[str, int]) -> None:
        rows = sa.text(ADD[self.database.kind].format(now=self.database.now))
        columns = [sa.column(column.name, column.type) for column in project_blobs.c]
        adding = sa.insert(project_blobs).from_select(list(project_blobs.c), rows.columns(*columns))
        for some in chunks(sizes.items()):
            given = {"project": project, "sizes": msgspec.json.encode(dict(some)).decode()}
            connection.execute(adding, given)

    def _known(self, connection: Connection, digests: Iterable[str]) -> set[str]:
        found: set[str] = set()
        for some in chunks(digests):
            same = project_blobs.c.digest.in_(listed(connection, some))
            wanted = sa.select(project_blobs.c.digest).where(same).distinct()
            found.update(connection.execute(wanted).scalars())
        return found

    def _limit(self, connection: Connection, project: str, lock: bool = False) -> int:
        """lock: two that keep files in one project wait for each other, and none is collected meanwhile."""
        wanted = sa.select(projects.c.id, projects.c.max_bytes).where(projects.c.id == project)
        if lock:
            keep_files(connection)
            wanted = wanted.with_for_update()
        row = connection.execute(wanted).first()
        if row is None:
            raise UnknownProject(project)
        return self.allowed if row.max_bytes is None else int(row.max_bytes)


def keep_files(connection: Connection) -> None:
    """No file is collected until this transaction ends."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock_shared({LOCK})")


def remove_files(connection: Connection) -> None:
    """No file is named until this transaction ends."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK})")


def generation(connection: Connection) -> int:
    """How often something was removed from the shared store: while it stays, all that was pushed is there."""
    wanted = sa.select(shared_files.c.revision).where(shared_files.c.name == COLLECTED)
    return int(connection.execute(wanted).scalar() or 0)


def generation_ends(connection: Connection, now: Any) -> None:
    """In the transaction that removes something from the shared store."""
    same = shared_files.c.name == COLLECTED
    more = {"revision": shared_files.c.revision + 1, "changed": now}
    if not connection.execute(sa.update(shared_files).where(same).values(more)).rowcount:
        first = {"name": COLLECTED, "digest": "", "revision": 1, "changed": now}
        connection.execute(sa.insert(shared_files).values(first))


def over(more: int) -> OverQuota:
    return OverQuota(
        f"This is {more:,} bytes more than the project may keep. Delete datasets, or ask an admin for more room."
    )


def check_digests(digests: Iterable[str]) -> None:
    for digest in digests:
        if not DIGEST.fullmatch(digest):
            raise BadValue(f"{printable(digest, 80)!r} is no SHA-256 in hex. Give 64 digits and letters a to f.")


def listed(connection: Connection, digests: list[str]) -> sa.TextualSelect:
    """For `in_`."""
    text = sa.text(EACH[connection.dialect.name]).bindparams(digests=msgspec.json.encode(digests).decode())
    return text.columns(sa.column("digest", sa.String))


def chunks(values: Iterable[Any]) -> Iterator[list[Any]]:
    rest = iter(values)
    while some := list(islice(rest, AT_ONCE)):
        yield some

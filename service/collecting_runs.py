"""Files of runs that no run names any more: the project's a day after they came, the files themselves an hour after
nobody has them. The rules are those of service/collecting.py.
"""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from service.data.holdings import chunks, generation_ends, listed, remove_files
from service.database import Database
from service.run_files import FOLDER
from service.store import Store
from tracking.tables import project_files, run_files, runs
from zoo.images.blobs import DIGEST

HOUR_S, DAY_S = 3600.0, 86400.0


def unnamed(connection: Connection, database: Database, dry: bool) -> set[tuple[str, str]]:
    """(project, digest) of rows that go, or would."""
    remove_files(connection)
    named = sa.select(run_files.c.digest).join(runs, runs.c.id == run_files.c.run)
    named = named.where(runs.c.project == project_files.c.project, run_files.c.digest == project_files.c.digest)
    old = project_files.c.created < database.now - DAY_S
    wanted = sa.select(project_files.c.project, project_files.c.digest).where(old, ~named.exists())
    found = {(row.project, row.digest) for row in connection.execute(wanted)}
    for project in {} if dry else {project for project, _ in found}:
        for some in chunks(digest for of, digest in found if of == project):
            mine = (project_files.c.project == project) & project_files.c.digest.in_(listed(connection, some))
            connection.execute(sa.delete(project_files).where(mine))
    return found


def held(connection: Connection, digests: list[str], gone: set[tuple[str, str]]) -> set[str]:
    """Those that a project still has after this pass."""
    found: set[str] = set()
    for some in chunks(digests):
        wanted = sa.select(project_files.c.project, project_files.c.digest)
        rows = connection.execute(wanted.where(project_files.c.digest.in_(listed(connection, some))))
        found |= {row.digest for row in rows if (row.project, row.digest) not in gone}
    return found


def free_here(database: Database, home: Path, gone: set[tuple[str, str]], now: float) -> Iterator[Path]:
    """Old files of this home that nobody has, while nobody can name one."""
    for folder in sorted((home / FOLDER).glob("??")):
        old = {path.name: path for path in folder.iterdir() if age(path, now) > HOUR_S}
        with database.write() as connection:
            remove_files(connection)
            kept = held(connection, [name for name in old if DIGEST.fullmatch(name)], gone)
            yield from (path for name, path in old.items() if name not in kept)


def take_stored(database: Database, store: Store, gone: set[tuple[str, str]], dry: bool) -> int:
    """How many of the shared store nobody has."""
    count = 0
    old = [lying.name for lying in store.lying(FOLDER) if lying.age_s > HOUR_S]
    for some in chunks(old):
        with database.write() as connection:
            remove_files(connection)
            kept = held(connection, [name.rpartition("/")[2] for name in some], gone)
            names = [f"{FOLDER}/{name}" for name in some if name.rpartition("/")[2] not in kept]
            count += len(names)
            if names and not dry:
                generation_ends(connection, database.now)
                store.remove(names)
    return count


def age(path: Path, now: float) -> float:
    with suppress(FileNotFoundError):
        return now - path.stat().st_mtime
    return 0.0

"""What nobody needs any more is removed: by a worker every hour, and by `headhunt collect`.

    drafts, uploads in parts           untouched for a day; weights that were sent, unless a job waits for them
    files of a project                 that no dataset of it names, a day after they came
    images, manifests                  that no project has, no domain of the zoo names, no job works on
    files of runs                      that no run of the project names, a day after they came
    features, probes, tunings          not used for a month
    sessions, links                    that have expired
    progress of jobs                   that ended a month ago

Safe while everything runs. What is younger than an hour is never touched, and what is found here again is young again
(zoo/images/blobs.py). Files are removed in transactions in which nobody can name one (service/data/holdings.py), and
each looks again at what the zoo and the jobs name: whoever names one afterwards sees that it is gone.

A manifest that cannot be read might name anything. So its project keeps all it has; of a domain, all that was here when
it was made is kept. The rest goes on.
"""

import logging
import math
import re
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from headhunt.errors import BlobBroken, ServiceUnavailable, UnknownVersion
from headhunt.vocabulary import Domain, Struct
from service.collecting_runs import free_here, take_stored, unnamed
from service.data.holdings import chunks, generation_ends, listed, remove_files
from service.database import Database
from service.drafts import SENT, sent_name
from service.locks import if_alone
from service.shared_zoo import SharedZoo, weights_name
from service.store import Store
from service.tables import (
    dataset_versions,
    datasets,
    job_events,
    jobs,
    project_blobs,
    projects,
    sessions,
    shared_files,
    sign_in_links,
    uploads,
)
from zoo.catalogue.store import Catalogue, Shelf
from zoo.images.blobs import DIGEST

HOUR_S, DAY_S, MONTH_S = 3600.0, 86400.0, 30 * 86400.0
LOCK = 4_846_845
UPLOAD = re.compile(r"[0-9a-f]{32}")
DRAFT = re.compile(r"upload-.*|fetch-[0-9a-f]{32}|weights-[0-9a-f]{32}\.safetensors")
TRIES = 20
Clock = Callable[[], float]
log = logging.getLogger("headhunt.collecting")


class Collected(Struct, frozen=True, omit_defaults=False):
    """How much was removed, or would be. freed: bytes of this machine's disk."""

    uploads: int = 0
    drafts: int = 0
    unnamed: int = 0
    """Files that projects have no longer."""
    images: int = 0
    manifests: int = 0
    stored: int = 0
    """Files of the shared store."""
    caches: int = 0
    sessions: int = 0
    run_files: int = 0
    """Files that no run of their project names any longer."""
    run_files_here: int = 0
    """Those that lay on this machine."""
    events: int = 0
    """Of jobs that ended long ago."""
    freed: int = 0


class Collector:
    """One pass over everything. clock: of the files' times; tests have their own."""

    def __init__(self, database: Database, home: Path, store: Store, clock: Clock = time.time) -> None:
        self.database, self.home, self.store, self.clock = database, home, store, clock
        self.zoo, self.catalogue = SharedZoo(database, home, store), Catalogue(home)
        self._counts: dict[str, int] = {}
        self._dry = False
        self._read: dict[str, frozenset[str] | None] = {}
        self._unnamed: set[tuple[str, str]] = set()

    def collect(self, dry: bool = False) -> Collected | None:
        """dry: only say what would be removed. None: another process is at it. Raises CatalogueBroken."""
        with if_alone(self.database, LOCK, self.home / "collect.lock") as alone:
            if not alone:
                return None
            self._counts, self._dry, self._unnamed, self._read = {}, dry, set(), {}
            self._expired()
            self._told()
            self._uploads()
            self._drafts()
            self._rows()
            self._images()
            self._manifests()
            self._stored_zoo()
            self._run_files()
            self._caches()
            return msgspec.convert(self._counts, Collected)

    def _count(self, what: str, number: int = 1, freed: int = 0) -> None:
        self._counts[what] = self._counts.get(what, 0) + number
        self._counts["freed"] = self._counts.get("freed", 0) + freed

    # --- rows ---

    def _expired(self) -> None:
        for table in (sessions, sign_in_links):
            old = table.c.expires < self.database.now
            self._count("sessions", self._removed(sa.select(sa.func.count()).where(old), sa.delete(table).where(old)))

    def _told(self) -> None:
        """What jobs said on the way. What they came to stays."""
        old = job_events.c.job.in_(sa.select(jobs.c.id).where(jobs.c.ended < self.database.now - MONTH_S))
        self._count("events", self._removed(sa.select(sa.func.count()).where(old), sa.delete(job_events).where(old)))

    def _uploads(self) -> None:
        """The row first: nobody adds a part to an upload that is going."""
        old = uploads.c.touched < self.database.now - DAY_S
        with self.database.read() as connection:
            found = connection.execute(sa.select(uploads.c.id).where(old)).scalars().all()
        for upload in found:
            mine = old & (uploads.c.id == upload)
            if self._removed(sa.select(sa.func.count()).where(mine), sa.delete(uploads).where(mine)):
                self._count("uploads")
                if not self._dry:
                    self.store.drop(upload)
        self._parts()

    def _parts(self) -> None:
        """Parts whose upload is no more: their server was killed in between."""
        names = {lying.name.partition("/")[0] for lying in self.store.lying("uploads") if lying.age_s > HOUR_S}
        names |= {path.name for path in self._old(self.home / "uploads", HOUR_S) if UPLOAD.fullmatch(path.name)}
        with self.database.read() as connection:
            known = set(connection.execute(sa.select(uploads.c.id)).scalars())
        for upload in names - known:
            self._count("uploads")
            if not self._dry:
                self.store.drop(upload)

    def _rows(self) -> None:
        with self.database.read() as connection:
            found = connection.execute(sa.select(projects.c.id)).scalars().all()
        for project in found:
            self._rows_of(project)

    def _rows_of(self, project: str) -> None:
        """Files that were sent ahead, and no dataset has named since."""
        mine = project_blobs.c.project == project
        old = mine & (project_blobs.c.created < self.database.now - DAY_S)
        with self.database.read() as connection:
            digests = set(connection.execute(sa.select(project_blobs.c.digest).where(old)).scalars())
            seen = self._versions(connection, project)
        named = self._named(seen)
        if named is None or not digests - named:
            return
        with self.database.write() as connection:
            remove_files(connection)
            newer = self._named(self._versions(connection, project) - seen)
            if newer is None:
                return
            digests -= named | newer
            self._unnamed |= {(project, digest) for digest in digests}
            self._count("unnamed", len(digests))
            for some in chunks(() if self._dry else digests):
                connection.execute(
                    sa.delete(project_blobs).where(old, project_blobs.c.digest.in_(listed(connection, some)))
                )

    def _removed(self, count: sa.Select[Any], delete: sa.Delete) -> int:
        if self._dry:
            with self.database.read() as connection:
                return int(connection.execute(count).scalar_one())
        with self.database.write() as connection:
            return int(connection.execute(delete).rowcount)

    # --- what is in use ---

    def _versions(self, connection: Connection, project: str | None = None) -> set[str]:
        wanted = sa.select(dataset_versions.c.version).distinct()
        if project is not None:
            wanted = wanted.join(datasets, datasets.c.id == dataset_versions.c.dataset)
            wanted = wanted.where(datasets.c.project == project)
        return set(connection.execute(wanted).scalars())

    def _of_jobs(self, connection: Connection) -> set[str]:
        return {one["version"] for one in self._specs(connection) if isinstance(one.get("version"), str)}

    def _drafts_of_jobs(self, connection: Connection) -> set[str]:
        """Weights that were sent, as the store names them: a job that waits for days needs them still."""
        return {sent_name(one["draft"]) for one in self._specs(connection) if isinstance(one.get("draft"), str)}

    def _specs(self, connection: Connection) -> list[dict[str, Any]]:
        active = jobs.c.state.in_(("queued", "running"))
        specs = connection.execute(sa.select(jobs.c.spec).where(active)).scalars()
        return [one for one in map(msgspec.json.decode, specs) if isinstance(one, dict)]

    def _names(self, version: str) -> frozenset[str] | None:
        """The images that a version names. None: its manifest cannot be read."""
        if version not in self._read:
            try:
                found = frozenset(entry.digest for entry in self.store.manifest(version).entries)
                self._read[version] = found
            except (UnknownVersion, BlobBroken) as error:
                log.warning(
                    "the manifest of version %s cannot be read, so what it may name is kept: %s", version, error
                )
                self._read[version] = None
        return self._read[version]

    def _named(self, versions: Iterable[str]) -> set[str] | None:
        """None: one of the manifests cannot be read, and might name anything."""
        found: set[str] = set()
        for version in versions:
            names = self._names(version)
            if names is None:
                return None
            found |= names
        return found

    @contextmanager
    def _removing(self) -> Iterator[tuple[Connection, Shelf]]:
        """Nobody names a file until this ends, and the zoo is the newest of all machines. It is pulled outside: who
        pushes waits for the database while holding what who pulls waits for."""
        for _ in range(TRIES):
            self.zoo.pull()
            with self.database.write() as connection:
                remove_files(connection)
                if self.zoo.is_newest(connection):
                    yield connection, self.catalogue.read()
                    return
        raise ServiceUnavailable("Others change the zoo all the time. Try again.")

    def _spared(self, old: Mapping[str, float], connection: Connection, shelf: Shelf) -> set[str]:
        """Of these digests those that domains and running jobs name. Those of datasets have rows. old: when each was
        written or found last."""
        spared: set[str] = set()
        for domain in shelf.domains.values():
            names = frozenset[str]() if domain.version is None else self._names(domain.version)
            spared.update({name for name in old if old[name] <= made(domain)} if names is None else names & old.keys())
        for version in self._of_jobs(connection):  # one that cannot be read: such a job cannot go on anyhow
            spared |= (self._names(version) or frozenset()) & old.keys()
        return spared

    def _held(self, connection: Connection, digests: Iterable[str]) -> set[str]:
        """Those that a project has, and will still have after this pass."""
        found: set[str] = set()
        for some in chunks(digests):
            wanted = sa.select(project_blobs.c.project, project_blobs.c.digest).where(
                project_blobs.c.digest.in_(listed(connection, some))
            )
            rows = connection.execute(wanted)
            found.update(row.digest for row in rows if (row.project, row.digest) not in self._unnamed)
        return found

    # --- files ---

    def _images(self) -> None:
        """A folder at a time, so that nobody waits for long. Manifests are read ahead, for the same reason."""
        self.zoo.pull()
        for domain in self.catalogue.read().domains.values():
            if domain.version is not None:
                self._names(domain.version)
        for folder in sorted((self.home / "blobs").glob("??")):
            old = {path.name: path for path in self._old(folder, HOUR_S)}
            with self._removing() as (connection, shelf):
                blobs = {name for name in old if DIGEST.fullmatch(name)}
                blobs -= self._held(connection, blobs)
                written = {name: time_of(old[name]) for name in blobs}
                gone = blobs - self._spared(written, connection, shelf) if blobs else blobs
                for name in [name for name in old if name in gone or not DIGEST.fullmatch(name)]:
                    self._take_away(old[name], "images")  # also what killed writers left
        self._take_stored({lying.name: lying.age_s for lying in self.store.lying("blobs") if lying.age_s > HOUR_S})

    def _take_stored(self, ages: dict[str, float]) -> None:
        """ages: of files in the store, as ab/<digest>."""
        now = time.time()
        for some in chunks(ages):
            with self._removing() as (connection, shelf):
                old = {name.rpartition("/")[2]: now - ages[name] for name in some}
                gone = old.keys() - self._held(connection, old)
                gone -= self._spared({digest: old[digest] for digest in gone}, connection, shelf)
                self._remove_stored(connection, [f"blobs/{name}" for name in some if name.rpartition("/")[2] in gone])

    def _manifests(self) -> None:
        stored = {lying.name for lying in self.store.lying("versions") if lying.age_s > HOUR_S}
        old = {path.name: path for path in self._old(self.home / "versions", HOUR_S)}
        with self._removing() as (connection, shelf):
            domains = {domain.version for domain in shelf.domains.values()}
            used = {f"{one}.json" for one in self._versions(connection) | self._of_jobs(connection) | domains}
            for name in old.keys() - used:
                self._take_away(old[name], "manifests")
            self._remove_stored(connection, [f"versions/{name}" for name in stored - used])

    def _stored_zoo(self) -> None:
        """Weights and states of the catalogue that are the newest no longer, and weights whose job never came."""
        if not self.store.shared:
            return
        for folder in ("zoo", "weights", SENT):
            old = {f"{folder}/{lying.name}" for lying in self.store.lying(folder) if lying.age_s > DAY_S}
            if not old:
                continue
            with self._removing() as (connection, shelf):
                newest = {f"zoo/{one}" for one in connection.execute(sa.select(shared_files.c.digest)).scalars()}
                named = {weights_name(str(card.weights)) for card in shelf.cards.values()}
                self._remove_stored(connection, sorted(old - newest - named - self._drafts_of_jobs(connection)))

    def _remove_stored(self, connection: Connection, names: list[str]) -> None:
        self._count("stored", len(names))
        if names and not self._dry:
            generation_ends(connection, self.database.now)
            self.store.remove(names)

    def _drafts(self) -> None:
        old = [path for path in self._old(self.home / "uploads", DAY_S) if DRAFT.fullmatch(path.name)]
        with self.database.read() as connection:  # afterwards: an order stands before its file is a day old
            waiting = self._drafts_of_jobs(connection) if old else set()
        for path in old:
            if sent_name(path.name) not in waiting:
                self._count("drafts", freed=path.stat().st_size if path.is_file() else 0)
                if not self._dry:
                    shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)

    def _run_files(self) -> None:
        with self.database.write() as connection:
            gone = unnamed(connection, self.database, self._dry)
        self._count("run_files", len(gone))
        for path in free_here(self.database, self.home, gone, self.clock()):
            self._take_away(path, "run_files_here")
        self._count("stored", take_stored(self.database, self.store, gone, self._dry))

    def _caches(self) -> None:
        for top in ("features", "probes", "tunings"):
            for path in (self.home / top).rglob("*"):
                with suppress(FileNotFoundError):
                    found = path.stat()
                    if path.is_file() and self.clock() - max(found.st_mtime, found.st_atime) > MONTH_S:
                        self._count("caches", freed=found.st_size)
                        if not self._dry:
                            path.unlink()

    def _old(self, folder: Path, age_s: float) -> Iterator[Path]:
        for path in folder.iterdir() if folder.is_dir() else ():
            with suppress(FileNotFoundError):
                if self.clock() - path.stat().st_mtime > age_s:
                    yield path

    def _take_away(self, path: Path, what: str) -> None:
        """Out of sight first, then looked at again: whoever found it a moment ago has made it young."""
        if self._dry:
            self._count(what, freed=path.stat().st_size)
            return
        aside = path.with_name(f"{path.name}.gone")
        with suppress(FileNotFoundError):
            path.rename(aside)
            found = aside.stat()
            if self.clock() - found.st_mtime > HOUR_S:
                aside.unlink()
                self._count(what, freed=found.st_size)
            else:
                aside.rename(path)


def made(domain: Domain) -> float:
    """When all images of a domain were here, at the latest."""
    try:
        return datetime.fromisoformat(str(domain.created)).timestamp() + HOUR_S
    except ValueError:
        return math.inf


def time_of(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0

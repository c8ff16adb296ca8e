"""What nobody needs any more is removed: by a worker every hour, and by `headhunt collect`.

    drafts, uploads in parts           untouched for a day
    files of a project                 that no dataset of it names, a day after they came
    images, manifests                  that no project has, no domain of the zoo names, no job works on
    features, probes                   not used for a month
    sessions, links                    that have expired

Safe while everything runs. What is younger than an hour is never touched, and what is found here again is young again
(zoo/images/blobs.py). Images are removed in transactions in which nobody can name one (service/data/holdings.py):
whoever names one afterwards sees that it is gone, and stores it again. A manifest that cannot be read stops this.
"""

import re
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from headhunt.errors import BlobBroken, UnknownVersion
from headhunt.vocabulary import Struct
from service.data.holdings import chunks, generation_ends, listed, remove_files
from service.database import Database
from service.drafts import SENT
from service.locks import if_alone
from service.shared_zoo import SharedZoo, weights_name
from service.store import Store
from service.tables import (
    dataset_versions,
    datasets,
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
DRAFT = re.compile(r"upload-.*|fetch-[0-9a-f]{32}")
Clock = Callable[[], float]


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
    freed: int = 0


class Collector:
    """One pass over everything. clock: of the files' times; tests have their own."""

    def __init__(self, database: Database, home: Path, store: Store, clock: Clock = time.time) -> None:
        self.database, self.home, self.store, self.clock = database, home, store, clock
        self.zoo = SharedZoo(database, home, store)
        self._counts: dict[str, int] = {}
        self._dry = False
        self._unnamed: set[tuple[str, str]] = set()

    def collect(self, dry: bool = False) -> Collected | None:
        """dry: only say what would be removed. None: another process is at it. Raises CatalogueBroken, BlobBroken."""
        with if_alone(self.database, LOCK, self.home / "collect.lock") as alone:
            if not alone:
                return None
            self._counts, self._dry, self._unnamed = {}, dry, set()
            self.zoo.pull()
            shelf = Catalogue(self.home).read()
            self._expired()
            self._uploads()
            self._drafts()
            self._rows()
            self._images(self._protected(shelf))
            self._manifests(shelf)
            self._stored_zoo(shelf)
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
        digests -= self._named(seen)
        if not digests:
            return
        with self.database.write() as connection:
            remove_files(connection)
            digests -= self._named(self._versions(connection, project) - seen)
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
        active = jobs.c.state.in_(("queued", "running"))
        specs = connection.execute(sa.select(jobs.c.spec).where(active)).scalars()
        found = (msgspec.json.decode(spec) for spec in specs)
        return {one["version"] for one in found if isinstance(one, dict) and isinstance(one.get("version"), str)}

    def _named(self, versions: Iterable[str]) -> set[str]:
        """Raises BlobBroken: what a manifest that cannot be read names is not known, and might be anything."""
        found: set[str] = set()
        for version in versions:
            try:
                found.update(entry.digest for entry in self.store.manifest(version).entries)
            except UnknownVersion as error:
                raise BlobBroken(f"The manifest of version {version} is gone. Send its dataset again.") from error
        return found

    def _protected(self, shelf: Shelf) -> set[str]:
        """Images of domains and of running jobs. Those of datasets have rows."""
        with self.database.read() as connection:
            versions = self._of_jobs(connection)
        found = self._named(domain.version for domain in shelf.domains.values() if domain.version is not None)
        for version in versions:
            with suppress(BlobBroken):  # such a job cannot go on anyhow
                found |= self._named([version])
        return found

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

    def _images(self, protected: set[str]) -> None:
        """A folder at a time, so that nobody waits for long."""
        for folder in sorted((self.home / "blobs").glob("??")):
            old = {path.name: path for path in self._old(folder, HOUR_S)}
            with self.database.write() as connection:
                remove_files(connection)
                blobs = {name for name in old if DIGEST.fullmatch(name)} - protected
                kept = protected | self._held(connection, blobs)
                for name in old.keys() - kept:  # also what killed writers left
                    self._take_away(old[name], "images")
        names = {lying.name for lying in self.store.lying("blobs") if lying.age_s > HOUR_S}
        self._take_stored({f"blobs/{name}": name.rpartition("/")[2] for name in names}, protected)

    def _take_stored(self, names: dict[str, str], protected: set[str]) -> None:
        """names: in the store, and their digests."""
        for some in chunks(name for name, digest in names.items() if digest not in protected):
            with self.database.write() as connection:
                remove_files(connection)
                held = self._held(connection, [names[name] for name in some])
                self._remove_stored(connection, [name for name in some if names[name] not in held])

    def _manifests(self, shelf: Shelf) -> None:
        domains = {domain.version for domain in shelf.domains.values()}
        stored = {lying.name for lying in self.store.lying("versions") if lying.age_s > HOUR_S}
        old = {path.name: path for path in self._old(self.home / "versions", HOUR_S)}
        with self.database.write() as connection:
            remove_files(connection)
            used = {f"{one}.json" for one in self._versions(connection) | self._of_jobs(connection) | domains}
            for name in old.keys() - used:
                self._take_away(old[name], "manifests")
            self._remove_stored(connection, [f"versions/{name}" for name in stored - used])

    def _stored_zoo(self, shelf: Shelf) -> None:
        """Weights and states of the catalogue that are the newest no longer, and weights whose job never came."""
        if not self.store.shared:
            return
        with self.database.read() as connection:
            newest = {f"zoo/{one}" for one in connection.execute(sa.select(shared_files.c.digest)).scalars()}
        kept = newest | {weights_name(str(card.weights)) for card in shelf.cards.values()}
        for folder in ("zoo", "weights", SENT):
            old = {f"{folder}/{lying.name}" for lying in self.store.lying(folder) if lying.age_s > DAY_S} - kept
            if old:
                with self.database.write() as connection:
                    self._remove_stored(connection, sorted(old))

    def _remove_stored(self, connection: Connection, names: list[str]) -> None:
        self._count("stored", len(names))
        if names and not self._dry:
            generation_ends(connection, self.database.now)
            self.store.remove(names)

    def _drafts(self) -> None:
        for path in self._old(self.home / "uploads", DAY_S):
            if DRAFT.fullmatch(path.name):
                self._count("drafts", freed=path.stat().st_size if path.is_file() else 0)
                if not self._dry:
                    shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)

    def _caches(self) -> None:
        for top in ("features", "probes"):
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

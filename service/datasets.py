"""Datasets: samples that were sent here, by project and name, each in versions. Their images lie in the home, each
once, by content; where a store is configured, also there (service/store.py).

    archive --read, checked--> files + manifest in the home --push--> store --one transaction--> rows
    list of entries, checked against the project's files ------------------------------------^

What is pointed at comes before what points at it: whatever is killed, a dataset that can be seen is whole.
"""

import uuid
from collections.abc import Sequence
from pathlib import Path

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from headhunt.errors import BlobBroken, InUse, NameTaken, UnknownDataset, UnknownVersion, printable
from headhunt.vocabulary import Entry, SampleLimits, Version
from headhunt.wire import BlobsKept, Dataset, DiffShown
from service.data.holdings import Holdings, Vanished
from service.data.listed import check_sizes, facts_listed, version_listed
from service.data.reading import Measured, read_images
from service.data.rows import Facts, Target, check_name, dataset_of, each_version, facts_of, newest, shown
from service.database import Database
from service.store import Store
from service.tables import dataset_versions, datasets, jobs
from zoo.images.blobs import Blobs
from zoo.images.samples import open_sample
from zoo.images.versions import diff, store_version

TRIES = 3
"""Files that were collected in the very moment are stored again; twice in a row is next to impossible."""


class Datasets:
    """The datasets of all projects; every method is told of which."""

    def __init__(
        self, database: Database, home: Path, store: Store, holdings: Holdings, limits: SampleLimits | None = None
    ) -> None:
        self.database, self.home, self.store, self.holdings = database, home, store, holdings
        self.limits = limits or SampleLimits()
        mine = datasets.c.project == sa.bindparam("of")
        same = (datasets.c.id == sa.bindparam("named")) | (datasets.c.name == sa.bindparam("named"))
        latest_first = newest().where(mine).order_by(datasets.c.created.desc(), datasets.c.id.desc())
        self._newest = latest_first.limit(sa.bindparam("most"))
        self._named = newest().where(mine, same)

    # --- what comes in ---

    def add(self, target: Target, archive: Path, called: str = "") -> tuple[Dataset, bool]:
        """Read, check and keep an archive. True: it is new; the same images under the same name are the same dataset.
        called: the archive's own name, which says whether a folder of that name means anything.

        Raises SampleRefused, OverQuota, and NameTaken where the name stands for other images. What it wrote of an
        archive that cannot be kept is gone then.
        """
        self._check(target)
        self._check_untaken(target, archive, called)
        for again in reversed(range(TRIES)):
            try:
                with self._measured(target.project) as blobs:
                    with open_sample(archive, self.limits, blobs, name=called or target.name) as sample:
                        facts, version = facts_of(sample), sample.version
                    store_version(version, self.home / "versions")
                    return self._keep(target, version, facts)
            except Vanished:
                if not again:
                    raise
        raise AssertionError

    def add_listed(self, target: Target, entries: Sequence[Entry]) -> tuple[Dataset, bool]:
        """A dataset whose files the project has. Raises BlobsMissing, SampleRefused."""
        self._check(target)
        version = version_listed(entries, self.limits)
        with self.database.read() as connection:
            check_sizes(version, self.holdings.sizes(connection, target.project, sizes_of(version)))
        for again in reversed(range(TRIES)):
            store_version(version, self.home / "versions")
            try:
                return self._keep(target, version, facts_listed(version), listed=True)
            except Vanished:
                if not again:
                    raise
        raise AssertionError

    def keep_images(self, project: str, archive: Path) -> BlobsKept:
        """Every image of a tar is the project's afterwards, by its digest; what is none is told."""
        for again in reversed(range(TRIES)):
            try:
                with self._measured(project) as blobs:
                    sizes, refused = read_images(archive, self.limits, blobs)
                    pushed = self.holdings.push(None, sizes)
                    with self.database.write() as connection:
                        self.holdings.keep(connection, project, sizes, pushed)
                break
            except Vanished:
                if not again:
                    raise
        return BlobsKept(kept=len(sizes), refused=refused)

    # --- what is here ---

    def all(self, project: str, before: tuple[float, str] | None = None, limit: int = 100) -> list[Dataset]:
        """The newest first; `before`: the time and id of the last one that was seen."""
        wanted = self._newest
        if before is not None:
            at, name = before
            wanted = wanted.where((datasets.c.created < at) | ((datasets.c.created == at) & (datasets.c.id < name)))
        with self.database.read() as connection:
            rows = connection.execute(wanted, {"of": project, "most": limit}).all()
        return [dataset_of(row) for row in rows]

    def get(self, project: str, named: str) -> Dataset:
        """By id or by name. Raises UnknownDataset."""
        with self.database.read() as connection:
            row = connection.execute(self._named, {"of": project, "named": named}).first()
        if row is None:
            raise UnknownDataset(named)
        return dataset_of(row)

    def check_there(self, project: str, own: str, version: str) -> None:
        """Whether a dataset still has this version, while nothing is collected: so its files have been kept until now.
        Raises UnknownDataset."""
        same = (dataset_versions.c.dataset == own) & (dataset_versions.c.version == version)
        with self.database.write() as connection:
            self.holdings.lock(connection, project)
            if connection.execute(sa.select(dataset_versions.c.number).where(same).limit(1)).first() is None:
                raise UnknownDataset(own)

    def versions(self, project: str, named: str, before: int | None = None, limit: int = 100) -> list[Dataset]:
        """All versions of one, the newest first; `before`: the number of the last one that was seen."""
        own = self.get(project, named).id
        wanted = each_version().where(datasets.c.id == own)
        if before is not None:
            wanted = wanted.where(dataset_versions.c.number < before)
        with self.database.read() as connection:
            rows = connection.execute(wanted.order_by(dataset_versions.c.number.desc()).limit(limit)).all()
        return [dataset_of(row) for row in rows]

    def diff(self, project: str, named: str, before: int | None, after: int | None) -> DiffShown:
        """By default of the newest and the one before it. Raises UnknownDataset, UnknownVersion."""
        dataset = self.get(project, named)
        after = dataset.number if after is None else after
        before = after - 1 if before is None else before
        wanted = (dataset_versions.c.dataset == dataset.id) & dataset_versions.c.number.in_((before, after))
        with self.database.read() as connection:
            rows = connection.execute(sa.select(dataset_versions).where(wanted)).all()
        found = {row.number: row.version for row in rows}
        for number in (before, after):
            if number not in found:
                raise UnknownVersion(str(number), (), f"The versions of {printable(named)} are numbered from 1.")
        return shown(before, after, diff(self.store.manifest(found[before]), self.store.manifest(found[after])))

    def remove(self, project: str, named: str) -> None:
        """With its versions. Files that no other dataset of the project names are the project's no longer, and room is
        free; the files themselves are collected later. Where a manifest cannot be read, what it may name stays.
        Raises UnknownDataset, InUse."""
        own = self.get(project, named).id
        seen: dict[str, set[str] | None] = {}
        for version in self._versions_of(project):  # read ahead, since nobody can write meanwhile
            self._digests(version, seen)
        with self.database.write() as connection:
            self.holdings.lock(connection, project)
            busy = (jobs.c.dataset == own) & jobs.c.state.in_(("queued", "running"))
            if connection.execute(sa.select(jobs.c.id).where(busy).limit(1)).first() is not None:
                raise InUse("Jobs that wait or run work on this dataset. Cancel them first, or wait.")
            versions = self._pairs(connection, project)
            mine = {version for dataset, version in versions if dataset == own}
            others = {version for dataset, version in versions if dataset != own}
            gone = set[str]().union(*(self._digests(version, seen) or () for version in mine))
            kept = [self._digests(version, seen) for version in others]
            connection.execute(sa.delete(datasets).where(datasets.c.id == own, datasets.c.project == project))
            if None not in kept:
                self.holdings.let_go(connection, project, gone.difference(*(one for one in kept if one is not None)))

    # --- inside ---

    def _check(self, target: Target) -> None:
        if target.dataset is None:
            check_name(target.name)

    def _check_untaken(self, target: Target, archive: Path, called: str) -> None:
        """Where the name stands already, the archive is read without keeping anything: mostly it is the same again."""
        if target.dataset is not None:
            return
        with self.database.read() as connection:
            row = connection.execute(self._named, {"of": target.project, "named": target.name}).first()
        if row is not None:
            with open_sample(archive, self.limits, name=called or target.name) as sample:
                if sample.version.id != row.version:
                    raise taken(target.name)

    def _measured(self, project: str) -> Measured:
        return Measured(Blobs(self.home / "blobs"), project, self.holdings)

    def _keep(self, target: Target, version: Version, facts: Facts, listed: bool = False) -> tuple[Dataset, bool]:
        sizes = sizes_of(version)
        pushed = self.holdings.push(version.id, sizes)
        with self.database.write() as connection:
            if listed:
                self.holdings.lock(connection, target.project)
                check_sizes(version, self.holdings.sizes(connection, target.project, sizes))
                self.holdings.check_pushed(connection, pushed)
            else:
                self.holdings.keep(connection, target.project, sizes, pushed)
            if not self.store.shared and not (self.home / "versions" / f"{version.id}.json").is_file():
                raise Vanished("The manifest was collected meanwhile. Send it again.")
            return self._put(connection, target, version.id, facts)

    def _put(self, connection: Connection, target: Target, version: str, facts: Facts) -> tuple[Dataset, bool]:
        """The rows. The project is locked, so nobody puts the same name at this moment."""
        same = datasets.c.name == target.name if target.dataset is None else datasets.c.id == target.dataset
        mine = (datasets.c.project == target.project) & same
        row = connection.execute(newest().where(mine)).first()
        if target.dataset is not None and row is None:
            raise UnknownDataset(target.dataset)
        if row is not None and row.version == version:
            return dataset_of(row), False
        if row is not None and target.dataset is None:
            raise taken(target.name)
        now = self.database.now
        number = 1 if row is None else row.number + 1
        own = uuid.uuid4().hex if row is None else row.id
        if row is None:
            values = {"id": own, "project": target.project, "name": target.name, "latest": 1, "created": now}
            connection.execute(sa.insert(datasets).values(values))
        else:
            connection.execute(sa.update(datasets).where(mine).values(latest=number))
        text = msgspec.json.encode(facts).decode()
        values = {"dataset": own, "number": number, "version": version, "facts": text, "created": now}
        connection.execute(sa.insert(dataset_versions).values(values))
        return dataset_of(connection.execute(newest().where(mine)).one()), True

    def _versions_of(self, project: str) -> set[str]:
        with self.database.read() as connection:
            return {version for _, version in self._pairs(connection, project)}

    def _pairs(self, connection: Connection, project: str) -> set[tuple[str, str]]:
        """(dataset, version) of all datasets of a project."""
        wanted = sa.select(datasets.c.id, dataset_versions.c.version).join(
            dataset_versions, dataset_versions.c.dataset == datasets.c.id
        )
        rows = connection.execute(wanted.where(datasets.c.project == project))
        return {(row.id, row.version) for row in rows}

    def _digests(self, version: str, seen: dict[str, set[str] | None]) -> set[str] | None:
        """None: its manifest is gone or damaged."""
        if version not in seen:
            try:
                seen[version] = {entry.digest for entry in self.store.manifest(version).entries}
            except (UnknownVersion, BlobBroken):
                seen[version] = None
        return seen[version]


def taken(name: str) -> NameTaken:
    return NameTaken(
        f"A dataset {printable(name)!r} with other images is here already. Give another name, or send them as its next"
        " version."
    )


def sizes_of(version: Version) -> dict[str, int]:
    return {entry.digest: entry.size for entry in version.entries}

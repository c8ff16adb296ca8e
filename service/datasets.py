"""Datasets: samples that were sent here, by project and name. Their images lie in the home, each once, by content."""

import uuid
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Row

from headhunt.errors import BadValue, NameTaken, UnknownDataset, printable
from headhunt.vocabulary import SampleLimits
from headhunt.wire import Dataset
from service.database import Database
from service.tables import dataset_versions, datasets
from zoo.images.blobs import Blobs
from zoo.images.samples import Sample, open_sample

TOLD = 100
"""Refused files, of which more are only counted."""
LONGEST = 200


class Datasets:
    """The datasets of all projects; every method is told of which."""

    def __init__(self, database: Database, home: Path, limits: SampleLimits | None = None) -> None:
        self.database, self.home, self.limits = database, home, limits
        mine = datasets.c.project == sa.bindparam("of")
        same = (datasets.c.id == sa.bindparam("named")) | (datasets.c.name == sa.bindparam("named"))
        newest = self._shown().where(mine).order_by(datasets.c.created.desc(), datasets.c.id.desc())
        self._newest = newest.limit(sa.bindparam("most"))
        self._named = self._shown().where(mine, same)

    def add(self, project: str, name: str, archive: Path) -> tuple[Dataset, bool]:
        """Read, check and keep an archive. True: it is new; the same images under the same name are the same dataset.

        Raises SampleRefused, and NameTaken where the name stands for other images.
        """
        check_name(name)
        with open_sample(archive, self.limits, Blobs(self.home / "blobs")) as sample:
            version = sample.store(Blobs(self.home / "blobs")).id
            facts = facts_of(sample)
        try:
            return self._put(project, name, version, facts)
        except sa.exc.IntegrityError:  # somebody put this name at this moment, and has committed it now
            return self._put(project, name, version, facts)

    def _put(self, project: str, name: str, version: str, facts: dict[str, Any]) -> tuple[Dataset, bool]:
        with self.database.write() as connection:
            mine = (datasets.c.project == project) & (datasets.c.name == name)
            row = connection.execute(self._shown().where(mine)).first()
            if row is not None and row.version != version:
                raise NameTaken(f"A dataset {printable(name)!r} with other images is here already. Give another name.")
            if row is not None:
                return dataset_of(row), False
            now = self.database.now
            own = uuid.uuid4().hex
            values = {"id": own, "project": project, "name": name, "latest": 1, "created": now}
            connection.execute(sa.insert(datasets).values(values))
            text = msgspec.json.encode(facts).decode()
            first = {"dataset": own, "number": 1, "version": version, "facts": text, "created": now}
            connection.execute(sa.insert(dataset_versions).values(first))
            return dataset_of(connection.execute(self._shown().where(mine)).one()), True

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

    def _shown(self) -> sa.Select[Any]:
        newest = (dataset_versions.c.dataset == datasets.c.id) & (dataset_versions.c.number == datasets.c.latest)
        columns = (datasets, dataset_versions.c.version, dataset_versions.c.facts)
        return sa.select(*columns).join(dataset_versions, newest)


def facts_of(sample: Sample) -> dict[str, Any]:
    return {
        "images": len(sample.version.entries),
        "bytes": sum(entry.size for entry in sample.version.entries),
        "classes": sample.classes,
        "splits": sample.splits,
        "refused": sample.refused[:TOLD],
        "refused_count": len(sample.refused),
        "warnings": sample.warnings,
    }


def dataset_of(row: Row[Any]) -> Dataset:
    own = {"id": row.id, "name": row.name, "version": row.version, "number": row.latest, "created": row.created}
    return msgspec.convert({**msgspec.json.decode(row.facts), **own}, Dataset)


def check_name(name: str) -> None:
    if not name.strip() or len(name) > LONGEST or not name.isprintable():
        raise BadValue(f"{printable(name, 80)!r} is no name of a dataset. Give 1 to {LONGEST} printable characters.")

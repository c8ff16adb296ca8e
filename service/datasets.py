"""Datasets: samples that were sent here, by project and name. Their images lie in the home, each once, by content."""

import uuid
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Row

from headhunt.errors import BadValue, NameTaken, UnknownDataset, printable
from headhunt.vocabulary import Dataset, SampleLimits
from service.database import Database
from service.tables import datasets
from zoo.images.blobs import Blobs
from zoo.images.samples import Sample, open_sample

TOLD = 100
"""Refused files, of which more are only counted."""
LONGEST = 200


class Datasets:
    """The datasets of all projects; every method is told of which."""

    def __init__(self, database: Database, home: Path, limits: SampleLimits | None = None) -> None:
        self.database, self.home, self.limits = database, home, limits

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
            row = connection.execute(sa.select(datasets).where(mine)).first()
            if row is not None and row.version != version:
                raise NameTaken(f"A dataset {printable(name)!r} with other images is here already. Give another name.")
            if row is not None:
                return dataset_of(row), False
            values = {
                "id": uuid.uuid4().hex,
                "project": project,
                "name": name,
                "version": version,
                "facts": msgspec.json.encode(facts).decode(),
                "created": self.database.now,
            }
            connection.execute(sa.insert(datasets).values(values))
            return dataset_of(connection.execute(sa.select(datasets).where(mine)).one()), True

    def all(self, project: str) -> list[Dataset]:
        """The newest first."""
        wanted = sa.select(datasets).where(datasets.c.project == project)
        with self.database.read() as connection:
            rows = connection.execute(wanted.order_by(datasets.c.created.desc(), datasets.c.id)).all()
        return [dataset_of(row) for row in rows]

    def get(self, project: str, named: str) -> Dataset:
        """By id or by name. Raises UnknownDataset."""
        same = (datasets.c.id == named) | (datasets.c.name == named)
        with self.database.read() as connection:
            row = connection.execute(sa.select(datasets).where(datasets.c.project == project, same)).first()
        if row is None:
            raise UnknownDataset(named)
        return dataset_of(row)


def facts_of(sample: Sample) -> dict[str, Any]:
    return {
        "images": len(sample.version.entries),
        "classes": sample.classes,
        "splits": sample.splits,
        "refused": sample.refused[:TOLD],
        "refused_count": len(sample.refused),
        "warnings": sample.warnings,
    }


def dataset_of(row: Row[Any]) -> Dataset:
    own = {"id": row.id, "name": row.name, "version": row.version, "created": row.created}
    return msgspec.convert({**msgspec.json.decode(row.facts), **own}, Dataset)


def check_name(name: str) -> None:
    if not name.strip() or len(name) > LONGEST or not name.isprintable():
        raise BadValue(f"{printable(name, 80)!r} is no name of a dataset. Give 1 to {LONGEST} printable characters.")

"""Rows of datasets, and what they say to those who ask."""

import re
from dataclasses import dataclass
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Row

from headhunt.errors import BadValue, printable
from headhunt.vocabulary import Entry, Refusal, VersionDiff
from headhunt.wire import Dataset, DiffShown
from service.tables import dataset_versions, datasets
from zoo.images.samples import Sample

TOLD = 100
"""Refused files, and paths that changed, of which more are only counted."""
LONGEST = 200
AN_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class Target:
    """What is to be made: a dataset of this name, or the next version of the one with this id."""

    project: str
    name: str = ""
    dataset: str | None = None


class Facts(msgspec.Struct, frozen=True):
    """What the row of a version keeps beside its id."""

    images: int
    bytes: int
    classes: tuple[str, ...]
    splits: tuple[str, ...]
    refused: tuple[Refusal, ...]
    refused_count: int
    warnings: tuple[str, ...]


def facts_of(sample: Sample) -> Facts:
    return Facts(
        images=len(sample.version.entries),
        bytes=sum(entry.size for entry in sample.version.entries),
        classes=sample.classes,
        splits=sample.splits,
        refused=sample.refused[:TOLD],
        refused_count=len(sample.refused),
        warnings=sample.warnings,
    )


def newest() -> sa.Select[Any]:
    """Datasets, each with its newest version."""
    last = (dataset_versions.c.dataset == datasets.c.id) & (dataset_versions.c.number == datasets.c.latest)
    columns = (datasets, dataset_versions.c.number, dataset_versions.c.version, dataset_versions.c.facts)
    return sa.select(*columns).join(dataset_versions, last)


def each_version() -> sa.Select[Any]:
    """Versions, as if each were the newest of its dataset."""
    mine = dataset_versions.c.dataset == datasets.c.id
    columns = (datasets.c.id, datasets.c.name, datasets.c.project, *dataset_versions.c)
    return sa.select(*columns).join(dataset_versions, mine)


def dataset_of(row: Row[Any]) -> Dataset:
    own = {"id": row.id, "name": row.name, "version": row.version, "number": row.number, "created": row.created}
    return msgspec.convert({**msgspec.json.decode(row.facts), **own}, Dataset)


def shown(before: int, after: int, found: VersionDiff) -> DiffShown:
    def first(entries: tuple[Entry, ...]) -> tuple[str, ...]:
        return tuple(entry.path for entry in entries[:TOLD])

    return DiffShown(
        before=before,
        after=after,
        added=len(found.added),
        removed=len(found.removed),
        relabelled=len(found.relabelled),
        added_paths=first(found.added),
        removed_paths=first(found.removed),
        relabelled_paths=first(tuple(new for _, new in found.relabelled)),
        balance=found.balance,
    )


def check_name(name: str) -> None:
    """A name may not look like an id: routes take both."""
    if AN_ID.fullmatch(name):
        raise BadValue(f"{name!r} looks like an id. Give another name.")
    if not name.strip() or len(name) > LONGEST or not name.isprintable():
        raise BadValue(f"{printable(name, 80)!r} is no name of a dataset. Give 1 to {LONGEST} printable characters.")

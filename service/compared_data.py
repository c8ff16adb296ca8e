"""What changed between the data of two runs, where the project holds both versions as datasets."""

from collections.abc import Sequence

import msgspec
import sqlalchemy as sa

from headhunt.errors import UnknownVersion
from headhunt.track.wire import DataDiff, RunsCompared
from headhunt.vocabulary import Version
from service.datasets import Datasets
from service.tables import dataset_versions, datasets
from tracking.differences import diff
from tracking.versions import DataFile, DataVersion
from zoo.images.versions import diff as labels_of


def with_data(held: Datasets, project: str, found: RunsCompared) -> RunsCompared:
    change = next((one for one in found.about if one.name == "dataset"), None)
    if change is None or not (change.before and change.after):
        return found
    ids = [str(change.before), str(change.after)]
    if not holds(held, project, ids):
        return found
    try:
        before, after = (held.store.manifest(one) for one in ids)
    except UnknownVersion:  # removed at this moment
        return found
    return msgspec.structs.replace(found, data=differing(before, after))


def holds(held: Datasets, project: str, versions: Sequence[str]) -> bool:
    """Of what another project has nothing is told."""
    mine = dataset_versions.join(datasets, dataset_versions.c.dataset == datasets.c.id)
    wanted = (datasets.c.project == project) & dataset_versions.c.version.in_(versions)
    with held.database.read() as connection:
        there = connection.execute(sa.select(dataset_versions.c.version).select_from(mine).where(wanted)).scalars()
        return set(versions) == set(there)


def differing(before: Version, after: Version) -> DataDiff:
    """By files; classes are what the images are labelled, wherever they lie."""
    counts = labels_of(before, after).balance
    classes = {name: pair for name, pair in counts.items() if pair[0] != pair[1]}
    return msgspec.structs.replace(diff(listed(before), listed(after)), classes=classes)


def listed(version: Version) -> DataVersion:
    files = (DataFile(path=one.path, md5="", digest=one.digest, size=one.size) for one in version.entries)
    return DataVersion(id=version.id, files=tuple(files))

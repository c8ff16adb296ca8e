"""The starter zoo in a home: its samples kept as versions, its models as cards, each as soon as it is there.

After the models comes the reference network, so that no recommendation has to wait for it.
"""

from collections.abc import Callable
from pathlib import Path

import msgspec

from headhunt.vocabulary import Domain
from zoo.images.samples import open_sample
from zoo.repository import Zoo
from zoo.starter.build import Progress, StarterPlan, build_starter
from zoo.starter.domains import FULL, starter_domain
from zoo.starter.packing import pack
from zoo.starter.reference import starter_reference


def fill_starter(
    zoo: Zoo,
    *,
    plan: StarterPlan | None = None,
    process_count: int | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> int:
    """Build what is missing, and say how many models that were. The reference network comes with the whole zoo only."""
    folder = zoo.home / "cache" / "starter"
    rows: dict[str, Domain] = {}
    there = set(zoo.catalogue.read().cards)
    built = 0
    for found in build_starter(folder, plan=plan, process_count=process_count, skip=there, on_progress=on_progress):
        name = found.card.domain
        if name not in rows:
            rows[name] = _kept(zoo, name, pack(name, folder, plan.counts if plan else FULL))
        zoo.add(found, rows[name])
        built += 1
    if plan is None:
        starter_reference(zoo.home)
    return built


def _kept(zoo: Zoo, name: str, packed: Path) -> Domain:
    """The domain's row, once its images are kept as a version like any user's."""
    with open_sample(packed) as sample:
        version = sample.store(zoo.blobs)
    row = starter_domain(name).row()
    return msgspec.structs.replace(row, version=version.id, classes=version.classes, images=len(version.entries))

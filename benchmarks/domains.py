"""Does the domain discriminator keep its promises? Accuracy, calibration, false alarms, power, and what it costs.

    python -m benchmarks.domains [--data FOLDER] [--splits 2] [--json FILE]

Known are the eight domains of the starter zoo, and with `--data` (or HEADHUNT_DATA) also sets of real images, a zip
each. Every split draws anew which 384 images of a domain are learned from; samples are drawn from those that were not.
Unknown are, one at a time, each domain left out of the zoo, the drawn neighbours of benchmarks/starter_targets.py, and
the real sets when they are not known. A rate is the share of samples that were called `none of these`.
"""

import os
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.report import Table, arguments, publish
from benchmarks.starter_targets import targets
from discriminator.calibration import calibration_error, log_probabilities
from discriminator.domains import IMAGES, Discriminator, reference
from discriminator.embedding import embedded
from discriminator.features import FeatureStore
from discriminator.gallery import Gallery
from discriminator.records import Record
from discriminator.trained import Trained
from headhunt.vocabulary import Domain
from zoo.images.samples import open_sample
from zoo.repository import Zoo
from zoo.starter.domains import Counts, Pictures, StarterDomain, starter_domains
from zoo.starter.packing import members

SIZES = (1, 10, 30, 100, 400)
PER_CLASS = 110
LARGEST = 1200
"""Images of a set, at most."""
SAMPLES = 4
"""Drawn of each size, for each domain and split."""


@dataclass(frozen=True)
class Pool:
    """All images of a set as the reference network sees them. vectors: [N, d]; labels: [N]."""

    name: str
    vectors: NDArray[np.float64]
    labels: NDArray[np.int64]
    near: str | None = None
    """Of which known domain it is the neighbour."""


@dataclass(frozen=True)
class Split:
    """A discriminator over some pools, and the images of each that it has not seen."""

    trained: Trained
    fresh: Mapping[str, Pool]


def main(given: list[str] | None = None) -> int:
    parser = arguments((__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, default=default_data(), metavar="FOLDER", help="zips of real images")
    parser.add_argument("--splits", type=int, default=2, metavar="N", help="how often all is drawn anew")
    asked = parser.parse_args(given)
    torch.set_num_threads(1)
    chance = np.random.default_rng(asked.seed)
    with tempfile.TemporaryDirectory() as folder:
        viewer = Viewer(Path(folder))
        drawn, near, real = viewer.starter(), viewer.neighbours(), viewer.real(asked.data)
        cost = costs(viewer)
    worlds = {"starter": drawn, "starter and real": [*drawn, *real]} if real else {"starter": drawn}
    splits = {name: [split_of(pools, chance) for _ in range(asked.splits)] for name, pools in worlds.items()}
    tables = [
        recognition(splits),
        false_alarms(splits, chance),
        power(splits["starter"], [*near, *real], drawn, chance),
        cost,
    ]
    publish("domains", tables, seed=asked.seed, keep=asked.json)
    return 0


def default_data() -> Path | None:
    named = os.environ.get("HEADHUNT_DATA")
    return Path(named) / "images" if named else None


# --- Images ----------------------------------------------------------------------------------------------------------


class Viewer:
    """A home with the reference network, and what it sees."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.zoo = Zoo(folder / "home")
        begun = time.perf_counter()
        self.backbone = reference(self.zoo)
        self.taught_s = time.perf_counter() - begun
        self.store = FeatureStore(self.zoo.home)

    def starter(self) -> list[Pool]:
        return [self.pool(self.packed(domain.name, pictures_of(domain)), domain.name) for domain in starter_domains()]

    def neighbours(self) -> list[Pool]:
        found = []
        for target in targets():
            drawn = target.family.draw(np.random.default_rng([17, 0]), PER_CLASS)
            path = self.packed(target.family.name, Pictures(*drawn, target.family.classes))
            found.append(self.pool(path, target.family.name, target.near))
        return found

    def real(self, data: Path | None) -> list[Pool]:
        return [] if data is None else [self.pool(path, f"real {path.stem}") for path in sorted(data.glob("*.zip"))]

    def packed(self, name: str, pictures: Pictures) -> Path:
        path = self.folder / f"{name}.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for member, png in members(pictures):
                archive.writestr(member, png)
        return path

    def pool(self, path: Path, name: str, near: str | None = None) -> Pool:
        with open_sample(path) as sample:
            entries = sample.entries()
            chosen = np.random.default_rng(0).permutation(len(entries))[:LARGEST]
            gallery = Gallery(sample, [entries[i] for i in chosen])
            vectors = embedded(self.store.features(self.backbone, gallery))
            return Pool(name, vectors, gallery.labels, near)


def pictures_of(domain: StarterDomain) -> Pictures:
    """Drawn anew; the digits that the reference network was not taught with."""
    if domain.family is None:
        return domain.draw(Counts())["train"]
    return Pictures(*domain.family.draw(np.random.default_rng([23, 0]), PER_CLASS), domain.family.classes)


# --- Splits and samples ----------------------------------------------------------------------------------------------


def split_of(pools: list[Pool], chance: np.random.Generator) -> Split:
    """384 images of each pool, or half of a small one, are learned from."""
    records, fresh = {}, {}
    for pool in pools:
        order = chance.permutation(len(pool.labels))
        learned, left = np.split(order, [min(IMAGES, len(order) // 2)])
        records[pool.name] = Record.of(pool.vectors[learned], pool.labels[learned], chance)
        fresh[pool.name] = Pool(pool.name, pool.vectors[left], pool.labels[left])
    return Split(Trained.over(records), fresh)


def samples(pool: Pool, size: int, chance: np.random.Generator, classes: int | None = None) -> Iterator[Pool]:
    """Some samples of one size, of all classes or only so many of them, which are drawn, too."""
    for _ in range(SAMPLES):
        names = np.unique(pool.labels)
        kept = np.flatnonzero(np.isin(pool.labels, names if classes is None else chance.choice(names, classes, False)))
        chosen = chance.choice(kept, min(size, len(kept)), replace=False)
        yield Pool(pool.name, pool.vectors[chosen], pool.labels[chosen])


def alarmed(trained: Trained, sample: Pool) -> bool:
    return trained.judge(sample.vectors, np.arange(len(sample.labels))).none_of_these


# --- Tables ----------------------------------------------------------------------------------------------------------


def recognition(splits: Mapping[str, list[Split]]) -> Table:
    """Of single fresh images and of samples of 30."""
    columns = ["known", "domains", "right, an image", "ECE, T = 1", "ECE", "T", "right, 30 images", "share of its own"]
    table = Table("P(domain) of images that were not learned from", columns)
    for name, own in splits.items():
        rows = np.mean([recognised(split) for split in own], axis=0)
        table.add(name, len(own[0].fresh), *(float(value) for value in rows))
    return table


def recognised(split: Split) -> tuple[float, ...]:
    trained = split.trained
    distances = [trained.gaussians.distances(split.fresh[name].vectors[:250]) for name in trained.names]
    truth = np.repeat(np.arange(len(distances)), [len(own) for own in distances])
    plain, warm = (np.exp(log_probabilities(np.concatenate(distances), t)) for t in (1.0, trained.temperature))
    found = [
        trained.judge(pool.vectors[:30], np.arange(min(30, len(pool.labels)))).shares for pool in split.fresh.values()
    ]
    own = [shares[name] for name, shares in zip(split.fresh, found, strict=True)]
    first = [max(shares, key=shares.__getitem__) == name for name, shares in zip(split.fresh, found, strict=True)]
    errors = calibration_error(plain, truth), calibration_error(warm, truth)
    right = float((warm.argmax(axis=1) == truth).mean())
    return right, *errors, trained.temperature, float(np.mean(first)), float(np.mean(own))


def false_alarms(splits: Mapping[str, list[Split]], chance: np.random.Generator) -> Table:
    table = Table("false alarms: known samples called none of these; 0.05 is promised", ["known", *map(str, SIZES)])
    for name, own in splits.items():
        for said, classes in (("", None), (", two classes only", 2)):
            rates = [
                np.mean([
                    alarmed(split.trained, sample)
                    for split in own
                    for pool in split.fresh.values()
                    for sample in samples(pool, size, chance, classes)
                ])
                for size in SIZES
            ]  # fmt: skip
            table.add(name + said, *map(float, rates))
    return table


def power(splits: list[Split], unknown: list[Pool], drawn: list[Pool], chance: np.random.Generator) -> Table:
    """How often unknown images are called so, and which known domain is the nearest."""
    table = Table("power: unknown samples called none of these", ["unknown", *map(str, SIZES), "nearest", "neighbour"])
    for pool in unknown:
        rates = [noticed([split.trained for split in splits], pool, size, chance) for size in SIZES]
        table.add(pool.name, *rates, nearest(splits[0].trained, pool), pool.near)
    for left in drawn:
        others = [split_of([pool for pool in drawn if pool is not left], chance).trained for _ in splits[:3]]
        rates = [noticed(others, left, size, chance) for size in SIZES]
        table.add(f"{left.name}, left out", *rates, nearest(others[0], left), None)
    return table


def noticed(trained: list[Trained], pool: Pool, size: int, chance: np.random.Generator) -> float:
    return float(np.mean([alarmed(one, sample) for one in trained for sample in samples(pool, size, chance)]))


def nearest(trained: Trained, pool: Pool) -> str:
    near = trained.judge(pool.vectors[:100], np.arange(min(100, len(pool.labels)))).nearness
    return max(near, key=near.__getitem__)


def costs(viewer: Viewer) -> Table:
    """In one thread, at the reference network that is there; images of 32 px, decoded from PNG."""
    table = Table(f"seconds, one thread, {viewer.backbone.name}", ["what", "s"])
    table.add("teaching the reference network, once for a home", viewer.taught_s)
    for domain in starter_domains()[1:]:
        with open_sample(viewer.folder / f"{domain.name}.zip") as sample:
            viewer.zoo.add_domain(Domain(name=domain.name), sample)
    known = Discriminator(viewer.zoo, viewer.store, viewer.backbone)
    table.add("learning seven domains", seconds(known.trained))
    with open_sample(viewer.folder / "digits.zip") as sample:
        viewer.zoo.add_domain(Domain(name="digits"), sample)
        table.add("learning an eighth", seconds(known.trained))
        gallery = Gallery(sample, sample.entries()[:400])
        table.add("answering for 400 new images", seconds(lambda: known.resembles(gallery)))
        table.add("answering for 400 images whose features are known", seconds(lambda: known.resembles(gallery)))
    return table


def seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


if __name__ == "__main__":
    sys.exit(main())

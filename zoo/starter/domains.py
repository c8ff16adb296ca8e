"""The domains of the starter zoo: seven families drawn by code, and the digits of scikit-learn."""

import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headhunt.errors import UnknownDomain
from headhunt.vocabulary import Domain
from zoo.clock import now
from zoo.starter.aerial import AERIAL, aerial
from zoo.starter.digits import digits, held_out
from zoo.starter.families import Family
from zoo.starter.glyphs import alphabet
from zoo.starter.materials import MATERIALS, materials
from zoo.starter.micrographs import CELLS, cells
from zoo.starter.scenes import SCENES, scenes
from zoo.starter.solids import SOLIDS, solids
from zoo.starter.spectrograms import SOUNDS, spectrograms

SEED = 2
LETTERS, ALPHABET = 10, 1
SPLITS = ("train", "test")


@dataclass(frozen=True)
class Counts:
    """Images of each class that are drawn for each split. The digits are as many as they are."""

    train: int = 240
    test: int = 60


FULL = Counts()


@dataclass(frozen=True)
class Pictures:
    """images: uint8 [N, 3, SIZE, SIZE]; labels: int64 [N], which index `classes`."""

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    classes: tuple[str, ...]


@dataclass(frozen=True)
class StarterDomain:
    """A row of the starter zoo: what it shows, whose it is, and how its splits are made."""

    name: str
    description: str
    draw: Callable[[Counts], dict[str, Pictures]]
    license: str = "apache-2.0"
    family: Family | None = None
    """What draws more of them, with any chance; None: there are no more than the splits hold."""

    def row(self) -> Domain:
        """What the catalogue says of it before its sample is stored."""
        return Domain(name=self.name, description=self.description, license=self.license, created=now())


def starter_domains() -> tuple[StarterDomain, ...]:
    """All of them, in the order in which they are built."""
    return (
        StarterDomain("digits", "handwritten digits of scikit-learn (UCI optical digits)", _digits, "cc-by-4.0"),
        _drawn(alphabet("glyphs", LETTERS, ALPHABET), "letters of an invented alphabet, written by hand"),
        _drawn(solids("solids", SOLIDS), "geometric solids, lit and turned"),
        _drawn(cells("cells", CELLS), "micrographs of stained cells"),
        _drawn(materials("materials", MATERIALS), "textures of materials, close up"),
        _drawn(aerial("aerial", AERIAL), "fields, roads and houses from above"),
        _drawn(scenes("scenes", SCENES), "landscapes and streets with a horizon"),
        _drawn(spectrograms("spectrograms", SOUNDS), "spectrograms of short sounds"),
    )


def starter_domain(name: str) -> StarterDomain:
    known = {domain.name: domain for domain in starter_domains()}
    if name not in known:
        raise UnknownDomain(name, known, f"The starter zoo has {', '.join(known)}.")
    return known[name]


def chance_of(name: str, split: str) -> np.random.Generator:
    """Every split of every domain has its own stream, so that none changes when another does."""
    return np.random.default_rng([SEED, zlib.crc32(f"{name}/{split}".encode())])


def _drawn(family: Family, description: str) -> StarterDomain:
    def draw(counts: Counts) -> dict[str, Pictures]:
        wanted = {"train": counts.train, "test": counts.test}
        return {
            split: Pictures(*family.draw(chance_of(family.name, split), wanted[split]), family.classes)
            for split in SPLITS
        }

    return StarterDomain(family.name, description, draw, family=family)


def _digits(_: Counts) -> dict[str, Pictures]:
    whole = digits()
    test = held_out(whole.labels, chance_of("digits", "test"))
    names = tuple(str(label) for label in range(10))
    return {
        split: Pictures(whole.images[chosen], whole.labels[chosen], names)
        for split, chosen in (("train", ~test), ("test", test))
    }

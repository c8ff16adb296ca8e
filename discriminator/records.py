"""What is kept of a domain: all that the discriminator ever needs of its images, computed once.

    HOME/discriminator/<reference>/<version>.safetensors

A domain's record depends on its own images and the reference network alone. So a new domain costs its own record, one
that is gone costs the removal of a file, and all others stay as they are.
"""

import hashlib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from headhunt.errors import NotWritten
from zoo.files import replace_file

Floats = NDArray[np.float32]
HELD_SHARE = 3
"""One image in so many is held out: it shapes no Gaussian, and calibrates all."""
SMALLEST = 8
"""Images of a class that make a component of its own; smaller classes share one."""


@dataclass(frozen=True)
class Record:
    """Sufficient statistics of a domain's images in d dimensions: C components, and H images held out.

    counts [C]; means [C, d]; scatter [d, d]: the sum over all fitted images of (x - m)(x - m)', m its component's mean;
    held [H, d]. A component is a class, so that a domain of ten unlike classes is not one wide cloud.
    """

    counts: Floats
    means: Floats
    scatter: Floats
    held: Floats

    @classmethod
    def of(cls, vectors: NDArray[np.float64], labels: NDArray[np.int64], rng: np.random.Generator) -> Self:
        """vectors: [N, d], N >= 1; labels: [N], -1: unlabelled."""
        order = rng.permutation(len(vectors))
        held, fitted = np.split(order, [len(order) // HELD_SHARE])
        x, parts = vectors[fitted], components(labels[fitted])
        counts = np.bincount(parts)
        means = np.stack([x[parts == part].mean(axis=0) for part in range(len(counts))])
        apart = x - means[parts]
        arrays = (counts, means, apart.T @ apart, vectors[held])
        return cls(*(np.ascontiguousarray(array, np.float32) for array in arrays))

    @property
    def mean(self) -> NDArray[np.float64]:
        """[d], over the fitted images."""
        weights = self.counts.astype(np.float64)
        mean: NDArray[np.float64] = weights @ self.means / weights.sum()
        return mean

    @property
    def spread(self) -> float:
        """The mean squared distance of the fitted images from their mean."""
        between = self.counts @ np.square(self.means - self.mean).sum(axis=1)
        return float((np.trace(self.scatter) + between) / self.counts.sum())


def components(labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """To which component each image belongs, counted from 0: a class with enough images is one, the rest another."""
    names, places, counts = np.unique(labels, return_inverse=True, return_counts=True)
    large = (counts >= SMALLEST) & (names >= 0)
    merged = np.where(large[places], places, len(names))
    return np.unique(merged, return_inverse=True)[1].astype(np.int64)


class Records:
    """The records of one reference network in a home. A file that is damaged is as good as none."""

    def __init__(self, home: Path, reference: str) -> None:
        self.folder = home / "discriminator" / reference

    def path(self, version: str) -> Path:
        return self.folder / f"{version}.safetensors"

    def read(self, version: str) -> Record | None:
        try:
            data = self.path(version).read_bytes()
            arrays = load(data[32:])
            whole = hashlib.sha256(data[32:]).digest() == data[:32]
            return Record(**{field.name: arrays[field.name] for field in fields(Record)}) if whole else None
        except (OSError, SafetensorError, KeyError):
            return None

    def write(self, version: str, record: Record) -> None:
        """Kept for the next time; a disk that is full costs the next request time, and this one nothing."""
        data = save({field.name: getattr(record, field.name) for field in fields(record)})
        try:
            replace_file(self.path(version), hashlib.sha256(data).digest() + data)
        except NotWritten:
            return

    def keep_only(self, versions: set[str]) -> None:
        """Remove what belongs to domains that are gone."""
        for path in self.folder.glob("*.safetensors"):
            if path.stem not in versions:
                path.unlink(missing_ok=True)

"""All that the examinations look at, computed once.

n images, C classes, d features, T = 32 pixels.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from discriminator.duplicates import Looks, near_duplicates
from discriminator.examinations.linear import HeldOut, held_out
from headhunt.vocabulary import Entry, Refusal

Rows = NDArray[np.int64]
Floats = NDArray[np.float32]
SEED = 0
DIRECTIONS = 128
"""So many are kept of each stage, so that a wide network costs no more than a narrow one."""


@dataclass(frozen=True)
class Case:
    """A sample on the table."""

    entries: tuple[Entry, ...]
    labels: Rows
    """[n], places in `classes`, -1: unlabelled."""
    classes: tuple[str, ...]
    features: Floats
    """[n, d], of all stages of the reference network, condensed."""
    looks: Looks
    shapes: Rows
    """[n, 2]: height and width of the pictures in their files."""
    refused: tuple[Refusal, ...] = ()

    @cached_property
    def copies(self) -> tuple[tuple[int, ...], ...]:
        """Groups of rows that are the same picture."""
        return near_duplicates(self.looks)

    @cached_property
    def pictures(self) -> Rows:
        """For each row the first row that is the same picture. [n]"""
        first = np.arange(len(self.entries))
        for group in self.copies:
            first[list(group)] = group[0]
        return first

    @cached_property
    def labelled(self) -> Rows:
        """Rows with a label."""
        return np.flatnonzero(self.labels >= 0)

    @cached_property
    def learning(self) -> Rows:
        """Labelled rows that a network would learn from: those of `train` where the sample has parts, else all."""
        parts = any(entry.split for entry in self.entries)
        inside = np.array([not parts or entry.split == "train" for entry in self.entries], bool)
        return np.flatnonzero(inside & (self.labels >= 0))

    @cached_property
    def linear(self) -> HeldOut | None:
        """What a linear classifier says of each labelled row that it has not seen; None with fewer than two classes."""
        if len(np.unique(self.labels[self.labelled])) < 2:
            return None
        rows = self.labelled
        return held_out(self.features[rows], self.labels[rows], self.pictures[rows], np.random.default_rng(SEED))

    def counts(self, rows: Rows) -> Rows:
        """How many of these rows each class has. [C]"""
        return np.bincount(self.labels[rows], minlength=len(self.classes)).astype(np.int64)

    def files(self, rows: Iterable[int]) -> tuple[str, ...]:
        return tuple(self.entries[row].path for row in rows)


def named(names: Sequence[str], numbers: Sequence[int], shown: int = 4) -> str:
    """`cat 3, dog 5 and 2 more`."""
    first = ", ".join(f"{name} {number:,}" for name, number in list(zip(names, numbers, strict=True))[:shown])
    return first + (f" and {len(names) - shown} more" if len(names) > shown else "")


def images(count: int) -> str:
    return "1 image" if count == 1 else f"{count:,} images"


def condensed(stages: Sequence[Floats]) -> Floats:
    """Stages [n, d_s] side by side, each feature on its own scale, each stage in its main directions. [n, d]"""
    return np.concatenate([main_directions(scaled(stage)) for stage in stages], axis=1)


def scaled(stage: Floats) -> Floats:
    centred = stage - stage.mean(0)
    spread = centred.std(0)
    result: Floats = np.where(spread > 1e-6 * spread.max(initial=1e-12), centred / np.maximum(spread, 1e-12), 0)
    return result.astype(np.float32)


def main_directions(stage: Floats) -> Floats:
    """The principal components with the largest variance; the stage itself where it is narrow."""
    if stage.shape[1] <= DIRECTIONS:
        return stage
    _, vectors = np.linalg.eigh(stage.T @ stage)
    found: Floats = stage @ vectors[:, -DIRECTIONS:]
    return found

"""Samples on the table, made of numbers: healthy ones, to which a test adds the fault that it looks for."""

from dataclasses import replace

import msgspec
import numpy as np
from numpy.typing import NDArray

from discriminator.duplicates import Looks
from discriminator.examinations.case import Case
from headhunt.vocabulary import Entry

CLASSES = ("ant", "bee", "cat", "dog")


def healthy(seed: int = 0, per_class: int = 100, apart: float = 4.0, parts: bool = True) -> Case:
    """Four classes that a linear classifier tells apart, and nothing else does; three quarters to learn from."""
    rng = np.random.default_rng(seed)
    n = per_class * len(CLASSES)
    labels = np.repeat(np.arange(len(CLASSES)), per_class)
    features = rng.normal(size=(n, 40)).astype(np.float32)
    features[:, : len(CLASSES)] += apart * np.eye(len(CLASSES))[labels]
    entries = tuple(
        Entry(
            path=f"{CLASSES[label]}/{i}.png",
            digest=f"digest {i}",
            size=int(rng.integers(5_000, 50_000)),
            label=CLASSES[label],
            split=("test" if i % 4 == 0 else "train") if parts else None,
        )
        for i, label in enumerate(labels.tolist())
    )
    thumbs = rng.integers(0, 256, (n, 3, 32, 32), np.uint8)
    looks = Looks(thumbs, tuple(entry.digest for entry in entries))
    return Case(entries, labels, CLASSES, features, looks, rng.integers(200, 400, (n, 2)))


def without(case: Case, rows: NDArray[np.int64]) -> Case:
    """The same sample, without these images."""
    kept = np.setdiff1d(np.arange(len(case.entries)), rows)
    return replace(
        case,
        entries=tuple(case.entries[i] for i in kept),
        labels=case.labels[kept],
        features=case.features[kept],
        looks=Looks(case.looks.thumbs[kept], tuple(case.looks.digests[i] for i in kept)),
        shapes=case.shapes[kept],
    )


def changed(case: Case, rows: NDArray[np.int64], **facts: object) -> Case:
    """The same sample, with other facts in the entries of these images."""
    chosen = set(rows.tolist())
    entries = tuple(
        msgspec.structs.replace(entry, **facts) if i in chosen else entry for i, entry in enumerate(case.entries)
    )
    return replace(case, entries=entries)


def of_class(case: Case, name: str) -> NDArray[np.int64]:
    return np.flatnonzero(case.labels == case.classes.index(name))

"""Does something trivial give the class away: mean colour, brightness, the size of the file or of the picture?

Neighbours in one to three such numbers name the class of images held out; how often they are right, averaged over the
classes, is set between chance and certainty: gain = (right - 1/C) / (1 - 1/C). A network learns what is easiest, and
fails where it does not hold. What lies outside the picture (its sizes) should say nothing; colour may belong to it.
"""

import warnings

import numpy as np
from numpy.typing import NDArray
from sklearn.neighbors import KNeighborsClassifier

from discriminator.examinations.case import SEED, Case, Rows
from discriminator.examinations.linear import folds_of
from headhunt.vocabulary import Finding

Floats = NDArray[np.float64]
NEIGHBOURS = 15
LEAST = 40
MOST = 6000
"""Images that are looked at."""
OUTSIDE = ("the size of the file", "the size of the picture")
TOLERATED = {"outside": 0.25, "inside": 0.6}
SERIOUS = 0.85


def shortcuts(case: Case) -> list[Finding]:
    rows = case.labelled
    if len(rows) < LEAST or len(np.unique(case.labels[rows])) < 2:
        return []
    rows = np.sort(np.random.default_rng(SEED).permutation(rows)[:MOST])
    found = []
    for name, numbers in trivia(case, rows).items():
        told = told_by(numbers, case.labels[rows], case.pictures[rows])
        gain, each = gain_of(told, case.labels[rows])
        noise = 2 * np.sqrt(0.25 / len(rows))
        if gain >= TOLERATED["outside" if name in OUTSIDE else "inside"] + noise:
            best = int(np.nanargmax(each))
            files = case.files(rows[told & (case.labels[rows] == best)].tolist())
            found.append(finding(name, gain, float(np.nanmean(each)), case.classes[best], files))
    return found


def finding(name: str, gain: float, right: float, best: str, files: tuple[str, ...]) -> Finding:
    words = (
        f"{name} alone names the class in {right:.0%} of the images (mean over classes, held out), {best!r} above all."
        " A network may learn this instead of what you mean. Make the classes alike in it, or test without it."
    )
    outside = name in OUTSIDE
    return Finding(
        code="shortcut", severity="serious" if outside and gain >= SERIOUS else "warning", words=words, files=files
    )


def trivia(case: Case, rows: Rows) -> dict[str, Floats]:
    """Name -> numbers [len(rows), 1 to 3]."""
    thumbs = case.looks.thumbs[rows].astype(np.float64)
    grey = thumbs.mean(1)
    height, width = case.shapes[rows].T.astype(np.float64)
    return {
        "mean colour": thumbs.mean(axis=(2, 3)),
        "brightness": np.stack([grey.mean(axis=(1, 2)), grey.std(axis=(1, 2))], 1),
        OUTSIDE[0]: np.log([[max(case.entries[row].size, 1)] for row in rows]),
        OUTSIDE[1]: np.log(np.stack([height, width], 1)),
    }


def told_by(numbers: Floats, labels: Rows, pictures: Rows) -> NDArray[np.bool_]:
    """Whether the neighbours name the class of each held-out image. [n]"""
    scaled = (numbers - numbers.mean(0)) / np.maximum(numbers.std(0), 1e-9)
    folds = folds_of(labels, pictures, np.random.default_rng(SEED))
    right = np.zeros(len(labels), bool)
    for fold in np.unique(folds):
        out = folds == fold
        nearest = min(NEIGHBOURS, max(1, int((~out).sum()) // 4))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # many small classes are no regression
            model = KNeighborsClassifier(nearest).fit(scaled[~out], labels[~out])
            right[out] = model.predict(scaled[out]) == labels[out]
    return right


def gain_of(told: NDArray[np.bool_], labels: Rows) -> tuple[float, Floats]:
    """(gain over chance, how often each class was told [C], nan where it has no image)."""
    counts = np.bincount(labels).astype(float)
    each = np.bincount(labels, weights=told) / np.where(counts > 0, counts, np.nan)
    chance = 1 / np.count_nonzero(counts)
    return float((np.nanmean(each) - chance) / (1 - chance)), each

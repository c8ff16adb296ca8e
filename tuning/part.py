"""A part of the data that stands for the whole, to search on: trials on it cost its share.

The question: which m of n images have, in the embedding space, the distribution of all? Herding within each class
(Welling 2009; Chen, Welling and Smola 2010): one after the other, the image is taken that brings the part's kernel
mean closest to the class's.

    x_i    embedding of image i, shape (d,)     k(x, y) = exp(-|x - y|^2 / h), h: the median squared distance
    mu_i = mean over the class of k(x_i, x_j)
    next = argmax over i not taken of  mu_i - sum over taken j of k(x_i, x_j) / (taken + 1)

Classes keep their shares, and each at least LEAST images. Of a class of more than MOST, so many drawn by chance stand
for it, since the kernel matrix is square.

Whether it stands for the whole is checked by a discriminator: a ridge regression on the leading directions of the
embeddings and their squares, cross-validated, is to tell the part from the rest. Its AUC is compared with those of
random parts of the same size; where it is above nearly all of these, the part is enlarged, up to the whole. Below one
half is no fault: a herded part leaves a neighbour behind for each image that it takes, and is more even than chance.

Measured on six real image sets, 400 images, a quarter taken; the accuracy of a linear probe taught on the part, as a
share of that taught on all: random .84, random in each class .86, k-centre .85, k-means medoids .88, herding .91; AUC
.49, .49, .66, .46, .39. Only k-centre could be told from the whole.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from headhunt.errors import BadValue

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]
LEAST = 2
"""Images of each class, where it has so many."""
MOST = 3000
"""Images of one class that the kernel is computed over, and of all that the discriminator looks at."""
DIRECTIONS, FOLDS, RIDGE = 16, 5, 10.0
COMPARED = 20
"""Random parts that the discriminator is tried on, to know what chance gives."""
GROWTH = 1.5
REFITTED = 4
"""Trials on the part that are trained on the whole at the end: with three, the benchmark gave up 4 % of the loss, with
four 0.6 %. Stopping those that fall behind the best after two thirds of the way lost as much as leaving one out."""


@dataclass(frozen=True)
class Part:
    """indices: int64 [m], sorted. auc: how well a classifier tells it from the rest; limit: what nineteen in twenty
    random parts of its size stay below; asked: the share that was wanted, `share` what it became."""

    indices: Rows
    auc: float
    limit: float
    asked: float
    share: float

    @property
    def enlarged(self) -> bool:
        return bool(self.share > self.asked * GROWTH**0.5)


def representative(features: NDArray[np.floating], labels: NDArray[np.integer], share: float, seed: int = 0) -> Part:
    """features [n, d], labels [n] (-1: without one, which is a class of its own). The whole, where no part will do."""
    points, classes = checked(features, labels, share)
    chance, wanted = np.random.default_rng(seed), share
    while (indices := herded_in_classes(points, classes, wanted, chance)).size < len(points):
        auc, limit = told_apart(points, indices, chance)
        if auc <= limit:
            return Part(indices, auc, limit, share, len(indices) / len(points))
        wanted = min(1.0, wanted * GROWTH)
    return Part(np.arange(len(points)), 0.5, 0.5, share, 1.0)


def checked(features: NDArray[np.floating], labels: NDArray[np.integer], share: float) -> tuple[Floats, Rows]:
    points, classes = np.asarray(features, np.float64), np.asarray(labels)
    if points.ndim != 2 or not points.size:
        raise BadValue(f"Features of shape {points.shape} have no part. Give [n, d], one row for each image.")
    if classes.shape != (len(points),):
        raise BadValue(
            f"There are {len(points)} rows of features and labels of shape {classes.shape}; one each will do."
        )
    if classes.dtype.kind not in "iu":
        raise BadValue(f"Labels are of type {classes.dtype}. Give whole numbers, -1 where there is none.")
    if not np.isfinite(points).all():
        bad = int((~np.isfinite(points).all(axis=1)).argmax())
        raise BadValue(f"The features of image {bad} hold values that are no numbers. Leave it out.")
    if not 0 < share <= 1:
        raise BadValue(f"A share of {share} cannot be taken. Give more than 0, and at most 1.")
    return points, classes.astype(np.int64)


def to_refit(losses: Sequence[float], most: int = REFITTED) -> list[int]:
    """Places of the trials on the part that are trained on the whole, best first; never one without a loss."""
    ended = [i for i, loss in enumerate(losses) if math.isfinite(loss)]
    return sorted(ended, key=lambda i: losses[i])[:most]


# --- Taking -----------------------------------------------------------------------------------------------------------


def herded_in_classes(points: Floats, classes: Rows, share: float, chance: np.random.Generator) -> Rows:
    taken = []
    for one, count in quotas(classes, share).items():
        members = np.flatnonzero(classes == one)
        if len(members) > MOST:
            members = np.sort(chance.choice(members, max(MOST, count), replace=False))
        taken.append(members[herded(points[members], count)])
    return np.sort(np.concatenate(taken))


def quotas(classes: Rows, share: float) -> dict[int, int]:
    """How many of each class: its share, rounded so that the sum is right, and at least LEAST of what there is."""
    names, sizes = np.unique(classes, return_counts=True)
    exact = sizes * share
    counts = np.floor(exact).astype(int)
    missing = round(float(exact.sum())) - int(counts.sum())
    counts[np.argsort(counts - exact, kind="stable")[:missing]] += 1
    counts = np.maximum(counts, np.minimum(sizes, LEAST))
    return dict(zip(names.tolist(), counts.tolist(), strict=True))


def herded(points: Floats, count: int) -> Rows:
    """`count` of the points [n, d], the most telling first."""
    near = kernel(points)
    mean, seen = near.mean(axis=1), np.zeros(len(points))
    order: list[int] = []
    for done in range(min(count, len(points))):
        gain = mean - seen / (done + 1)
        gain[order] = -np.inf
        order.append(int(gain.argmax()))
        seen += near[order[-1]]
    return np.array(order, np.int64)


def kernel(points: Floats) -> Floats:
    centred = points - points.mean(axis=0)
    squares = np.square(centred).sum(axis=1)
    apart = np.maximum(squares[:, None] + squares - 2 * centred @ centred.T, 0.0)
    scale = float(np.median(apart[apart > 0])) if (apart > 0).any() else 1.0
    found: Floats = np.exp(-apart / scale)
    return found


# --- Checking ---------------------------------------------------------------------------------------------------------


def told_apart(points: Floats, indices: Rows, chance: np.random.Generator) -> tuple[float, float]:
    """(AUC of a classifier that is to tell the part from the rest, what 19 in 20 random parts stay below)."""
    seen = chance.permutation(len(points))[:MOST]
    inside = np.isin(seen, indices)
    if min(inside.sum(), (~inside).sum()) < 2:
        return 0.5, 0.5
    telling = described(points[seen])
    by_chance = [auc_of(telling, chance.permutation(inside), chance) for _ in range(COMPARED)]
    return auc_of(telling, inside, chance), float(np.quantile(by_chance, 0.95))


def described(points: Floats) -> Floats:
    """[n, 2 k]: where each image lies along the leading directions, and how far out."""
    centred = points - points.mean(axis=0)
    most = max(1, min(DIRECTIONS, len(points) // 10, points.shape[1]))
    left, sizes, _ = np.linalg.svd(centred, full_matrices=False)
    along = left[:, :most][:, sizes[:most] > 1e-9 * max(float(sizes[0]), 1e-300)]
    both = np.concatenate([along, np.square(along)], axis=1)
    spread = both.std(axis=0)
    scaled: Floats = (both - both.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    return scaled


def auc_of(telling: Floats, inside: NDArray[np.bool_], chance: np.random.Generator) -> float:
    """Of held-out images, the mean over the folds; both sides weigh alike."""
    found = [area(scores, here) for scores, here in held_out_scores(telling, inside, chance)]
    return float(np.mean(found)) if found else 0.5


def held_out_scores(
    telling: Floats, inside: NDArray[np.bool_], chance: np.random.Generator
) -> Iterator[tuple[Floats, NDArray[np.bool_]]]:
    fold = np.empty(len(inside), np.int64)
    for side in (inside, ~inside):
        fold[side] = chance.permutation(int(side.sum())) % FOLDS
    for number in range(FOLDS):
        here, there = fold == number, fold != number
        if len(set(inside[here].tolist())) == 2 and len(set(inside[there].tolist())) == 2:
            yield telling[here] @ ridge(telling[there], inside[there]), inside[here]


def ridge(telling: Floats, inside: NDArray[np.bool_]) -> Floats:
    weights = np.where(inside, 0.5 / inside.mean(), 0.5 / (1 - inside.mean()))
    weighted = telling * weights[:, None]
    solved: Floats = np.linalg.solve(
        weighted.T @ telling + RIDGE * np.eye(telling.shape[1]), weighted.T @ np.where(inside, 1.0, -1.0)
    )
    return solved


def area(scores: Floats, inside: NDArray[np.bool_]) -> float:
    """The chance that one from inside scores above one from outside; ties count half."""
    ranks, ones = rankdata(scores), int(inside.sum())
    return float((ranks[inside].sum() - ones * (ones + 1) / 2) / (ones * (len(inside) - ones)))

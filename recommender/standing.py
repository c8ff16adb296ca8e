"""Question: how high does a model stand on a dataset that nobody has tried, by where it stood on others?

    Z      [M, D]  standing of a model in a column: its Savage score, 0 on average and about 1 apart; nan where unknown
    w      [D]     what a column is worth: how well it agrees with the others
    level  [D]     standing of the models that were tested in a column: a mean place among good ones is a good place
    s      [M]     expected standing on a new dataset: the weighted mean of what is known, shrunk towards 0

Savage scores (1956) are the expected order statistics of an exponential: the best of n gets 1 + 1/2 + ... + 1/n, the
next one 1/1 less, then 1/2 less. So the first places lie far apart and the last ones together, as they do in the
weighted tau and in regret: a model that has been among the best somewhere is worth more than one that is never bad.

    w = (n r + N r0) / (n + N)    r: correlation of a column with the mean of the others over n models, r0: the mean r
    s = sum_d w (Z + level) / (k + sum_d w),    k = (1 - r1) / r1, the mean correlation of two columns being r1
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recommender.outcomes import Array, Outcomes

DOUBT = 50
"""N: with so many models a column's own agreement counts as much as the usual one."""
USUAL = 0.4
"""r1 where there are no two columns to compare: usual for tables of fine-tuned accuracies."""
ROUNDS = 10


@dataclass(frozen=True)
class Standings:
    """`z` [M, D] with level, 0 where unknown; `known` [M, D]; `weight` [D], 1 on average; `shrink`: k."""

    z: Array
    known: NDArray[np.bool_]
    weight: Array
    shrink: float

    def expected(self) -> Array:
        """s [M]"""
        return np.asarray((self.z @ self.weight) / (self.shrink + self.known @ self.weight))

    def elsewhere(self) -> Array:
        """[M, D]: s as it would be without each column in turn."""
        part = self.z * self.weight
        seen = self.known * self.weight
        return np.asarray((part.sum(1, keepdims=True) - part) / (self.shrink + seen.sum(1, keepdims=True) - seen))


def standings(outcomes: Outcomes) -> Standings:
    """Where all models stand in all columns."""
    known = ~np.isnan(outcomes.accuracy) | outcomes.failures()
    z = np.zeros_like(outcomes.accuracy)
    values = np.where(outcomes.failures(), -np.inf, outcomes.accuracy)
    for column in range(z.shape[1]):
        there = known[:, column]
        z[there, column] = savage(values[there, column])
    weight, shrink = worth(z, known)
    return levelled(Standings(z, known, weight, shrink))


def savage(values: Array) -> Array:
    """The Savage score of each of n values, the highest for the highest, ties sharing theirs; mean 0, sd 1. [n] -> [n]

    Divided by the standard deviation that n values without ties have, so that columns of ties say less.
    """
    n = len(values)
    if n < 2:
        return np.zeros(n)
    scores = np.cumsum(1 / np.arange(n, 0, -1)) - 1
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    sums = np.diff(np.concatenate([[0.0], np.cumsum(scores)[ends - 1]]))
    return np.asarray((sums / counts)[inverse] / scores.std())


def worth(z: Array, known: NDArray[np.bool_]) -> tuple[Array, float]:
    """The weight of each column, and how strongly to shrink."""
    count = known.sum(1, keepdims=True) - known
    others = (z.sum(1, keepdims=True) - z) / np.maximum(count, 1)
    both = known & (count > 0)
    n = both.sum(0).astype(float)
    r = correlations(z, others, both)
    usual = (n @ r) / n.sum() if n.sum() else USUAL
    weight = np.maximum((n * r + DOUBT * usual) / (n + DOUBT), 0.0)
    size = known.sum(0)
    weight = weight * np.maximum(size - 1, 0) / np.maximum(size, 1)
    weight = weight / weight.mean() if weight.sum() > 0 else np.ones(len(weight))
    return weight, shrinkage(z, known)


def correlations(a: Array, b: Array, there: NDArray[np.bool_]) -> Array:
    """Of each pair of columns over the rows that are there; 0 where one of them does not vary. [M, D] x 3 -> [D]"""
    n = np.maximum(there.sum(0), 1)
    a, b = (np.where(there, x - (x * there).sum(0) / n, 0.0) for x in (a, b))
    over = np.sqrt((a**2).sum(0) * (b**2).sum(0))
    return np.asarray(np.where(over > 1e-12, (a * b).sum(0) / np.maximum(over, 1e-12), 0.0))


def shrinkage(z: Array, known: NDArray[np.bool_]) -> float:
    """k = (1 - r1) / r1; r1 is the mean product of two standings of one model, with one pair's worth of `USUAL`."""
    pairs = (known.T.astype(float) @ known) * (1 - np.eye(z.shape[1]))
    shared = float(((z.T @ z) * (1 - np.eye(z.shape[1]))).sum())
    typical = known.sum() / max(z.shape[1], 1)
    r1 = (shared + 2 * typical * USUAL) / (pairs.sum() + 2 * typical) if typical else USUAL
    return float((1 - min(max(r1, 0.05), 0.95)) / min(max(r1, 0.05), 0.95))


def levelled(found: Standings) -> Standings:
    """Add to each column the mean standing of those that were tested in it; a few rounds settle it."""
    n = np.maximum(found.known.sum(0), 1)
    now = found
    for _ in range(ROUNDS):
        level = (now.expected()[:, None] * found.known).sum(0) / n
        now = Standings(np.where(found.known, found.z + level, 0.0), found.known, found.weight, found.shrink)
    return now

"""Which images, when not all: so that time and memory stay bounded however many the user has."""

import numpy as np

from recommender.scores.given import UNLABELLED, Given, Labels


def at_most(data: Given, limit: int, rng: np.random.Generator) -> Given:
    """All images, or `limit` of them with the shares of the classes kept; the first of every class always stays."""
    if data.n <= limit:
        return data
    order = by_class(data.labels, rng)
    even = order[np.linspace(0, data.n, limit, endpoint=False).astype(np.int64)]
    firsts = order[np.cumsum(data.counts) - data.counts]
    return data.rows(np.union1d(even, firsts))


def balanced_rows(labels: Labels, limit: int, rng: np.random.Generator) -> Labels:
    """[n] -> sorted rows, at most `limit`, as equal in number over the classes as their images allow; -1 is left out.

    Where there are more classes than `limit`, one image of as many classes as fit.
    """
    order = by_class(labels, rng)
    order = order[labels[order] != UNLABELLED]
    _, first, counts = np.unique(labels[order], return_index=True, return_counts=True)
    turn = np.arange(len(order)) - np.repeat(first, counts)
    shuffled = rng.permutation(len(order))
    chosen = shuffled[np.argsort(turn[shuffled], kind="stable")][:limit]
    return np.sort(order[chosen]).astype(np.int64)


def by_class(labels: Labels, rng: np.random.Generator) -> Labels:
    """All rows, class after class, in random order within each."""
    shuffled = rng.permutation(len(labels))
    return np.asarray(shuffled[np.argsort(labels[shuffled], kind="stable")], dtype=np.int64)

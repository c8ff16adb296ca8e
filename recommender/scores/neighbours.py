"""Nearest neighbours: is the image that looks most alike, to the network, of the same class?

Left-one-out accuracy on frozen features: Cover and Hart 1967; as a score of pre-trained models: Renggli et al., "Which
Model to Transfer?", CVPR 2022, where it is the best single cheap one.

    K_ij = <F_i, F_j> / (|F_i| |F_j|)     cosine after centring and scaling each column; for stages, the mean of theirs
    the k largest K_ij, j != i, vote; the class with most votes wins, and among equals the one with the larger sum of K

An image at the centre of all (constant features) resembles all others equally, K = 0. Rows go through in blocks, so
that memory grows with n and not with n^2; beyond 10,000 images, as many are drawn by `rng`.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike

from headhunt.errors import BadValue
from recommender.scores.given import Floats, Given, given, one_hot
from recommender.scores.rows import at_most
from recommender.scores.stages import beside, parts

ROWS = 10_000
BLOCK = 512
NEIGHBOURS = 5
SIMILAR = 4.0  # more than the range of K, so that the sum of K decides among equal votes only


def knn(features: ArrayLike, labels: ArrayLike, k: int, rng: np.random.Generator) -> float:
    """Features [n, d], labels [n] (-1: left out) -> share of images whose k nearest others vote for their class."""
    return knn_stages([features], labels, k, rng)


def knn_stages(stages: Sequence[ArrayLike], labels: ArrayLike, k: int, rng: np.random.Generator) -> float:
    """The same with the mean of the similarities of all stages [n, d_s]."""
    matrices = beside(stages)
    data = at_most(given(np.concatenate(matrices, axis=1), labels), ROWS, rng)
    return share_right([unit_rows(part) for part in parts(data.standard, matrices)], data, k)


def knn_score(data: Given, rng: np.random.Generator, k: int) -> float:
    """The same of what is already given."""
    few = at_most(data, ROWS, rng)
    return share_right([unit_rows(few.standard)], few, k)


def unit_rows(matrix: Floats) -> Floats:
    """[n, d] -> rows of length 1; a row of zeros stays."""
    length = np.sqrt(np.square(matrix).sum(axis=1, keepdims=True))
    return matrix / np.where(length > 0, length, 1.0)


def share_right(stages: Sequence[Floats], data: Given, k: int) -> float:
    """Unit rows [n, d_s] -> left-one-out accuracy."""
    if k < 1:
        raise BadValue(f"k must be at least 1, not {k}.")
    votes = one_hot(data.labels, data.classes)
    right = 0
    for rows, similar in _blocks(stages, data.n):
        near = np.argpartition(-similar, min(k, data.n - 1) - 1, axis=1)[:, : min(k, data.n - 1)]
        close = np.take_along_axis(similar, near, axis=1)
        ballots = votes[near]
        won = ballots.sum(axis=1) + np.einsum("nk,nkc->nc", close, ballots) / (SIMILAR * k)
        right += int(np.count_nonzero(won.argmax(axis=1) == data.labels[rows]))
    return right / data.n


def _blocks(stages: Sequence[Floats], n: int) -> Iterator[tuple[slice, Floats]]:
    """Some rows at a time, and their similarity [b, n] to all images; to themselves: none."""
    for start in range(0, n, BLOCK):
        rows = slice(start, min(start + BLOCK, n))
        similar = np.mean([stage[rows] @ stage.T for stage in stages], axis=0)
        np.fill_diagonal(similar[:, start:], -np.inf)
        yield rows, similar

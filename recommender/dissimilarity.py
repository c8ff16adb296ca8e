"""What pairs of images say: how well each depth of a network separates the classes, and which networks know the same.

Representational similarity analysis: Kriegeskorte et al. 2008. Centred kernel alignment: Kornblith et al., "Similarity
of Neural Network Representations Revisited", ICML 2019; its unbiased form: Song et al. 2012, Nguyen et al. 2021.

    X_s [n, d_s]   features of stage s, columns centred and scaled
    D_s [n, n]     representational dissimilarity matrix, 1 - cosine of X_i and X_j
    label agreement of a stage: Spearman's correlation of D_ij and [y_i != y_j], i < j

    K [n, n]       X X' with its diagonal set to 0, then centred so that what is left of a row sums to 0 ("U-centred")
    <K, L>         sum over pairs K_ij L_ij: without bias, its mean is 0 when the two know nothing of each other
    agreement      <K, L> / sqrt(<K, K> <L, L>): debiased linear CKA; 1 for the same up to rotation and scale

The plain CKA of two networks that know nothing of each other is not 0 and rises with their width, up to 1 for d >> n;
so a map made with it says that wide networks agree. All of it on at most 500 images, as equal in number over the
classes as can be, so that memory is bounded however many images there are: 1 MB of pairs for each candidate of a map.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from discriminator.gap import Features
from headhunt.errors import BadValue
from recommender.scores.given import Floats, Labels, given, standardised
from recommender.scores.parc import cosine_distances, rank_agreement
from recommender.scores.rows import balanced_rows
from recommender.scores.stages import beside, parts

ROWS = 500
FEWEST = 4  # images, for a U-centred matrix
NOTHING = 1e-10  # of the squared kernel: less than this after centring is rounding


@dataclass(frozen=True)
class Views:
    """How a network sees the images in pairs: how far its dissimilarities agree with the classes, stage by stage, and
    the other candidate whose own agree with them most."""

    depths: tuple[float, ...]
    like: str
    agreement: float


def rdm(features: ArrayLike) -> Floats:
    """Features [n, d] -> dissimilarities [n, n] in 0..2; constant features are at 1 from each other. O(n^2) memory."""
    return cosine_distances(standardised(np.asarray(features, dtype=np.float64)))


def label_agreement(stages: Sequence[ArrayLike], labels: ArrayLike, seed: int = 0) -> tuple[float, ...]:
    """Stages [n, d_s], labels [n] (-1: left out) -> for each stage, how far "dissimilar" means "of another class".

    In -1..1; noise is 0. The same images are looked at in all stages; beyond 500, they are drawn by `seed`.
    """
    matrices, chosen = beside(stages), np.asarray(labels)
    rows = (
        balanced_rows(chosen, ROWS, np.random.default_rng(seed)) if chosen.shape == (len(matrices[0]),) else slice(None)
    )
    data = given(np.concatenate([matrix[rows] for matrix in matrices], axis=1), chosen[rows])
    return tuple(rank_agreement(cosine_distances(part), data.labels) for part in parts(data.standard, matrices))


def agreement(a: ArrayLike, b: ArrayLike, seed: int = 0) -> float:
    """Features [n, d_a] and [n, d_b] of the same images -> debiased linear CKA, at most 1; 0: nothing in common."""
    return float(agreement_map([a, b], seed=seed)[0, 1])


def agreement_map(features: Sequence[ArrayLike], labels: ArrayLike | None = None, seed: int = 0) -> Floats:
    """Features [n, d_k] of m candidates -> [m, m], symmetric, 1 on the diagonal: who knows the same.

    Beyond 500 images, as many are drawn by `seed`; with labels, as equal in number over the classes as can be.
    """
    matrices = beside(features)
    n = len(matrices[0])
    classes = np.zeros(n, np.int64) if labels is None else _one_each(labels, n)
    rows = balanced_rows(classes, ROWS, np.random.default_rng(seed))
    if len(rows) < FEWEST:
        raise BadValue(f"Agreement needs at least {FEWEST} images; there are {len(rows)}.")
    pairs = np.stack([_pairs(matrix[rows]) for matrix in matrices])
    found = pairs.astype(np.float64) @ pairs.T
    np.fill_diagonal(found, 1.0)
    return np.asarray(found)


def compared(names: Sequence[str], features: Sequence[Features], labels: Labels) -> dict[str, Views]:
    """At which depth each candidate, by its name, tells the classes apart, and which other sees these images alike."""
    alike = agreement_map([one.head for one in features], labels)
    np.fill_diagonal(alike, -np.inf)
    found = {}
    for name, seen, row in zip(names, features, alike, strict=True):
        like = int(np.argmax(row))
        found[name] = Views(label_agreement([*seen.stages, seen.head], labels), names[like], float(row[like]))
    return found


def _one_each(labels: ArrayLike, n: int) -> Labels:
    classes = np.asarray(labels)
    if classes.shape != (n,):
        raise BadValue(f"labels must be {n}, one for each row of features, not of shape {classes.shape}.")
    return classes


def _pairs(features: Floats) -> NDArray[np.float64]:
    """[n, d] -> U-centred kernel above the diagonal, of length 1; zeros where the network says nothing."""
    if not np.isfinite(features).all():
        raise BadValue("Features of some images are not finite; leave these images out.")
    x = standardised(features)
    n = len(x)
    kernel = x @ x.T
    np.fill_diagonal(kernel, 0.0)
    sums = kernel.sum(axis=1)
    centred = kernel - (sums[:, None] + sums) / (n - 2) + sums.sum() / ((n - 1) * (n - 2))
    above = centred[np.triu_indices(n, 1)]
    length = float(above @ above)
    return above / np.sqrt(length) if length > NOTHING * float(np.square(kernel).sum()) else np.zeros_like(above)

"""TransRate: how many bits do the features take, and how many fewer once the class is known?

Huang et al., "Frustratingly Easy Transferability Estimation", ICML 2022.

    X [n, d]        F, scaled so that the squared length of an image is 1 on average; X_c [n_c, d] the images of class c
    R(X)   = 1/2 ln det(I + X'X / (n e)),    e = 1e-4
    TR     = R(X) - sum_c n_c / n R(X_c)

The released code weights the classes equally; the definition, by n_c / n. The scaling makes e mean the same at every
width. Rates of few images grow with the width whatever the labels (rank X_c <= n_c), so the value for shuffled labels
is subtracted (see chance.py). A determinant is taken on the smaller side, and R(X) cancels: it has no labels in it.
"""

from functools import partial

import numpy as np

from recommender.scores.chance import above_chance
from recommender.scores.given import Floats, Given, Labels
from recommender.scores.rows import at_most

EPSILON = 1e-4
ROWS = 2_000


def transrate(data: Given, rng: np.random.Generator) -> float:
    """Above chance. At most 2,000 images, drawn by `rng`."""
    few = at_most(data, ROWS, rng)
    z, s = few.axes
    if not s[0]:
        return 0.0
    return above_chance(partial(_less_within, z * np.sqrt(few.n / s.sum())), few.labels, rng)


def transrate_of(x: Floats, labels: Labels) -> float:
    """Features [n, d] as they are, labels [n] of 0..C-1 -> TR by its definition."""
    return rate(x) + _less_within(x, labels)


def _less_within(x: Floats, labels: Labels) -> float:
    """- sum_c n_c / n R(X_c)."""
    groups = [x[labels == c] for c in range(int(labels.max()) + 1)]
    return -sum(len(group) / len(x) * rate(group) for group in groups)


def rate(x: Floats) -> float:
    """R(X) for X [n, d]."""
    n, d = x.shape
    gram = x @ x.T if n < d else x.T @ x
    return float(np.linalg.slogdet(np.eye(min(n, d)) + gram / (n * EPSILON))[1]) / 2

"""GBC: how far do the classes overlap, if each is a Gaussian cloud?

Pandy et al., "Transferability Estimation using Bhattacharyya Class Separability", CVPR 2022.

    Z [n, r]      the first 64 principal axes, as in the paper
    mu_c, v_c     mean and variance [r] of class c on each axis: diagonal covariances
    D_cb = 1/8 sum (mu_c - mu_b)^2 / v + 1/2 sum ln(v / sqrt(v_c v_b)),    v = (v_c + v_b) / 2
    GBC  = - sum over pairs c != b of exp(-D_cb)

Everything in logarithms: products of 64 variances underflow, and so do full determinants. Two images' worth of the
pooled variance is mixed into that of each class, so a class of one image has the pooled one, not zero. Less its value
for shuffled labels (see chance.py): class means of few images lie apart by chance, on every axis.
"""

from functools import partial

import numpy as np

from recommender.scores.chance import above_chance
from recommender.scores.given import Floats, Given, Labels, class_sums

AXES = 64
POOLED = 2.0  # images


def gbc(data: Given, rng: np.random.Generator) -> float:
    """Above chance: 0 for noise, positive where the classes come apart."""
    z = data.axes[0][:, :AXES]
    return above_chance(partial(gbc_of, z), data.labels, rng)


def gbc_of(z: Floats, labels: Labels) -> float:
    """Axes [n, r], labels [n] of 0..C-1 -> GBC as published, with pooled variances mixed in."""
    counts = np.bincount(labels)[:, None]
    means = class_sums(z, labels, len(counts)) / counts
    squares = class_sums(np.square(z - means[labels]), labels, len(counts))
    pooled = squares.sum(axis=0) / max(1, len(z) - len(counts))
    alive = pooled > 1e-12 * np.square(z).mean(axis=0).max(initial=0.0)
    if not alive.any():
        return 0.0
    variances = ((squares + POOLED * pooled) / (counts - 1 + POOLED))[:, alive]
    overlap = sum(float(np.exp(-row).sum()) for row in _distances(means[:, alive], variances))
    return -2 * overlap


def _distances(means: Floats, variances: Floats) -> list[Floats]:
    """D of each class to those after it: [C, r], [C, r] -> C - 1 rows."""
    logs = np.log(variances)
    rows = []
    for c in range(len(means) - 1):
        middle = (variances[c] + variances[c + 1 :]) / 2
        apart = np.square(means[c] - means[c + 1 :]) / middle / 8
        spread = (np.log(middle) - (logs[c] + logs[c + 1 :]) / 2) / 2
        rows.append((apart + spread).sum(axis=1))
    return rows

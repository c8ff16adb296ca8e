"""Ledoit-Wolf: how far a covariance of too few images must be drawn towards a multiple of the identity.

Ledoit and Wolf, "A well-conditioned estimator for large-dimensional covariance matrices", JMVA 2004.

    X [n, d]    centred, its covariance S = X'X / n, m = tr S / d
    S_a = (1 - a) S + a m I,    a = min(b2, d2) / d2,    d2 = |S - m I|^2,    b2 = 1/n^2 sum_i |x_i x_i' - S|^2

Only traces occur: tr S = sum_i |x_i|^2 / n and sum_i |x_i x_i'|^2 = sum_i |x_i|^4, so a needs no covariance [d, d].
"""

import numpy as np

from recommender.scores.given import Floats


def ledoit_wolf(lengths: Floats, square: float, width: int) -> tuple[float, float]:
    """|x_i|^2 [n], |X'X|^2 (the sum of the squares of its entries, or of its eigenvalues), d -> a, m."""
    n = len(lengths)
    mean = float(lengths.sum()) / n / width
    entries = square / n**2
    distance = entries - width * mean**2
    error = (float(np.square(lengths).sum()) / n - entries) / n
    return (min(error, distance) / distance if distance > 1e-12 * entries else 1.0), mean

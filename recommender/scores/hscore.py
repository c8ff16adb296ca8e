"""H-score with shrinkage: how much of the features' variance lies between the classes, axis by axis?

Bao et al., "An Information-Theoretic Approach to Transferability in Task Transfer Learning", ICIP 2019; with shrinkage:
Ibrahim et al., "Newer is not always better: Rethinking transferability metrics", ECML 2022.

    S [d, d]    covariance of F;  S_a = (1 - a) S + a m I after Ledoit and Wolf
    B [d, d]    covariance of the class means, sum_c pi_c mu_c mu_c'

    published:  H_a = (1 - a) tr(S_a^-1 B)
    here:       H_a - (1 - a) (C - 1) / (n - 1) tr(S_a^-1 S)

Without shrinkage H = C - 1, its best, on pure noise as soon as d >= n. With it, it still grows with the width, because
class means of few images differ by chance. What is subtracted is that part, exactly: the mean of H_a over all orders
of the labels, for which E[B] = (C - 1) / (n - 1) S. So noise has the mean 0 at every width. All of it in the axes Z,
where S is diagonal.
"""

import numpy as np

from recommender.scores.given import Given, class_sums
from recommender.scores.shrinkage import ledoit_wolf


def h_score(data: Given, _: np.random.Generator) -> float:
    """Above chance; at most about C - 1."""
    z, s = data.axes
    shrunk, mean = ledoit_wolf(np.square(z).sum(axis=1), float(s @ s), data.width)
    if not mean:
        return 0.0
    inverse = 1 / ((1 - shrunk) * s / data.n + shrunk * mean)
    means = class_sums(z, data.labels, data.classes) / data.counts[:, None]
    between = data.counts / data.n @ np.square(means)
    chance = (data.classes - 1) / (data.n - 1) * s / data.n
    return float((1 - shrunk) * (between - chance) @ inverse)

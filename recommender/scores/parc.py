"""PARC: are images that the network sees as alike of the same class, over all pairs?

Bolya et al., "Scalable Diverse Model Selection for Accessible Transfer Learning", NeurIPS 2021; after representational
similarity analysis (Kriegeskorte 2008; Dwivedi and Roig 2019).

    Z [n, 32]   the first 32 principal axes
    D_ij = 1 - <Z_i, Z_j> / (|Z_i| |Z_j|)     of features;  [y_i != y_j] of labels
    PARC = Spearman's rank correlation of both over the pairs i < j

The cosine stands where the released code correlates the coordinates of two images: principal axes have no signs, and a
correlation over axes changes with the sign that the library chose. An image at the centre has no direction; it is at
distance 1 from all, instead of nan. Memory is O(n^2), so at most 500 images, as equal in number over the classes as
can be.
"""

import numpy as np
from scipy.stats import rankdata

from recommender.scores.given import Floats, Given, Labels
from recommender.scores.rows import balanced_rows

AXES = 32
ROWS = 500


def parc(data: Given, rng: np.random.Generator) -> float:
    """In -1..1; noise is 0."""
    few = data if data.n <= ROWS else data.rows(balanced_rows(data.labels, ROWS, rng))
    return rank_agreement(cosine_distances(few.axes[0][:, :AXES]), few.labels)


def cosine_distances(matrix: Floats) -> Floats:
    """[n, r] -> [n, n], 1 - cosine; rows without a direction are at 1."""
    lengths = np.sqrt(np.square(matrix).sum(axis=1, keepdims=True))
    small = lengths <= 1e-9 * lengths.max(initial=0.0)
    unit = np.where(small, 0.0, matrix / np.where(small, 1.0, lengths))
    return np.asarray(1 - unit @ unit.T)


def rank_agreement(distances: Floats, labels: Labels) -> float:
    """Spearman's correlation of distances [n, n] and "of another class", over pairs; 0 where either is constant."""
    above = np.triu_indices(len(labels), 1)
    other = labels[above[0]] != labels[above[1]]
    ranks = rankdata(distances[above])
    return correlation(ranks - ranks.mean(), other - other.mean())


def correlation(a: Floats, b: Floats) -> float:
    """Pearson's correlation of two centred vectors; 0 where either is constant."""
    scale = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / scale if scale > 0 else 0.0

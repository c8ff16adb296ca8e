"""Did the images change, as a network sees them? A permutation test on the distance between two means.

x (n, d) and y (m, d) are embeddings of two samples. Their distance is |mean(x) - mean(y)|; what chance makes of it
is found by dealing the n + m vectors anew into two hands of n and m (Fisher, 1935). Samples that share most of their
images lie nearer than chance, and that is right: nothing has shifted.
"""

import numpy as np
from numpy.typing import NDArray

from headhunt.vocabulary import Struct

DEALS = 400


class Shift(Struct, frozen=True, omit_defaults=False):
    """chance: the distance that one deal in twenty exceeds; p: the share of deals that lie as far apart or farther."""

    distance: float
    chance: float
    p: float

    @property
    def clear(self) -> bool:
        return self.p < 0.01 and self.distance > self.chance


def shift(x: NDArray[np.float64], y: NDArray[np.float64], rng: np.random.Generator) -> Shift:
    pooled = np.concatenate([x, y])
    distance = float(np.linalg.norm(x.mean(0) - y.mean(0)))
    total, n, m = pooled.sum(0), len(x), len(y)
    dealt = np.empty(DEALS)
    for deal in range(DEALS):
        first = pooled[rng.permutation(n + m)[:n]].sum(0)
        dealt[deal] = np.linalg.norm(first / n - (total - first) / m)
    p = (1 + int((dealt >= distance).sum())) / (1 + DEALS)
    return Shift(distance=distance, chance=float(np.quantile(dealt, 0.95)), p=p)

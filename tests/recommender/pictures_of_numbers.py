"""Features with and without anything to find in them."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]


def noise(n: int, d: int, classes: int, seed: int) -> tuple[Floats, Labels]:
    """Features that know nothing of the labels, which are as equal in number as they can be."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)), rng.permutation(np.arange(n) % classes).astype(np.int64)


def signal(n: int, d: int, classes: int, seed: int, strength: float = 1.0) -> tuple[Floats, Labels]:
    """The same, with a centre for each class. The centres are as far apart, in units of the noise, at every width."""
    x, y = noise(n, d, classes, seed)
    centres = np.random.default_rng(seed + 1).normal(size=(classes, d)) * strength
    return x + centres[y], y

"""How near is a sample to each domain, also when it belongs to none? A smooth weight from 0 to 1.

    x  mean of the sample's n vectors    m_k  mean of domain k    v  mean squared distance of an image from x
    d_k^2 = max(0, |x - m_k|^2 - v / n)              the mean of n images is off by v / n even in their own domain
    nearness_k = 1 / (1 + (2 d_k / s)^2)             s: the median distance between two domains

One half at half the way between two domains, and never so small that history of far domains counts for nothing: far out
it falls with the square only. Distances are those of mean embeddings, which do not move when another domain comes.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from discriminator.records import Record

Floats = NDArray[np.float64]
TINIEST = 1e-12
"""The smallest squared scale, for domains that are all one picture; vectors have a length of about one."""


def nearness(vectors: Floats, records: Sequence[Record]) -> Floats:
    """[K], for vectors [N, d] of a sample's different images and K >= 1 records."""
    means = np.stack([record.mean for record in records])
    spread = float(np.mean([record.spread for record in records]))
    own = float(vectors.var(axis=0, ddof=1).sum()) if len(vectors) > 1 else spread
    squared = np.square(vectors.mean(axis=0) - means).sum(axis=1) - own / len(vectors)
    found: Floats = 1.0 / (1.0 + 4.0 * np.maximum(squared, 0.0) / squared_scale(means, spread))
    return found


def squared_scale(means: Floats, spread: float) -> float:
    """The squared median distance between two of K domains [K, d]; with one alone, between two of its images."""
    first, second = np.triu_indices(len(means), 1)
    between = np.square(means[first] - means[second]).sum(axis=1)
    return max(float(np.median(between)) if len(between) else 2 * spread, TINIEST)

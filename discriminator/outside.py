"""Do these images come from none of the domains? A test with a stated rate of false alarms.

    s_i   squared distance of image i to its nearest domain       h_kj  the same of held-out image j of domain k
    q_k   share of domain k in the sample                         H_k   held-out images of domain k
    u_i = sum over k of q_k [ #{h_kj < s_i} + #{h_kj = s_i} / 2 ] / H_k

If the sample is a mixture of known domains with shares q, u is uniform and its mean 1/2, with a variance of
(1/n + sum over k of q_k^2 / H_k) / 12: the Mann-Whitney test, for mixtures. Held-out images have shaped no Gaussian, so
they and the sample's are exchangeable. `none of these` needs more than a difference that n images can show, or every
large sample would be strange, and one of two of a domain's classes too: the mean of u has to be beyond 1/2 + 0.05. One
image has its conformal p-value (Vovk, Gammerman and Shafer 2005).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

Floats = NDArray[np.float64]
ALARM_RATE = 0.05
"""How often a sample of known domains may be called strange, at most."""
MARGIN = 0.05
"""How much the mean of u may exceed 1/2 without being called strange."""


@dataclass(frozen=True)
class Outside:
    """held: for every domain the sorted distances [H_k] of its held-out images to their nearest domains."""

    held: tuple[Floats, ...]

    @classmethod
    def fit(cls, distances: Sequence[Floats]) -> "Outside":
        """distances: K of [H_k, K]."""
        return cls(tuple(np.sort(own.min(axis=1)) for own in distances))

    def strangeness(self, distances: Floats, mixture: Floats) -> Floats:
        """[N]: u, from 0 (in the midst) to 1 (further out than any held-out image). distances: [N, K]."""
        nearest, weights = distances.min(axis=1), self.weights(mixture)
        found: Floats = np.sum(
            [w * midrank(own, nearest) for w, own in zip(weights, self.held, strict=True) if w], axis=0
        )
        return found

    def weights(self, mixture: Floats) -> Floats:
        """The shares of domains that have held-out images; alike where none with a share has any."""
        able = np.array([len(own) > 0 for own in self.held], np.float64)
        weights: Floats = mixture * able if (mixture * able).sum() > 0 else able
        whole: Floats = weights / weights.sum()
        return whole

    def p_value(self, distances: Floats, mixture: Floats) -> float:
        """How likely images of known domains are to lie as far out. 1 where nothing was held out to compare with."""
        if not any(len(own) for own in self.held):
            return 1.0
        weights = self.weights(mixture)
        u = self.strangeness(distances, mixture)
        spread = sum(w * w / len(own) for w, own in zip(weights, self.held, strict=True) if w)
        if len(u) == 1:
            return float((1 - u[0] + spread) / (1 + spread))
        return float(norm.sf((u.mean() - 0.5 - MARGIN) / np.sqrt((1 / len(u) + spread) / 12)))


def midrank(ordered: Floats, values: Floats) -> Floats:
    """[N]: the share of `ordered` below each value, ties counted half."""
    below, up_to = (np.searchsorted(ordered, values, side) for side in ("left", "right"))
    found: Floats = (below + up_to) / (2 * len(ordered))
    return found

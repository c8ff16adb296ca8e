"""From distances to probabilities that mean what they say: one temperature, and shares of a whole sample.

    D [N, K]  squared distances of N images to K domains (discriminator/gaussians.py)
    P(k | i) = exp(-D_ik / 2T) / sum over l of exp(-D_il / 2T)

A Gaussian in many dimensions is far too sure of itself; T is chosen on held-out images (Guo, Pleiss, Sun and Weinberger
2017, "On calibration of modern neural networks").
"""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

Floats = NDArray[np.float64]
LOG_RANGE = (-2.0, 8.0)
"""Of ln T."""
ROUNDS = 200
SETTLED = 1e-6


def log_probabilities(distances: Floats, temperature: float) -> Floats:
    """[N, K]: ln P(k | i), every domain as likely as another beforehand."""
    found: Floats = log_softmax(-0.5 * distances / temperature, axis=1)
    return found


def best_temperature(distances: Floats, truth: NDArray[np.int64]) -> float:
    """The T that makes held-out images' own domains (truth [N], in 0..K-1) most likely, every domain counted alike."""
    counts = np.bincount(truth, minlength=distances.shape[1])
    weights = 1.0 / counts[truth]

    def loss(log_t: float) -> float:
        own = log_probabilities(distances, float(np.exp(log_t)))[np.arange(len(truth)), truth]
        return -float(np.average(own, weights=weights))

    return float(np.exp(minimize_scalar(loss, bounds=LOG_RANGE, method="bounded").x))


def shares(log_p: Floats) -> Floats:
    """[K]: which share of these N >= 1 images comes from each domain (Saerens, Latinne and Decaestecker 2002).

    What most images are makes the others likelier to be the same: the mean of their probabilities alone would leave a
    share to every domain that single images might have come from. One pseudo-image of each domain keeps a few images
    from persuading each other.
    """
    p, (count, domains) = np.exp(log_p), log_p.shape
    mixture = np.full(domains, 1.0 / domains)
    for _ in range(ROUNDS):
        weighted = p * (count * mixture + 1.0)
        after: Floats = (weighted / weighted.sum(axis=1, keepdims=True)).mean(axis=0)
        moved, mixture = np.abs(after - mixture).max(), after
        if moved < SETTLED:
            break
    return mixture


def calibration_error(p: Floats, truth: NDArray[np.int64], bins: int = 15) -> float:
    """Expected calibration error of the first choice: |accuracy - confidence| over bins of equal width."""
    confidence, right = p.max(axis=1), p.argmax(axis=1) == truth
    bin_of = np.minimum((confidence * bins).astype(np.int64), bins - 1)
    gaps = [abs(float((right[bin_of == b] - confidence[bin_of == b]).sum())) for b in range(bins)]
    return sum(gaps) / len(truth)

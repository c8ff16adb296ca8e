"""LogME: how probable are these labels, if they are a linear function of these features?

You et al., "LogME: Practical Assessment of Pre-trained Models for Transfer Learning", ICML 2021.

    X [n, d]    features              s [k]      eigenvalues of X'X, k = min(n, d)
    T [n, C]    targets, a column c   p2 [k, C]  squares of t_c in the left singular vectors of X
    t = X w + noise,  w ~ N(0, 1/alpha I),  noise ~ N(0, 1/beta I)

    ln p(t | X) = ln N(t; 0, I / beta + X X' / alpha), at its maximum over alpha and beta.

With tau = alpha / beta the covariance is (I + X X' / tau) / beta, and beta has a closed form:

    q(tau) = rest + sum_k p2 tau / (s + tau),    beta = n / q,    rest = |t|^2 - sum_k p2
    ln p   = -n/2 (ln(2 pi q / n) + 1) - 1/2 sum_k ln(1 + s / tau)

The last sum is all that is left of ln|A|, A = alpha I + beta X'X, with its d - k eigenvalues alpha: forgetting them, as
the released code does, ranks networks by their width when n < d. One variable is left for each class: a grid that all
classes share, then a golden section for all classes at once. No iteration can end early, and no class is a loop.
"""

import numpy as np

from recommender.scores.given import Floats, Given

GRID = np.logspace(-12, 12, 97)  # tau in units of the largest eigenvalue; never 0, where a perfect fit is infinite
GOLDEN = (np.sqrt(5.0) - 1) / 2
NARROWINGS = 27  # from half a decade of tau to 3e-6 of it: the maximum is flat, so its value is off by 1e-11
ROUNDING = 1e-15  # times n: a rest of |t|^2 below this share is none


def logme(data: Given, _: np.random.Generator) -> float:
    """The evidence of the labels given F and an intercept, mean over images and classes.

    The intercept is taken out of both sides, which leaves n - 1 numbers of n labels: counting n would let d >= n fit
    them with an infinite density.
    """
    z, s = data.axes
    p2 = np.zeros((1, data.classes)) if not s[0] else (z.T @ data.centred) ** 2 / s[:, None]
    energy = np.square(data.centred).sum(axis=0)
    return float(log_evidence(s, p2, energy, data.n - 1).mean() / (data.n - 1))


def logme_of(features: Floats, targets: Floats) -> Floats:
    """ln p(t_c | X) / n for each column of the targets: X [n, d], T [n, C] as they are -> [C]."""
    n, d = features.shape
    values, vectors = np.linalg.eigh(features @ features.T if n < d else features.T @ features)
    s = np.where(values > max(n, d) * np.finfo(np.float64).eps * values[-1], values, 0.0)
    turned = vectors.T @ (targets if n < d else features.T @ targets)
    scale = np.ones_like(s) if n < d else np.where(s > 0, s, np.inf)
    return np.asarray(log_evidence(s, turned**2 / scale[:, None], np.square(targets).sum(axis=0), n) / n)


def log_evidence(s: Floats, p2: Floats, energy: Floats, n: int) -> Floats:
    """[k], [k, C], |t|^2 [C] -> [C], the maximum over tau of ln p for each class."""
    if not s.max(initial=0.0):
        return np.asarray(-n / 2 * (np.log(2 * np.pi * energy / n) + 1))
    rest = energy - p2.sum(axis=0)
    rest = np.where(rest > ROUNDING * n * energy, rest, 0.0)
    grid = np.log(GRID * s.max())
    best = _profile(grid[:, None], s, p2, rest, n).argmax(axis=0)
    low, high = grid[np.maximum(best - 1, 0)], grid[np.minimum(best + 1, len(grid) - 1)]
    for _ in range(NARROWINGS):
        step = GOLDEN * (high - low)
        left, right = high - step, low + step
        rises = _at(left, s, p2, rest, n) < _at(right, s, p2, rest, n)
        low, high = np.where(rises, left, low), np.where(rises, high, right)
    return _at((low + high) / 2, s, p2, rest, n)


def _profile(log_tau: Floats, s: Floats, p2: Floats, rest: Floats, n: int) -> Floats:
    """The same tau for all classes: [g, 1] -> [g, C]."""
    tau = np.exp(log_tau)
    return _density(rest + (tau / (s + tau)) @ p2, np.log1p(s / tau).sum(axis=1, keepdims=True), n)


def _at(log_tau: Floats, s: Floats, p2: Floats, rest: Floats, n: int) -> Floats:
    """A tau for each class: [C] -> [C]."""
    ratio = s[:, None] / np.exp(log_tau)
    return _density(rest + (p2 / (1 + ratio)).sum(axis=0), np.log1p(ratio).sum(axis=0), n)


def _density(q: Floats, log_determinant: Floats, n: int) -> Floats:
    return np.asarray(-n / 2 * (np.log(2 * np.pi * q / n) + 1) - log_determinant / 2)

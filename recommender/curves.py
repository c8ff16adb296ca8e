"""Where a curve of losses is going, read from two to four points of it.

Question: what will the held-out loss of each contender be after `horizon` steps? A power law is what such curves follow
(Cortes et al., 1994; Domhan et al., 2015, compare eleven forms), and with so few points of each curve, all curves are
read together: the exponent and the noise are common to all, level and fall of each are drawn towards the mean of all.

    L_i(t) = a_i + b_i (1 + t / TAU)^-c  + noise          t steps;  i a contender
    (a_i, b_i) ~ N(m, diag(s_a^2, s_b^2))                 m from all points of all curves by least squares
    c, the noise and s_b: on a grid, each weighed by its marginal likelihood

Given these, level and fall have a Gaussian posterior in closed form, and so has L_i(horizon); the answers of the grid
are mixed by their weights, so that what the points do not tell widens the spread. One point alone gives the
mean fall from its own level, with a spread that says so. A contender that falls faster than the others is believed so
far as its points outweigh that mean.
"""

from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

TAU = 12.0
EXPONENTS = (0.25, 0.5, 1.0, 2.0)
NOISES = (0.02, 0.05, 0.1, 0.2)
FALLS = (0.1, 0.3, 1.0)
"""Noise and s_b, as shares of the spread of all losses."""
FLOOR = 0.02
"""No spread of losses is below that: equal curves are equal up to the noise of a training."""


class Curve(NamedTuple):
    """steps [k] and losses [k], k >= 1."""

    steps: Sequence[float]
    losses: Sequence[float]


class Expectation(NamedTuple):
    """The loss at the horizon, and the standard deviation of that."""

    loss: float
    spread: float


def extrapolate(curves: Sequence[Curve], horizon: float) -> list[Expectation]:
    """One expectation for each curve. A loss below zero is none: it ends there."""
    if not curves:
        return []
    spread = max(FLOOR, float(np.std(np.concatenate([curve.losses for curve in curves]))))
    models = [_Model(curves, c, noise * spread, fall * spread) for c, noise, fall in product(EXPONENTS, NOISES, FALLS)]
    evidence = np.array([model.evidence for model in models])
    weights = np.exp(evidence - evidence.max())
    return [_mixed([model.at(curve, horizon) for model in models], weights / weights.sum()) for curve in curves]


def _mixed(told: Sequence[Expectation], weights: Array) -> Expectation:
    """The mean and the deviation of a mixture."""
    losses, spreads = (np.array(column) for column in zip(*told, strict=True))
    mean = float(weights @ losses)
    return Expectation(mean, float(np.sqrt(weights @ (spreads**2 + (losses - mean) ** 2))))


def shape(steps: Sequence[float] | Array, exponent: float) -> Array:
    """[k, 2]: the columns that level and fall are multiplied with."""
    t = np.asarray(steps, dtype=np.float64)
    return np.stack([np.ones_like(t), (1 + t / TAU) ** -exponent], axis=1)


class _Model:
    """One exponent, one noise, one spread of the falls; the mean curve and the evidence that they have."""

    def __init__(self, curves: Sequence[Curve], exponent: float, noise: float, fall: float) -> None:
        self.exponent, self.noise = exponent, noise
        designs = [shape(curve.steps, exponent) for curve in curves]
        losses = [np.asarray(curve.losses, dtype=np.float64) for curve in curves]
        self.mean = np.linalg.lstsq(_within(designs), _within(losses), rcond=None)[0]
        self.mean[0] = np.mean([np.mean(y - x[:, 1] * self.mean[1]) for x, y in zip(designs, losses, strict=True)])
        level = max(FLOOR, float(np.std([np.mean(y) for y in losses])))
        self.prior = np.diag([(2 * level) ** 2, fall**2])
        self.evidence = sum(self._evidence(x, y) for x, y in zip(designs, losses, strict=True))

    def at(self, curve: Curve, horizon: float) -> Expectation:
        x, y = shape(curve.steps, self.exponent), np.asarray(curve.losses, dtype=np.float64)
        gain = np.linalg.solve(self._covariance(x), x @ self.prior).T
        mean = self.mean + gain @ (y - x @ self.mean)
        left = self.prior - gain @ x @ self.prior
        there = shape([horizon], self.exponent)[0]
        return Expectation(max(0.0, float(there @ mean)), float(np.sqrt(max(0.0, there @ left @ there))))

    def _covariance(self, x: Array) -> Array:
        """Of the points of one curve, before any is seen."""
        covariance: Array = x @ self.prior @ x.T + self.noise**2 * np.eye(len(x))
        return covariance

    def _evidence(self, x: Array, y: Array) -> float:
        covariance, gap = self._covariance(x), y - x @ self.mean
        return -0.5 * float(np.linalg.slogdet(covariance)[1] + gap @ np.linalg.solve(covariance, gap))


def _within(parts: Sequence[Array]) -> Array:
    """All curves' points, each less its own curve's mean: levels differ, and the common fall must not see that."""
    return np.concatenate([part - part.mean(axis=0) for part in parts])

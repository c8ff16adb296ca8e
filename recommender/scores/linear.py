"""The linear probe: how well does a linear classifier on frozen features do on images that it has not seen?

A ridge regression of the one-hot labels on F, left-one-out, for 13 ridge values from one eigendecomposition:

    H(l) = Z diag(1 / (s + l)) Z'                   the hat matrix [n, n], of which only the diagonal is needed
    E_i  = (Y_i - (H Y)_i) / (1 - H_ii - 1/n)       [C]: by how much the fit without image i errs on it, exactly
    R_i  = Y_i n / (n - 1) - E_i                    [C]: what that fit says of image i, less its own intercept
    l*   = the value with the least squared error |E|^2 (PRESS)

The scale of each column is taken once, over all images: it is blind to labels. Centre and intercept are not: for every
image they are those of the others. (With columns centred once, an image is minus the sum of the others, and as soon as
d > n the fit knows it: pure noise then gets accuracies above a half.) The intercept is left out of R because the share
of a class without one of its images is lower, which tells the class of that image.

The outputs become probabilities as softmax(t R_ic + ln pi_c), with one temperature t >= 0 that is fitted to the
left-out outputs: t = 0 is "the shares of the classes, whatever the image", so pure noise costs the entropy of the
labels and no more. A class of one image is not known to the fit without it: an error nearly always.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import minimize_scalar

from recommender.scores.given import Floats, Given, Labels, given, principal_axes
from recommender.scores.rows import at_most
from recommender.scores.stages import beside, parts

RIDGES = np.logspace(-5, 1, 13)  # in units of the sum of s
ROWS = 10_000
COLD_TO_HOT = (-7.0, 9.0)  # ln of t times the largest output
TINY = 1e-9  # the least 1 - H_ii - 1/n


class Fit(NamedTuple):
    """What a left-one-out probe reached: share of right answers, mean -ln P(right class), labelled images it saw."""

    accuracy: float
    loss: float
    n: int


def ridge_path(features: ArrayLike, labels: ArrayLike, rng: np.random.Generator) -> Fit:
    """Features [n, d], labels [n] (-1: left out) -> Fit. Beyond 10,000 images, as many are drawn by `rng`."""
    return ridge_fit(at_most(given(features, labels), ROWS, rng))


def ridge_path_stages(stages: Sequence[ArrayLike], labels: ArrayLike, rng: np.random.Generator) -> Fit:
    """Stages [n, d_s] side by side, each of total variance 1, so that a wide stage weighs no more than a narrow one."""
    matrices = beside(stages)
    data = at_most(given(np.concatenate(matrices, axis=1), labels), ROWS, rng)
    weights: Floats = np.concatenate([_even(part) for part in parts(data.standard, matrices)])
    return _fit(*principal_axes(data.standard * weights), data)


def ridge_fit(data: Given) -> Fit:
    """The same of what is already given."""
    return _fit(*data.axes, data)


def linear(data: Given, rng: np.random.Generator) -> float:
    """The accuracy as a score."""
    return ridge_fit(at_most(data, ROWS, rng)).accuracy


def linear_loss(data: Given, rng: np.random.Generator) -> float:
    """Minus the loss as a score: finer than the accuracy where that is near 0 or 1."""
    return -ridge_fit(at_most(data, ROWS, rng)).loss


def _even(stage: Floats) -> Floats:
    """[d_s]: the weight of each column that gives the stage a total variance of 1."""
    alive = np.count_nonzero(stage.any(axis=0))
    return np.full(stage.shape[1], 1 / np.sqrt(alive) if alive else 0.0)


def _fit(z: Floats, s: Floats, data: Given) -> Fit:
    """Z [n, r], s [r]: the path, the best ridge by PRESS, the temperature, and what they reach."""
    outputs = data.centred * data.n / (data.n - 1) - _least_errors(z, s, data.centred)
    shares = np.log(data.counts / data.n)
    temperature = _temperature(outputs, shares, data.labels)
    right = (temperature * outputs + shares).argmax(axis=1) == data.labels
    return Fit(float(right.mean()), _loss(temperature, outputs, shares, data.labels), data.n)


def _least_errors(z: Floats, s: Floats, y: Floats) -> Floats:
    """E [n, C] of the ridge with the least PRESS."""
    turned, squares = z.T @ y, np.square(z)

    def errors(ridge: float) -> Floats:
        shrink = 1 / (s + ridge)
        rest = np.maximum(1 - 1 / len(z) - squares @ shrink, TINY)
        return np.asarray((y - z @ (turned * shrink[:, None])) / rest[:, None])

    path = (errors(float(ridge)) for ridge in RIDGES * (s.sum() or 1.0))
    return min(path, key=_press)


def _press(errors: Floats) -> float:
    return float(np.square(errors).sum())


def _temperature(outputs: Floats, shares: Floats, labels: Labels) -> float:
    """The t >= 0 of least loss, which is convex in t. The search runs over ln t, and t = 0 is tried as well."""
    scale = float(np.abs(outputs).max()) or 1.0
    found = minimize_scalar(
        lambda log_t: _loss(np.exp(log_t) / scale, outputs, shares, labels), bounds=COLD_TO_HOT, method="bounded"
    )
    warm = float(np.exp(found.x)) / scale
    return warm if found.fun < _loss(0.0, outputs, shares, labels) else 0.0


def _loss(temperature: float, outputs: Floats, shares: Floats, labels: Labels) -> float:
    """Mean -ln softmax(t R + ln pi) of the right class."""
    logits = temperature * outputs + shares
    logits -= logits.max(axis=1, keepdims=True)
    right = logits[np.arange(len(labels)), labels]
    return float(np.mean(np.log(np.exp(logits).sum(axis=1)) - right))

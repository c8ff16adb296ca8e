"""Question: how good is a ranking, and how honest are its intervals? A score is always higher-is-better.

    score [M]   what a method says of M models; only its order counts; nan: it says nothing, and the model stands last
    truth [M]   the accuracy that each reached, as a fraction of one; models without a truth are left out by the caller

Accuracies are fractions; regrets and errors are told in points (hundredths).
"""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Array = NDArray[np.float64]
POINTS = 100.0


def weighted_tau(score: Array, truth: Array) -> float:
    """`scipy.stats.weightedtau(score, truth)` as it stands: symmetric, hyperbolic weights, the best model heaviest.

    Scores that are nan are tied below all others. A score (or a truth) that is the same for all says nothing: 0, where
    scipy says nan. Of fewer than two models there is no order: nan.
    """
    if len(truth) < 2:
        return math.nan
    value = float(stats.weightedtau(places(score), places(truth)).statistic)
    return 0.0 if math.isnan(value) else value


def regret(score: Array, truth: Array, k: int) -> float:
    """Best true accuracy - best true accuracy among the first k, in points.

    Tied scores stand in random order, and the regret is its expectation over those orders, exactly: of a group of t
    tied models r are drawn, and the j-th worst of the group is the best of those drawn with probability
    C(j-1, r-1) / C(t, r).
    """
    if len(truth) == 0:
        return math.nan
    place, k = places(score), min(k, len(truth))
    last = np.sort(place)[-k]
    surely, group = truth[place > last], np.sort(truth[place == last])
    drawn = k - len(surely)
    best = np.maximum(group, surely.max(initial=-math.inf))
    ways = [math.comb(j, drawn - 1) / math.comb(len(group), drawn) for j in range(len(group))]
    return float(POINTS * (truth.max() - best @ np.array(ways)))


def places(values: Array) -> NDArray[np.int64]:
    """0, 1, 2 ... from the lowest value up, equal for ties; nan is below -inf. [M] -> [M]"""
    there = ~np.isnan(values)
    found = np.full(len(values), -1, np.int64)
    found[there] = np.unique(values[there], return_inverse=True)[1]
    return found


def coverage(truth: Array, low: Array, high: Array) -> float:
    """The share of truths within their intervals, ends included."""
    return float(np.mean((low <= truth) & (truth <= high))) if len(truth) else math.nan


def mean_absolute_error(predicted: Array, truth: Array) -> float:
    """Of the predicted accuracies, in points."""
    return float(POINTS * np.mean(np.abs(predicted - truth))) if len(truth) else math.nan


def noise_ceiling(
    runs: Array, measure: Callable[[Array, Array], float], rng: np.random.Generator, draws: int = 200
) -> float:
    """What the truth itself would get as a score, drawn again with its own seed noise.

    runs     [M, S] accuracies of M models over S seeds, nan where there is none
    truth    the mean over the seeds of each model
    noise    sd of one run, pooled over the models that have two or more; a mean of s of them has noise / sqrt(s)

    The mean of `measure(truth + noise, truth)` over the draws; nan where no model has two runs.
    """
    count = np.sum(~np.isnan(runs), axis=1)
    truth = np.nansum(runs, axis=1) / np.maximum(count, 1)
    spare = int(np.sum(count[count > 1] - 1))
    if spare == 0:
        return math.nan
    noise = math.sqrt(np.nansum((runs - truth[:, None])[count > 1] ** 2) / spare)
    tested = count > 0
    truth, sd = truth[tested], noise / np.sqrt(count[tested])
    return float(np.mean([measure(truth + rng.normal(size=len(truth)) * sd, truth) for _ in range(draws)]))

"""Question: what do the plainest uses of a history say? They are printed beside ours, and beat most published methods.

outcomes [M, D] of other datasets; a score [M] comes out, nan where a model was never tried
weight   [D]    how much each column counts, all alike if None
"""

from collections.abc import Iterable

import numpy as np
from scipy import stats

from recommender.outcomes import Array, Outcomes
from recommender.portfolio import portfolio

DIGITS = 12
"""Beyond these, sums in another order differ, and would break ties."""


def loo_ranks(outcomes: Outcomes, weight: Array | None = None) -> Array:
    """The mean rank of each model on the datasets that it was tried on; the best of n has rank 1, the last 1 / n."""
    ranks = np.full(outcomes.accuracy.shape, np.nan)
    for column, values in enumerate(outcomes.accuracy.T):
        there = ~np.isnan(values)
        ranks[there, column] = stats.rankdata(values[there]) / max(there.sum(), 1)
    return known_mean(ranks, weight)


def loo_accuracy(outcomes: Outcomes, weight: Array | None = None) -> Array:
    """The mean accuracy of each model on the datasets that it was tried on."""
    return known_mean(outcomes.accuracy, weight)


def portfolio_score(outcomes: Outcomes, candidates: Iterable[str]) -> Array:
    """The greedy portfolio, drawn on until all candidates are in it, as a score: the first has the highest."""
    chosen = portfolio(outcomes, len(outcomes.models), candidates)
    place = {model: -float(i) for i, model in enumerate(chosen)}
    return np.array([place.get(model, np.nan) for model in outcomes.models])


def known_mean(values: Array, weight: Array | None) -> Array:
    """The weighted mean of each row over what is known; nan where nothing is. Equal means are equal to the last digit.

    [M, D] -> [M]
    """
    there = ~np.isnan(values)
    share = there * (np.ones(values.shape[1]) if weight is None else weight)
    total = share.sum(axis=1)
    mean = (np.where(there, values, 0.0) * share).sum(axis=1) / np.where(total > 0, total, 1.0)
    return np.asarray(np.round(np.where(total > 0, mean, np.nan), DIGITS))

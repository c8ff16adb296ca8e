"""Question: which few models are good together, so that whatever the data is, one of them fits?

    U       [M, D]  how good model i is in scenario d (a dataset of the past), in points; known for every pair
    weight  [D]     how much a scenario counts
    cur     [D]     the best of those chosen so far

The greedy choice (Nemhauser, Wolsey and Fisher 1978: within 1 - 1/e of the best set) adds the model that raises the
mean of `max(cur, U_i)` most. `portfolio` is that and nothing else: the plain baseline. `diverse_first` trusts gains
only where they can be told from chance: the next model in order gives way to one whose gain is larger by more than half
a standard error over the scenarios, the first model by more than a whole one.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from recommender.outcomes import Array, Outcomes

SURE_FIRST, SURE_NEXT = 1.0, 0.5
"""So many standard errors must a gain be ahead to change who is first, and who comes next."""


def portfolio(outcomes: Outcomes, k: int, candidates: Iterable[str] | None = None) -> list[str]:
    """Up to k models, the greedy set of least mean regret over the known datasets.

    A model that was not tested on a dataset is as bad there as the worst that was. Models that add nothing more stand
    in the order of their mean regret.
    """
    allowed = set(outcomes.models if candidates is None else candidates)
    rows = [i for i, model in enumerate(outcomes.models) if model in allowed]
    columns = ~np.isnan(outcomes.accuracy).all(axis=0)
    accuracy = outcomes.accuracy[:, columns]
    worst = np.nanmin(accuracy, axis=0) if columns.any() else np.zeros(0)
    worth = np.where(np.isnan(accuracy), worst, accuracy)[rows]
    chosen: list[int] = []
    best = np.full(worth.shape[1], -np.inf)
    while len(chosen) < min(k, len(rows)):
        gain = np.maximum(best, worth).sum(axis=1) if worth.shape[1] else np.zeros(len(rows))
        gain[chosen] = -np.inf
        tied = np.flatnonzero(gain >= gain.max() - 1e-12)
        chosen.append(int(tied[np.argmax(worth[tied].sum(axis=1))]))
        best = np.maximum(best, worth[chosen[-1]])
    return [outcomes.models[rows[i]] for i in chosen]


def diverse_first(score: Array, worth: Array, weight: Array, k: int) -> NDArray[np.int64]:
    """All models in order: the first k by what they add to those before them, the others by their score. [M] -> [M]

    `worth`: U. Nothing stands before the first: it is chosen by its score, unless another is surely better in points.
    """
    order = list(np.argsort(-score, kind="stable"))
    for place in range(min(k, len(order) - 1)):
        best = worth[order[:place]].max(axis=0, initial=-np.inf)
        rest = order[place:]
        ahead = np.maximum(best, worth[rest]) - np.maximum(best, worth[rest[0]])
        chosen = rest[int(np.argmax(surely(ahead, weight, SURE_NEXT if place else SURE_FIRST)))]
        order.remove(chosen)
        order.insert(place, chosen)
    return np.array(order, np.int64)


def surely(ahead: Array, weight: Array, errors: float) -> Array:
    """The weighted mean of each row over the scenarios, less so many standard errors. [R, D] -> [R]"""
    share = weight / weight.sum() if weight.sum() > 0 else np.full(len(weight), 1 / max(len(weight), 1))
    mean = ahead @ share
    spare = max(1 - float(share @ share), 1e-9)
    variance = ((ahead - mean[:, None]) ** 2) @ share / spare
    return np.asarray(mean - errors * np.sqrt(variance * float(share @ share)))

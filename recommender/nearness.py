"""Question: distances between datasets are given in some unit; how near is a new dataset to each known one, as weights?

    d  [D]     distance of the new dataset to each known one; between [D, D] of the known ones
    h          the middle distance between known datasets
    n  [D]     trust * exp(-(d / h)^2), at most 1, for `history_prior`
    a  [D]     n^5 / sum n^4: the part that each known dataset has in the new one

Whether distances tell anything is a question for the known datasets: each in turn is predicted from the others, once
with and once without its neighbours. Trust is how far the truth lies on the way from the one to the other: the slope of
a least-squares line, at least 0, at most where the parts of a usual dataset add up to 1. Distances that say nothing get
little of it.
"""

from collections.abc import Mapping

import numpy as np

from recommender.outcomes import Array, Outcomes
from recommender.standing import Standings, standings

Distances = Mapping[tuple[str, str], float]
SHARP = 4
"""How much the nearest count beyond the near; 2 to 8 do about equally well on made-up tables."""


def nearness_from(distances: Distances, target: str, outcomes: Outcomes) -> dict[str, float]:
    """n by dataset. `distances`: of pairs in either order; a pair that is missing is far apart."""
    names = outcomes.datasets
    between = np.array([[distance(distances, a, b) for b in names] for a in names]).reshape(len(names), len(names))
    h = middle(between)
    if h <= 0:
        return {}
    d = np.array([distance(distances, target, name) for name in names])
    n = np.minimum(trust(standings(outcomes), kernel(between, h)) * kernel(d, h), 1.0)
    return dict(zip(names, n.tolist(), strict=True))


def distance(distances: Distances, a: str, b: str) -> float:
    """Infinite where it is not given, and of a dataset to itself: none is its own neighbour."""
    return np.inf if a == b else distances.get((a, b), distances.get((b, a), np.inf))


def middle(between: Array) -> float:
    """The median distance of two different datasets; 0 where there is none."""
    pairs = between[np.triu_indices(len(between), 1)]
    pairs = pairs[np.isfinite(pairs)]
    return float(np.median(pairs)) if len(pairs) else 0.0


def kernel(d: Array, h: float) -> Array:
    return np.asarray(np.exp(-((d / h) ** 2)))


def shares(n: Array) -> Array:
    """a of each row, together at most 1: alike neighbours share, a single near one has all that its nearness allows."""
    over = (n**SHARP).sum(axis=-1, keepdims=True)
    return np.asarray(np.where(over > 0, n ** (SHARP + 1) / np.where(over > 0, over, 1.0), 0.0))


def trust(found: Standings, near: Array) -> float:
    """How far to go the neighbours' way, by the known columns themselves. `near` [D, D], 0 in its diagonal.

    plain [M, D]  each column as the others tell it; step [M, D]  what its neighbours add to that; miss [M, D]  what was
    right to add
    """
    part = shares(near)
    plain = found.elsewhere()
    told = found.known.astype(float)
    step = (found.z * told) @ part.T + plain * ((1 - told) @ part.T) - plain * part.sum(axis=1)
    step, miss = (np.where(found.known, x, 0.0) for x in (step, found.z - plain))
    over = float((step**2).sum())
    most = 1 / max(float(np.median(part.sum(axis=1))), 1e-9)
    return min(max(float((step * miss).sum()) / over, 0.0), most) if over > 1e-9 else 0.0

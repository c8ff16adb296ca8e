"""Question: what does the history alone say of each model on data that nobody has trained on yet?

    standing   s [M]   expected standing on a new dataset, in ranks, so that no dataset's scale rules (`standing.py`)
    nearness   n [D]   how much the new data resembles each known dataset, 0..1
    part       a [D]   of known datasets in the new one's own ways, by nearness (`nearness.py`); A = sum a <= 1
    target     t [M]   (1 - A) s + sum_d a_d e_d, e_d the standing on d, or s where the model was never tried on d
    effect     b t     in logit units: b is the slope of known logits over the standing that the other columns tell
    spread     sqrt(v + g / (1 + m / k)): v the error of that line, g the variance of models that nothing is known of,
               m weighted outcomes of a model, k how strongly standings are shrunk
    order      by t, but for the first few, which are chosen with an eye on what they add to each other (`portfolio.py`)

With no nearness A = 0. The line is fitted on columns that it did not see, so its error holds what a new dataset brings;
nearness does not narrow the spread, for the history does not say how much of that it takes away.
A model that nobody has tried has effect 0 and the widest spread.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recommender.nearness import shares
from recommender.outcomes import Array, Outcomes
from recommender.portfolio import diverse_first
from recommender.standing import Standings, standings

DIVERSE = 3
"""So many first places are filled with an eye on what they add to each other."""
UNKNOWN = 1.0
"""The spread in logit units where no history tells it: so far apart are the models of a usual table."""
CLIP = 0.002
"""Accuracies nearer to 0 or 1 than this are taken as this far away, before the logit."""


@dataclass(frozen=True)
class Prior:
    """For M models: expected logit accuracy around the mean model, its spread (sd), and their places, best first."""

    effect: Array
    spread: Array
    order: NDArray[np.int64]


@dataclass(frozen=True)
class Scale:
    """From standings to logits: slope b, the variance v that a dataset adds, and g."""

    slope: float
    own: float
    few: float


def history_prior(outcomes: Outcomes, models: Sequence[str], nearness: Mapping[str, float] | None = None) -> Prior:
    """What the history says of these models; `nearness` of the new data to the datasets by name, all alike if None."""
    found = standings(outcomes)
    near = pull(outcomes.datasets, nearness)
    target, known = toward(found, near), found.known @ found.weight
    scale = scale_of(outcomes, found)
    rows = {model: row for row, model in enumerate(outcomes.models)}
    places = np.array([rows.get(model, -1) for model in models], np.int64)
    standing, told = (np.append(values, 0.0)[places] for values in (target, known))
    spread = np.sqrt(scale.own + scale.few / (1 + told / found.shrink))
    worth = np.vstack([points(outcomes, found.expected()), mean_points(outcomes)])[places]
    weight = near + (1 - near.sum()) * found.weight / max(found.weight.sum(), 1e-9)
    return Prior(scale.slope * standing, spread, diverse_first(standing, worth, weight, DIVERSE))


def pull(datasets: Sequence[str], nearness: Mapping[str, float] | None) -> Array:
    """a [D]. Datasets of which nothing is said are not near."""
    return shares(np.array([min(max((nearness or {}).get(name, 0.0), 0.0), 1.0) for name in datasets]))


def toward(found: Standings, near: Array) -> Array:
    """t [M]"""
    s = found.expected()
    there = np.where(found.known, found.z, s[:, None])
    return np.asarray((1 - near.sum()) * s + there @ near)


def logits(outcomes: Outcomes) -> Array:
    """[M, D], around the mean of each column; nan where unknown."""
    p = np.clip(outcomes.accuracy, CLIP, 1 - CLIP)
    return centred(np.log(p / (1 - p)))


def centred(values: Array) -> Array:
    """Less the mean of what is known in each column."""
    there = ~np.isnan(values)
    mean = np.where(there, values, 0.0).sum(0) / np.maximum(there.sum(0), 1)
    return np.asarray(values - mean)


def scale_of(outcomes: Outcomes, found: Standings) -> Scale:
    """Fit known logits, within their columns, on the standing that the other columns tell."""
    y = logits(outcomes)
    there = ~np.isnan(y) & ((~np.isnan(y)).sum(0) > 1)
    x = centred(np.where(there, found.elsewhere(), np.nan))
    x, y = np.where(there, x, 0.0), np.where(there, y, 0.0)
    over = float((x**2).sum())
    if over < 1e-9:
        return Scale(0.0, UNKNOWN**2, 0.0)
    slope = max(float((x * y).sum()) / over, 0.0)
    error = float(((y - slope * x) ** 2)[there].sum() / max(there.sum() - there.any(0).sum(), 1))
    few = slope**2 * float(np.var(found.expected()))
    return Scale(slope, error, few)


def points(outcomes: Outcomes, standing: Array) -> Array:
    """The accuracy of every pair, [M, D]: as measured, the lowest of the column for failures, else as standing tells.

    That is a line through the column's accuracies over the standing.
    """
    there = ~np.isnan(outcomes.accuracy)
    y = centred(outcomes.accuracy)
    x = centred(np.where(there, standing[:, None], np.nan))
    slope = np.nansum(x * y, axis=0) / np.maximum(np.nansum(x**2, axis=0), 1e-9)
    middle = np.nansum(np.where(there, outcomes.accuracy, 0.0), axis=0) / np.maximum(there.sum(0), 1)
    at = np.where(there, standing[:, None], 0.0).sum(0) / np.maximum(there.sum(0), 1)
    told = middle + slope * (standing[:, None] - at)
    lowest = np.where(there, outcomes.accuracy, np.inf).min(axis=0, initial=1.0)
    return np.where(there, outcomes.accuracy, np.where(outcomes.failures(), lowest, told))


def mean_points(outcomes: Outcomes) -> Array:
    """What a model that nobody has tried is taken for in each column: the mean. [D]"""
    there = ~np.isnan(outcomes.accuracy)
    return np.asarray(np.where(there, outcomes.accuracy, 0.0).sum(0) / np.maximum(there.sum(0), 1))

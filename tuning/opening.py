"""Where a search for a fine-tuning begins: what the recommendation knows, as trials to try first.

In this order, no more than a quarter of the trials, a third with points from elsewhere (but each model once):

    1. each model once, the likeliest first, at the rate that its best probe had, and the trainer's defaults
    2. points from elsewhere, such as good ones of studies of like images (tuning/past.py)
    3. the other rates that its probes tried, from the best model to the last
    4. several models: the rest of the opening is dealt out by how likely each is the best; the rest of such a point
       is drawn

Probes are tried again in full, and not told as trials: theirs were some dozen steps on a part of the images, judged by
other images, and a loss of 0.9 after 24 steps would stand beside losses of 0.1 after 600 as if it were worse settings.

4 is how the recommendation is a prior: P(best) from its expected accuracies, each a normal with the width of its 80 %
interval. A sampler learns from its opening; it is not weighted afterwards, so that what the trials say can overrule the
recommendation.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from headhunt.spaces import Space, Value
from tuning.bench import Model
from tuning.defaults import MODEL, Facts, bare, usual

SHARE, SHARE_FROM_ELSEWHERE = 4, 3
"""Past studies helped with four starts in twelve trials (docs/benchmarks.md)."""
OPENING = 10
"""At most so many points: as many as Optuna's samplers draw before they learn."""
WIDE = 2.5631
"""An 80 % interval of a normal, in standard deviations."""
DRAWS = 2_000
Point = dict[str, Value]


def opening(
    space: Space,
    models: Sequence[tuple[Model, Facts]],
    trials: int | None,
    seed: int,
    elsewhere: Sequence[Mapping[str, Value]] = (),
) -> list[Point]:
    """models: the likeliest first."""
    share = SHARE_FROM_ELSEWHERE if elsewhere else SHARE
    most = max(len(models), min(OPENING, OPENING if trials is None else trials // share), 1)
    firsts, others = at_rates(space, models)
    found: list[Point] = []
    for one in (*firsts, *map(dict, elsewhere), *others):
        if one and one not in found:
            found.append(one)
    found = found[:most]
    if len(models) > 1:
        found += dealt([model for model, _ in models], most - len(found), seed)
    return found


def at_rates(space: Space, models: Sequence[tuple[Model, Facts]]) -> tuple[list[Point], list[Point]]:
    """The best rate of each model, and the others. A rate that the space does not have is left out."""
    firsts, others = [], []
    for model, facts in models:
        rates = [rate for rate in model.rates if "lr" in map(bare, usual(space, facts, model.card.id, rate))]
        points = [usual(space, facts, model.card.id, rate) for rate in rates] or [usual(space, facts, model.card.id)]
        firsts.append(points[0])
        others += points[1:] if "lr" in map(bare, points[0]) else []
    return firsts, others


def dealt(models: Sequence[Model], places: int, seed: int) -> list[Point]:
    """So many more points, of models alone: by largest remainders, the likeliest first."""
    if places <= 0:
        return []
    due = places * chances(models, seed)
    given = np.floor(due).astype(int)
    for i in np.argsort(-(due - given), kind="stable")[: places - int(given.sum())]:
        given[i] += 1
    return [{MODEL: model.card.id} for model, count in zip(models, given, strict=True) for _ in range(count)]


def chances(models: Sequence[Model], seed: int) -> NDArray[np.float64]:
    """P(best) of each; equal, where nothing is expected of one of them."""
    if any(one.expected is None or one.interval is None for one in models):
        return np.full(len(models), 1 / len(models))
    centre = np.array([one.expected for one in models], dtype=float)
    width = np.array([(one.interval[1] - one.interval[0]) / WIDE if one.interval else 0.0 for one in models])
    drawn = np.random.default_rng(seed).normal(centre, np.maximum(width, 1e-6), (DRAWS, len(models)))
    counted = np.bincount(drawn.argmax(axis=1), minlength=len(models))
    return counted.astype(float) / DRAWS

"""Basin hopping, asked one by one: which point would scipy's `basinhopping` look at next, given what is known?

Wales and Doye 1997: from where one stands, jump at random, walk downhill to the bottom of that basin (Nelder-Mead),
and stay there if it is deeper. scipy runs this as one loop that calls the objective; a study asks for one point, hears
of it later, perhaps in another process, perhaps after others. So nothing is kept between two questions: each time the
whole search is replayed from its seed, with what the trials told in place of the objective, until it wants a point
that nobody has tried. That point is the next trial.

    u     point in the unit cube, shape (d,); logarithmic and whole parameters are mapped to it and rounded back
    book  key(u) -> loss of every trial that ended

What follows from replaying:
- A study continues after a kill, in another process, with the same seed, exactly as it would have without.
- A point that runs elsewhere counts as bad as the worst so far until its loss comes, so that several workers get
  different points. When it comes and was better, the replay turns where it would have turned; what was tried on the
  other way remains in the book, and is used when the search comes past.
- Rounded points that fall together, as on few whole numbers, are one entry and are never asked twice.
- The path hangs on the order of losses alone: temperature 0, and Nelder-Mead ends by distance, never by loss. So losses
  of 1e-9 and of 1e9 search alike, and no scale has to be guessed.
"""

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState
from scipy.optimize import basinhopping, minimize

Point = NDArray[np.float64]
Key = tuple[float, ...]
JUMP = 0.3
"""Half of the longest jump along each axis of the unit cube; scipy adapts nothing here, so that replays agree."""
CLOSE = 0.01
SIMPLEX = 0.15
STEPS_PER_AXIS = 12
"""Points that one walk downhill may look at, for each parameter."""
PATIENCE = 2_000
"""Known points in a row after which the search counts as used up; then points are drawn at random."""


class Wanted(Exception):
    """The replay wants this point."""

    def __init__(self, point: Point) -> None:
        self.point = point


class BasinHoppingSampler(BaseSampler):
    """For numbers alone: neither choices nor conditions have basins."""

    def __init__(self, seed: int, start: Mapping[str, Any] | None = None) -> None:
        self.seed = seed
        self.start = dict(start or {})
        self.random = RandomSampler(seed=seed)
        self.space: dict[str, BaseDistribution] = {}

    def over(self, space: Mapping[str, BaseDistribution]) -> "BasinHoppingSampler":
        self.space = {name: one for name, one in sorted(space.items()) if not one.single()}
        return self

    def infer_relative_search_space(self, *_: object) -> dict[str, BaseDistribution]:
        return dict(self.space)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        if not search_space:
            return {}
        axes = list(search_space.values())
        book = book_of(study, list(search_space), trial.number)
        point = next_point(axes, book, self.seed, self.first(search_space))
        return dict(zip(search_space, values_at(axes, point), strict=True))

    def first(self, space: Mapping[str, BaseDistribution]) -> Point:
        """Where the search begins: the start that was named, or a draw."""
        drawn = np.random.default_rng(self.seed).random(len(space))
        for i, (name, axis) in enumerate(space.items()):
            if name in self.start:
                drawn[i] = share_of(axis, self.start[name])
        return drawn

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        return self.random.sample_independent(study, trial, param_name, param_distribution)


def next_point(axes: Sequence[BaseDistribution], book: Mapping[Key, float], seed: int, first: Point) -> Point:
    """The first point of the replay that the book does not have."""
    chance = np.random.default_rng(seed)
    met = 0

    def told(point: Point) -> float:
        nonlocal met
        key = key_of(values_at(axes, point))
        met += 1
        if key not in book or met > PATIENCE + 2 * len(book):
            raise Wanted(np.clip(point, 0.0, 1.0))
        return book[key]

    def jump(point: Point) -> Point:
        there: Point = np.abs(1 - np.abs(1 - (point + chance.uniform(-JUMP, JUMP, len(point)))))
        return there  # reflected at both ends

    try:
        basinhopping(told, first, niter=PATIENCE, T=0, minimizer_kwargs={"method": downhill}, take_step=jump, rng=seed)
    except Wanted as wanted:
        if key_of(values_at(axes, wanted.point)) not in book:
            return wanted.point
    return np.random.default_rng([seed, len(book)]).random(len(axes))


def downhill(told: Callable[[Point], float], start: Point, *_: object, **__: object) -> Any:
    """One walk of Nelder-Mead within the cube, from a simplex that reaches SIMPLEX along each axis, inwards."""
    axes = len(start)
    simplex = np.vstack([start, start + np.diag(np.where(start < 0.5, SIMPLEX, -SIMPLEX))])
    options = {"xatol": CLOSE, "fatol": math.inf, "maxfev": STEPS_PER_AXIS * axes, "initial_simplex": simplex}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a walk that used up its points, which is meant
        return minimize(told, start, method="Nelder-Mead", bounds=[(0.0, 1.0)] * axes, options=options)


def book_of(study: Study, names: Sequence[str], asking: int) -> dict[Key, float]:
    """Losses by point. What failed or still runs counts as the worst that came; the better of two stays."""
    sign = -1.0 if study.direction == StudyDirection.MAXIMIZE else 1.0
    book: dict[Key, float] = {}
    pending: list[Key] = []
    for trial in study.get_trials(deepcopy=False):
        if trial.number == asking or not all(name in trial.params for name in names):
            continue
        key = key_of([trial.params[name] for name in names])
        if trial.state in (TrialState.COMPLETE, TrialState.PRUNED) and trial.values:
            book[key] = min(book.get(key, math.inf), sign * trial.values[0])
        elif trial.state != TrialState.WAITING:
            pending.append(key)
    worst = max(book.values(), default=0.0)
    return {**dict.fromkeys(pending, worst), **book}


# --- Between the unit cube and real values ----------------------------------------------------------------------------


def values_at(axes: Sequence[BaseDistribution], point: Point) -> list[Any]:
    return [value_at(axis, float(share)) for axis, share in zip(axes, point, strict=True)]


def value_at(axis: BaseDistribution, share: float) -> float | int:
    """Whole numbers and steps take equal parts of the axis."""
    share = min(1.0, max(0.0, share))
    if isinstance(axis, IntDistribution):
        return whole_at(axis, share)
    assert isinstance(axis, FloatDistribution)  # noqa: S101 (what else there is was refused)
    if axis.step is not None:
        steps = round((axis.high - axis.low) / axis.step)
        return float(min(axis.high, float(f"{axis.low + min(steps, int(share * (steps + 1))) * axis.step:.15g}")))
    if axis.log:
        value = math.exp(math.log(axis.low) + share * (math.log(axis.high) - math.log(axis.low)))
    else:
        value = axis.low + share * (axis.high - axis.low)
    return min(axis.high, max(axis.low, value))


def whole_at(axis: IntDistribution, share: float) -> int:
    if axis.log:
        low, high = math.log(axis.low - 0.5), math.log(axis.high + 0.5)
        return min(axis.high, max(axis.low, round(math.exp(low + share * (high - low)))))
    steps = (axis.high - axis.low) // axis.step
    return axis.low + min(steps, int(share * (steps + 1))) * axis.step


def share_of(axis: BaseDistribution, value: float) -> float:
    """Where a value lies on its axis: the way back, to the middle of what is rounded."""
    assert isinstance(axis, IntDistribution | FloatDistribution)  # noqa: S101
    low, high = float(axis.low), float(axis.high)
    if axis.log:
        around = 0.5 if isinstance(axis, IntDistribution) else 0.0
        low, high, value = math.log(low - around), math.log(high + around), math.log(value)
    elif axis.step is not None:
        low, high = low - axis.step / 2, high + axis.step / 2
    return min(1.0, max(0.0, (value - low) / (high - low)))


def key_of(values: Sequence[float]) -> Key:
    """Twelve digits: what the mapping may lose on its way there and back."""
    return tuple(float(f"{value:.12g}") for value in values)

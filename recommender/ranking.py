"""Question: what accuracy will each candidate reach after full fine-tuning, and how sure is that?

A mixed linear model on the logit of the accuracy, fitted on lessons of other targets, never on the one asked about:

    y_gi = level_g + sum_k w_k (x_gik - mean_i x_gik) + noise_gi
    level_g = a + b * anchor_g + noise_g

    y_gi      logit of the accuracy that model i reached in group g (one target under one zoo)
    x_gik     signal k, in units in which more is better (recommender/signals.py)
    w_k >= 0  what a unit of the signal is worth: none counts against a model, so that few lessons teach no nonsense
    anchor_g  the mean of the signal that tells the level, which is what separates an easy target from a hard one

w comes from least squares with w >= 0 and a ridge, each group in units of its own spread and counting the same. The
spreads of both noises are those of lessons that were left out, a target at a time. The noise of the level is shared by
all candidates of a target: it widens every interval and no comparison.

Candidates of which more was seen (features, then a probe) are told by a model of more signals. Its mean over them is
held to what the model of fewer signals said of the same candidates, so that a closer look is no merit in itself. The
level comes from the first model that has an anchor: those after it are told of the few that looked best.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

from recommender.experience import Lesson

Array = NDArray[np.float64]
RIDGE = 0.3
"""Of the ridge, as a share of the weight of the lessons, on standardised signals."""
FLOOR = 0.15
"""No spread is believed to be smaller than this, in logits: two seeds of one training differ by as much."""
LEAST_UNIT = 0.2
"""In logits: models that are nearer to each other than this differ by chance."""
UNKNOWN = 1.0
"""A spread that no lesson tells."""
SLOPE_PRIOR = (1.0, 4.0)
"""The slope of the level before any lesson, and how many groups that belief weighs."""


@dataclass(frozen=True)
class Fitted:
    """signals [K] names; weights [K]; the level a + b * anchor; spreads in logits."""

    signals: tuple[str, ...]
    weights: Array
    anchor: str | None
    level: tuple[float, float]
    within: float
    between: float

    def relative(self, table: Array) -> Array:
        """table [M, K] -> [M]: how much better than the mean of them, in logits."""
        return np.asarray((table - table.mean(axis=0)) @ self.weights, np.float64)

    def moved_by(self, table: Array) -> Array:
        """[M, K]: what each signal adds."""
        return np.asarray((table - table.mean(axis=0)) * self.weights, np.float64)


@dataclass(frozen=True)
class Group:
    """Lessons measured side by side. x [M, K], y [M] logits, chance: logit of the largest class's share."""

    name: str
    target: str
    x: Array
    y: Array
    anchor: float

    @property
    def unit(self) -> float:
        """How far apart its models are: a target on which all do well has its logits far apart, and must not rule."""
        return max(float(self.y.std()), LEAST_UNIT)

    @cached_property
    def centred(self) -> tuple[Array, Array]:
        return self.x - self.x.mean(axis=0), self.y - self.y.mean()


def logit(share: float, n: float = 1000.0) -> float:
    """Of a share that was counted on n: 0 and 1 are kept half a count away."""
    inside = (share * n + 0.5) / (n + 1.0)
    return math.log(inside / (1.0 - inside))


def groups_of(lessons: Sequence[Lesson], signals: Sequence[str], anchor: str | None) -> list[Group]:
    """The groups, of the models of which every signal is known. One model alone tells of the level, and of no order."""
    needed = {*signals, *([anchor] if anchor else [])}
    by_name: dict[str, list[Lesson]] = {}
    for one in lessons:
        if needed <= one.signals.keys():
            by_name.setdefault(one.group, []).append(one)
    found = []
    for name, rows in by_name.items():
        if rows:
            x = np.array([[one.signals[signal] for signal in signals] for one in rows], np.float64)
            level = float(np.mean([one.signals[anchor] for one in rows])) if anchor else logit(rows[0].chance)
            y = np.array([logit(one.accuracy) for one in rows])
            found.append(Group(name, rows[0].target, x.reshape(len(rows), len(signals)), y, level))
    return found


def fit(lessons: Sequence[Lesson], signals: Sequence[str], anchor: str | None) -> Fitted | None:
    """None where there is nothing to learn from."""
    groups = groups_of(lessons, signals, anchor)
    if not groups:
        return None
    fitted = fit_groups(groups, tuple(signals), anchor)
    within, between = left_out_spreads(groups, tuple(signals), anchor)
    return replace(fitted, within=within, between=between)


def fit_groups(groups: Sequence[Group], signals: tuple[str, ...], anchor: str | None) -> Fitted:
    return Fitted(signals, weights_of(groups, len(signals)), anchor, level_of(groups), math.nan, math.nan)


def weights_of(groups: Sequence[Group], count: int) -> Array:
    """Least squares with w >= 0: each group weighs one, the ridge is rows of its own under the table."""
    groups = [group for group in groups if len(group.y) > 1]
    if not groups or not count:
        return np.zeros(count)
    share = [1 / (math.sqrt(len(group.y)) * group.unit) for group in groups]
    x = np.vstack([group.centred[0] * part for group, part in zip(groups, share, strict=True)])
    y = np.concatenate([group.centred[1] * part for group, part in zip(groups, share, strict=True)])
    scale = np.sqrt(np.mean(x**2, axis=0) * len(x) / len(groups))
    scale[scale == 0] = 1.0
    ridge = math.sqrt(RIDGE * len(groups)) * np.eye(x.shape[1])
    found, _ = optimize.nnls(np.vstack([x / scale, ridge]), np.concatenate([y, np.zeros(x.shape[1])]))
    return np.asarray(found / scale, np.float64)


def level_of(groups: Sequence[Group]) -> tuple[float, float]:
    """(a, b) of level = a + b * anchor; the slope is pulled to its prior, targets count once however many groups."""
    anchors = np.array([group.anchor for group in groups])
    levels = np.array([group.y.mean() for group in groups])
    targets = [group.target for group in groups]
    weight = np.array([1.0 / targets.count(target) for target in targets])
    middle = np.average(anchors, weights=weight)
    slope, count = SLOPE_PRIOR
    spread = max(float(np.average((anchors - middle) ** 2, weights=weight)), 0.25)
    lift = float(np.sum(weight * (anchors - middle) * levels)) + slope * count * spread
    b = lift / (float(np.sum(weight * (anchors - middle) ** 2)) + count * spread)
    return float(np.average(levels - b * anchors, weights=weight)), b


def left_out_spreads(groups: Sequence[Group], signals: tuple[str, ...], anchor: str | None) -> tuple[float, float]:
    """(within, between): what was missed on targets that were left out; wide where there is only one target."""
    targets = list(dict.fromkeys(group.target for group in groups))
    within, between = [], []
    for target in targets:
        rest = [group for group in groups if group.target != target]
        if not rest:
            continue
        fitted = fit_groups(rest, signals, anchor)
        for group in groups:
            if group.target == target:
                x, y = group.centred
                if len(y) > 1:
                    within.append(float(np.mean((y - x @ fitted.weights) ** 2)))
                between.append(float(group.y.mean() - fitted.level[0] - fitted.level[1] * group.anchor) ** 2)
    return spread_of(within), spread_of(between)


def spread_of(squares: Sequence[float]) -> float:
    return max(math.sqrt(np.mean(squares)), FLOOR) if squares else UNKNOWN


# --- What is said of candidates --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Judged:
    """Of M candidates, in logits: the mean, the spread of each against the others, the spread of the level of all."""

    mean: Array
    within: Array
    between: float
    moved: tuple[dict[str, float], ...]
    """For each candidate and signal: what it added."""

    def interval(self, share: float = 0.8) -> tuple[Array, Array]:
        """Accuracies within which the truth lies with this probability."""
        reach = float(stats.norm.ppf(0.5 + share / 2)) * np.sqrt(self.within**2 + self.between**2)
        return expit(self.mean - reach), expit(self.mean + reach)

    @property
    def accuracy(self) -> Array:
        return expit(self.mean)

    def better(self, i: int, j: int) -> float:
        """The probability that i is better than j."""
        return float(stats.norm.cdf((self.mean[i] - self.mean[j]) / math.hypot(self.within[i], self.within[j])))


def mean_parts(moved: Sequence[dict[str, float]]) -> dict[str, float]:
    """What moved some candidates together: it stays when they are compared with each other more closely."""
    names = dict.fromkeys(name for parts in moved for name in parts)
    return {name: sum(parts.get(name, 0.0) for parts in moved) / len(moved) for name in names}


def expit(value: Array) -> Array:
    return np.asarray(1.0 / (1.0 + np.exp(-value)), np.float64)


def judge(
    lessons: Sequence[Lesson],
    signals: Sequence[dict[str, float]],
    ladder: Sequence[tuple[tuple[str, ...], str | None]],
    chance: float,
) -> Judged:
    """signals: of each candidate. ladder: models of more and more signals, each with its anchor; a candidate is told by
    the highest of which it has every signal."""
    count = len(signals)
    mean, within = np.zeros(count), np.full(count, 1.5)
    level, between, anchored = logit(chance) + 1.0, 1.5, False
    moved: list[dict[str, float]] = [{} for _ in signals]
    for names, anchor in ladder:
        needed = {*names, *([anchor] if anchor else [])}
        rows = [i for i in range(count) if needed <= signals[i].keys()]
        fitted = fit(lessons, names, anchor) if rows else None
        if fitted is None:
            continue
        table = np.array([[signals[i][name] for name in names] for i in rows], np.float64)
        table = table.reshape(len(rows), len(names))
        held = float(mean[rows].mean())
        mean[rows] = held + fitted.relative(table)
        within[rows] = fitted.within
        shared = mean_parts([moved[i] for i in rows])
        for i, parts in zip(rows, fitted.moved_by(table), strict=True):
            own = dict(zip(names, parts.tolist(), strict=True))
            moved[i] = {name: shared.get(name, 0.0) + own.get(name, 0.0) for name in {**shared, **own}}
        if not anchored:
            told = float(np.mean([signals[i][anchor] for i in rows])) if anchor else logit(chance)
            level, between = fitted.level[0] + fitted.level[1] * told - held, fitted.between
            anchored = anchor is not None
    return Judged(level + mean, within, between, tuple(moved))

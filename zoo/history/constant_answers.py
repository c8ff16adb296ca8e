"""Question: which runs ended in a network that gives every image the same answer, or learned no more than that?

Such a network scores exactly the share of one class, whatever network it is. So the trace of divergence in a table of
outcomes is one pair (test accuracy, validation accuracy), to all digits written, that several different models share: a
*level*. Trained networks share a pair only by accident, and how often accident does it is seen around the level:

    m1, m2   pairs within +-0.02 of accuracy that one row has, that two rows have
    r        rows that a pair gets on average: 2 (m2 + 1/2) / (m1 + 1), the ratio of a Poisson variable's first two
             probabilities; where the middle pair has two rows or more (accuracies written coarsely), twice that number
    G        pairs that can come up here: m1 / (r exp(-r)), at least those that did
    a level: k >= 3 different models in one pair, where accident gives G P(Poisson(r) >= k) < 0.05 of such pairs

    floor      the highest level that at most half of the other rows fall short of: the largest class's share
    diverged   at a level (equal accuracy, or equal validation accuracy and 0.0005 off, for answers that are nearly
               constant), or at or below the floor
    untested   accuracy 0 where validation says otherwise: the test did not take place

Where most trained networks fall short of the largest class's share (very unbalanced data), accuracy below it is no sign
of divergence: then only levels count. A floor that is known, from the images or from the public test sets below, is
taken as it is.
"""

import math
import re
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from headhunt.vocabulary import Outcome, Struct

LEAST_MODELS = 3
ACCIDENTS = 0.05
AROUND = 0.02
NEARLY = 5e-4
ROUNDING = 5.1e-5
"""Accuracies are mostly written with four digits."""
UNTESTED_VAL = 0.05
SHORT = 0.5

LARGEST_CLASS = {
    "cifar10": 0.1, "cifar100": 0.01, "mnist": 0.1135, "fashionmnist": 0.1, "kmnist": 0.1, "stl10": 0.1,
    "svhn": 0.19587, "svhncropped": 0.19587, "imagenet": 0.001, "imagenet1k": 0.001,
}  # fmt: skip
"""The share of the largest class in public test sets: counts of their labels."""

Pair = tuple[float, float | None]


class Level(Struct, frozen=True):
    """An accuracy that a constant answer gives, and how many models gave it; 0 models: known from elsewhere."""

    accuracy: float
    val_accuracy: float | None
    models: int


@dataclass(frozen=True)
class Verdict:
    """Of each row its flags; what they rest on. `floor`: what one answer to all gives at best, where it shows."""

    flags: tuple[tuple[str, ...], ...]
    floor: float | None
    levels: tuple[Level, ...]


def judge(rows: Sequence[Outcome], floor: float | None = None) -> Verdict:
    """Judge the outcomes of one dataset. `floor`: the largest class's share, where it is known."""
    known = floor if floor is not None else LARGEST_CLASS.get(re.sub("[^a-z0-9]", "", rows[0].dataset.lower()))
    tested = [row for row in rows if not untested(row)]
    levels = find_levels(tested)
    if known is not None:
        levels += (Level(accuracy=known, val_accuracy=None, models=0),)
    bottom = max(filter(None, (known, find_floor(tested, levels))), default=None)
    shown = bottom if bottom is not None else max((level.accuracy for level in levels), default=None)
    return Verdict(tuple(flags_of(row, levels, bottom) for row in rows), shown, levels)


def flags_of(row: Outcome, levels: Sequence[Level], floor: float | None) -> tuple[str, ...]:
    if untested(row):
        constant = any(row.val_accuracy == level.val_accuracy for level in levels)
        return ("untested", "diverged") if constant else ("untested",)
    below = floor is not None and row.accuracy <= floor + ROUNDING
    return ("diverged",) if below or any(is_at(row, level) for level in levels) else ()


def untested(row: Outcome) -> bool:
    return row.accuracy == 0 and (row.val_accuracy or 0) > UNTESTED_VAL


def is_at(row: Outcome, level: Level) -> bool:
    off = abs(row.accuracy - level.accuracy)
    same_val = row.val_accuracy is not None and row.val_accuracy == level.val_accuracy
    return off <= ROUNDING or (same_val and off <= NEARLY + 1e-9)


def find_levels(rows: Sequence[Outcome]) -> tuple[Level, ...]:
    """The pairs of accuracies that too many different models share for accident."""
    models: dict[Pair, set[str]] = defaultdict(set)
    counts: Counter[Pair] = Counter()
    for row in rows:
        pair = row.accuracy, row.val_accuracy
        models[pair].add(row.model)
        counts[pair] += 1
    sizes = sorted((pair[0], count) for pair, count in counts.items())
    repeated = {pair[0] for pair, names in models.items() if len(names) >= LEAST_MODELS}
    around = {accuracy: neighbours(accuracy, sizes) for accuracy in repeated}
    found = [
        pair
        for pair, names in models.items()
        if len(names) >= LEAST_MODELS and accidents(around[pair[0]] - Counter([counts[pair]]), len(names)) < ACCIDENTS
    ]
    found.sort(key=lambda pair: (pair[0], pair[1] or 0.0))
    return tuple(Level(accuracy=a, val_accuracy=v, models=len(models[a, v])) for a, v in found)


def neighbours(accuracy: float, sizes: Sequence[tuple[float, int]]) -> Counter[int]:
    """How many pairs around an accuracy have one row, two rows, and so on. `sizes`: of each pair, sorted."""
    low, high = (bisect_left(sizes, (accuracy + step, 0)) for step in (-AROUND, AROUND))
    return Counter(size for _, size in sizes[low:high])


def accidents(near: Counter[int], k: int) -> float:
    """How many pairs of k models accident makes where the other pairs have these sizes."""
    once, twice, pairs = near[1], near[2], near.total()
    rate = 2 * (twice + 0.5) / (once + 1)
    if middle(near) >= 2:
        rate = 2.0 * middle(near)
    possible = max(pairs, once / (rate * math.exp(-rate)) if rate < 700 else 0.0)
    return possible * poisson_tail(rate, k)


def middle(sizes: Counter[int]) -> int:
    """The median of the sizes, the upper of two."""
    passed = 0
    for size in sorted(sizes):
        passed += sizes[size]
        if 2 * passed > sizes.total():
            return size
    return 0


def poisson_tail(rate: float, k: int) -> float:
    """P(Poisson(rate) >= k)."""
    below = sum(math.exp(i * math.log(rate) - rate - math.lgamma(i + 1)) for i in range(min(k, 10_000)))
    return max(0.0, 1 - below)


def find_floor(rows: Sequence[Outcome], levels: Sequence[Level]) -> float | None:
    """The highest level that no more than half of the rows beside the levels fall short of."""
    free = [row.accuracy for row in rows if not any(is_at(row, level) for level in levels)]
    fitting = [
        level.accuracy for level in levels if sum(accuracy < level.accuracy for accuracy in free) <= SHORT * len(free)
    ]
    return max(fitting, default=None)

"""One curve in numbers that noise does not move: levels, noise, falls, rises.

Notation: a trace has n points, values v (n,), at steps s (n,). Its noise sigma is taken from second differences, which
a straight line does not change and a bent one hardly: Var(v[i-1] - 2 v[i] + v[i+1]) = 6 sigma^2.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
BLOCKS = 40
"""A longer trace is folded into so many means."""


@dataclass(frozen=True)
class Trace:
    name: str
    steps: Numbers
    values: Numbers
    noise: float
    """sigma of one value."""
    raw: Numbers
    """The values as they were before they were folded."""
    lost: int | None
    """The step from which on the values are no numbers, to the end."""

    def __len__(self) -> int:
        return len(self.values)

    def head(self, share: float = 0.1) -> float:
        return float(np.median(self.values[: window(len(self.values), share)]))

    def tail(self, share: float = 0.15) -> float:
        return float(np.median(self.values[-window(len(self.values), share) :]))

    def mean_error(self, count: int) -> float:
        return float(self.noise / max(1, count) ** 0.5)


def window(count: int, share: float) -> int:
    """So many of the points; at least one, at most all."""
    return min(count, max(1, round(count * share)))


def trace(name: str, steps: Any, values: Any) -> Trace | None:
    """The trace of a curve; None where it has no points."""
    at, told = np.asarray(steps, np.float64), np.asarray(values, np.float64)
    if not len(told) or len(at) != len(told):
        return None
    order = np.argsort(at, kind="stable")
    at, told = at[order], told[order]
    finite = np.isfinite(told)
    lost = None if finite[-1] else int(at[np.flatnonzero(finite)[-1] + 1]) if finite.any() else int(at[0])
    short, means = folded(at[finite], told[finite])
    return Trace(name, short, means, noise_of(means), told[finite], lost)


def folded(steps: Numbers, values: Numbers) -> tuple[Numbers, Numbers]:
    """Of a long curve, means over stretches of it."""
    if len(values) < 2 * BLOCKS:
        return steps, values
    ends = np.linspace(0, len(values), BLOCKS + 1).astype(int)
    sizes = np.diff(ends)
    return np.add.reduceat(steps, ends[:-1]) / sizes, np.add.reduceat(values, ends[:-1]) / sizes


def noise_of(values: Numbers) -> float:
    """sigma, by the median, so that a few jumps do not count. Of fewer than four points nothing is known: infinite."""
    if len(values) < 4:
        return float("inf")
    seconds = values[:-2] - 2 * values[1:-1] + values[2:]
    return float(1.4826 * np.median(np.abs(seconds)) / 6**0.5)


def smooth(values: Numbers) -> Numbers:
    """Running medians of three: a jump of one point is none."""
    if len(values) < 3:
        return values
    middle = np.median(np.stack([values[:-2], values[1:-1], values[2:]]), axis=0)
    return np.concatenate([[np.median(values[:2])], middle, [np.median(values[-2:])]])


def slope(steps: Numbers, values: Numbers) -> float:
    """Least squares; 0 where there is nothing to lay a line through."""
    if len(values) < 2 or float(np.ptp(steps)) == 0.0:
        return 0.0
    away = steps - steps.mean()
    return float(away @ (values - values.mean()) / (away @ away))


def falling(values: Numbers) -> float:
    """How much of the way goes down: 1 if each value is below the one before, 0 if as much goes up as down or more."""
    moves = np.diff(values)
    total = float(np.abs(moves).sum())
    return 0.0 if total == 0 else max(0.0, float(-moves.sum()) / total)

"""Conditions over curves that grow: what has been looked at is not looked at again.

A fold goes through the points of a metric by step, once, and says at any time whether its condition holds. Points do
not come by step, where several processes tell of one run or a training went back to a checkpoint; so a watch lets the
newest ones wait, and folds them into what is settled when nothing comes before them any longer.
"""

import copy
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

Point = tuple[int, float, float]
"""Step, time, value."""
EpochAt = Callable[[int], float | None]
"""The newest epoch that had been told at a step; None where nothing is told of epochs."""
WAITING, LATE = 512, 65_536
"""So many of the newest points wait, and as many at most while others come between them."""


class Fold(Protocol):
    def add(self, point: Point) -> None: ...
    def event(self, epoch_at: EpochAt) -> str | None: ...


class StillFold:
    """Since the first of the best finite values. unit: epoch, step, point, or the seconds of one."""

    def __init__(self, rising: bool, count: int, unit: str | float) -> None:
        self.sign, self.count, self.unit = -1.0 if rising else 1.0, count, unit
        self.best: tuple[float, int, float] | None = None
        self.since, self.last = 0, (0, 0.0)

    def add(self, point: Point) -> None:
        step, at, value = point
        self.last = (step, at)
        if math.isfinite(value) and (self.best is None or self.sign * value < self.best[0]):
            self.best, self.since = (self.sign * value, step, at), 0
        else:
            self.since += 1

    def event(self, epoch_at: EpochAt) -> str | None:
        """What names this occasion: the place of the best value since which all is still."""
        if self.best is None:
            return None
        return (
            f"still since {self.best[1]}" if self._between(self.best[1], self.best[2], epoch_at) >= self.count else None
        )

    def _between(self, step: int, at: float, epoch_at: EpochAt) -> float:
        if isinstance(self.unit, float):
            return (self.last[1] - at) / self.unit
        if self.unit == "step":
            return self.last[0] - step
        if self.unit == "epoch" and (first := epoch_at(step)) is not None:
            return (epoch_at(self.last[0]) or 0.0) - first
        return self.since


class CrossingFold:
    """Where it came true that is true now."""

    def __init__(self, holds: Callable[[float], bool]) -> None:
        self.holds = holds
        self.start: int | None = None

    def add(self, point: Point) -> None:
        if not self.holds(point[2]):
            self.start = None
        elif self.start is None:
            self.start = point[0]

    def event(self, epoch_at: EpochAt) -> str | None:  # noqa: ARG002  as all folds are asked
        return None if self.start is None else f"since {self.start}"


class Watch:
    """place: so many points have come, and been seen."""

    def __init__(self, fold: Fold, points: Iterable[Sequence[Point]], late: int | None = None) -> None:
        """points: all of them, by step, in pieces. late: from this step on, others may still come between."""
        self.settled, self.place = fold, 0
        self.waiting: list[Point] = []
        self.until: int | None = None
        """The highest step that is settled."""
        for piece in points:
            self._add(piece, late)

    def take(self, new: Sequence[Point]) -> bool:
        """In the order in which they came. False: one belongs among those that are settled, so that all is to be
        looked at again."""
        first = min((point[0] for point in new), default=0)
        if self.until is not None and new and first < self.until:
            return False
        self._add(new, first if new else None)
        return True

    def event(self, epoch_at: EpochAt) -> str | None:
        fold = copy.copy(self.settled)
        for point in self.waiting:
            fold.add(point)
        return fold.event(epoch_at)

    def _add(self, new: Sequence[Point], late: int | None) -> None:
        self.place += len(new)
        self.waiting = sorted([*self.waiting, *new], key=lambda point: point[0])
        over = len(self.waiting) - WAITING
        if late is not None:
            over = min(over, sum(point[0] < late for point in self.waiting))
        over = max(over, len(self.waiting) - LATE, 0)
        for point in self.waiting[:over]:
            self.settled.add(point)
        if over:
            self.until = self.waiting[over - 1][0]
            del self.waiting[:over]

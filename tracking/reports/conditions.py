"""When a report is to be sent, in words. What is not understood is refused, and told what would do.

    METRIC has not improved for N epochs      or: steps, points, minutes, hours. A point is one value that was logged;
    METRIC has not fallen for N epochs        epochs are counted by the metric `epoch` where there is one, else by
    METRIC has not risen for N epochs         the points
    METRIC is above X, METRIC > X             the newest value; also below, <, >=, <=
    METRIC is not a number                    the newest value is NaN or infinite

METRIC stands in quotes or backticks where it holds spaces. A condition that comes true is told once; again only when
it has been untrue in between.
"""

import bisect
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from headhunt.errors import BadCondition, printable
from tracking.reports.facts import goal_of
from tracking.reports.folding import CrossingFold, Fold, StillFold

NAME = r"(?:`(?P<ticked>[^`]+)`|\"(?P<quoted>[^\"]+)\"|'(?P<single>[^']+)'|(?P<bare>[^\s`\"']+))"
NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
STILL = re.compile(
    rf"{NAME}\s+has\s+not\s+(?P<what>improved|fallen|risen)\s+for\s+(?P<count>\d{{1,9}})\s+(?P<unit>epoch|step|point|minute|hour)s?"
)
BEYOND = re.compile(rf"{NAME}\s*(?:\s+is\s+(?P<word>above|below)\s+|(?P<sign>>=|<=|>|<)\s*)(?P<value>{NUMBER})")
BROKEN = re.compile(rf"{NAME}\s+is\s+(?:not\s+a\s+number|nan)", re.IGNORECASE)
WOULD_DO = "Say it as 'val_loss has not improved for 5 epochs', 'val_accuracy is above 0.9' or 'loss is not a number'."
LONGEST = 300
UNITS: dict[str, str | float] = {"minute": 60.0, "hour": 3600.0}


@dataclass(frozen=True)
class Points:
    """All values of a metric, by step. epochs: (steps, values) of the metric `epoch`, where there is one."""

    steps: Sequence[int]
    times: Sequence[float]
    values: Sequence[float]
    epochs: tuple[Sequence[int], Sequence[float]] | None = None


@dataclass(frozen=True)
class Still:
    """Nothing better for so long. rising: which way is better."""

    name: str
    rising: bool
    count: int
    unit: str
    text: str

    def fold(self) -> Fold:
        return StillFold(self.rising, self.count, UNITS.get(self.unit, self.unit))

    def event(self, points: Points) -> str | None:
        return event_of(self.fold(), points)


@dataclass(frozen=True)
class Beyond:
    """The newest value lies beyond a bound. sign: >, <, >= or <=."""

    name: str
    sign: str
    value: float
    text: str

    def fold(self) -> Fold:
        return CrossingFold(self._holds)

    def event(self, points: Points) -> str | None:
        return event_of(self.fold(), points)

    def _holds(self, value: float) -> bool:
        if self.sign.endswith("=") and value == self.value:
            return True
        return value > self.value if self.sign[0] == ">" else value < self.value


@dataclass(frozen=True)
class Broken:
    """The newest value is NaN or infinite."""

    name: str
    text: str

    def fold(self) -> Fold:
        return CrossingFold(is_broken)

    def event(self, points: Points) -> str | None:
        return event_of(self.fold(), points)


Condition = Still | Beyond | Broken


def condition_of(text: str) -> Condition:
    """Raises BadCondition."""
    words = " ".join(text.split())
    if len(words) > LONGEST:
        raise BadCondition(f"A condition has {LONGEST} characters at most, and this one {len(words)}. {WOULD_DO}")
    if found := STILL.fullmatch(words):
        return still(found, words)
    if found := BROKEN.fullmatch(words):
        return Broken(name_in(found), words)
    if found := BEYOND.fullmatch(words):
        sign = {"above": ">", "below": "<"}.get(found["word"] or "", found["sign"])
        return Beyond(name_in(found), sign, float(found["value"]), words)
    raise BadCondition(f"The condition {printable(words, 80)!r} is not understood. {WOULD_DO}")


def still(found: re.Match[str], words: str) -> Still:
    name, count = name_in(found), int(found["count"])
    if count < 1:
        raise BadCondition(f"{printable(words, 80)!r} holds always. Give a number above 0.")
    goal = {"fallen": "low", "risen": "high"}.get(found["what"]) or goal_of(name)
    if goal is None:
        raise BadCondition(
            f"Whether {printable(name, 60)!r} should fall or rise is not known."
            " Say 'has not fallen' or 'has not risen'."
        )
    return Still(name, goal == "high", count, found["unit"], words)


def name_in(found: re.Match[str]) -> str:
    return str(found["ticked"] or found["quoted"] or found["single"] or found["bare"])


def is_broken(value: float) -> bool:
    return not math.isfinite(value)


def event_of(fold: Fold, points: Points) -> str | None:
    """What names this occasion, where the condition holds."""
    for point in zip(points.steps, points.times, points.values, strict=True):
        fold.add(point)
    return fold.event(lambda step: None if points.epochs is None else epoch_at(points.epochs, step))


def epoch_at(epochs: tuple[Sequence[int], Sequence[float]], step: int) -> float:
    """The newest epoch that had been told at this step."""
    place = bisect.bisect_right(epochs[0], step) - 1
    return float(epochs[1][max(0, place)])

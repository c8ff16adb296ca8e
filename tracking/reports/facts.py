"""What a report says of a run: plain facts, so that any template can be filled with them, in another process too."""

import math
import re
from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from headhunt.vocabulary import Struct
from tracking.reports.evaluation import Evaluation

Goal = Literal["low", "high"]
FALLING = re.compile(r"loss|err(or)?s?|perplexity|ppl|mae|mse|rmse|wer|cer|nll|fid|divergence", re.IGNORECASE)
RISING = re.compile(r"acc(uracy)?|top\d*|f1|auc|auroc|m?ap\d*|iou|dice|precision|recall|r2|bleu|score", re.IGNORECASE)
WORD = re.compile(r"[^A-Za-z0-9]+")


class Latest(Struct, frozen=True, omit_defaults=False):
    """One metric as it stands. best: of all finite values so far, where it is known which way is better."""

    name: str
    value: float | str
    step: int
    goal: Goal | None = None
    best: float | None = None
    best_step: int | None = None
    count: int = 0


class Line(Struct, frozen=True, omit_defaults=False):
    """A curve, thinned out. What is no number stays "nan", "inf" or "-inf", as JSON needs it."""

    name: str
    steps: tuple[int, ...]
    values: tuple[float | str, ...]

    def points(self) -> list[tuple[int, float]]:
        return [(step, float(value)) for step, value in zip(self.steps, self.values, strict=True)]


class RunReport(Struct, frozen=True, omit_defaults=False):
    """All that a report says. Times are seconds since 1970, durations seconds. why: what made it be sent."""

    run: str
    name: str
    state: str
    made: float
    started: float
    experiment: str = ""
    intent: str = ""
    took: float = 0.0
    left: float | None = None
    done: float | None = None
    """The share of the training that is behind it, where it says how long it will be."""
    error: str | None = None
    why: str = ""
    link: str | None = None
    code: str = ""
    environment: str = ""
    params: dict[str, Any] = msgspec.field(default_factory=dict)
    tags: dict[str, str] = msgspec.field(default_factory=dict)
    summary: dict[str, Any] = msgspec.field(default_factory=dict)
    metrics: tuple[Latest, ...] = ()
    curves: tuple[Line, ...] = ()
    advice: tuple[tuple[str, str], ...] = ()
    """What to do, and the reason for it."""
    evaluations: tuple[Evaluation, ...] = ()
    marks: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        return self.name or f"run {self.run[:8]}"


def goal_of(name: str) -> Goal | None:
    """Which way is better, by the words in the metric's name; None where they do not tell."""
    words = [word for word in WORD.split(name) if word]
    if any(FALLING.fullmatch(word) for word in words):
        return "low"
    return "high" if any(RISING.fullmatch(word) for word in words) else None


def best_of(points: Sequence[tuple[int, float]], goal: Goal) -> tuple[int, float] | None:
    """The first of the best finite points."""
    finite = [point for point in points if math.isfinite(point[1])]
    if not finite:
        return None
    return min(finite, key=lambda point: point[1]) if goal == "low" else max(finite, key=lambda point: point[1])

"""What is known of a run when advice is asked: its curves by their role, its parameters, the baselines of its data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from headhunt.vocabulary import Struct
from tracking.metric_names import roles, words_of
from tracking.traces import Trace, trace

Confidence = Literal["strong", "fair"]


class Advice(Struct, frozen=True, omit_defaults=False):
    """One thing that the curves say. reason: with the numbers that were seen; tries: what may help, the likeliest
    first."""

    code: str
    headline: str
    reason: str
    tries: tuple[str, ...] = ()
    confidence: Confidence = "fair"


@dataclass(frozen=True)
class Case:
    train_loss: Trace | None = None
    val_loss: Trace | None = None
    train_accuracy: Trace | None = None
    val_accuracy: Trace | None = None
    rate: Trace | None = None
    learning_rate: float | None = None
    """As the parameters tell it."""
    baselines: Mapping[str, float] = field(default_factory=dict)
    """Accuracies that need no training: majority, linear; see the health report."""

    def rate_words(self, factor: float) -> str:
        """`0.001`, where the parameters tell what the rate is; else how it compares."""
        if self.learning_rate:
            return f"{self.learning_rate * factor:.2g} instead of {self.learning_rate:.2g}"
        return f"{factor:g} times as high" if factor > 1 else f"{1 / factor:g} times lower"


def case_of(curves: Mapping[str, tuple[Any, Any]], params: Mapping[str, Any], baselines: Mapping[str, float]) -> Case:
    named = roles(curves)
    found = {role: trace(name, *curves[name]) for role, name in named.items()}
    for role in ("train_accuracy", "val_accuracy"):
        if found.get(role):
            found[role] = as_share(found[role])
    return Case(**found, learning_rate=rate_in(params), baselines=shares(baselines))


def as_share(told: Trace | None) -> Trace | None:
    """Percent become fractions; what is neither is no accuracy."""
    if told is None or not len(told) or told.values.min() < 0 or told.raw.max() > 100.0001:
        return None
    if told.raw.max() <= 1.0001:
        return told
    if told.raw.max() < 2:  # a share that is none, or two percent at best: nothing is built on that
        return None
    return trace(told.name, told.steps, told.values / 100.0)


def shares(baselines: Mapping[str, float]) -> dict[str, float]:
    return {name: float(value) for name, value in baselines.items() if 0 <= float(value) <= 1}


def rate_in(params: Mapping[str, Any]) -> float | None:
    """The learning rate among the parameters, under its usual names."""
    for name, value in params.items():
        if "".join(words_of(name.rpartition(".")[2])) in {"lr", "learningrate", "baselr", "maxlr", "initlr", "lr0"}:
            try:
                found = float(value)
            except (TypeError, ValueError):
                continue
            if np.isfinite(found) and found > 0:
                return found
    return None

"""What the curves of a run say, and what to try next. Silent when unsure: noise is no news.

    advise({"train_loss": (steps, values), "val_loss": (steps, values)}, {"lr": 0.1}, {"majority": 0.2, "linear": 0.7})

What is found first explains the rest: of a training that diverged nothing else is said. docs/tracking.md tells how
often it spoke and how often it was right.
"""

from collections.abc import Callable, Mapping
from typing import Any

from tracking.cases import Advice as Advice, Case, case_of
from tracking.diagnoses import (
    broken_numbers,
    diverged,
    gap,
    nothing_learnt,
    only_rises,
    over_fitting,
    plateau,
    rate_too_low,
    too_short,
    under_fitting,
    unsteady,
)

Diagnosis = Callable[[Case], Advice | None]
ALONE: tuple[Diagnosis, ...] = (broken_numbers, diverged, only_rises, rate_too_low, nothing_learnt, unsteady)
"""The first of these that speaks is all that is said."""
TOGETHER: tuple[tuple[Diagnosis, ...], ...] = ((over_fitting, gap, too_short, plateau), (under_fitting,))
"""The first of each group that speaks is said."""


def advise(
    curves: Mapping[str, tuple[Any, Any]],
    params: Mapping[str, Any] | None = None,
    baselines: Mapping[str, float] | None = None,
) -> tuple[Advice, ...]:
    """curves: (steps, values) by the name of the metric; baselines: as `Health.baselines`, majority and linear."""
    case = case_of(curves, params or {}, baselines or {})
    alone = first(ALONE, case)
    return (alone,) if alone else tuple(found for group in TOGETHER if (found := first(group, case)))


def first(diagnoses: tuple[Diagnosis, ...], case: Case) -> Advice | None:
    return next((found for diagnosis in diagnoses if (found := diagnosis(case))), None)

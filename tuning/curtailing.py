"""When is a trial not worth going on with?

The question: given the readings of a trial so far, would the best fifth of the past have looked like this at this step?

    n       trials that ended before, complete or stopped early, at least LEAST_PAST
    B       the best k of the complete ones by their final loss, k = max(LEAST_BEST, ceil(n / 5))
    m_i(s)  the lowest reading of trial i at steps up to s;  m(s) the same of the trial that runs
    T(s) =  max m_i(s) + (max m_i(s) - min m_i(s)) / (K - 1)      over the K trials of B that have a reading by s

A trial stops at step s, when s is at or after the warm-up and m(s) > T(s).

T is where the band of the best fifth ends: the largest of K draws falls short of the end of a range by about
range / (K - 1), which is added. This measures by itself how much a step can tell: where early losses say little of
the end, the later winners are spread over all losses there, T is high, and nobody is stopped; where they say much, T
is low. A quantile of all curves, as in a median rule, cannot see this, and loses those who start slowly and win.

The lowest reading, never the last: one bad reading stops nobody, and a trial that was good before it rose is judged by
what it had. Readings that are no numbers (nan, infinity) are left out; a trial whose last LOST readings are none
counts as infinitely bad. Steps need not line up: each curve is read at its last step up to s; a curve that begins later
says nothing, one that ended earlier says what it had. With fewer than LEAST_BEST readings in B nobody is stopped.
"""

import math
from bisect import bisect_right
from collections.abc import Mapping
from itertools import accumulate

from optuna.pruners import BasePruner
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState

LEAST_PAST = 10
LEAST_BEST = 3
SHARE = 0.2
LOST = 2
"""Readings in a row that are no numbers, after which a trial counts as lost."""

Curve = tuple[list[int], list[float]]


class BestFifth(BasePruner):
    """Stops what falls out of the band of the best fifth. `warm_up`: steps before which nobody is judged."""

    def __init__(self, warm_up: int = 1, least_past: int = LEAST_PAST, share: float = SHARE) -> None:
        self.warm_up = warm_up
        self.least_past = max(least_past, LEAST_BEST)
        self.share = share
        self._curves: dict[int, Curve] = {}

    def prune(self, study: Study, trial: FrozenTrial) -> bool:
        step = trial.last_step
        if step is None or step < self.warm_up:
            return False
        sign = -1.0 if study.direction == StudyDirection.MAXIMIZE else 1.0
        band = [lowest(curve, step) for curve in self._best(study, sign)]
        known = [one for one in band if math.isfinite(one)]
        return len(known) >= LEAST_BEST and reading(trial.intermediate_values, sign) > end_of(known)

    def bar(self, study: Study, last: int) -> dict[int, float]:
        """T(s) for each step up to the last, as the past has it now: for a trial that is judged elsewhere."""
        sign = -1.0 if study.direction == StudyDirection.MAXIMIZE else 1.0
        curves, found = self._best(study, sign), dict[int, float]()
        for step in range(self.warm_up, last + 1) if curves else ():
            known = [one for one in (lowest(curve, step) for curve in curves) if math.isfinite(one)]
            if len(known) >= LEAST_BEST:
                found[step] = end_of(known)
        return found

    def _best(self, study: Study, sign: float) -> list[Curve]:
        """The curves of the best fifth of the past."""
        past = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED))
        if len(past) < self.least_past:
            return []
        ended = [one for one in past if one.state == TrialState.COMPLETE and math.isfinite(one.values[0])]
        ended.sort(key=lambda one: sign * one.values[0])
        return [self._curve(one, sign) for one in ended[: max(LEAST_BEST, math.ceil(self.share * len(past)))]]

    def _curve(self, trial: FrozenTrial, sign: float) -> Curve:
        """A trial that ended does not change, so its curve is read once."""
        if trial.number not in self._curves:
            self._curves[trial.number] = curve_of(trial.intermediate_values, sign)
        return self._curves[trial.number]


def curve_of(readings: Mapping[int, float], sign: float = 1.0) -> Curve:
    """Steps in order, and the lowest reading up to each; what is no number is left out."""
    steps = sorted(step for step, value in readings.items() if math.isfinite(value))
    return steps, list(accumulate((sign * readings[step] for step in steps), min))


def lowest(curve: Curve, step: int) -> float:
    """m_i(s); infinity, where the curve begins after the step."""
    steps, values = curve
    place = bisect_right(steps, step)
    return values[place - 1] if place else math.inf


def reading(readings: Mapping[int, float], sign: float = 1.0) -> float:
    """m(s) of the trial that runs."""
    newest = [readings[step] for step in sorted(readings)[-LOST:]]
    if len(newest) == LOST and not any(math.isfinite(value) for value in newest):
        return math.inf
    return lowest(curve_of(readings, sign), max(readings, default=0))


def end_of(band: list[float]) -> float:
    """T(s)."""
    return max(band) + (max(band) - min(band)) / (len(band) - 1)

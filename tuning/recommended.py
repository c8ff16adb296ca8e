"""Values to use, and how sure that is: for each parameter the best trial's value, and where the best trials lie.

    chance    of each trial to be the best: from redrawn validation images (tuning/redrawing.py) where these were kept,
              else equal among the best tenth of the trials, three at least
    range     from the 10th to the 90th percentile of the parameter over these chances, widened on each side to the next
              value that was tried: nobody looked in between
    sure      `settled`: the range is a quarter of what was searched or less (of choices: nine tenths of the chance,
              each of them tried three times); `likely`: six tenths; `open`: neither - it hardly matters, or the trials
              were too few to say. Below 20 complete trials nothing is settled

The values belong together: they are those of one trial that took place, not the middles of ranges.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from headhunt.spaces import Choice, Double, Fixed, Integer, Value, active
from headhunt.trials import Trial
from headhunt.vocabulary import Struct
from tuning.aims import signs
from tuning.redrawing import Redrawn
from tuning.study import Study
from zoo.catalogue.columns import in_columns

LOW, HIGH = 0.1, 0.9
SETTLED, LIKELY = 0.25, 0.6
SETTLED_CHOICE = 0.9
TENTH, LEAST = 0.1, 3
FEW = 20
Floats = NDArray[np.float64]
Sure = Literal["settled", "likely", "open", "fixed"]


class Advice(Struct, frozen=True):
    """One parameter. low, high: of numbers; chances: of choices."""

    name: str
    value: Value
    sure: Sure
    low: float | None = None
    high: float | None = None
    chances: dict[str, float] = msgspec.field(default_factory=dict)

    @property
    def told(self) -> str:
        if self.low is not None and self.high is not None:
            return f"{self.low:.3g} to {self.high:.3g}"
        return ", ".join(f"{name} {share:.0%}" for name, share in self.chances.items() if share >= 0.05) or "-"


class Recommended(Struct, frozen=True):
    """What to use. trials: complete ones, from which it comes. accuracy: expected on new images, corrected for having
    chosen the best of many by the same images; interval: 80 %; images: those of validation, from which both come."""

    advice: list[Advice]
    trials: int
    accuracy: float | None = None
    interval: tuple[float, float] | None = None
    images: int | None = None

    @property
    def params(self) -> dict[str, Value]:
        return {one.name: one.value for one in self.advice}

    def __str__(self) -> str:
        rows = [(one.name, short(one.value), one.told, one.sure) for one in self.advice]
        lines = in_columns([("", "use", "best trials", "sure"), *rows], right=())
        if self.trials < FEW:
            lines.append(f"{self.trials} complete trials are few: take ranges as a hint.")
        if self.accuracy is not None and self.interval is not None:
            low, high = self.interval
            lines.append(
                f"expected accuracy {100 * self.accuracy:.1f} % (80 %: {100 * low:.1f} to {100 * high:.1f} %), from"
                f" {self.images} validation images, corrected for choosing by them"
            )
        return "\n".join(lines)


def recommended(
    study: Study,
    chances: Mapping[int, float] | None = None,
    seen: Redrawn | None = None,
    best: Trial | None = None,
) -> Recommended:
    """chances: by the number of the trial; seen: the redraws that they come from. best: where it is not the study's:
    after a search on a part of the images, the one that was best when it learned from all."""
    best = best or study.best()
    done = [one for one in study.trials() if one.value is not None and one.within]
    weights = chances or tenth(done, signs(study.about.aims, study.about.direction)[0])
    advice = [
        advised(study, name, best, done, weights) for name in study.space if active(study.space, name, best.params)
    ]
    if seen is None:
        return Recommended(advice=advice, trials=len(done))
    return Recommended(
        advice=advice, trials=len(done), accuracy=seen.accuracy, interval=seen.interval, images=seen.images
    )


def tenth(done: Sequence[Trial], sign: float) -> dict[int, float]:
    """The best tenth, each alike."""
    order = sorted(done, key=lambda one: sign * (one.value or 0.0))
    first = order[: max(LEAST, math.ceil(TENTH * len(order)))]
    return {one.number: 1 / len(first) for one in first}


def advised(study: Study, name: str, best: Trial, done: Sequence[Trial], weights: Mapping[int, float]) -> Advice:
    parameter = study.space[name]
    having = [one for one in done if name in one.params]
    value = best.params[name]
    if isinstance(parameter, Fixed):
        return Advice(name=name, value=value, sure="fixed")
    weighed = [(one.params[name], weights.get(one.number, 0.0)) for one in having]
    total = sum(weight for _, weight in weighed)
    if total <= 0:
        return Advice(name=name, value=value, sure="open")
    if isinstance(parameter, Choice):
        shares = {str(one): 0.0 for one in parameter.values}
        for found, weight in weighed:
            shares[str(found)] += weight / total
        share = shares[str(value)]
        seen = [str(found) for found, _ in weighed]
        tried = len(done) >= FEW and all(seen.count(str(one)) >= LEAST for one in parameter.values)
        sure: Sure = "settled" if share >= SETTLED_CHOICE and tried else "likely" if share >= LIKELY else "open"
        return Advice(name=name, value=value, sure=sure, chances=dict(sorted(shares.items(), key=lambda one: -one[1])))
    low, high = span(parameter, [(float(found), weight) for found, weight in weighed if found is not None])
    wide = share_of(parameter, high) - share_of(parameter, low)
    sure = "settled" if wide <= SETTLED and len(done) >= FEW else "likely" if wide <= LIKELY else "open"
    return Advice(name=name, value=value, sure=sure, low=low, high=high)


def span(parameter: Double | Integer, weighed: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """From the next value below the 10th percentile to the next above the 90th."""
    order = sorted(weighed)
    values: Floats = np.array([one for one, _ in order])
    weights: Floats = np.array([one for _, one in order])
    risen = np.cumsum(weights) / weights.sum()
    first, last = (float(values[min(len(values) - 1, int(np.searchsorted(risen, at)))]) for at in (LOW, HIGH))
    below, above = values[values < first], values[values > last]
    return (
        float(below.max()) if len(below) else float(parameter.low),
        float(above.min()) if len(above) else float(parameter.high),
    )


def share_of(parameter: Double | Integer, value: float) -> float:
    """Where a value lies in the range that was searched."""
    low, high = float(parameter.low), float(parameter.high)
    if low >= high:
        return 0.0
    if parameter.log:
        return (math.log(value) - math.log(low)) / (math.log(high) - math.log(low))
    return (value - low) / (high - low)


def short(value: Value) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)

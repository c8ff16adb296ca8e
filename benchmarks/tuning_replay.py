"""One search, replayed over the table of real trainings: what it would have trained, at what cost, and found.

    sampler --a wish--> the nearest point of the table that was not tried --> its curve, epoch by epoch --rule--> end

A search on a part sees the part's curves, and ends with the best few trained again on the whole. What a search has
found after a certain cost is the loss on the whole of its best point that was trained on the whole to the end.

    cost = images learned from + images looked at / 3          (a look has no way back)

in units of one training on the whole, looked at after each epoch. A search with a rule looks after each epoch, one
without looks at the end alone, and so does a refit. Seconds agree: a training on the part took 0.35 of one on the
whole, both looked at after each epoch; by this count 0.36.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import optuna
from optuna.pruners import BasePruner, NopPruner
from optuna.samplers import BaseSampler
from optuna.trial import TrialState

from benchmarks.tuning_truth import EPOCHS, HELD_OUT, PARTS, SPACE, Row
from headhunt.spaces import Value
from tuning.neighbours import apart
from tuning.part import REFITTED, to_refit
from tuning.spaces import draw

Params = dict[str, Value]
LOOK = 1 / 3


@dataclass(frozen=True)
class Truth:
    """Of one target. curves: part -> point -> losses; images: part -> how many."""

    name: str
    points: Sequence[Params]
    curves: Mapping[str, Sequence[Sequence[float]]]
    images: Mapping[str, int]

    @property
    def best(self) -> float:
        return min(self.end("whole", point) for point in range(len(self.points)))

    def end(self, part: str, point: int) -> float:
        """Infinity, where it diverged."""
        curve = self.curves[part][point]
        return curve[-1] if len(curve) == EPOCHS else math.inf

    @property
    def unit(self) -> float:
        """One training on the whole, looked at after each epoch."""
        return EPOCHS * (self.images["whole"] + LOOK * HELD_OUT)

    def epoch_cost(self, part: str) -> float:
        return self.images[part] / self.unit

    @property
    def look_cost(self) -> float:
        return LOOK * HELD_OUT / self.unit

    @property
    def refit_cost(self) -> float:
        return EPOCHS * self.epoch_cost("whole") + self.look_cost


@dataclass(frozen=True)
class Plan:
    """How a search goes. refitted: the best so many are trained on the whole at the end of a search on a part.
    budget: no trial is begun that, with these, would go beyond it."""

    sampler: Callable[[int], BaseSampler]
    rule: Callable[[], BasePruner]
    trials: int
    part: str = "whole"
    refitted: int = REFITTED
    starts: Sequence[Params] = ()
    budget: float = math.inf


@dataclass
class Found:
    """What was trained: after `spent[i]`, the best loss on the whole was `losses[i]`; by trial number, the same."""

    spent: list[float] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    seen: list[tuple[int, float]] = field(default_factory=list)
    """Every trial's point and its loss where it was searched; infinity where it did not come to its end."""
    cost: float = 0.0

    def note(self, loss: float) -> None:
        self.spent.append(self.cost)
        self.losses.append(min([loss, *self.losses[-1:]]))

    @property
    def loss(self) -> float:
        return self.losses[-1]

    def trials_to(self, truth: Truth, loss: float) -> int:
        """Trials until the best point so far, by what the search saw, is as good on the whole; one more than there
        were, where it never was."""
        best = math.inf
        for number, (point, seen) in enumerate(self.seen, 1):
            if seen < best:
                best = seen
                if truth.end("whole", point) <= loss:
                    return number
        return len(self.seen) + 1


class Search:
    """One replay."""

    def __init__(self, truth: Truth, plan: Plan, seed: int) -> None:
        self.truth, self.plan = truth, plan
        self.study = optuna.create_study(sampler=plan.sampler(seed), pruner=plan.rule())
        self.looks = not isinstance(self.study.pruner, NopPruner)
        self.queue = [nearest(one, truth.points, ()) for one in plan.starts]
        self.tried: list[int] = []
        self.found = Found()

    def run(self) -> Found:
        kept = self.plan.refitted * self.truth.refit_cost if self.plan.part != "whole" else 0
        looks = EPOCHS if self.looks else 1
        next_one = EPOCHS * self.truth.epoch_cost(self.plan.part) + looks * self.truth.look_cost
        while len(self.tried) < min(self.plan.trials, len(self.truth.points)):
            if self.found.cost + next_one + kept > self.plan.budget + 1e-9:
                break
            self.one(self.next_point())
        if self.plan.part != "whole":
            self.refit()
        return self.found

    def next_point(self) -> int:
        while self.queue:
            if (point := self.queue.pop(0)) not in self.tried:
                return point
        wish = self.study.ask()
        wanted = draw(wish, SPACE)
        self.study.tell(wish, state=TrialState.FAIL)  # samplers pass over what failed
        return nearest(wanted, self.truth.points, self.tried)

    def one(self, point: int) -> None:
        """Train it on the part, as far as the rule lets it."""
        self.tried.append(point)
        self.study.enqueue_trial(self.truth.points[point])
        trial = self.study.ask()
        draw(trial, SPACE)
        curve = self.truth.curves[self.plan.part][point]
        for epoch, loss in enumerate(curve, 1):
            trial.report(loss, epoch)
            self.found.cost += self.truth.epoch_cost(self.plan.part)
            self.found.cost += self.truth.look_cost if self.looks or epoch == len(curve) else 0
            if epoch < EPOCHS and trial.should_prune():
                self.study.tell(trial, state=TrialState.PRUNED)
                return self.close(point, math.inf)
        end = self.truth.end(self.plan.part, point)
        if end == math.inf:
            self.study.tell(trial, state=TrialState.FAIL)
        else:
            self.study.tell(trial, end)
        return self.close(point, end)

    def close(self, point: int, loss: float) -> None:
        self.found.seen.append((point, loss))
        self.found.note(loss if self.plan.part == "whole" else math.inf)

    def refit(self) -> None:
        """The best few of those that went to the end, on the whole; nobody looks before their end."""
        for place in to_refit([loss for _, loss in self.found.seen], self.plan.refitted):
            self.found.cost += self.truth.refit_cost
            self.found.note(self.truth.end("whole", self.found.seen[place][0]))


def nearest(params: Mapping[str, Value], points: Sequence[Params], but: Sequence[int]) -> int:
    free = (i for i in range(len(points)) if i not in but)
    return min(free, key=lambda i: apart(SPACE, params, points[i]))


def truths_of(rows: Sequence[Row]) -> list[Truth]:
    """A part counts where it has its last point; a point that one of its parts has not is left out."""
    found = []
    for name in sorted({row.target for row in rows}):
        own = {(row.part, row.point): row for row in rows if row.target == name}
        most = max(point for _, point in own)
        parts = [part for part in PARTS if (part, most) in own]
        points = [i for i in sorted({point for _, point in own}) if all((part, i) in own for part in parts)]
        if points and "whole" in parts:
            curves = {part: [own[part, i].curve for i in points] for part in parts}
            images = {part: own[part, points[0]].images for part in parts}
            found.append(Truth(name, [own["whole", i].params for i in points], curves, images))
    return found

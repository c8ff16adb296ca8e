"""Question: how well do networks of this architecture learn, whatever they were taught before?

A history of one model is rare; one of its architecture is not. For an architecture a, over the groups g of lessons in
which it stands beside others:

    effect_a = sum_g (mean of y_gi over the models i of a, less the mean over all models of g) / (G_a + SHRINK)

y_gi is the logit of the accuracy that model i reached in group g, G_a the number of such groups. An architecture that
no lesson knows has effect 0. The signal of a lesson itself is told by the lessons of other targets alone, as it is for
a candidate, whose target is in no lesson.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from statistics import fmean

from recommender.experience import Lesson
from recommender.ranking import logit

SHRINK = 1.0
NAME = "architecture"


def network_effects(lessons: Sequence[Lesson]) -> dict[str, float]:
    """effect_a of every architecture that the lessons know."""
    return shrunk(standings(lessons), hidden=None)


def with_networks(lessons: Sequence[Lesson]) -> list[Lesson]:
    """The lessons with the signal `architecture`, each told by the other targets."""
    standing = standings(lessons)
    effects = {target: shrunk(standing, hidden=target) for target in {one.target for one in lessons}}
    return [replace(one, signals={**one.signals, NAME: effects[one.target].get(one.network, 0.0)}) for one in lessons]


Standing = Mapping[tuple[str, str], Mapping[str, float]]
"""(target, group) -> architecture -> how far its models stand above the mean of the group."""


def standings(lessons: Iterable[Lesson]) -> Standing:
    groups: dict[tuple[str, str], list[Lesson]] = defaultdict(list)
    for one in lessons:
        groups[one.target, one.group].append(one)
    return {key: standing_in(rows) for key, rows in groups.items()}


def standing_in(rows: Sequence[Lesson]) -> dict[str, float]:
    mean = fmean(logit(one.accuracy) for one in rows)
    own: dict[str, list[float]] = defaultdict(list)
    for one in rows:
        own[one.network].append(logit(one.accuracy) - mean)
    return {network: fmean(values) for network, values in own.items()} if len(own) > 1 else {}


def shrunk(standing: Standing, hidden: str | None) -> dict[str, float]:
    told: dict[str, list[float]] = defaultdict(list)
    for (target, _), effects in standing.items():
        if target != hidden:
            for network, effect in effects.items():
                told[network].append(effect)
    return {network: sum(values) / (len(values) + SHRINK) for network, values in told.items()}

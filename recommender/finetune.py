"""The way on from a recommendation: the winner trained on the whole sample, from where its probe ended.

    seconds --pace--> steps --one cycle--> network --test part--> accuracy --> a model of the zoo, a row of the history,
                                                                               a lesson for the next ranking

The pace is measured by a few steps on a copy, so that one cycle of the rate fits into the time that was asked for.
"""

import math
import time
from dataclasses import dataclass

from torch import nn

from headhunt.errors import BadValue
from headhunt.vocabulary import ModelCard, Outcome, Protocol, Ranked, Ranking
from recommender.drawing import chosen_entries, largest_share, training_entries
from recommender.experience import Lesson, append_lesson
from recommender.signals import LEVEL
from zoo.cells import Plan, Watch, check_classes, train_cell
from zoo.images.preprocess import Preprocess, preprocess_of
from zoo.images.samples import Sample
from zoo.judging import view_of
from zoo.naming import free_domain, free_name
from zoo.networks.weights import State
from zoo.parts import Parts, divide
from zoo.repository import Zoo
from zoo.training.pacing import seconds_a_step
from zoo.training.trainer import TrainingData

RATE, BATCH = 2e-3, 32
FOR_TRAINING = 0.75
"""Of the time: the rest reads the images, evaluates after each epoch, measures and keeps the result."""
FULL_EPOCHS = 8
"""From so many epochs on, what comes out is taken for what full fine-tuning gives."""
UNEQUAL = 0.1
"""By so much more of the images the largest class may be than of those looked at."""
MOST_EPOCHS = 60
"""More would teach a small sample by heart."""


@dataclass(frozen=True)
class FineTuned:
    """What came of it: a model of the zoo, its accuracy on held-out images, the row of the history."""

    card: ModelCard
    accuracy: float
    outcome: Outcome
    network: nn.Module
    transform: Preprocess


@dataclass(frozen=True)
class Wish:
    """How long, at which rate, and from which weights (None: the model's own, with a new head)."""

    seconds: float
    rate: float = RATE
    start: State | None = None
    within: str | None = None
    """The run of the recommendation."""

    def __post_init__(self) -> None:
        if not 1.0 <= self.seconds < math.inf:
            raise BadValue(f"A training of {self.seconds} seconds is impossible. Give 1 or more.")


def finetune(zoo: Zoo, sample: Sample, one: Ranked, wish: Wish, watch: Watch | None = None) -> FineTuned:
    """Train, judge and keep."""
    check_classes(sample)
    began = time.perf_counter()
    parts = divide(sample, view_of(one.card))
    left = wish.seconds - (time.perf_counter() - began)
    domain = free_domain(zoo, sample)
    plan = Plan(
        domain,
        protocol_for(zoo, parts, one.card, Wish(max(1.0, left), wish.rate)),
        parent=one.model,
        name=free_name(zoo, domain, one.card),
        start=wish.start,
        within=wish.within,
    )
    card, outcomes, _ = train_cell(zoo, sample, plan, watch, parts)
    return FineTuned(card, outcomes[0].accuracy, outcomes[0], zoo.load(card.id), preprocess_of(card))


def learn_from(zoo: Zoo, sample: Sample, ranking: Ranking, one: Ranked, tuned: FineTuned) -> None:
    """What was seen before and what came of it, for the next ranking.

    Not where that says little: of a short training, of a model that knew the images, of one that diverged, without
    labels seen, or where one class is far more frequent than among the images looked at, which are of all alike.
    """
    alike = largest_share(chosen_entries(sample, labels=True, seed=0))
    short = (tuned.outcome.epochs or 0) < FULL_EPOCHS
    unequal = largest_share(training_entries(sample)) > alike + UNEQUAL
    if short or unequal or "seen-images" in one.flags or tuned.outcome.flags or LEVEL not in one.signals:
        return
    lesson = Lesson(
        group=f"{ranking.sample} {ranking.version[:12]}",
        target=ranking.sample,
        version=ranking.version,
        model=one.model,
        network=one.card.network,
        chance=alike,
        accuracy=tuned.accuracy,
        signals=one.signals,
    )
    append_lesson(zoo.home / "experience.csv", lesson)


def protocol_for(zoo: Zoo, parts: Parts, card: ModelCard, wish: Wish) -> Protocol:
    """One cycle that fits into the time, and no more than so many epochs."""
    began = time.perf_counter()
    data = TrainingData(parts.train, parts.val, card.mean, card.std)
    network = zoo.load(card.id, classes=len(parts.train.classes))
    step = seconds_a_step(network, data, Protocol(batch_size=BATCH, lr=wish.rate))
    left = wish.seconds - (time.perf_counter() - began)
    most = MOST_EPOCHS * math.ceil(len(parts.train.images) / BATCH)
    steps = max(1, min(most, int(FOR_TRAINING * left / step)))
    return Protocol(steps=steps, batch_size=BATCH, lr=wish.rate)

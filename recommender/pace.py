"""What a probe will cost, before it is begun: from what was measured of that network, else of the others.

Work is counted in images that pass forward through the network: a step passes each of its images three times
(forward, and twice back); before each evaluation the images learned from pass once for BatchNorm, then those held out;
the new head needs all of this once more, and the images learned from once again.
"""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

from discriminator.extraction import WORTH_HALF
from headhunt.vocabulary import ModelCard
from recommender.norms import MOST_IMAGES
from recommender.warm_head import MOST_ROWS
from zoo.training.trainable import TrainingData

STEP = 3.0
FIRST_GUESS = 5e-10
"""Seconds for a multiply-add before anything is measured: that of a small network on one old core."""
PRUDENCE = 1.5
"""A network that was never measured may be so many times slower than its multiply-adds say."""
SLOWER = 2.0


def work(data: TrainingData, steps: int, batch: int, first: bool) -> float:
    """Images passed forward in one rung."""
    learned, held = len(data.train.images), len(data.val.images) if data.val else 0
    judging = min(learned, MOST_IMAGES) + held
    return steps * STEP * min(batch, learned) + judging + (judging + min(learned, MOST_ROWS) if first else 0)


@dataclass
class Pace:
    """Seconds for an image passed forward, by network and size of its images; the newest measurement counts."""

    measured: dict[str, float] = field(default_factory=dict)
    per_macs: dict[str, float] = field(default_factory=dict)

    def learn(self, card: ModelCard, images: float, seconds: float) -> None:
        if images > 0 and seconds > 0:
            self.measured[_kind(card)] = seconds / images
            self.per_macs[_kind(card)] = seconds / images / max(1, card.macs)

    def knows(self, card: ModelCard) -> bool:
        """Whether this network was measured itself."""
        return _kind(card) in self.measured

    def seconds(self, card: ModelCard, images: float) -> float:
        """What passing so many images will take."""
        known = self.measured.get(_kind(card))
        if known is None:
            rate = PRUDENCE * statistics.median(self.per_macs.values()) if self.per_macs else FIRST_GUESS
            known = rate * card.macs
        return images * known

    def for_training(self, cards: Sequence[ModelCard]) -> "Pace":
        """The same for trainings. Large networks look in bf16 and may train in full precision
        (discriminator/extraction.py): until one was trained, it counts as twice as slow."""
        found = Pace()
        for card in cards:
            if self.knows(card):
                found.learn(card, 1, self.seconds(card, 1) * (SLOWER if card.params >= WORTH_HALF else 1.0))
        return found


def _kind(card: ModelCard) -> str:
    return f"{card.network}@{card.input_size}"

"""A network to look through, and how it is put to work: device, layout in memory, precision."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from headhunt.errors import BadValue
from headhunt.vocabulary import ModelCard
from zoo.images.pixels import View
from zoo.judging import view_of
from zoo.repository import Zoo


@dataclass(frozen=True)
class Backbone:
    """A network to look through: what it wants to see, and how to build it when its features are not known yet.

    `digest`: of weights and architecture; whatever changes the features of an image must change it. `build` gives a
    network of its own, which is put on another device and into another precision without asking.
    """

    name: str
    digest: str
    view: View
    mean: tuple[float, ...]
    std: tuple[float, ...]
    build: Callable[[], nn.Module]
    macs: int = 0
    """Multiply-adds an image; 0: few."""

    def __post_init__(self) -> None:
        if len(self.mean) != len(self.std) or len(self.mean) not in (1, 3) or not min(self.std) > 0:
            raise BadValue(
                f"{self.name} is normalised with {self.mean}, {self.std}; images have 3 means and 3 deviations above 0,"
                " or 1 of each."
            )


def backbone_of(zoo: Zoo, card: ModelCard) -> Backbone:
    """A card's network with its source head. Weights that have not been here yet are fetched, for their digest."""
    if card.channels not in (1, 3):
        raise BadValue(f"{card.id} takes {card.channels} channels; images have 3, or 1 where they are grey.")
    if card.weights is None:
        zoo.state(card)
        card = zoo.card(card.id)
    shape = f"{card.network}/{card.input_size}/{card.head}/{card.weights}"
    digest = hashlib.sha256(shape.encode()).hexdigest()
    return Backbone(card.id, digest, view_of(card), card.mean, card.std, lambda: zoo.load(card.id), card.macs)

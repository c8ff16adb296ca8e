"""Where cards come from: timm and its hub, a user's checkpoint, the starter zoo, a training.

Every source yields Found. Its card agrees with its state: as many parameters, the same head, and a network built from
the card (`build_network(card.network, classes=card.head, input_size=card.input_size)`) loads the state strictly.
"""

from dataclasses import dataclass

from torch import Tensor

from headhunt.vocabulary import ModelCard


@dataclass(frozen=True)
class Found:
    """A model that a source offers. `state` None: the weights come at first use, by the source's `fetch`."""

    card: ModelCard
    state: dict[str, Tensor] | None

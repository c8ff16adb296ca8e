"""Removing models: their cards, and weights when no card is left that has them."""

from collections.abc import Iterable
from pathlib import Path

from zoo.catalogue.store import Catalogue
from zoo.networks.weight_paths import weights_path


def remove_models(catalogue: Catalogue, weights: Path, models: Iterable[str]) -> None:
    """`weights`: the folder that they lie in. Raises UnknownModel, and removes nothing then."""
    with catalogue.change() as draft:
        gone = {draft.remove_card(model).weights for model in models}
    with catalogue.change() as draft:  # the cards are gone for good, and nobody adds one meanwhile
        kept = {card.weights for card in draft.cards.values()}
        for digest in gone - kept - {None}:
            weights_path(weights, str(digest)).unlink(missing_ok=True)

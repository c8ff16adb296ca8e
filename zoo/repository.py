"""The Zoo: one folder that holds cards, weights, samples and history, and the few verbs that join them.

    HOME/catalogue.json                 cards and domains, replaced as a whole        zoo/catalogue/store.py
    HOME/weights/<sha256>.safetensors   what the networks have learnt, stored once    zoo/networks/weights.py
    HOME/blobs, HOME/versions           the images of samples, and their manifests    zoo/images/
    HOME/history.jsonl                  the outcomes of trainings                     zoo/history/store.py

Order of writing: what is pointed at comes before what points at it, so a crash leaves an unused file at worst.
"""

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

import msgspec
import torch
from torch import nn

from headhunt.errors import UnknownModel, WeightsUnavailable
from headhunt.home import home_folder
from headhunt.vocabulary import Domain, Measured, ModelCard
from zoo.catalogue.finding import find, wanted
from zoo.catalogue.removing import remove_models
from zoo.catalogue.store import Catalogue
from zoo.clock import now
from zoo.history.store import History
from zoo.images.blobs import Blobs
from zoo.images.samples import Sample
from zoo.networks.building import build_network, with_new_head
from zoo.networks.matching import load_strictly
from zoo.networks.measure import measure
from zoo.networks.weight_paths import weights_folder
from zoo.networks.weights import State, WeightStore
from zoo.sources import Found
from zoo.sources.timm_hub import fetch
from zoo.telling import SILENT, Diary


def network_with(
    state: State | None, card: ModelCard, classes: int | None = None, input_size: int | None = None
) -> nn.Module:
    """The network of a card with these weights, in evaluation mode; None: they will be loaded into it afterwards."""
    network = build_network(card.network, classes=card.head, input_size=input_size or card.input_size)
    if state is not None:
        load_strictly(network, state, card.network, f"the weights of {card.id}")
    return (network if classes is None else with_new_head(network, classes)).eval()


class Zoo:
    """The repository in a folder. Opening it does nothing; several processes may have it open."""

    def __init__(self, home: Path | None = None) -> None:
        self.home = home_folder() if home is None else home
        self.catalogue = Catalogue(self.home)
        self.history = History(self.home)
        self.weights = WeightStore(weights_folder(self.home))
        self.blobs = Blobs(self.home / "blobs")
        self.diary: Diary = SILENT
        """Who is told of what is trained here."""

    def card(self, model: str) -> ModelCard:
        return self.catalogue.read().card(model)

    def find(self, sort: str = "id", **conditions: str | Sequence[str] | bool | None) -> tuple[ModelCard, ...]:
        """The cards that meet every condition, as `headhunt zoo list` has them: `find("-params", max_params="5M")`."""
        return find(self.catalogue.read().cards.values(), wanted(conditions), sort)

    def matching(self, patterns: Iterable[str]) -> tuple[ModelCard, ...]:
        """The cards that ids or patterns (`digits/*`) name, each once; a pattern that names none is an error."""
        shelf = self.catalogue.read()
        chosen: dict[str, ModelCard] = {}
        for pattern in patterns:
            hits = [card for card in shelf.cards.values() if fnmatchcase(card.id, pattern)]
            if not hits:
                raise UnknownModel(pattern, shelf.cards, "'headhunt zoo list' shows them all.")
            chosen.update((card.id, card) for card in hits)
        return tuple(chosen.values())

    def add(self, found: Found, domain: Domain | None = None) -> ModelCard:
        """Take in a model: its weights, its domain where that is new, then its card."""
        card = msgspec.structs.replace(found.card, created=now())
        self.catalogue.read().check_free(card.id)
        if found.state is not None:
            digest, size = self.weights.add(found.state)
            card = msgspec.structs.replace(card, weights=digest, weights_bytes=size)
        with self.catalogue.change() as draft:
            self._keep_again(card, found.state)
            draft.ensure_domain(domain or Domain(name=card.domain, created=now()))
            draft.add_card(card)
        return card

    def remove(self, models: Iterable[str]) -> None:
        """Remove cards; weights go when no card is left that has them."""
        remove_models(self.catalogue, self.weights.folder, models)

    def state(self, card: ModelCard) -> dict[str, torch.Tensor]:
        """The weights of a card; fetched and kept at first use."""
        if card.weights is not None:
            return self.weights.load(card.weights)
        if not card.origin.startswith("timm:"):
            raise WeightsUnavailable(
                f"{card.id} has no weights, and {card.origin!r} is no place to fetch them from. Add it again."
            )
        state = fetch(card)
        digest, size = self.weights.add(state)
        with self.catalogue.change() as draft:
            fetched = msgspec.structs.replace(draft.card(card.id), weights=digest, weights_bytes=size)
            self._keep_again(fetched, state)
            draft.replace_card(fetched)
        return state

    def _keep_again(self, card: ModelCard, state: dict[str, torch.Tensor] | None) -> None:
        """Equal weights may have gone with the last card that had them, before this card was there to hold them."""
        if state is not None and card.weights is not None and not self.weights.path(card.weights).is_file():
            self.weights.add(state)

    def load(self, model: str, classes: int | None = None, input_size: int | None = None) -> nn.Module:
        """The network of a card with its weights, in evaluation mode; with its source head, or a new one."""
        card = self.card(model)
        return network_with(self.state(card), card, classes, input_size)

    def measure(self, models: Iterable[str]) -> tuple[ModelCard, ...]:
        """Measure latency and memory here, once for each shape of network; random weights cost the same."""
        known: dict[tuple[str, int, int], Measured] = {}
        return tuple(self._measured(self.card(model), known) for model in models)

    def _measured(self, card: ModelCard, known: dict[tuple[str, int, int], Measured]) -> ModelCard:
        shape = (card.network, card.head, card.input_size)
        if shape not in known:
            network = build_network(card.network, classes=card.head, input_size=card.input_size)
            known[shape] = measure(network, input_size=card.input_size)
        return self._amend(card.id, measured=known[shape])

    def _amend(self, model: str, **facts: object) -> ModelCard:
        with self.catalogue.change() as draft:
            card = msgspec.structs.replace(draft.card(model), **facts)
            draft.replace_card(card)
        return card

    def add_domain(self, domain: Domain, sample: Sample) -> Domain:
        """Keep a sample under a name: its images once, its manifest, then the row."""
        version = sample.store(self.blobs)
        row = msgspec.structs.replace(
            domain, version=version.id, classes=version.classes, images=len(version.entries), created=now()
        )
        with self.catalogue.change() as draft:
            draft.add_domain(row)
        return row

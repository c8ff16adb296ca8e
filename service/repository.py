"""The zoo as the web process sees it: cards, domains, history, weights as files. All projects share it; no torch."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from headhunt.errors import BadValue, InUse, UnknownWeights, first_few, printable
from headhunt.vocabulary import Domain, ModelCard, Outcome
from headhunt.wire import MatrixShown
from service.shared_zoo import SharedZoo
from zoo.catalogue.finding import NUMBERS, TEXTS, find, wanted
from zoo.catalogue.removing import remove_models
from zoo.catalogue.store import Catalogue, Draft, Shelf
from zoo.history.pages import HistoryPages
from zoo.networks.weight_paths import weights_folder, weights_path

REPEATED = tuple(TEXTS)
"""Conditions that may be given several times."""
CONDITIONS = (*REPEATED, "text", "here", *(f"{end}{name}" for end in ("", "min_", "max_") for name in NUMBERS))
BOOLEANS = {"true": True, "1": True, "false": False, "0": False}
Place = tuple[str, int]
"""An id, and how many stood before it: where it has gone meanwhile, the number tells where to go on."""


class Repository:
    """One for each server: what was read of the files is kept for as long as they are the same."""

    def __init__(self, home: Path, shared: SharedZoo) -> None:
        self.home, self.shared = home, shared
        self.catalogue = Catalogue(home)
        self.history = HistoryPages(home)

    def shelf(self) -> Shelf:
        """The newest, whichever machine changed it."""
        self.shared.pull()
        return self.catalogue.read()

    @contextmanager
    def change(self) -> Iterator[Draft]:
        """In this home, then for all machines. Raises ServiceUnavailable where they cannot be told."""
        self.shared.pull()
        with self.catalogue.change() as draft:
            yield draft
        self.shared.push()

    def card(self, model: str) -> ModelCard:
        return self.shelf().card(model)

    def cards(
        self, conditions: dict[str, list[str]], sort: str, after: Place | None, limit: int
    ) -> list[tuple[Place, ModelCard]]:
        given = {name: values if name in REPEATED else plain(name, values[-1]) for name, values in conditions.items()}
        found = find(self.shelf().cards.values(), wanted(given), sort)
        first = 0 if after is None else place_after([card.id for card in found], after)
        return [((card.id, i), card) for i, card in enumerate(found[first : first + limit], first)]

    def domains(self, after: str, limit: int) -> list[Domain]:
        """By name."""
        domains = self.shelf().domains
        return [domains[name] for name in sorted(domains) if name > after][:limit]

    def matrix(self) -> MatrixShown:
        shelf = self.shelf()
        cards = sorted(shelf.cards.values(), key=lambda card: card.id)
        return MatrixShown(
            domains=tuple(sorted(shelf.domains)),
            networks=tuple(sorted({card.network for card in cards})),
            cells={row: cells_of(card for card in cards if card.domain == row) for row in shelf.domains},
            best={row: best_of(card for card in cards if card.domain == row) for row in shelf.domains},
        )

    def outcomes(
        self, model: str | None, dataset: str | None, before: int | None, limit: int
    ) -> list[tuple[int, Outcome]]:
        self.shared.pull()
        return self.history.newest(limit, before, model, dataset)

    def remove(self, model: str) -> None:
        self.shared.pull()
        remove_models(self.catalogue, weights_folder(self.home), [model])
        self.shared.push()

    def remove_domain(self, name: str) -> None:
        """Raises UnknownDomain, InUse."""
        with self.change() as draft:
            standing = sorted(card.id for card in draft.cards.values() if card.domain == name)
            if standing:
                raise InUse(f"Models stand on the domain {name!r}: {first_few(standing, 3)}. Remove them first.")
            draft.remove_domain(name)

    def weights(self, digest: str) -> Path:
        """The file of weights that a card names. Raises UnknownWeights."""
        named = any(card.weights == digest for card in self.shelf().cards.values())
        path = weights_path(weights_folder(self.home), digest) if named else None
        if path is not None:
            self.shared.pull_weights([digest])
        if path is None or not path.is_file():
            raise UnknownWeights(digest)
        return path


def plain(name: str, value: str) -> str | bool:
    if name != "here":
        return value
    if value.lower() not in BOOLEANS:
        raise BadValue(f"here={printable(value, 40)!r} is neither true nor false. Give here=true.")
    return BOOLEANS[value.lower()]


def place_after(ids: list[str], place: Place) -> int:
    name, number = place
    return ids.index(name) + 1 if name in ids else max(0, number)


def cells_of(cards: Iterable[ModelCard]) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for card in cards:
        found.setdefault(card.network, []).append(card.id)
    return {network: tuple(ids) for network, ids in found.items()}


def best_of(cards: Iterable[ModelCard]) -> dict[str, float]:
    found: dict[str, float] = {}
    for card in cards:
        if card.accuracy is not None:
            found[card.network] = max(card.accuracy, found.get(card.network, 0.0))
    return found

"""The catalogue: every card and every domain, in one file that is replaced as a whole.

with catalogue.change() as draft:          # alone among writers, from the newest state
    draft.add_card(card)                   # nothing is written when the block raises
catalogue.read().card("digits/resnet10t")  # without a lock: one consistent state, however many write
"""

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

from headhunt.errors import BadValue, CatalogueBroken, NameTaken, UnknownDomain, UnknownModel, first_few, printable
from headhunt.vocabulary import Domain, ModelCard
from zoo.catalogue.checks import check_card, check_id, check_name
from zoo.catalogue.file_format import decode, encode
from zoo.files import PATIENCE, clear_drafts, replace_file, writer_lock

RESTED_NS = 100_000_000
ALL_MODELS = "'headhunt zoo list' shows them all."
ALL_DOMAINS = "'headhunt zoo domain list' shows them all."

StatKey = tuple[int, int, int]


class Shelf:
    """One state of the catalogue, as it was read; it never changes."""

    def __init__(self, cards: Mapping[str, ModelCard], domains: Mapping[str, Domain]) -> None:
        self.cards = MappingProxyType(dict(cards))
        self.domains = MappingProxyType(dict(domains))

    def card(self, model: str) -> ModelCard:
        return known_card(self.cards, model)

    def domain(self, name: str) -> Domain:
        return known_domain(self.domains, name)

    def check_free(self, model: str) -> None:
        """An error, if this cannot be the id of a new card."""
        check_id(model)
        check_untaken(self.cards, model)


class Draft:
    """The next state of the catalogue: what `change` gives, written when its block ends well."""

    def __init__(self, shelf: Shelf) -> None:
        self.cards = dict(shelf.cards)
        self.domains = dict(shelf.domains)

    def card(self, model: str) -> ModelCard:
        return known_card(self.cards, model)

    def domain(self, name: str) -> Domain:
        return known_domain(self.domains, name)

    def add_card(self, card: ModelCard) -> None:
        """A new card, on a domain that is there."""
        check_card(card)
        check_untaken(self.cards, card.id)
        known_domain(self.domains, card.domain)
        self.cards[card.id] = card

    def replace_card(self, card: ModelCard) -> None:
        """Other facts for a card that is there."""
        check_card(card)
        known_card(self.cards, card.id)
        known_domain(self.domains, card.domain)
        self.cards[card.id] = card

    def remove_card(self, model: str) -> ModelCard:
        card = known_card(self.cards, model)
        del self.cards[model]
        return card

    def add_domain(self, domain: Domain) -> None:
        """A new domain; one that is only a name yet (its models came first) may still get its images."""
        check_name(domain.name, "domain")
        there = self.domains.get(domain.name)
        if there is not None and (there.version is not None or domain.version is None):
            raise NameTaken(
                f"There is a domain {domain.name!r} already. Choose another name, or remove it first:"
                f" headhunt zoo domain remove {domain.name}."
            )
        self.domains[domain.name] = domain

    def ensure_domain(self, domain: Domain) -> Domain:
        """The domain of this name: the one that is there, else this one."""
        there = self.domains.get(domain.name)
        if there is None or (there.version is None and domain.version is not None):
            self.add_domain(domain)
        return self.domains[domain.name]

    def remove_domain(self, name: str) -> Domain:
        """Forget a domain that no card stands on."""
        domain = known_domain(self.domains, name)
        standing = sorted(card.id for card in self.cards.values() if card.domain == name)
        if standing:
            raise BadValue(
                f"Domain {name!r} has models standing on it: {first_few(standing, 3)}."
                f" Remove them first: headhunt zoo remove '{name}/*'."
            )
        del self.domains[name]
        return domain


class Catalogue:
    """The cards and domains in a home folder. Opening it does nothing; several processes may have it open."""

    def __init__(self, home: Path) -> None:
        self.path = home / "catalogue.json"
        self.lock = home / "catalogue.lock"
        self._kept: tuple[StatKey, Shelf] | None = None

    def read(self) -> Shelf:
        """The newest state. The file is decoded again only when it is another file than last time."""
        kept = self._kept
        try:
            if kept is not None and kept[0] == stat_key(self.path.stat()):
                return kept[1]
            return self._read_file()
        except FileNotFoundError:
            return Shelf({}, {})
        except OSError as error:
            raise CatalogueBroken(
                f"{self.path} cannot be read: {error.strerror}. Check its permissions, or set HEADHUNT_HOME."
            ) from error

    def _read_file(self) -> Shelf:
        with self.path.open("rb") as file:
            key, data = stat_key(os.fstat(file.fileno())), file.read()
        cards, domains = decode(data, self.path)
        shelf = Shelf({card.id: card for card in cards}, {domain.name: domain for domain in domains})
        # Two changes within one tick of the file system's clock may give one key: only a file that has rested is kept.
        self._kept = (key, shelf) if time.time_ns() - key[0] > RESTED_NS else None
        return shelf

    @contextmanager
    def change(self, patience: float = PATIENCE) -> Iterator[Draft]:
        """Change the newest state, alone; written as a whole when the block ends well, else not at all."""
        with writer_lock(self.lock, patience):
            clear_drafts(self.path)
            self._kept = None
            shelf = self.read()
            draft = Draft(shelf)
            yield draft
            if draft.cards != shelf.cards or draft.domains != shelf.domains:
                replace_file(self.path, encode(draft.cards.values(), draft.domains.values(), self.path))


def stat_key(found: os.stat_result) -> StatKey:
    """What tells a replaced file from the one before it."""
    return found.st_mtime_ns, found.st_size, found.st_ino


# --- Looking names up ------------------------------------------------------------------------------------------------


def known_card(cards: Mapping[str, ModelCard], model: str) -> ModelCard:
    if model not in cards:
        raise UnknownModel(printable(model, 80), cards, ALL_MODELS)
    return cards[model]


def known_domain(domains: Mapping[str, Domain], name: str) -> Domain:
    if name not in domains:
        raise UnknownDomain(printable(name, 80), domains, ALL_DOMAINS)
    return domains[name]


def check_untaken(cards: Mapping[str, ModelCard], model: str) -> None:
    if model in cards:
        raise NameTaken(
            f"There is a model {model!r} already. Give another name with --name, or remove it first:"
            f" headhunt zoo remove {model}."
        )

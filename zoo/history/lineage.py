"""What a model of this repository has been trained on: its own domain, and those of all that it started from."""

from zoo.catalogue.store import Shelf


def trained_on(shelf: Shelf) -> dict[str, frozenset[str]]:
    """For each card, the domains whose images shaped its weights."""
    return {model: frozenset(ancestry(shelf, model)) for model in shelf.cards}


def ancestry(shelf: Shelf, model: str) -> set[str]:
    domains: set[str] = set()
    seen: set[str] = set()
    at: str | None = model
    while at is not None and at in shelf.cards and at not in seen:
        seen.add(at)
        domains.add(shelf.cards[at].domain)
        at = shelf.cards[at].parent
    return domains

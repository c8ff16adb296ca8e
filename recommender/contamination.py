"""Which models have already seen these images? What they say of them would be memory, not skill.

Two signs, for each domain whose images are kept: the same files (by digest), and in the nearest domains the same
pictures (discriminator/duplicates.py), which finds copies that were resized or saved anew. A model has seen what its
domain holds, and what the domains of all that it started from hold.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from discriminator.duplicates import looks_of, matches
from discriminator.gallery import Gallery
from headhunt.errors import HeadhuntError
from headhunt.vocabulary import ModelCard, Version
from recommender.drawing import any_of
from zoo.history.lineage import trained_on
from zoo.images.samples import stored_sample
from zoo.images.versions import stored_version
from zoo.repository import Zoo

NEAREST, NEAR_ENOUGH = 2, 0.3
"""So many domains are searched for copies, and only such as the sample resembles at all."""
MOST_COMPARED = 2000
"""Images of a domain; of larger ones a draw, and the share is reckoned up."""
LEAST_COMPARED = 50
LEAST_COPIES = 3
TOO_MANY = 0.05
"""The share of the sample's images that may be in a domain by chance: blank pages, logos."""


@dataclass(frozen=True)
class Seen:
    """For each domain that holds images of the sample: which share of them."""

    shares: Mapping[str, float]

    def by(self, card: ModelCard, ancestry: Mapping[str, frozenset[str]]) -> float:
        """The largest share of the sample that a domain in the model's ancestry holds."""
        return max((self.shares.get(domain, 0.0) for domain in ancestry.get(card.id, ())), default=0.0)


def overlap(zoo: Zoo, version: Version) -> Seen:
    """By digest, over all domains whose manifests are kept. One that cannot be read says nothing."""
    digests = {entry.digest for entry in version.entries}
    shares: dict[str, float] = {}
    for domain in zoo.catalogue.read().domains.values():
        held = held_by(zoo, domain.version)
        both = len(digests & held)
        if both > TOO_MANY * len(digests):
            shares[domain.name] = both / len(digests)
    return Seen(shares)


def copies(zoo: Zoo, gallery: Gallery, nearness: Mapping[str, float], most: int = MOST_COMPARED) -> Seen:
    """By what the pictures show, over the domains that the sample resembles most; `most` images of each."""
    if most < LEAST_COMPARED:
        return Seen({})
    domains = zoo.catalogue.read().domains
    near = sorted(nearness, key=lambda name: -nearness[name])[:NEAREST]
    looks = looks_of(gallery)
    shares: dict[str, float] = {}
    for name in near:
        version = domains[name].version if name in domains else None
        if version is None or nearness[name] < NEAR_ENOUGH:
            continue
        with suppress(HeadhuntError), stored_sample(version, zoo.home) as sample:
            entries = any_of(sample.entries(), min(most, MOST_COMPARED))
            found = float(np.mean(matches(looks, looks_of(Gallery(sample, entries))) >= 0))
            share = min(1.0, found * len(sample.entries()) / len(entries))
            if share > TOO_MANY and found * len(looks.digests) >= LEAST_COPIES:
                shares[name] = share
    return Seen(shares)


def held_by(zoo: Zoo, version: str | None) -> frozenset[str]:
    """The digests of a stored version."""
    if version is None:
        return frozenset()
    try:
        return frozenset(entry.digest for entry in stored_version(version, zoo.home / "versions").entries)
    except HeadhuntError:
        return frozenset()


def have_seen(zoo: Zoo, seen: Seen) -> dict[str, float]:
    """Model -> share of the sample that it was trained on, for those that were."""
    shelf = zoo.catalogue.read()
    ancestry = trained_on(shelf)
    shares = {card.id: seen.by(card, ancestry) for card in shelf.cards.values()}
    return {model: share for model, share in shares.items() if share > TOO_MANY}

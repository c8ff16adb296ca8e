"""A map of the zoo: which domains, and which models, lie nearest to some images?

    domain   m [d], the mean embedding of its images           (m, -|m|^2 / 2)     in one index
    model    that of the domain it was trained on              (m, -|m|^2 / 2)     in another
    sample   x [d], the mean embedding of its images           (x, 1)

The inner product of the last two is (|x|^2 - |x - m|^2) / 2, and so largest for the m nearest to x. That distance is
the one nearness is made of (discriminator/nearness.py).

    HOME/atlas/<reference>/domains, HOME/atlas/<reference>/models      discriminator/index.py

The map follows the catalogue: what is new is added, what is gone is removed, and all else stays as it is. A key is
`<version> <name>`: a name that stands for other images than before is another place. A folder that is lost or damaged
is filled again from the records of the domains, without looking at an image.
"""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from discriminator.domains import Discriminator
from discriminator.index import Index
from headhunt.errors import BadValue, CatalogueBroken, NotWritten
from headhunt.vocabulary import Struct
from zoo.repository import Zoo

Floats = NDArray[np.float32]


class Near(Struct, frozen=True):
    """A domain or a model, and how far its place is from the images asked about."""

    name: str
    distance: float


class Atlas:
    """The map of a zoo, in the eyes of its reference network."""

    def __init__(self, zoo: Zoo, discriminator: Discriminator) -> None:
        self.zoo, self.discriminator = zoo, discriminator
        self._opened: dict[str, Index] = {}

    def near_domains(self, vector: Floats, k: int) -> list[Near]:
        """The k domains nearest to `vector` [d], nearest first; fewer where fewer have images."""
        shelf = self.zoo.catalogue.read()
        return self._near("domains", [(domain.version, name) for name, domain in shelf.domains.items()], vector, k)

    def near_models(self, vector: Floats, k: int) -> list[Near]:
        """The k models whose domains are nearest. One whose domain has no images has no place and is not found."""
        shelf = self.zoo.catalogue.read()
        versions = {name: domain.version for name, domain in shelf.domains.items()}
        taught = [(versions.get(card.domain), card.id) for card in shelf.cards.values()]
        return self._near("models", taught, vector, k)

    def _near(self, kind: str, placed: Sequence[tuple[str | None, str]], vector: Floats, k: int) -> list[Near]:
        wanted = [f"{version} {name}" for version, name in placed if version is not None]
        index = self._index(kind, wanted) if wanted else None
        if index is None:
            return []
        x = np.asarray(vector, np.float32)
        if x.shape != (index.dimension - 1,):
            raise BadValue(f"A vector of shape {x.shape} has no place among those of {index.dimension - 1} dimensions.")
        keys, distances = index.search(np.append(x, np.float32(1))[None], k)
        apart = np.sqrt(np.maximum(2 * distances[0] + x @ x, 0))
        found = [
            Near(name=key.partition(" ")[2], distance=far) for key, far in zip(keys[0], apart.tolist(), strict=True)
        ]
        return sorted(found, key=lambda near: (near.distance, near.name))

    def _index(self, kind: str, wanted: Sequence[str]) -> Index | None:
        """As the catalogue is now; None where no domain of those wanted can be looked at."""
        folder = self.zoo.home / "atlas" / self.discriminator.eyes / kind
        index = self._opened[kind] if kind in self._opened else kept_in(folder)
        known = set(() if index is None else index.names)
        gone, new = known.difference(wanted), self._places([key for key in wanted if key not in known])
        if new and index is None:
            index = Index(len(next(iter(new.values()))), "inner")
        if index is not None and (gone or new):
            index.remove(sorted(gone))
            index.add(list(new), np.array(list(new.values())).reshape(len(new), index.dimension))
            with suppress(NotWritten):  # a full disk costs the next request time, and this one nothing
                index.save(folder)
        if index is not None:
            self._opened[kind] = index
        return index

    def _places(self, keys: Sequence[str]) -> dict[str, Floats]:
        """Of those whose domain's images can be used. Nothing is read where nothing is new."""
        means = self.discriminator.means() if keys else {}
        return {key: place_of(means[version]) for key in keys if (version := key.partition(" ")[0]) in means}


def kept_in(folder: Path) -> Index | None:
    """What was saved; None where there is nothing that can be read."""
    try:
        return Index.open(folder)
    except CatalogueBroken:
        return None


def place_of(mean: Floats) -> Floats:
    """m [d] -> (m, -|m|^2 / 2) [d + 1]"""
    return np.append(mean, -(mean @ mean) / 2).astype(np.float32)

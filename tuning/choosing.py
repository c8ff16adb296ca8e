"""Which of the images a search runs on: all of them, or a part that stands for them.

    images to learn from --network that looks at all data--> embeddings --herding, checked--> a quarter of them

A part pays where there are many trials, since the best few are trained on all images at the end: a quarter of n images
in T trials saves 3/4 T trainings, and four come back. It was measured with 12 and 24 trials, and with 100 of 400 images
(docs/benchmarks.md); from 1,000 on it is two and a half times as many images as that.

What the recommendation looked at is not looked at again.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from discriminator.domains import Discriminator
from discriminator.embedding import embedded
from discriminator.features import FeatureStore
from discriminator.gallery import Gallery
from headhunt.errors import HeadhuntError, Interrupted
from headhunt.vocabulary import Entry
from tuning.bench import Rows
from tuning.part import representative
from tuning.tune import Wish
from zoo.images.samples import Sample
from zoo.parts import Parts
from zoo.repository import Zoo

SHARE = 0.25
IMAGES, TRIALS = 1_000, 12
"""From so many images to learn from, and so many trials, on a part is searched where nobody said otherwise."""
FOR_LOOKING = 0.1
"""Of the seconds given: where looking at the images takes more, the search is on all."""


@dataclass(frozen=True)
class Chooser:
    """galleries: what a recommendation may have looked at."""

    zoo: Zoo
    sample: Sample
    wish: Wish
    galleries: Sequence[Gallery] = ()

    def __call__(self, parts: Parts) -> Rows | None:
        """None: all. What nobody asked for is left out where it cannot be had; what was asked for is an error then."""
        discriminator = Discriminator(self.zoo, FeatureStore(self.zoo.home))
        if self.wish.share is None:
            try:
                return self.part(discriminator, parts) if self.pays(discriminator, parts) else None
            except Interrupted:
                raise
            except (HeadhuntError, OSError, RuntimeError):
                return None
        return None if self.wish.share == 1 else self.part(discriminator, parts)

    def pays(self, discriminator: Discriminator, parts: Parts) -> bool:
        """Accuracies on a part are lower: they are no good for a limit, nor to be weighed against other aims."""
        images, trials, seconds = len(parts.train.images), self.wish.trials, self.wish.seconds
        if images < IMAGES or (trials is not None and trials < TRIALS) or not discriminator.is_ready():
            return False
        if self.wish.goals.several or "accuracy" in self.wish.goals.limits:
            return False
        return seconds is None or images * discriminator.an_image() <= FOR_LOOKING * seconds

    def part(self, discriminator: Discriminator, parts: Parts) -> Rows | None:
        entries = self.sample.entries("train" if self.sample.splits else None)
        vectors = self.vectors(discriminator, [entries[i] for i in parts.train.kept])
        found = representative(vectors, parts.train.labels.numpy(), self.wish.share or SHARE, self.wish.seed)
        return None if found.share == 1 else found.indices

    def vectors(self, discriminator: Discriminator, entries: Sequence[Entry]) -> NDArray[np.float64]:
        """[n, d]: from the disk for what was looked at before, computed for the rest, and kept."""
        backbone, store = discriminator.backbone, discriminator.store
        known: dict[str, NDArray[np.float64]] = {}

        def look(gallery: Gallery) -> None:
            vectors = embedded(store.features(backbone, gallery))
            known.update(zip((entry.digest for entry in gallery.entries), vectors, strict=True))

        for gallery in self.galleries:
            if store.known(backbone, gallery):
                look(gallery)
                break
        if missing := [entry for entry in entries if entry.digest not in known]:
            look(Gallery(self.sample, missing))
        return np.stack([known[entry.digest] for entry in entries])

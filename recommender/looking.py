"""How one candidate is looked through, here or by somebody else, and what that takes."""

import time
from dataclasses import dataclass, field

import numpy as np

from discriminator.backbone import backbone_of
from discriminator.features import FeatureStore
from discriminator.gallery import Gallery
from headhunt.vocabulary import ModelCard
from recommender.budget import first_scoring
from recommender.fan import Parcel
from recommender.fan_tasks import Look, Looked, may_travel, not_working, pictures_part, weights_part
from recommender.pace import Pace
from recommender.signals import feature_signals
from zoo.images.pixels import View
from zoo.repository import Zoo


@dataclass
class Looking:
    """At one gallery. decoding: seconds that one image takes for one view."""

    zoo: Zoo
    gallery: Gallery
    store: FeatureStore
    decoding: float
    seed: int
    device: str | None
    pace: Pace = field(default_factory=Pace)

    def __post_init__(self) -> None:
        self.scoring = first_scoring(len(self.gallery.asked))
        """Seconds that the scores of one candidate take."""

    def hold(self, view: View) -> None:
        """Decode for a view, and remember how long that takes."""
        if not self.gallery.holds(view):
            began = time.perf_counter()
            if self.gallery.hold(view):
                self.decoding = (time.perf_counter() - began) / len(self.gallery.asked)

    def through(self, card: ModelCard) -> dict[str, float]:
        """Here: its features, from the disk where they are there, and what they say of the classes."""
        labels = self.gallery.labels
        backbone = backbone_of(self.zoo, card)
        cached = self.store.known(backbone, self.gallery)
        if not cached:
            self.hold(backbone.view)
        began = time.perf_counter()
        try:
            features = self.store.features(backbone, self.gallery, device=self.device)
            if not cached:
                self.pace.learn(card, len(labels), time.perf_counter() - began)
            began = time.perf_counter()
            return feature_signals(features, labels, self.seed)
        except (RuntimeError, ValueError, np.linalg.LinAlgError) as error:
            raise not_working(error) from error
        finally:
            self.scoring = max(self.scoring / 2, time.perf_counter() - began)

    def packed(self, card: ModelCard) -> Parcel | None:
        """For somebody elsewhere; None where its features are here, or where it cannot be sent."""
        backbone = backbone_of(self.zoo, card)
        card = self.zoo.card(card.id)  # its weights may have come just now
        if self.store.known(backbone, self.gallery) or not may_travel(card):
            return None
        self.hold(backbone.view)
        parts = (pictures_part(self.gallery, backbone.view), weights_part(self.zoo, card))
        return Parcel(Look(card, backbone.digest, self.seed, self.device), parts, self.device)

    def unpacked(self, card: ModelCard, looked: Looked) -> dict[str, float]:
        self.store.keep(backbone_of(self.zoo, card), self.gallery, looked.features)
        self.pace.learn(card, len(self.gallery.labels), looked.looking)
        self.scoring = max(self.scoring / 2, looked.scoring)
        return looked.signals


@dataclass(frozen=True)
class LookThrough:
    """One candidate, as an errand. `place`: in the order of looking; `i`: among the candidates."""

    looking: Looking
    model: str
    place: int
    i: int

    def here(self) -> dict[str, float]:
        return self.looking.through(self.looking.zoo.card(self.model))

    def packed(self) -> Parcel | None:
        return self.looking.packed(self.looking.zoo.card(self.model))

    def unpacked(self, answer: Looked) -> dict[str, float]:
        return self.looking.unpacked(self.looking.zoo.card(self.model), answer)

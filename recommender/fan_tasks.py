"""What can be sent elsewhere of a recommendation: looking through a network, and trying one.

A task brings all that it takes with it: the card, the sample's pixels in the network's view, the network's weights. So
it asks for no home folder, no sample and no catalogue, and its answer is data, which the asker keeps in its own.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from discriminator.backbone import Backbone
from discriminator.extraction import extract
from discriminator.gallery import Gallery
from discriminator.gap import Features
from headhunt.errors import BadSpec, one_line
from headhunt.vocabulary import ModelCard
from recommender.clock import Deadline
from recommender.contender import Contender, ProbeResult, probing_data
from recommender.fan import Part
from recommender.pace import Pace
from recommender.probes import Probe, Trial, probe
from recommender.signals import feature_signals
from zoo.images.pixels import Pixels, View
from zoo.judging import view_of
from zoo.networks.weights import State, state_in
from zoo.repository import Zoo, network_with


@dataclass(frozen=True)
class Pictures:
    """What was decoded for one view, as it is sent. bare: uint8 [N, S, S, 3]; labels: [N], -1: unlabelled."""

    bare: NDArray[np.uint8]
    labels: NDArray[np.int64]
    classes: tuple[str, ...]
    asked: range
    """One for each image, those that could not be decoded included: some choices depend on how many there are."""

    @property
    def images(self) -> torch.Tensor:
        """uint8 [N, 3, S, S], channels last, as decoded."""
        own = self.bare if self.bare.flags.writeable else self.bare.copy()
        return torch.from_numpy(own).permute(0, 3, 1, 2)

    def batches(self, view: View, size: int) -> Iterator[torch.Tensor]:  # noqa: ARG002 - there is one view
        yield from torch.split(self.images, size)

    @property
    def pixels(self) -> Pixels:
        return Pixels(self.images, torch.tensor(self.labels), self.classes)


@dataclass(frozen=True)
class Looked:
    """What a network makes of the sample, and the seconds that looking and scoring took."""

    features: Features
    signals: dict[str, float]
    looking: float
    scoring: float


@dataclass(frozen=True)
class Look:
    """Features of one candidate, and how well they separate the classes. Parts: pictures, weights."""

    card: ModelCard
    digest: str
    seed: int
    device: str | None

    def do(self, parts: tuple[Pictures, bytes]) -> Looked:
        pictures, weights = parts
        card = self.card
        state = state_in(weights, str(card.weights))
        backbone = Backbone(
            card.id, self.digest, view_of(card), card.mean, card.std, lambda: network_with(state, card), card.macs
        )
        began = time.perf_counter()
        try:
            features = extract(backbone, pictures, self.device)
            between = time.perf_counter()
            signals = feature_signals(features, pictures.labels, self.seed)
        except (RuntimeError, ValueError, np.linalg.LinAlgError) as error:
            raise not_working(error) from error
        return Looked(features, signals, between - began, time.perf_counter() - between)


@dataclass(frozen=True)
class Tried:
    """What a probe came to, the network as it left it where that is worth keeping, seconds for an image passed."""

    result: ProbeResult
    state: State | None
    pace: float | None


@dataclass(frozen=True)
class Try:
    """One rung of one contender. Parts: pictures, weights (None with a start), what the rung before ended in.

    left: seconds. seed: of the cut into images learned from and held out.
    """

    card: ModelCard
    trial: Trial
    left: float
    pace: Pace
    device: str | None
    seed: int

    def do(self, parts: tuple[Pictures, bytes | None, tuple[ProbeResult, State] | None]) -> Tried:
        clock = Deadline(self.left)
        pictures, weights, start = parts
        state = None if weights is None else state_in(weights, str(self.card.weights))
        data = probing_data(pictures.pixels, self.card.mean, self.card.std, self.seed)
        classes = len(pictures.classes)
        contender = Contender(self.card, lambda: data, lambda: network_with(state, self.card, classes))
        pace = Pace(dict(self.pace.measured), dict(self.pace.per_macs))
        probed = probe(contender, self.trial, Probe(clock, pace, self.device), start)
        keeping = probed.network is not None and "cut" not in probed.result.marks
        ended = probed.network.state_dict() if keeping and probed.network else None
        return Tried(
            probed.result,
            None if ended is None else {name: value.detach().cpu() for name, value in ended.items()},
            pace.seconds(self.card, 1) if pace.knows(self.card) else None,
        )


def may_travel(card: ModelCard) -> bool:
    """A user's own network is code that only this machine is known to have; what has no weights here cannot be sent."""
    return ":" not in card.network and card.weights is not None


def pictures_part(gallery: Gallery, view: View) -> Part:
    def make() -> Pictures:
        pixels = gallery.pixels(view)
        bare = pixels.images.permute(0, 2, 3, 1).contiguous().numpy()
        return Pictures(bare, gallery.labels, gallery.classes, range(len(gallery.asked)))

    return Part(f"{gallery.key} {view}", make)


def weights_part(zoo: Zoo, card: ModelCard) -> Part:
    return Part(str(card.weights), lambda: zoo.weights.blob(str(card.weights)))


def not_working(error: Exception) -> BadSpec:
    return BadSpec(f"its network does not work on these images ({one_line(error)})")

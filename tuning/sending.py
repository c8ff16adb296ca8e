"""A trial that is done elsewhere: in a process beside this one, or on a node of a cluster.

    card, protocol, seed, bar | images, weights  --do-->  what each validation image said, readings, the curve

It brings all that it takes, so it asks for no home and no catalogue. Its seed is the study's and comes with it, so what
comes of a point does not hang on where it was tried. Nobody speaks with it while it runs: whether it falls behind is
judged there, by what was known when it was sent.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from headhunt.errors import TrialStopped
from headhunt.vocabulary import CurvePoint, ModelCard, Protocol
from tuning.curtailing import reading
from tuning.study import BEHIND
from zoo.cells import ears
from zoo.images.pixels import Pixels
from zoo.networks.weights import state_in
from zoo.repository import network_with
from zoo.telling import Silence
from zoo.training.evaluation import Scores, evaluate
from zoo.training.trainable import TrainingData
from zoo.training.trainer import train


@dataclass(frozen=True)
class Part:
    """Something large. Trials that name the same key share it: it is made and sent once."""

    key: str | None
    make: Callable[[], object]


@dataclass(frozen=True)
class Parcel:
    task: "Try"
    parts: tuple[Part, ...]
    device: str | None = None


@dataclass(frozen=True)
class Images:
    """Of one part of the sample, as they are sent: uint8 [N, S, S, 3]; labels: [N], -1: unlabelled."""

    bare: NDArray[np.uint8]
    labels: NDArray[np.int64]
    classes: tuple[str, ...]

    @property
    def pixels(self) -> Pixels:
        own = self.bare if self.bare.flags.writeable else self.bare.copy()
        return Pixels(torch.from_numpy(own).permute(0, 3, 1, 2), torch.tensor(self.labels), self.classes)


def images_of(pixels: Pixels) -> Images:
    bare = pixels.images.permute(0, 2, 3, 1).contiguous().numpy()
    return Images(bare, pixels.labels.numpy(), pixels.classes)


@dataclass(frozen=True)
class Tried:
    """What came of it. stopped: why it ended early; told: points of its curves, in order; scores: None, where it was
    stopped."""

    readings: dict[int, float]
    told: list[tuple[int, dict[str, float]]]
    seconds: float
    scores: Scores | None
    stopped: str = ""


@dataclass
class Noted(Silence):
    """Points of curves, as a diary would hear them."""

    points: list[tuple[int, dict[str, float]]] = field(default_factory=list)

    def numbers(self, step: int, values: Mapping[str, float]) -> None:
        self.points.append((step, dict(values)))


@dataclass(frozen=True)
class Try:
    """One trial. Parts: images to learn from, images to validate by, weights. size: of the images; aim: what readings
    are of; bar: for each percent of the training the reading above which it is not worth going on, where less is
    better, as `sign` makes it."""

    card: ModelCard
    protocol: Protocol
    seed: int
    size: int
    aim: str
    sign: float
    bar: Mapping[int, float]
    device: str | None = None

    def do(self, parts: tuple[Images, Images, bytes]) -> Tried:
        learned, judged, weights = parts
        data = TrainingData(learned.pixels, judged.pixels, self.card.mean, self.card.std)
        noted, readings, began = Noted(), dict[int, float](), time.perf_counter()
        try:
            scores: Scores | None = self.trained(data, weights, noted, readings)
            stopped = ""
        except TrialStopped as error:
            scores, stopped = None, str(error)
        return Tried(readings, noted.points, time.perf_counter() - began, scores, stopped)

    def trained(self, data: TrainingData, weights: bytes, noted: Noted, readings: dict[int, float]) -> Scores:
        with torch.random.fork_rng([]):
            torch.manual_seed(self.seed)
            state = state_in(weights, str(self.card.weights))
            network = network_with(state, self.card, len(data.train.classes), self.size)
        on_step, tell_point = ears(noted, None, True)
        steps = steps_of(self.protocol, len(data.train.images))

        def point(one: CurvePoint) -> None:
            if tell_point is not None:
                tell_point(one)
            if one.step < steps:
                self.judge(round(100 * one.step / steps), reading_of(one, self.aim), readings)

        train(network, data, self.protocol, seed=self.seed, device=self.device, on_step=on_step, on_point=point)
        assert data.val is not None  # noqa: S101 - it was sent
        return evaluate(network, data.val, data.mean, data.std, device=self.device)

    def judge(self, step: int, value: float, readings: dict[int, float]) -> None:
        readings[step] = value
        if reading(readings, self.sign) > self.bar.get(step, float("inf")):
            raise TrialStopped(BEHIND.format(step))


def reading_of(one: CurvePoint, aim: str) -> float:
    """Of the first aim; of a cost that does not change, the loss."""
    value = one.val_accuracy if aim == "accuracy" else one.val_loss
    return float("nan") if value is None else value


def steps_of(protocol: Protocol, images: int) -> int:
    """As the trainer counts them."""
    return protocol.steps or max(1, round(protocol.epochs * images / min(protocol.batch_size, images)))


def may_travel(card: ModelCard) -> bool:
    """A user's own network is code that only this machine is known to have; what has no weights here cannot be sent."""
    return ":" not in card.network and card.weights is not None

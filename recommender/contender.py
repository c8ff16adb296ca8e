"""The words of short training: who is tried, on which images, and what came of it."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from torch import nn

from headhunt.vocabulary import CurvePoint, ModelCard, Struct
from recommender.fan import Part
from zoo.images.pixels import Pixels
from zoo.parts import pick
from zoo.training.trainable import TrainingData

HELD_OUT = 0.25
"""More than a training holds out: with 100 of 400 images the loss has half the variance that it has with 50."""
MOST_HELD_OUT = 512
MOST_TRAINED_ON = 4096
"""Some hundred steps see no more images than that; they need not be in memory."""


@dataclass(frozen=True)
class Contender:
    """A model that may be tried: `network` builds it with its weights and a new head, `data` has it see the sample.

    `data` is asked several times for each probe: let it remember what it decoded.
    """

    card: ModelCard
    data: Callable[[], TrainingData]
    network: Callable[[], nn.Module]
    parts: Callable[[], tuple[Part, Part]] | None = None
    """The pictures and the weights, for somebody elsewhere; None: it can be tried here alone."""


class ProbeResult(Struct, frozen=True, omit_defaults=False):
    """What a model's short training came to, after its last rung.

    val_loss, val_accuracy: on the held-out images, or on those learned from where `marks` has `train-loss`.
    train_loss: the mean loss of the newest rung's batches, each before it was learned from.
    level: the mean of val_loss and train_loss, which is what contenders are compared by.
    slope: how much the level changed in the last rung, per doubling of the steps; below 0 where it still falls.
    seconds: of all rungs of this rate. expected: the level at the plan's horizon, and `spread` its standard deviation.
    losses: of each held-out image; empty with `train-loss`. step_losses: of each step of the newest rung. All
    contenders have the same images and the same order of batches, so that two can be compared one by one.
    curve: before the first step, then at the end of each rung.
    """

    model: str
    lr: float
    steps: int
    val_loss: float
    val_accuracy: float
    train_loss: float
    slope: float
    seconds: float
    expected: float
    spread: float = 0.0
    rungs: int = 1
    batch_size: int = 0
    losses: tuple[float, ...] = ()
    step_losses: tuple[float, ...] = ()
    curve: tuple[CurvePoint, ...] = ()
    marks: tuple[str, ...] = ()
    """`diverged`: worth no more than naming the shares of the classes. `cut`: stopped at the deadline.
    `train-loss`: no image could be held out. `small-batch`: memory was short."""

    @property
    def level(self) -> float:
        return level(self.curve[-1])


def level(point: CurvePoint) -> float:
    """What a point of the curve is worth: the loss of images never learned from, and of those about to be."""
    return point.train_loss if point.val_loss is None else (point.train_loss + point.val_loss) / 2


def probing_data(pixels: Pixels, mean: tuple[float, ...], std: tuple[float, ...], seed: int = 0) -> TrainingData:
    """Cut the labelled images for probes: of each class a share is held out, at least one where there are two.

    Where every class has one image there is no `val`. The same cut at every call, and for every view of the images.
    """
    labels = pixels.labels.numpy()
    rng = np.random.default_rng(seed)
    held: list[int] = []
    for label in np.unique(labels[labels >= 0]):
        members = rng.permutation(np.flatnonzero(labels == label))
        held.extend(members[: max(round(len(members) * HELD_OUT), int(len(members) > 1))].tolist())
    chosen = np.zeros(len(labels), dtype=bool)
    chosen[held] = True
    train = _at_most(np.flatnonzero(~chosen & (labels >= 0)), MOST_TRAINED_ON, rng)
    val = _at_most(np.flatnonzero(chosen), MOST_HELD_OUT, rng)
    return TrainingData(pick(pixels, train), pick(pixels, val) if len(val) else None, mean, std)


Rows = np.ndarray[tuple[int], np.dtype[np.int64]]


def _at_most(rows: Rows, count: int, rng: np.random.Generator) -> Rows:
    return rows if len(rows) <= count else np.sort(rng.choice(rows, count, replace=False))

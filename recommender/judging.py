"""What a network says of the images it is judged on, one by one; and what somebody says who has not looked at them."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from zoo.images.pixels import Pixels
from zoo.training.batches import Normalise
from zoo.training.devices import borrowed
from zoo.training.evaluation import in_mode, predict
from zoo.training.trainable import TrainingData

LARGEST = 6.0
"""What one image may add to the loss: a single confident mistake must not outvote a hundred images."""
BATCH = 256


@dataclass(frozen=True)
class Judged:
    """Mean loss and accuracy, and the loss of each image."""

    loss: float
    accuracy: float
    losses: tuple[float, ...]


def judge(network: nn.Module, pixels: Pixels, data: TrainingData, device: str | None) -> Judged:
    """Ask the network, in evaluation mode and full precision. The loss is not finite where an output is not."""
    with borrowed(network, device) as place, in_mode(network, training=False):
        logits = predict(network, pixels.images, Normalise(data.mean, data.std, place), BATCH)
    return judged(logits, pixels.labels)


def guess(data: TrainingData) -> Judged:
    """Naming, for every image, the shares that the classes have among those learned from (each counted once more)."""
    counts = torch.bincount(data.train.labels, minlength=len(data.train.classes)).double() + 1
    labels = (data.val or data.train).labels
    return judged((counts / counts.sum()).log().expand(len(labels), -1), labels)


def judged(logits: Tensor, labels: Tensor) -> Judged:
    """logits [N, C], labels [N]."""
    losses = functional.cross_entropy(logits.double(), labels, reduction="none")
    if bool(losses.isfinite().all()):
        losses = losses.clamp(max=LARGEST)
    right = (logits.argmax(dim=1) == labels).double().mean()
    return Judged(float(losses.mean()), float(right), tuple(round(loss, 5) for loss in losses.tolist()))

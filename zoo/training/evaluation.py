"""What a network says of images it has not learned from: accuracy, loss, each class on its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from headhunt.errors import BadValue
from zoo.images.pixels import Pixels
from zoo.training.batches import Normalise
from zoo.training.devices import best_layout, borrowed


@dataclass(frozen=True)
class Scores:
    """n: the images with a label, which all numbers are about; predictions: int64 [N]. Empty classes are left out.

    losses, right: float64 [n], of each image with a label.
    """

    accuracy: float
    loss: float
    per_class: dict[str, float]
    predictions: Tensor
    n: int
    losses: Tensor
    right: Tensor


def evaluate(
    network: nn.Module,
    pixels: Pixels,
    mean: tuple[float, ...],
    std: tuple[float, ...],
    *,
    device: str | None = None,
    batch_size: int = 256,
) -> Scores:
    """Ask the network, in evaluation mode and full precision; it comes back in the mode and on the device it was in."""
    if batch_size < 1:
        raise BadValue(f"The batch size is {batch_size}; it must be at least 1.")
    if not bool((pixels.labels >= 0).any()):
        raise BadValue(f"None of the {len(pixels.labels)} images has a label, so there is nothing to compare with.")
    with borrowed(network, device) as place, in_mode(network, training=False):
        logits = predict(network, pixels.images, Normalise(mean, std, place), batch_size)
    return _score(logits, pixels)


def predict(network: nn.Module, images: Tensor, normalise: Normalise, batch_size: int) -> Tensor:
    """images: uint8 [N, 3, S, S]. The outputs [N, C] in float32, on the CPU, in the mode the network is in."""
    layout = best_layout(network)
    with torch.inference_mode():
        parts = (normalise(part).contiguous(memory_format=layout) for part in torch.split(images, batch_size))
        outputs = [network(part).float().cpu() for part in parts]
    return torch.cat(outputs)


@contextmanager
def in_mode(network: nn.Module, training: bool) -> Iterator[None]:
    """Training or evaluation mode for a while; every module goes back to the mode that it had itself."""
    modes = [(module, module.training) for module in network.modules()]
    network.train(training)
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode


def _score(logits: Tensor, pixels: Pixels) -> Scores:
    labels, known = pixels.labels.cpu(), pixels.labels.cpu() >= 0
    if logits.shape[1] <= int(labels.max()):
        raise BadValue(f"The network has {logits.shape[1]} outputs, the images have {int(labels.max()) + 1} classes.")
    predictions = logits.argmax(dim=1)
    right = (predictions == labels)[known].double()
    of_class = {
        name: float(right[labels[known] == index].mean())
        for index, name in enumerate(pixels.classes)
        if bool((labels == index).any())
    }
    losses = functional.cross_entropy(logits.double()[known], labels[known], reduction="none")
    return Scores(float(right.mean()), float(losses.mean()), of_class, predictions, int(known.sum()), losses, right)

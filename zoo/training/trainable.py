"""What can be trained: the data of a training, and the checks that stand before it.

Each check answers with one line that says which value, and what would do, before anything is spent.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from headhunt.errors import BadValue
from headhunt.vocabulary import Protocol
from zoo.images.pixels import Pixels
from zoo.training.layers import head_names


@dataclass(frozen=True)
class TrainingData:
    """Images to learn from, images to look at after every epoch, and the normalisation that the network wants."""

    train: Pixels
    val: Pixels | None
    mean: tuple[float, ...]
    std: tuple[float, ...]


def check_trainable(network: nn.Module, data: TrainingData, protocol: Protocol) -> None:
    check_protocol(protocol)
    _check_data(data)
    _check_network(network, protocol, len(data.train.images))


def check_outputs(outputs: object, classes: int) -> Tensor:
    """The network's answer to the first batch, if it is one number for each class and image."""
    if not isinstance(outputs, Tensor) or outputs.ndim != 2:
        shape = tuple(outputs.shape) if isinstance(outputs, Tensor) else type(outputs).__name__
        raise BadValue(f"The network answers with {shape}; training wants one tensor of shape (images, classes).")
    if outputs.shape[1] < classes:
        raise BadValue(
            f"The network has {outputs.shape[1]} outputs, the data {classes} classes: build it with {classes}."
        )
    return outputs


def check_protocol(protocol: Protocol) -> None:
    p = protocol
    wrong = [
        (p.steps is None and not 0 < p.epochs < math.inf, "epochs", p.epochs, "above 0"),
        (p.steps is not None and p.steps < 1, "steps", p.steps, "at least 1"),
        (p.batch_size < 1, "batch_size", p.batch_size, "at least 1"),
        (not 0 < p.lr < math.inf, "lr", p.lr, "above 0, such as 0.002"),
        (not 0 <= p.weight_decay < math.inf, "weight_decay", p.weight_decay, "0 or more"),
        (not 0 <= p.momentum < 1, "momentum", p.momentum, "from 0 to below 1"),
        (not 0 <= p.warmup < 1, "warmup", p.warmup, "a share of the steps, from 0 to below 1"),
        (not 0 < p.layer_decay <= 1, "layer_decay", p.layer_decay, "above 0, up to 1"),
        (not 0 <= p.head_first < 1, "head_first", p.head_first, "a share of the steps, from 0 to below 1"),
        (not 0 <= p.label_smoothing < 1, "label_smoothing", p.label_smoothing, "from 0 to below 1"),
        (not 0 <= p.ema < 1, "ema", p.ema, "a decay from 0 to below 1"),
        (not 0 <= p.clip < math.inf, "clip", p.clip, "0 (no limit) or more"),
        (
            not 0 <= p.evaluate_every < math.inf,
            "evaluate_every",
            p.evaluate_every,
            "0 (at the end only) or more epochs",
        ),
    ]
    for is_wrong, name, value, wanted in wrong:
        if is_wrong:
            raise BadValue(f"The protocol's {name} is {value}; it must be {wanted}.")


def _check_data(data: TrainingData) -> None:
    _check_pixels(data.train, "to train on")
    seen = int(torch.bincount(data.train.labels).count_nonzero())
    if seen < 2:
        raise BadValue(f"All {len(data.train.labels)} images to train on are of one class; there must be two or more.")
    if data.val is not None:
        _check_pixels(data.val, "to validate on")
    if len(data.mean) != len(data.std) or len(data.mean) not in (1, 3) or not min(data.std) > 0:
        raise BadValue(
            f"The normalisation {data.mean}, {data.std} must be 3 means and 3 deviations above 0, or 1 of each."
        )


def _check_pixels(pixels: Pixels, purpose: str) -> None:
    if not len(pixels.images):
        raise BadValue(f"There are no images {purpose}.")
    if pixels.images.dtype != torch.uint8 or pixels.images.ndim != 4 or pixels.images.shape[1] != 3:
        found = f"{pixels.images.dtype} {tuple(pixels.images.shape)}"
        raise BadValue(f"The images {purpose} are {found}; they must be torch.uint8 of shape (N, 3, S, S).")
    if len(pixels.labels) != len(pixels.images):
        raise BadValue(f"There are {len(pixels.images)} images {purpose}, but {len(pixels.labels)} labels.")
    unlabelled = int((pixels.labels < 0).sum())
    if unlabelled:
        raise BadValue(
            f"{unlabelled} of the {len(pixels.labels)} images {purpose} have no label: label or leave them out."
        )


def _check_network(network: nn.Module, protocol: Protocol, images: int) -> None:
    learning = {name for name, parameter in network.named_parameters() if parameter.requires_grad}
    if not learning:
        raise BadValue("None of the network's parameters learns: set requires_grad on those that should.")
    if protocol.head_first and not learning & head_names(network):
        raise BadValue("The protocol trains the head first, but no parameter of the network's head learns.")
    if min(protocol.batch_size, images) == 1 and any(isinstance(m, _BatchNorm) for m in network.modules()):
        raise BadValue(
            "The batch size is 1, and the network has BatchNorm, which needs 2 images or more: take a larger one."
        )

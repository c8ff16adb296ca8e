"""A training small enough to be run a hundred times: striped images of four classes, and a network of two layers."""

import torch
from torch import nn

from headhunt.vocabulary import Protocol
from zoo.images.pixels import Pixels
from zoo.training.trainer import TrainingData

HALF = (0.5, 0.5, 0.5)
QUICK = Protocol(epochs=3, batch_size=16, lr=5e-3, precision="fp32")


def stripes(count: int, seed: int) -> Pixels:
    """Four classes: upright, lying, both, none; in noise."""
    draws = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % 4
    wave = (torch.arange(12) // 3 % 2 * 120).to(torch.uint8)
    images = torch.randint(0, 100, (count, 3, 12, 12), dtype=torch.uint8, generator=draws)
    images[(labels == 0) | (labels == 2)] += wave
    images[(labels == 1)] += wave[:, None]
    images[(labels == 2)] += wave[:, None] // 6
    return Pixels(images, labels, ("upright", "lying", "both", "none"))


def case(images: int = 80, val: int = 40) -> TrainingData:
    return TrainingData(stripes(images, 0), stripes(val, 1) if val else None, HALF, HALF)


def network(classes: int = 4) -> nn.Module:
    torch.manual_seed(7)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Conv2d(8, 16, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Dropout(0.2),
        nn.Linear(16, classes),
    )

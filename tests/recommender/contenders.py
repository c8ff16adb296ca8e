"""Contenders for tests: striped images of four classes, networks of two layers, one of them taught stripes before."""

from collections.abc import Callable
from copy import deepcopy
from functools import cache

import torch
from torch import nn

from headhunt.vocabulary import Protocol
from recommender.contender import Contender
from tests.zoo.cards import card
from tests.zoo.small_training import HALF, case, stripes
from zoo.training.trainer import TrainingData, train


def tiny(classes: int = 4) -> nn.Module:
    """Two layers, random: another one at every seed of torch's generator."""
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Conv2d(8, 16, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(16, classes),
    )


def contender(
    name: str = "stripes/random",
    build: Callable[[], nn.Module] = tiny,
    data: TrainingData | None = None,
    network: str = "two_layers",
) -> Contender:
    shown = data or case(64, 32)
    facts = card(name, network=network, origin="train", input_size=12, macs=10_000, mean=HALF, std=HALF)
    return Contender(facts, lambda: shown, build)


@cache
def _learned() -> nn.Module:
    """Taught once, on other images of stripes."""
    with torch.random.fork_rng():
        torch.manual_seed(7)
        taught = tiny()
    data = TrainingData(stripes(160, 5), None, HALF, HALF)
    train(taught, data, Protocol(steps=150, batch_size=16, lr=1e-2, precision="fp32", evaluate_every=0))
    return taught


def experience() -> nn.Module:
    """A network that has seen stripes before, with the new head that came with it."""
    return deepcopy(_learned())

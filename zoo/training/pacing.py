"""How long a step of a training takes here, told by a few steps on a copy."""

import copy
import time

import msgspec
import torch
from torch import nn

from headhunt.vocabulary import Protocol
from zoo.training.trainer import TrainingData, train

TRIED, WARM = 6, 2
"""Steps that tell the pace, after some that warm up."""


def seconds_a_step(network: nn.Module, data: TrainingData, protocol: Protocol) -> float:
    """Of a copy, which is thrown away."""
    times: list[float] = []
    tried = msgspec.structs.replace(protocol, steps=WARM + TRIED, evaluate_every=0)
    with torch.random.fork_rng([]):
        without = TrainingData(data.train, None, data.mean, data.std)
        train(copy.deepcopy(network), without, tried, on_step=lambda _: times.append(time.perf_counter()))
    return max((times[-1] - times[WARM - 1]) / (len(times) - WARM), 1e-6) if len(times) > WARM else 1e-3

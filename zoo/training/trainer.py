"""The one trainer of headhunt: a network, images in memory, a protocol; a tuned network and its curve.

    Order --which images--> Batches --augment, normalise--> network --loss--> optimiser --> Average
                                                                |
                                        every step: Step; every epoch: CurvePoint, checkpoint

A run is a function of (network, data, protocol, seed): every draw of step k has a seed of its own, made from the
training's seed and k, and so has the dropout inside the network. What has to survive a crash is therefore no more
than weights, optimiser, average and curve.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import torch
from torch import nn

from headhunt.vocabulary import CurvePoint, Protocol
from zoo.training.checkpoints import Keeper, identity
from zoo.training.devices import best_layout, borrowed, laid_out
from zoo.training.interrupts import patient_interrupts
from zoo.training.loop import Loop, Setting, Step, Trained
from zoo.training.trainable import TrainingData, check_trainable

__all__ = ["Step", "Trained", "TrainingData", "train"]


def train(
    network: nn.Module,
    data: TrainingData,
    protocol: Protocol,
    *,
    seed: int = 0,
    device: str | None = None,
    checkpoint: Path | None = None,
    on_step: Callable[[Step], None] | None = None,
    on_point: Callable[[CurvePoint], None] | None = None,
) -> Trained:
    """Train `network` in place, on `device` (None: the GPU if there is one); it comes back on the device it was on.

    checkpoint: a file that is written at the end of epochs and every half minute. If it is there already, the training
    goes on from it, and on the same machine ends with the same weights as if it had never been broken off. It stays
    when the training is over, and then gives the result at once: remove it when the result is safe.

    on_step: called after every step, in order; on a GPU for 16 steps at a time, since each answer makes the GPU wait.
    If it raises KeyboardInterrupt or Interrupted, the training stops there as it does after Ctrl-C: the checkpoint is
    written, and Interrupted says how to go on. Any other error passes through. on_point: called with every point of the
    curve, after the steps that it stands for; those of a checkpoint were told before it was written.

    Raises BadValue before anything is spent, Diverged, CheckpointMismatch, Interrupted.
    """
    check_trainable(network, data, protocol)
    keeper = None if checkpoint is None else Keeper(checkpoint, _identity(network, data, protocol, seed))
    layout = laid_out(network, best_layout(network))
    with borrowed(network, device) as place, layout, _own_chance(place), patient_interrupts() as stop:
        return Loop(network, data, protocol, Setting(seed, place, keeper, on_step, stop, on_point)).finish()


def _identity(network: nn.Module, data: TrainingData, protocol: Protocol, seed: int) -> dict[str, str]:
    parts = [data.train] if data.val is None else [data.train, data.val]
    tensors = tuple(tensor for part in parts for tensor in (part.images, part.labels))
    return identity(network, tensors, protocol, seed, data.mean, data.std)


def _own_chance(place: torch.device) -> AbstractContextManager[None]:
    """The generators that dropout draws from are the caller's: they are left as they were found."""
    return torch.random.fork_rng([place.index] if place.type == "cuda" else [])

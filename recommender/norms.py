"""Statistics of BatchNorm as they are on these images, not as they were on those that the network came from.

A network brings the means and deviations of its own domain, and the running average of a few dozen steps has not
forgotten them. Judged with these, a short training looks worse than none (docs/probes.md). So they are taken anew from
the images learned from, before the head is fitted and before each judgement; Li et al. (2016) adapt a network to
another domain by no more than that.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from zoo.training.batches import Normalise, derived_seed
from zoo.training.devices import borrowed
from zoo.training.evaluation import in_mode, predict
from zoo.training.trainable import TrainingData

MOST_IMAGES = 512
"""Means over so many images, and all places of their maps, are known well enough."""
BATCH = 128


def refresh_norms(network: nn.Module, data: TrainingData, device: str | None = None) -> None:
    """Give every BatchNorm the plain average over the images' batches. Other networks are left as they are.

    The images are drawn, so that no batch is of one class; of two batches or more all are equally large.
    """
    norms = norms_of(network)
    count = min(len(data.train.images), MOST_IMAGES)
    if not norms or count < 2:
        return
    draws = torch.Generator().manual_seed(derived_seed(0, "norms", count))
    rows = torch.randperm(len(data.train.images), generator=draws)[: count // BATCH * BATCH or count]
    for norm in norms:
        norm.reset_running_stats()
    with borrowed(network, device) as place, by_batch(network, None):
        predict(network, data.train.images[rows], Normalise(data.mean, data.std, place), BATCH)


def norms_of(network: nn.Module) -> list[_BatchNorm]:
    return [module for module in network.modules() if isinstance(module, _BatchNorm) and module.track_running_stats]


@contextmanager
def by_batch(network: nn.Module, momentum: float | None) -> Iterator[None]:
    """Every BatchNorm takes the statistics of its batch, all else is in evaluation mode.

    momentum: the share of each batch in the running statistics; 0: they stay, None: they are the average of all.
    """
    norms = norms_of(network)
    momenta = [norm.momentum for norm in norms]
    with in_mode(network, training=False):
        try:
            for norm in norms:
                norm.train()
                norm.momentum = momentum
            yield
        finally:
            for norm, own in zip(norms, momenta, strict=True):
                norm.momentum = own

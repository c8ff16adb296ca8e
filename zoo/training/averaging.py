"""A moving average of a network's weights, which is often better than the newest ones (Polyak and Juditsky, 1992)."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class Average:
    """average <- d * average + (1 - d) * weights after every step, with d = min(decay, (1 + t) / (10 + t)) at step t.

    The lower d at the start forgets the first weights soon, so that a training of 24 steps has a use for it too.
    Running statistics of BatchNorm are averaged alike, being what the averaged weights saw. Counters are copied.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay = decay
        self._own = [*network.parameters(), *network.buffers()]
        self.state = [tensor.detach().clone() for tensor in self._own]

    @torch.no_grad()
    def update(self, step: int) -> None:
        """After step `step`, counted from 0."""
        weight = 1 - min(self.decay, (1 + step) / (10 + step))
        for average, tensor in zip(self.state, self._own, strict=True):
            if tensor.is_floating_point():
                average.lerp_(tensor, weight)
            else:
                average.copy_(tensor)

    @contextmanager
    def worn(self) -> Iterator[None]:
        """The network wears the average for a while."""
        self._exchange()
        try:
            yield
        finally:
            self._exchange()

    @torch.no_grad()
    def load(self, state: list[Tensor]) -> None:
        """Take up an average where it was left."""
        for average, tensor in zip(self.state, state, strict=True):
            average.copy_(tensor)

    @torch.no_grad()
    def settle(self) -> None:
        """The network keeps the average."""
        for average, tensor in zip(self.state, self._own, strict=True):
            tensor.copy_(average)

    def _exchange(self) -> None:
        for number, tensor in enumerate(self._own):
            tensor.data, self.state[number] = self.state[number], tensor.data

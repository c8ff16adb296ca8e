"""The images of one step: which ones, changed how, as the floats that a network wants.

Every draw has its own seed, made from the training's seed and the number of the step, so the batch of step 700 is the
same whether or not the training was broken off at step 699: there is no state to lose.
"""

import hashlib
from dataclasses import dataclass

import torch
from torch import Tensor

from zoo.training.augment import Augment, augment

_GPU_SHARE = 4
"""The images go to the GPU if they take less than this part of its free memory."""


def derived_seed(seed: int, purpose: str, number: int) -> int:
    """A seed for one purpose that has nothing in common with its neighbours'."""
    digest = hashlib.sha256(f"{seed}/{purpose}/{number}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


class Order:
    """Permutation after permutation in one stream, cut in batches: all full, every image as often as any other."""

    def __init__(self, count: int, batch: int, seed: int) -> None:
        self.count, self.batch, self.seed = count, min(batch, count), seed
        self._drawn: dict[int, Tensor] = {}

    def indices(self, step: int) -> Tensor:
        """Which images step `step` sees: int64 [batch]."""
        epoch, first = divmod(step * self.batch, self.count)
        own = self._permutation(epoch)[first : first + self.batch]
        missing = self.batch - len(own)
        return own if not missing else torch.cat([own, self._permutation(epoch + 1)[:missing]])

    def _permutation(self, epoch: int) -> Tensor:
        if epoch not in self._drawn:
            draws = torch.Generator().manual_seed(derived_seed(self.seed, "order", epoch))
            self._drawn = {e: p for e, p in self._drawn.items() if e == epoch - 1}
            self._drawn[epoch] = torch.randperm(self.count, generator=draws)
        return self._drawn[epoch]


class Normalise:
    """uint8 [B, 3, S, S] to float32 on the device: (x / 255 - mean) / std, in two passes over the batch.

    One mean means a network of one channel: the grey of the image, which is exact where it was grey before.
    """

    def __init__(self, mean: tuple[float, ...], std: tuple[float, ...], device: torch.device) -> None:
        self.device = device
        self.shift = torch.tensor(mean, device=device).view(1, -1, 1, 1) * 255
        self.scale = 1 / (torch.tensor(std, device=device).view(1, -1, 1, 1) * 255)
        self.grey = torch.tensor([0.299, 0.587, 0.114], device=device).view(1, 3, 1, 1) if len(mean) == 1 else None

    def __call__(self, images: Tensor) -> Tensor:
        images = images.to(self.device, non_blocking=True)
        if self.grey is not None:
            images = (images * self.grey).sum(dim=1, keepdim=True)
        return (images - self.shift).mul_(self.scale)


@dataclass(frozen=True)
class Preparation:
    """What is done to the images of a batch: changed by chance, normalised, laid out in memory."""

    how: Augment
    normalise: Normalise
    layout: torch.memory_format


class Batches:
    """What step `step` learns from: images [B, 3, S, S] in float32 and labels [B], both on the device."""

    def __init__(self, images: Tensor, labels: Tensor, order: Order, preparation: Preparation) -> None:
        self.order, self.preparation = order, preparation
        self.device = preparation.normalise.device
        self.images = images.to(self.device) if _fits(images, self.device) else images
        self.labels = labels.to(self.device)

    def __call__(self, step: int) -> tuple[Tensor, Tensor]:
        draws = torch.Generator().manual_seed(derived_seed(self.order.seed, "augment", step))
        indices = self.order.indices(step)
        images = self.images.index_select(0, indices.to(self.images.device, non_blocking=True))
        images = augment(images.to(self.device, non_blocking=True), self.preparation.how, draws)
        labels = self.labels.index_select(0, indices.to(self.device, non_blocking=True))
        return self.preparation.normalise(images).contiguous(memory_format=self.preparation.layout), labels


def _fits(images: Tensor, device: torch.device) -> bool:
    if device.type != "cuda":
        return True
    free, _ = torch.cuda.mem_get_info(device)
    return images.nbytes * _GPU_SHARE <= free

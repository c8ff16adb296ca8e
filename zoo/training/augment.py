"""Images made a little different each time they are seen: whole batches, on the device they lie on.

`auto` moves and, above 64 px, crops; it never mirrors, since digits, letters, signs and scans change their meaning in
a mirror, and no look at the pixels tells which data those are. Who knows that it is harmless says `shift-flip` or
`crop-flip`. All chance comes from the generator given, drawn on the CPU, so that every device sees the same batch.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

Augment = Literal["none", "shift", "shift-flip", "crop", "crop-flip"]

SMALL = 64
"""Up to this size images are moved, above it they are cropped: a crop blurs what is small."""
REACH = 1 / 8
"""The furthest move, as a share of the side."""
SMALLEST_CROP = 0.35
"""The smallest crop, as a share of the area."""
WIDEST = 4 / 3
"""The widest and the tallest crop."""


def choose_augment(asked: str, size: int) -> Augment:
    """What `auto` means at this size; everything else means itself."""
    if asked == "auto":
        return "shift" if size <= SMALL else "crop"
    return asked  # type: ignore[return-value]  # the vocabulary allows no other words


def augment(images: Tensor, how: Augment, draws: torch.Generator) -> Tensor:
    """images: uint8 [B, 3, S, S]. The same shape and type, each image changed by its own draw."""
    if how == "none":
        return images
    flip = how.endswith("-flip")
    return _crop(images, flip, draws) if how.startswith("crop") else _shift(images, flip, draws)


def _shift(images: Tensor, flip: bool, draws: torch.Generator) -> Tensor:
    """Move by whole pixels, the border reflected. One gather of bytes: position (r, c) takes (rows[r], columns[c])."""
    count, channels, height, width = images.shape
    rows = _moved(count, height, draws)
    columns = _moved(count, width, draws)
    if flip:
        mirrored = torch.rand(count, 1, generator=draws) < 0.5
        columns = torch.where(mirrored, columns.flip(1), columns)
    source = (rows[:, :, None] * width + columns[:, None, :]).view(count, 1, -1)
    source = source.to(images.device, non_blocking=True).expand(-1, channels, -1)
    return images.flatten(2).gather(2, source).view(images.shape)


def _moved(count: int, side: int, draws: torch.Generator) -> Tensor:
    """For each image and each pixel along one side the pixel it comes from: [count, side]."""
    reach = min(max(1, round(side * REACH)), side - 1)
    move = torch.randint(-reach, reach + 1, (count, 1), generator=draws)
    place = (torch.arange(side) + move).abs()
    return torch.where(place < side, place, 2 * (side - 1) - place)


@dataclass(frozen=True)
class _Crops:
    """For each image the half-width and half-height of its crop and the crop's centre, in [-1, 1]."""

    half: Tensor
    centre: Tensor


def _draw_crops(count: int, draws: torch.Generator) -> _Crops:
    low, high = torch.log(torch.tensor([1 / WIDEST, WIDEST]))
    area = torch.empty(count).uniform_(SMALLEST_CROP, 1.0, generator=draws)
    aspect = torch.exp(torch.empty(count).uniform_(float(low), float(high), generator=draws))
    half = torch.stack([(area * aspect).sqrt(), (area / aspect).sqrt()], dim=1).clamp(max=1.0)
    return _Crops(half, (torch.rand(count, 2, generator=draws) * 2 - 1) * (1 - half))


def _crop(images: Tensor, flip: bool, draws: torch.Generator) -> Tensor:
    """A random part, resized to the whole. It is never made smaller, so bilinear sampling does not alias."""
    crops = _draw_crops(len(images), draws)
    sign = torch.ones(len(images))
    if flip:
        sign = torch.where(torch.rand(len(images), generator=draws) < 0.5, -1.0, 1.0)
    affine = torch.zeros(len(images), 2, 3)
    affine[:, 0, 0], affine[:, 1, 1] = crops.half[:, 0] * sign, crops.half[:, 1]
    affine[:, :, 2] = crops.centre
    grid = functional.affine_grid(affine.to(images.device), list(images.shape), align_corners=False)
    sampled = functional.grid_sample(images.float(), grid, padding_mode="border", align_corners=False)
    return sampled.round_().to(torch.uint8)

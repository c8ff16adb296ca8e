"""Global average pooling of whatever a module gives: maps, channels last or first, or tokens.

A layout is told once, from a batch of two whose sizes cannot be mixed up, and then used for every batch.

    B  images in a batch      C  channels       H, W  sides of a map      T  tokens, of which P are no places
    map [B, C, H, W]    grid [B, H, W, C]    tokens [B, T, C]    sequence [T, B, C]    vector [B, C]

Pooling is a product with a matrix of ones: torch's own mean of bfloat16 maps on a CPU takes 10 to 20 times as long, and
rounds its result. In half precision each of `PARTS` stretches of the places is summed on its own, and the sums are
added and divided in float32, so that the roundings of the stretches average out.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

Kind = Literal["map", "grid", "tokens", "sequence", "vector"]
PARTS = 4


@dataclass(frozen=True)
class Layout:
    """Where the places and the channels of an output are. `part`: which tensor of a tuple; `prefix`: P."""

    kind: Kind
    channels: int
    part: int = 0
    prefix: int = 0


def layout_of(output: object, batch: int, prefix: int, channels_last: bool) -> Layout | None:
    """How an output is laid out, told from a batch of `batch` square images; None where it is nothing to pool.

    `prefix`: the tokens that the network says stand before the grid; `channels_last`: whether it says its maps are so.
    """
    for part, tensor in enumerate(_tensors(output)):
        if tensor.is_floating_point() and 2 <= tensor.ndim <= 4 and batch in tensor.shape[:2] and tensor.numel():
            if tensor.shape[0] == batch:
                return _batch_first(tuple(tensor.shape), part, prefix, channels_last)
            if tensor.ndim == 3:
                return Layout("sequence", tensor.shape[2], part, _tokens_before(tensor.shape[0], prefix))
    return None


def _batch_first(shape: tuple[int, ...], part: int, prefix: int, channels_last: bool) -> Layout:
    if len(shape) == 2:
        return Layout("vector", shape[1], part)
    if len(shape) == 3:
        return Layout("tokens", shape[2], part, _tokens_before(shape[1], prefix))
    _, first, second, third = shape
    is_grid = first == second and (channels_last or second != third)
    return Layout("grid", third, part) if is_grid else Layout("map", first, part)


def _tokens_before(tokens: int, stated: int) -> int:
    """How many tokens are no places: as stated, or none, or one, whichever leaves a square grid; else none."""
    likely = [
        count for count in (stated, 0, 1) if tokens - count > 0 and math.isqrt(tokens - count) ** 2 == tokens - count
    ]
    return likely[0] if likely else 0


def _tensors(output: object) -> list[Tensor]:
    """The tensors of an output that is one, or holds some."""
    if isinstance(output, Tensor):
        return [output]
    if isinstance(output, Mapping):
        output = tuple(output.values())
    return [inner for inner in output if isinstance(inner, Tensor)] if isinstance(output, (tuple, list)) else []


def pooled(output: object, layout: Layout) -> Tensor:
    """The mean over the places: float32 [B, C]."""
    tensor = _tensors(output)[layout.part]
    if layout.kind == "vector":
        return tensor.float()
    if layout.kind == "map":
        tensor = tensor.permute(0, 2, 3, 1)
    if layout.kind == "sequence":
        tensor = tensor.transpose(0, 1)
    places = tensor.flatten(1, -2)  # [B, T, C]; a view of maps whose channels lie together
    weights = _weights(places, layout.prefix)
    return torch.matmul(weights, places).float().sum(1) / (places.shape[1] - layout.prefix)


def _weights(places: Tensor, prefix: int) -> Tensor:
    """[PARTS, T], or [1, T] in full precision: row r has ones where stretch r lies."""
    count = places.shape[1]
    parts = 1 if places.dtype is torch.float32 else PARTS
    part = torch.arange(count, device=places.device) * parts // count
    part[:prefix] = parts
    return (torch.arange(parts, device=places.device)[:, None] == part).to(places.dtype)

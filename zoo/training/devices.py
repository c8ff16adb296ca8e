"""Where a network computes, and in which precision: chosen by stated rules, never by a stopwatch.

A rule gives the same answer every time on the same machine, which a timing does not, and a training must.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from headhunt.errors import BadValue


@contextmanager
def borrowed(network: nn.Module, device: str | None) -> Iterator[torch.device]:
    """The network on `device` (None: the GPU if there is one) for a while; it goes back to where it was."""
    home = next((parameter.device for parameter in network.parameters()), torch.device("cpu"))
    place = choose_device(device)
    network.to(place)
    try:
        yield place
    finally:
        network.to(home)


def choose_device(asked: str | None) -> torch.device:
    """The device of that name, with its number where it has one."""
    try:
        return torch.empty(0, device=asked or ("cuda" if torch.cuda.is_available() else "cpu")).device
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise BadValue(f"There is no device {asked!r} here; 'cpu' always works.") from error


def best_layout(network: nn.Module) -> torch.memory_format:
    """Channels last for networks that convolve: 1.1 to 1.4 times faster on a CPU, and what tensor cores want."""
    convolutions = sum(isinstance(module, nn.Conv2d) for module in network.modules())
    return torch.channels_last if convolutions > 1 else torch.contiguous_format


@contextmanager
def laid_out(network: nn.Module, layout: torch.memory_format) -> Iterator[None]:
    """The weights in `layout` for a while. They come back contiguous, as files of weights want them."""
    network.to(memory_format=layout)
    try:
        yield
    finally:
        network.to(memory_format=torch.contiguous_format)


TINY = 1_000_000
"""Parameters below which a network that does not convolve gains nothing from bf16."""


def choose_bf16(asked: str, network: nn.Module, device: torch.device) -> bool:
    """Whether to compute in bfloat16 where that is safe.

    `auto`: where the hardware multiplies it natively. On a CPU, not for networks with grouped convolutions: for these
    it made a step of 64 images of 32 px 1.7 times slower (test_efficientnet), while the dense ones became 1.3 to 1.4
    times faster (resnet10t, resnet20). Nor for tiny transformers, whose tensors cost more to convert than to multiply:
    test_vit became 1.1 times slower, vit_tiny at 64 px 1.25 times faster.
    """
    if asked != "auto":
        return asked == "bf16"
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return device.type == "cpu" and _cpu_multiplies_bf16() and _has_large_products(network)


def _cpu_multiplies_bf16() -> bool:
    """torch has no public word for this; where its private ones are gone, the answer is no."""
    asked = [getattr(torch.cpu, name, None) for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported")]
    return any(bool(ask()) for ask in asked if ask is not None)


def _has_large_products(network: nn.Module) -> bool:
    """Dense convolutions beyond the one that cuts patches, or matrices worth a conversion."""
    convolutions = [module for module in network.modules() if isinstance(module, nn.Conv2d)]
    if len(convolutions) > 1:
        return all(module.groups == 1 for module in convolutions)
    return sum(parameter.numel() for parameter in network.parameters()) >= TINY

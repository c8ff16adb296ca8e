"""Networks on torch's meta device: shapes without memory, and without the time that it takes to fill weights.

    with hollow():
        network = build_network("resnet18", classes=None)

There a tensor has no numbers, and what changes numbers in place leaves the shape; so whatever only fills is left out.
It is most of the time that a network takes there, since each such step is worked out in Python.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

FILLING = frozenset(
    (
        *("zero_", "fill_", "normal_", "uniform_", "erfinv_", "clamp_", "add_", "sub_", "mul_", "div_", "copy_"),
        *("constant_", "ones_", "zeros_", "trunc_normal_"),
        *("kaiming_uniform_", "kaiming_normal_", "xavier_uniform_", "xavier_normal_"),
    )
)
"""Of tensors, and of torch.nn.init."""


class _Unfilled(TorchFunctionMode):
    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        named = kwargs or {}
        if getattr(func, "__name__", "") in FILLING:
            filled = args[0] if args else named.get("tensor")
            if isinstance(filled, torch.Tensor) and filled.is_meta:
                return filled
        return func(*args, **named)


@contextmanager
def hollow() -> Iterator[None]:
    with torch.device("meta"), _Unfilled():
        yield

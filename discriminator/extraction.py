"""From a backbone and a gallery to features: on the best device, in the fastest layout and precision that are safe.

bfloat16 is tried where it is worth it (zoo/training/devices.py) and given up where the network cannot compute in it,
or makes values of it that are not finite.
"""

from collections.abc import Iterator, Sequence
from typing import Literal, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from discriminator.backbone import Backbone
from discriminator.folding import folded
from discriminator.gap import TOLD_BY, Features, collected, looked, survey
from headhunt.errors import BadSpec, NonFiniteWeights, one_line
from zoo.images.pixels import View
from zoo.training.batches import Normalise
from zoo.training.devices import best_layout, choose_bf16, choose_device

LEAST_BATCH, LARGEST_BATCH, PIXELS = 64, 256, 2**20
"""Small images go by in larger batches: at 32 px 256 at a time are 1.3 to 1.9 times as fast as 64."""
FOLD_FROM = 64
"""Images from which on it pays to fold and to check it."""
WORTH_HALF = 1_000_000
"""Parameters from which on bf16 pays in a forward pass, with grouped convolutions, too: mobilenetv3_small at 224 px
becomes 1.3 times faster. The trainer's rule is stricter, since its networks are smaller and go backward as well."""
Precision = Literal["auto", "fp32", "bf16"]


class Images(Protocol):
    """A gallery, or what was sent of one."""

    @property
    def asked(self) -> Sequence[object]:
        """One for each image, those that cannot be decoded included."""

    def batches(self, view: View, size: int) -> Iterator[Tensor]:
        """uint8 [B, 3, S, S], one after the other, B <= size."""


def extract(backbone: Backbone, gallery: Images, device: str | None = None, precision: Precision = "auto") -> Features:
    """Look at every image of the gallery through the network. `precision` is a wish, never kept at a wrong result."""
    place = choose_device(device)
    network = backbone.build()
    if half_pays(precision, network, place):
        try:
            features = _in(torch.bfloat16, network, backbone, gallery, place)
            if not broken_rows(features):
                return features
        except BadSpec:  # it converts nothing, or mixes types: then it has to be full precision
            pass
        network = backbone.build()
    features = _in(torch.float32, network, backbone, gallery, place)
    if broken := broken_rows(features):
        raise NonFiniteWeights(
            f"makes NaN or infinite values of {broken} of {len(features.head)} images."
            " Use weights from before they diverged, or check its mean and deviation",
            backbone.name,
        )
    return features


def batch_for(size: int) -> int:
    return max(LEAST_BATCH, min(LARGEST_BATCH, PIXELS // size**2))


def half_pays(precision: Precision, network: nn.Module, place: torch.device) -> bool:
    """Whether to try bfloat16: where the trainer would, and for large networks wherever the hardware multiplies it."""
    matrix = nn.Linear(1024, 1024, device="meta")
    large = sum(parameter.numel() for parameter in network.parameters()) >= WORTH_HALF
    return choose_bf16(precision, network, place) or (large and choose_bf16(precision, matrix, place))


def broken_rows(features: Features) -> int:
    """How many images have a value that is not finite."""
    arrays = [*features.stages, features.head, *([] if features.outputs is None else [features.outputs])]
    return int((~np.logical_and.reduce([np.isfinite(array).all(axis=1) for array in arrays])).sum())


def _in(dtype: torch.dtype, network: nn.Module, backbone: Backbone, gallery: Images, place: torch.device) -> Features:
    layout = best_layout(network)
    normalise = Normalise(backbone.mean, backbone.std, place)
    trial = normalise(_noise(backbone.view.size))
    network = network.eval().to(place)
    plan = survey(network, trial)
    if len(gallery.asked) >= FOLD_FROM:
        network = folded(network, plan, trial)
    network = network.to(dtype).to(memory_format=layout)

    def prepared() -> Iterator[Tensor]:
        for images in gallery.batches(backbone.view, batch_for(backbone.view.size)):
            yield normalise(images).to(dtype).contiguous(memory_format=layout)

    try:
        return collected(looked(network, plan, prepared()))
    except RuntimeError as error:
        raise BadSpec(f"{backbone.name} failed on images: {one_line(error)}. Mend the network.") from error


def _noise(size: int) -> Tensor:
    """Two images on which a network can be tried: uint8 [2, 3, S, S], always the same."""
    draws = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (TOLD_BY, 3, size, size), dtype=torch.uint8, generator=draws)

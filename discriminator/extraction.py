"""From a backbone and a gallery to features: on the best device, in the fastest layout and precision that are safe.

bfloat16 is tried where it is worth it (zoo/training/devices.py) and given up where the network cannot compute in it,
or makes values of it that are not finite.
"""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

from discriminator.backbone import Backbone
from discriminator.gallery import Gallery
from discriminator.gap import TOLD_BY, Features, collected, looked, survey
from headhunt.errors import BadSpec, NonFiniteWeights
from zoo.training.batches import Normalise
from zoo.training.devices import best_layout, choose_bf16, choose_device

BATCH = 64


def extract(backbone: Backbone, gallery: Gallery, device: str | None = None) -> Features:
    """Look at every image of the gallery through the network."""
    place = choose_device(device)
    network = backbone.build()
    if choose_bf16("auto", network, place):
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


def broken_rows(features: Features) -> int:
    """How many images have a value that is not finite."""
    arrays = [*features.stages, features.head, *([] if features.outputs is None else [features.outputs])]
    return int((~np.logical_and.reduce([np.isfinite(array).all(axis=1) for array in arrays])).sum())


def _in(dtype: torch.dtype, network: nn.Module, backbone: Backbone, gallery: Gallery, place: torch.device) -> Features:
    layout = best_layout(network)
    network = network.eval().to(place, dtype).to(memory_format=layout)
    normalise = Normalise(backbone.mean, backbone.std, place)

    def ready(images: Tensor) -> Tensor:
        return normalise(images).to(dtype).contiguous(memory_format=layout)

    def prepared() -> Iterator[Tensor]:
        for images in gallery.batches(backbone.view, BATCH):
            yield ready(images)

    empty = torch.zeros(TOLD_BY, 3, backbone.view.size, backbone.view.size, dtype=torch.uint8)
    plan = survey(network, ready(empty))
    return collected(looked(network, plan, prepared()))

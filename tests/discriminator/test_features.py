"""Features of a gallery through the store: what they are, that they are kept, and what happens when that fails."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from discriminator.backbone import Backbone
from discriminator.features import FeatureStore
from discriminator.gallery import Gallery
from tests.zoo.images import folder_of, many
from zoo.images.pixels import View
from zoo.images.samples import Sample, open_sample
from zoo.networks.building import build_network


@pytest.fixture
def sample(tmp_path: Path) -> Iterator[Sample]:
    with open_sample(folder_of(many(12), tmp_path / "photos")) as opened:
        yield opened


def backbone(builds: list[str], name: str = "test_resnet") -> Backbone:
    def build() -> nn.Module:
        builds.append(name)
        torch.manual_seed(0)
        return build_network(name, classes=7, input_size=32)

    return Backbone(name, f"digest of {name}", View(32), (0.5,) * 3, (0.25,) * 3, build)


def test_a_second_request_builds_no_network_and_reads_no_image(sample: Sample, tmp_path: Path) -> None:
    builds: list[str] = []
    first = FeatureStore(tmp_path).features(backbone(builds), Gallery(sample, sample.entries()))
    sample.close()
    again = FeatureStore(tmp_path).features(backbone(builds), Gallery(sample, sample.entries()))
    assert builds == ["test_resnet"]
    assert first.outputs is not None
    assert again.outputs is not None
    for one, other in zip(
        (*first.stages, first.head, first.outputs), (*again.stages, again.head, again.outputs), strict=True
    ):
        assert one.dtype == np.float32
        assert len(one) == 12
        assert (one == other).all()

"""Networks without numbers: the shapes are those of networks that have them, and nothing else is changed."""

import pytest
import torch

from zoo.networks.building import build_network
from zoo.networks.hollow import hollow


@pytest.mark.parametrize("name", ["test_vit", "test_resnet", "test_efficientnet", "test_convnext"])
def test_a_hollow_network_has_the_shapes_of_a_real_one(name: str) -> None:
    with hollow():
        made = build_network(name, classes=3).state_dict()
    real = build_network(name, classes=3).state_dict()
    assert {key: value.shape for key, value in made.items()} == {key: value.shape for key, value in real.items()}
    assert {key: value.dtype for key, value in made.items()} == {key: value.dtype for key, value in real.items()}
    assert all(value.is_meta for value in made.values())


def test_what_has_numbers_is_filled_all_the_same() -> None:
    with hollow():
        there = torch.nn.init.constant_(torch.zeros(3, device="cpu"), 2.0).add_(1.0)
    assert there.tolist() == [3.0, 3.0, 3.0]


def test_where_it_ends_all_is_as_before() -> None:
    with hollow():
        pass
    assert torch.zeros(2).fill_(4.0).tolist() == [4.0, 4.0]

"""What cannot be trained is refused in words before anything is spent, and a training that diverges says where."""

import math

import pytest
import torch
from torch import nn

from headhunt.errors import BadValue, Diverged
from headhunt.vocabulary import Protocol
from tests.zoo.small_training import HALF, QUICK, case, network, stripes
from zoo.images.pixels import Pixels
from zoo.training.trainer import TrainingData, train


def test_a_training_that_diverges_says_where_and_what_would_do():
    made = network()
    with pytest.raises(Diverged, match=r"at step \d+ of 50, at a rate of .*lower lr.*1e\+29") as caught:
        train(made, case(), Protocol(steps=50, batch_size=16, optimiser="sgd", lr=1e30, clip=0), device="cpu")
    assert "\n" not in str(caught.value)


def test_a_training_that_diverges_in_its_last_step_is_noticed():
    made = nn.Sequential(nn.Flatten(), nn.Linear(432, 4))
    protocol = Protocol(steps=1, lr=1e38, schedule="constant", warmup=0.0, optimiser="sgd", weight_decay=100.0, clip=0)
    with pytest.raises(Diverged, match="step 1 of 1"):
        train(made, case(val=0), protocol, device="cpu")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("epochs", 0.0), ("epochs", -1.0), ("epochs", math.nan), ("epochs", math.inf), ("steps", 0), ("batch_size", 0),
        ("batch_size", -5), ("lr", 0.0), ("lr", math.nan), ("lr", -1.0), ("weight_decay", -0.1), ("momentum", 1.0),
        ("warmup", 1.0), ("warmup", -0.1), ("layer_decay", 0.0), ("layer_decay", 1.5), ("head_first", 1.0),
        ("label_smoothing", 1.0), ("ema", 1.0), ("clip", -1.0), ("evaluate_every", -1.0), ("evaluate_every", math.nan),
    ],
)  # fmt: skip
def test_a_protocol_that_makes_no_sense_is_refused_by_the_name_of_the_field(field, value):
    with pytest.raises(BadValue, match=f"The protocol's {field} is .*must be"):
        train(network(), case(), Protocol(**{field: value}), device="cpu")


def with_train(pixels: Pixels) -> TrainingData:
    return TrainingData(pixels, None, HALF, HALF)


def test_data_that_cannot_be_trained_on_are_refused_in_words():
    good = stripes(8, 0)
    images, labels, classes = good.images, good.labels, good.classes
    for data, words in [
        (with_train(Pixels(images[:0], labels[:0], classes)), "no images to train on"),
        (with_train(Pixels(images, torch.zeros(8, dtype=torch.int64), classes)), "one class"),
        (with_train(Pixels(images, labels - 1, classes)), "2 of the 8 images to train on have no label"),
        (with_train(Pixels(images.float(), labels, classes)), "float32.*uint8"),
        (with_train(Pixels(images[:, :1], labels, classes)), "3, S, S"),
        (with_train(Pixels(images, labels[:5], classes)), "8 images to train on, but 5 labels"),
        (TrainingData(good, Pixels(images[:0], labels[:0], classes), HALF, HALF), "no images to validate on"),
        (TrainingData(good, None, HALF, (0.5, 0.5, 0.0)), "deviations above 0"),
        (TrainingData(good, None, (0.5, 0.5), (0.5, 0.5)), "3 means"),
    ]:
        with pytest.raises(BadValue, match=words) as caught:
            train(network(), data, QUICK, device="cpu")
        assert "\n" not in str(caught.value)


def test_networks_that_do_not_fit_are_refused_in_words():
    class Pair(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.only = nn.Linear(432, 4)

        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, None]:
            return self.only(x.flatten(1)), None

    for made, protocol, words in [
        (network(classes=3), QUICK, "3 outputs, the data 4 classes"),
        (Pair(), QUICK, "answers with tuple"),
        (nn.Conv2d(3, 4, 3), QUICK, "answers with .*one tensor"),
        (network().requires_grad_(False), QUICK, "None of the network's parameters learns"),
        (network(), Protocol(batch_size=1), "BatchNorm"),
    ]:
        with pytest.raises(BadValue, match=words):
            train(made, case(), protocol, device="cpu")

import pytest
import timm
import torch
from torch import nn

from zoo.training import devices
from zoo.training.devices import best_layout, borrowed, choose_bf16, choose_device, laid_out

CPU = torch.device("cpu")


def test_without_a_name_the_gpu_is_taken_if_there_is_one(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device(None) == CPU


def test_a_borrowed_network_goes_back_even_after_an_error():
    network = nn.Linear(2, 2)
    with pytest.raises(ZeroDivisionError), borrowed(network, "cpu"):
        raise ZeroDivisionError
    assert network.weight.device == CPU


@pytest.mark.parametrize(
    ("name", "native", "wanted"),
    [
        ("test_resnet", True, True),
        ("test_vit", True, False),
        ("vit_tiny_patch16_224", True, True),
        ("test_efficientnet", True, False),
        ("test_convnext", True, False),
        ("test_resnet", False, False),
    ],
)
def test_a_cpu_computes_in_bf16_only_what_gains_by_it(monkeypatch, name, native, wanted):
    monkeypatch.setattr(devices, "_cpu_multiplies_bf16", lambda: native)
    assert choose_bf16("auto", timm.create_model(name), CPU) is wanted


def test_what_was_asked_for_is_taken():
    network = timm.create_model("test_efficientnet")
    assert choose_bf16("bf16", network, CPU)
    assert not choose_bf16("fp32", network, CPU)


def test_weights_are_laid_out_for_a_while_and_come_back_contiguous():
    network = timm.create_model("test_resnet")
    assert best_layout(network) is torch.channels_last
    before = network.conv1[0].weight.detach().clone()
    with laid_out(network, best_layout(network)):
        assert network.conv1[0].weight.is_contiguous(memory_format=torch.channels_last)
    assert network.conv1[0].weight.is_contiguous()
    assert torch.equal(network.conv1[0].weight, before)


def test_a_transformer_keeps_its_layout():
    assert best_layout(timm.create_model("test_vit")) is torch.contiguous_format

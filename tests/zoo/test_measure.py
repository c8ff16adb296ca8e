"""What a network costs, against figures worked out by hand."""

import timm
import torch
from torch import nn

from zoo.networks.measure import count_macs, count_params, measure, peak_on_cpu


def small() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),
        nn.BatchNorm2d(8),
        nn.Dropout(0.5),
        nn.Conv2d(8, 8, 3, padding=1, groups=8, bias=False),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8, 10),
    )


def test_parameters_are_counted() -> None:
    assert count_params(small()) == (3 * 8 * 9 + 8) + (8 + 8) + 8 * 9 + (8 * 10 + 10)


def test_multiply_adds_are_counted_as_by_hand() -> None:
    by_hand = 16 * 16 * (3 * 8 * 9) + 16 * 16 * 8 * 9 + 8 * 10
    assert count_macs(small(), input_size=16) == by_hand


def test_multiply_adds_are_the_same_on_the_meta_device_with_attention() -> None:
    network = timm.create_model("test_vit", pretrained=False)
    on_cpu = count_macs(network, input_size=160)
    with torch.device("meta"):
        unreal = timm.create_model("test_vit", pretrained=False)
    tokens, width, depth, hidden = 10 * 10 + 1, 64, 6, 192
    block = tokens * width * (3 * width + width + 2 * hidden) + 2 * tokens * tokens * width
    by_hand = 100 * (3 * 16 * 16) * width + depth * block + width * 1000
    assert on_cpu == count_macs(unreal, input_size=160) == by_hand


def test_peak_memory_is_what_the_allocator_held_at_most() -> None:
    mega = 2**18

    def run() -> None:
        first = torch.ones(mega)
        second = first + 1
        del first
        third = second + 1
        del second, third
        torch.ones(mega)

    assert 2 * mega * 4 <= peak_on_cpu(run) <= 2 * mega * 4 + 4096


def test_a_measured_network_comes_back_as_it_was() -> None:
    network = small()
    network.train()
    network[1].eval()  # type: ignore[index]  # a Sequential is what came in
    network(torch.zeros(2, 3, 16, 16)).sum().backward()
    state = {key: value.clone() for key, value in network.state_dict().items()}
    network[6].bias.requires_grad = False  # type: ignore[index]
    modes = [module.training for module in network.modules()]
    grads = [parameter.grad for parameter in network.parameters()]
    measured = measure(network, input_size=16)
    count_macs(network, input_size=16)
    assert all(torch.equal(value, state[key]) for key, value in network.state_dict().items())
    assert [module.training for module in network.modules()] == modes
    assert all(now is before for now, before in zip((p.grad for p in network.parameters()), grads, strict=True))
    assert [p.requires_grad for p in network.parameters()] == [True] * 6 + [False]
    assert measured.latency_ms > 0
    assert "thread" in measured.device


def test_peak_memory_holds_the_weights_and_the_widest_place_of_the_forward() -> None:
    network = nn.Sequential(nn.Linear(100, 50_000, bias=False), nn.ReLU(), nn.Linear(50_000, 2, bias=False))
    wide = nn.Sequential(nn.Flatten(), nn.Linear(12, 100), network)
    weights = (12 * 100 + 100 + 100 * 50_000 + 50_000 * 2) * 4
    peak = measure(wide, input_size=2).peak_bytes
    assert weights + 2 * 50_000 * 4 <= peak <= weights + 2 * 50_000 * 4 + 200_000


def test_a_network_can_still_be_trained_after_it_was_measured() -> None:
    network = timm.create_model("test_vit", pretrained=False)
    measure(network, input_size=160)
    network(torch.zeros(1, 3, 160, 160)).sum().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())


def test_multiply_adds_are_counted_where_a_network_hands_parameters_to_its_modules() -> None:
    with torch.device("meta"):
        network = timm.create_model("cait_xxs24_224", pretrained=False)
    assert count_macs(network, input_size=224) > 10**9

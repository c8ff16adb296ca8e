import torch
from torch import nn

from zoo.training.averaging import Average


def test_the_average_follows_its_formula():
    network = nn.Linear(1, 1, bias=False)
    nn.init.constant_(network.weight, 0.0)
    average, wanted = Average(network, 0.5), 0.0
    for step in range(8):
        nn.init.constant_(network.weight, float(step + 1))
        average.update(step)
        keep = min(0.5, (1 + step) / (10 + step))
        wanted = keep * wanted + (1 - keep) * (step + 1)
    with average.worn():
        assert abs(network.weight.item() - wanted) < 1e-5
    assert network.weight.item() == 8.0


def test_running_statistics_are_averaged_and_counters_copied():
    network = nn.BatchNorm1d(2)
    average = Average(network, 0.99)
    network(torch.randn(16, 2) + 5)
    own = network.running_mean.clone()
    average.update(0)
    average.update(1)
    with average.worn():
        assert int(network.num_batches_tracked) == 1
        assert bool((network.running_mean.abs() < own.abs()).all())
        assert bool((network.running_mean.abs() > 0).all())
    assert torch.equal(network.running_mean, own)


def test_the_weights_come_back_when_an_evaluation_fails():
    network = nn.Linear(2, 2)
    own = network.weight.detach().clone()
    average = Average(network, 0.9)
    nn.init.zeros_(average.state[0])
    try:
        with average.worn():
            assert not network.weight.any()
            raise RuntimeError
    except RuntimeError:
        pass
    assert torch.equal(network.weight, own)


def test_settling_keeps_the_average_in_the_network():
    network = nn.Linear(2, 2)
    average = Average(network, 0.9)
    nn.init.zeros_(average.state[0])
    average.settle()
    assert not network.weight.any()

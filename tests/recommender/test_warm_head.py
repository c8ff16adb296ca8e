import numpy as np
import pytest
import torch
from torch import nn

from recommender.judging import judge
from recommender.norms import refresh_norms
from recommender.warm_head import cross_entropy, ridge_head, warm_head
from tests.recommender.contenders import tiny
from tests.zoo.small_training import case


def clusters(n: int = 120, d: int = 20, classes: int = 3, apart: float = 1.0, seed: int = 0):
    draws = np.random.default_rng(seed)
    labels = np.arange(n) % classes
    centres = np.random.default_rng(99).standard_normal((classes, d)) * apart
    return draws.standard_normal((n, d)) + centres[labels], labels


def test_the_head_tells_apart_new_points_of_the_same_clusters():
    head = ridge_head(*clusters(), 3)
    features, labels = clusters(seed=1)
    logits = features @ head.weight.T + head.bias
    assert np.mean(logits.argmax(axis=1) == labels) > 0.9
    assert cross_entropy(logits, labels) < 0.4


@pytest.mark.parametrize("d", [5, 40, 400])
def test_the_promised_loss_is_that_of_new_points_whatever_the_width(d):
    """Clusters as far apart in every width; the promise is made leaving each point out."""
    head = ridge_head(*clusters(d=d, apart=3 / np.sqrt(d)), 3)
    features, labels = clusters(n=600, d=d, apart=3 / np.sqrt(d), seed=1)
    there = cross_entropy(features @ head.weight.T + head.bias, labels)
    assert head.loss == pytest.approx(there, abs=0.15)


def test_on_noise_it_does_no_better_than_a_guess():
    head = ridge_head(np.random.default_rng(0).standard_normal((100, 500)), np.arange(100) % 4, 4)
    assert head.loss > 0.95 * np.log(4)


def test_units_and_offsets_of_the_features_do_not_matter():
    features, labels = clusters()
    head = ridge_head(features, labels, 3)
    other = ridge_head(features * 1000 + 50, labels, 3)
    assert other.loss == pytest.approx(head.loss)
    assert np.allclose((features * 1000 + 50) @ other.weight.T + other.bias, features @ head.weight.T + head.bias)


def test_constant_features_and_unseen_classes_are_borne():
    features, labels = clusters()
    features[:, :3] = 7.0
    head = ridge_head(features, labels, 5)
    assert head.weight.shape == (5, 20)
    logits = features @ head.weight.T + head.bias
    assert np.isfinite(logits).all()
    assert set(logits.argmax(axis=1)) <= {0, 1, 2}
    assert np.isfinite(ridge_head(np.ones((4, 3)), np.array([0, 1, 0, 1]), 2).loss)


def test_leaving_out_is_exact():
    """Against an independent refit without the row, at the ridge and scale that were chosen."""
    from recommender import warm_head as module

    features, labels = clusters(n=30, d=6)
    x = (features - features.mean(axis=0)) / features.std(axis=0)
    onehot = np.eye(3)[labels]
    ridge, scale, loss = module._best(*np.linalg.eigh(x @ x.T)[::-1], onehot, np.array([2.0]))
    losses = []
    for i in range(30):
        rest = np.delete(np.arange(30), i)
        design = np.c_[np.ones(29), x[rest]]
        weights = np.linalg.solve(design.T @ design + ridge * np.diag([0] + [1] * 6), design.T @ onehot[rest])
        losses.append(cross_entropy(scale * (np.r_[1, x[i]] @ weights)[None], labels[i : i + 1]))
    assert loss == pytest.approx(np.mean(losses), rel=1e-6)


def test_a_network_begins_where_a_linear_probe_ends():
    torch.manual_seed(0)
    network, data = tiny(), case(80, 40)
    refresh_norms(network, data, "cpu")
    cold = judge(network, data.val, data, "cpu").loss
    body = network[0].weight.clone()
    promised = warm_head(network, data, 16, "cpu")
    assert judge(network, data.val, data, "cpu").loss < cold - 0.1
    assert promised is not None
    assert promised < np.log(4)
    assert torch.equal(network[0].weight, body)
    assert network[7].weight.requires_grad


def test_a_network_without_a_linear_head_is_left_as_it_is():
    network = nn.Sequential(nn.Conv2d(3, 4, 12), nn.Flatten())
    before = network[0].weight.clone()
    assert warm_head(network, case(16, 0), 16, "cpu") is None
    assert torch.equal(network[0].weight, before)

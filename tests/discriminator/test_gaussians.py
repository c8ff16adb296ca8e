"""Distances to domains: those of Gaussians with one shrunk covariance, whatever the number of images and dimensions."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

from discriminator.gaussians import SHRINKAGE, Gaussians, soft_minimum, squared
from discriminator.records import Record

Floats = NDArray[np.float64]


def record(mean: Floats, count: int, seed: int, classes: int = 1) -> Record:
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % classes
    vectors = mean + rng.normal(0, np.linspace(0.5, 2, len(mean)), (count, len(mean))) + labels[:, None] * 3
    return Record.of(vectors, labels, rng)


def test_distances_are_those_of_the_normal_density() -> None:
    """Between domains of one component each: differences of log densities, which leave the normaliser out."""
    records = [record(np.full(6, at), 300, seed) for seed, at in enumerate((0.0, 1.0, 4.0))]
    images = sum(one.counts.sum() for one in records)
    covariance = np.sum([one.scatter for one in records], axis=0, dtype=float) / (images - 3)
    deviations = np.sqrt(np.diag(covariance))
    shrunk = (1 - SHRINKAGE) * covariance + SHRINKAGE * np.diag(deviations**2)
    x = np.random.default_rng(9).normal(1, 2, (40, 6))
    densities = np.stack([multivariate_normal(one.mean, shrunk).logpdf(x) for one in records], axis=1)
    found = -0.5 * Gaussians.fit(records).distances(x)
    np.testing.assert_allclose(found - found[:, :1], densities - densities[:, :1], rtol=1e-3, atol=1e-3)


def test_a_domain_of_unlike_classes_is_near_at_each_of_them_and_far_between() -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(200) % 2
    apart = np.array([10.0, 0, 0])
    vectors = rng.normal(0, 1, (200, 3)) + np.where(labels[:, None], apart, -apart)
    gaussians = Gaussians.fit([Record.of(vectors, labels, rng)])
    left, between, right = gaussians.distances(np.array([-apart, 0 * apart, apart]))[:, 0]
    assert max(left, right) < 5 < 50 < between


def test_the_soft_minimum_is_the_log_of_a_mean_of_exponentials() -> None:
    distances = np.random.default_rng(1).gamma(2, 5, (30, 4))
    np.testing.assert_allclose(soft_minimum(distances), -2 * (logsumexp(-distances / 2, axis=1) - np.log(4)))
    assert np.isfinite(soft_minimum(np.full((1, 2), 1e8))).all()


def test_squared_distances_are_those_of_a_loop_and_never_negative() -> None:
    rng = np.random.default_rng(2)
    a, b = rng.normal(1e3, 1, (5, 7)), rng.normal(1e3, 1, (4, 7))
    np.testing.assert_allclose(squared(a, b), [[np.sum((x - y) ** 2) for y in b] for x in a], atol=1e-6)
    assert (squared(a, a) >= 0).all()


@pytest.mark.parametrize("count", [1, 2, 12])
def test_fewer_images_than_dimensions_still_tell_domains_apart(count: int) -> None:
    records = [record(np.full(40, at), count, seed) for seed, at in enumerate((0.0, 6.0))]
    distances = Gaussians.fit(records).distances(np.array([np.full(40, 0.5), np.full(40, 5.5)]))
    assert np.isfinite(distances).all()
    assert distances.argmin(axis=1).tolist() == [0, 1]


def test_a_dimension_that_never_varies_is_no_trouble() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.normal(0, 1, (50, 4))
    vectors[:, 2] = 0.25
    distances = Gaussians.fit([Record.of(vectors, np.zeros(50, np.int64), rng)]).distances(vectors)
    assert np.isfinite(distances).all()

"""Nearness: one in the midst of a domain, a half between two, smaller further out, and never nothing."""

import numpy as np
import pytest
from numpy.typing import NDArray

from discriminator.nearness import nearness
from discriminator.records import Record

Floats = NDArray[np.float64]
WIDTH = 20


def domain(at: float, seed: int, count: int = 300) -> Record:
    return Record.of(cloud(at, seed, count), np.zeros(count, np.int64), np.random.default_rng(seed))


def cloud(at: float, seed: int, count: int) -> Floats:
    """Images around `at` on the first axis."""
    vectors = np.random.default_rng(seed).normal(0, 0.3, (count, WIDTH))
    vectors[:, 0] += at
    return vectors


LEFT, RIGHT = domain(0, 1), domain(10, 2)


@pytest.mark.parametrize("count", [1, 5, 400])
def test_images_of_a_domain_are_near_it_however_few_they_are(count: int) -> None:
    near = nearness(cloud(0, 3, count), [LEFT, RIGHT])
    assert near[0] > 0.9
    assert near[1] == pytest.approx(0.2, abs=0.03)


def test_half_way_between_two_domains_both_are_at_one_half() -> None:
    np.testing.assert_allclose(nearness(cloud(5, 3, 400), [LEFT, RIGHT]), 0.5, atol=0.03)


def test_it_falls_smoothly_with_the_distance_and_the_order_stays_far_out() -> None:
    near = np.array([nearness(cloud(-at, 3, 50), [LEFT, RIGHT]) for at in np.linspace(0.5, 100, 60)])
    assert (np.diff(near, axis=0) < 0).all()
    assert (near[:, 0] > near[:, 1]).all()
    assert near[-1].min() > 1e-4


def test_a_single_domain_is_measured_by_its_own_width() -> None:
    inside, far = (nearness(cloud(at, 3, 50), [LEFT])[0] for at in (0, 20))
    assert inside > 0.95
    assert 0 < far < 0.05


def test_domains_in_one_place_give_finite_answers() -> None:
    same = Record.of(np.zeros((9, 3)), np.zeros(9, np.int64), np.random.default_rng(0))
    np.testing.assert_allclose(nearness(np.zeros((4, 3)), [same, same]), 1.0)
    assert np.isfinite(nearness(np.ones((4, 3)), [same, same])).all()

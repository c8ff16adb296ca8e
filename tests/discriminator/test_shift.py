"""Shifted samples are told from samples that were drawn alike."""

import numpy as np
import pytest

from discriminator.shift import shift


@pytest.mark.parametrize("seed", range(5))
def test_two_draws_of_the_same_are_not_called_shifted(seed):
    rng = np.random.default_rng(seed)
    assert not shift(rng.normal(size=(80, 16)), rng.normal(size=(60, 16)), rng).clear


def test_a_sample_that_moved_is_called_shifted():
    rng = np.random.default_rng(0)
    told = shift(rng.normal(size=(80, 16)), rng.normal(size=(60, 16)) + 0.5, rng)
    assert told.clear
    assert told.distance == pytest.approx(2.0, abs=0.6)


def test_the_test_is_right_about_how_often_chance_looks_like_a_shift():
    rng = np.random.default_rng(1)
    found = [shift(rng.normal(size=(30, 4)), rng.normal(size=(30, 4)), rng).p for _ in range(100)]
    assert 0.3 < np.mean(found) < 0.7
    assert sum(p < 0.05 for p in found) < 15


def test_the_same_images_have_not_moved():
    x = np.random.default_rng(0).normal(size=(20, 3))
    assert shift(x, x, np.random.default_rng(1)).distance == 0

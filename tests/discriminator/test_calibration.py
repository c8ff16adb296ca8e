"""Probabilities of domains: they come true as often as they say, and add up to the shares of a sample."""

import numpy as np
import pytest
from numpy.typing import NDArray

from discriminator.calibration import best_temperature, calibration_error, log_probabilities, shares

Floats = NDArray[np.float64]


def drawn(temperature: float, count: int = 4000, domains: int = 5, seed: int = 0) -> tuple[Floats, NDArray[np.int64]]:
    """Distances, and truths drawn with the probabilities that they have at this temperature."""
    rng = np.random.default_rng(seed)
    distances = rng.gamma(2.0, 10.0, (count, domains))
    p = np.exp(log_probabilities(distances, temperature))
    return distances, (p.cumsum(axis=1) < rng.random((count, 1))).sum(axis=1)


@pytest.mark.parametrize("temperature", [0.7, 3.0, 40.0])
def test_the_temperature_that_made_the_truth_is_found(temperature: float) -> None:
    assert best_temperature(*drawn(temperature)) == pytest.approx(temperature, rel=0.15)


def test_calibration_comes_with_the_right_temperature_and_only_then() -> None:
    distances, truth = drawn(8.0)
    error = {t: calibration_error(np.exp(log_probabilities(distances, t)), truth) for t in (1.0, 8.0, 200.0)}
    assert error[8.0] < 0.03
    assert min(error[1.0], error[200.0]) > 0.15


def test_the_calibration_error_is_what_a_count_by_hand_gives() -> None:
    p = np.array([[0.9, 0.1], [0.9, 0.1], [0.4, 0.6], [0.4, 0.6]])
    truth = np.array([0, 1, 1, 1])  # confidence .9: half are right; confidence .6: all are
    assert calibration_error(p, truth) == pytest.approx((2 * 0.4 + 2 * 0.4) / 4)


def test_a_domain_with_few_held_out_images_weighs_as_much_as_one_with_many() -> None:
    distances, truth = drawn(3.0, count=600, domains=2)
    more = np.flatnonzero(truth == 1).repeat(9)
    again = np.concatenate([np.arange(len(truth)), more])
    assert best_temperature(distances[again], truth[again]) == pytest.approx(
        best_temperature(distances, truth), rel=1e-3
    )


def test_probabilities_survive_distances_of_any_size() -> None:
    p = np.exp(log_probabilities(np.array([[1e9, 1e9 + 5, 2e9], [0.0, 0.0, 0.0]]), 1.0))
    assert np.isfinite(p).all()
    np.testing.assert_allclose(p.sum(axis=1), 1)
    np.testing.assert_allclose(p[1], 1 / 3)


def test_the_shares_of_a_mixture_are_found_though_single_images_are_in_doubt() -> None:
    rng = np.random.default_rng(3)
    truth = (rng.random(2000) < 0.2).astype(int)
    evidence = rng.normal(np.where(truth, 1.0, -1.0), 1.0)  # log odds are 2 x evidence
    log_p = -np.logaddexp(0, np.stack([2 * evidence, -2 * evidence], axis=1))
    found = shares(log_p)
    assert found[1] == pytest.approx(0.2, abs=0.03)
    assert abs(np.exp(log_p).mean(axis=0)[1] - 0.2) > 0.06, "the plain mean must be worse, or nothing is shown"


def test_one_image_in_doubt_stays_in_doubt() -> None:
    found = shares(np.log([[0.55, 0.45]]))
    assert 0.55 <= found[0] < 0.65
    assert found.sum() == pytest.approx(1)


def test_shares_of_one_domain_are_one() -> None:
    np.testing.assert_allclose(shares(np.zeros((7, 1))), [1.0])

"""The test for images of no known domain: it keeps its rate of false alarms and sees what is strange."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import mannwhitneyu, norm

from discriminator.outside import ALARM_RATE, MARGIN, Outside

Floats = NDArray[np.float64]
KNOWN = np.array([1.0])


def world(held: int, rng: np.random.Generator) -> Outside:
    """One domain whose images lie at normal distances."""
    return Outside.fit([rng.normal(0, 1, (held, 1))])


@pytest.mark.parametrize("count", [1, 2, 10, 100])
def test_images_of_the_domain_are_called_strange_no_oftener_than_promised(count: int) -> None:
    rng = np.random.default_rng(count)
    p = [world(60, rng).p_value(rng.normal(0, 1, (count, 1)), KNOWN) for _ in range(1500)]
    assert np.mean(np.array(p) <= ALARM_RATE) <= ALARM_RATE + 0.015


def test_images_at_the_very_margin_alarm_at_the_nominal_rate() -> None:
    """So the rate is kept by the test itself, not by a test that never alarms."""
    rng = np.random.default_rng(0)
    shift = np.sqrt(2) * norm.ppf(0.5 + MARGIN)  # P(sample > held out) = 1/2 + margin
    p = [world(100, rng).p_value(rng.normal(shift, 1, (100, 1)), KNOWN) for _ in range(3000)]
    assert np.mean(np.array(p) <= ALARM_RATE) == pytest.approx(ALARM_RATE, abs=0.015)


@pytest.mark.parametrize(("count", "shift", "least"), [(10, 1.5, 0.9), (100, 0.6, 0.9), (400, 0.6, 0.95)])
def test_strange_images_are_noticed(count: int, shift: float, least: float) -> None:
    rng = np.random.default_rng(count)
    p = [world(128, rng).p_value(rng.normal(shift, 1, (count, 1)), KNOWN) for _ in range(200)]
    assert np.mean(np.array(p) <= ALARM_RATE) >= least


def test_with_one_domain_the_statistic_is_that_of_mann_and_whitney() -> None:
    rng = np.random.default_rng(1)
    held, sample = rng.integers(0, 20, 50) * 1.0, rng.integers(5, 25, 30) * 1.0
    outside = Outside.fit([held[:, None]])
    area = mannwhitneyu(sample, held).statistic / (30 * 50)
    assert outside.strangeness(sample[:, None], KNOWN).mean() == pytest.approx(area)
    expected = norm.sf((area - 0.5 - MARGIN) / np.sqrt((30 + 50) / (12 * 30 * 50)))
    assert outside.p_value(sample[:, None], KNOWN) == pytest.approx(expected)


def test_one_image_has_its_conformal_p_value() -> None:
    outside = Outside.fit([np.arange(19.0)[:, None]])
    assert outside.p_value(np.array([[100.0]]), KNOWN) == pytest.approx(1 / 20)
    assert outside.p_value(np.array([[16.5]]), KNOWN) == pytest.approx(3 / 20)


def test_a_mixture_of_domains_that_lie_differently_is_not_strange() -> None:
    """The images of a wide domain lie further out than those of a narrow one, and are at home there."""
    rng = np.random.default_rng(2)
    alarms = []
    for _ in range(600):
        narrow, wide = rng.normal(0, 1, (80, 1)), rng.normal(30, 5, (80, 1))
        outside = Outside.fit([narrow, wide])
        sample = np.concatenate([rng.normal(0, 1, (15, 1)), rng.normal(30, 5, (45, 1))])
        alarms.append(outside.p_value(sample, np.array([0.25, 0.75])) <= ALARM_RATE)
    assert np.mean(alarms) <= ALARM_RATE + 0.02


def test_the_distance_to_the_nearest_domain_counts() -> None:
    outside = Outside.fit([np.array([[1.0, 9.0], [2.0, 9.0]]), np.array([[9.0, 3.0]])])
    assert [own.tolist() for own in outside.held] == [[1.0, 2.0], [3.0]]


def test_without_held_out_images_nothing_is_called_strange() -> None:
    outside = Outside.fit([np.empty((0, 1))])
    assert outside.p_value(np.array([[1e9]]), KNOWN) == 1.0


def test_a_domain_too_small_to_hold_images_out_borrows_those_of_others() -> None:
    outside = Outside.fit([np.empty((0, 2)), np.arange(40.0).reshape(20, 2)])
    only_small = np.array([1.0, 0.0])
    assert outside.p_value(np.full((30, 2), 1e6), only_small) <= ALARM_RATE
    assert outside.p_value(np.full((30, 2), 0.0), only_small) > 0.9

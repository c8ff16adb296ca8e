"""Curves, as they are answered. On both databases."""

import numpy as np
import pytest

from headhunt.errors import BadValue
from tests.tracking.telling import PROJECT, curve, points
from tracking.columns import CHUNK
from tracking.store import Tracking


def test_a_long_curve_is_thinned_and_its_peaks_stay(tracking: Tracking, run: str) -> None:
    values = np.random.default_rng(0).normal(size=3 * CHUNK + 10)
    values[[5, CHUNK, 2 * CHUNK + 1]] = (9.0, -9.0, 8.0)
    tracking.append(PROJECT, run, "w", 0, curve(values.tolist()))
    found = tracking.curve(PROJECT, run, "loss", 200)
    assert (found.count, found.whole, len(found.steps) <= 200) == (len(values), False, True)
    assert {9.0, -9.0, 8.0} <= set(found.values)
    assert (found.steps[0], found.steps[-1]) == (0, len(values) - 1)
    whole = tracking.curve(PROJECT, run, "loss", 100_000)
    assert (whole.whole, list(whole.values)) == (True, values.tolist())


def test_the_longest_curves_are_drawn_from_the_peaks_of_their_chunks(
    tracking: Tracking, run: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No chunk is read but those of its ends. The first step comes last, so that ends are those of the steps."""
    monkeypatch.setattr("tracking.curves.whole", None)
    values = np.random.default_rng(1).normal(size=4 * CHUNK)
    values[77], values[3 * CHUNK] = 9.0, -9.0
    data = curve(values.tolist(), first=1) + points(0, {"loss": 0.125})
    tracking.append(PROJECT, run, "w", 0, data)
    found = tracking.curve(PROJECT, run, "loss", 250)
    assert (found.count, found.whole) == (len(values) + 1, False)
    assert {9.0, -9.0, 0.125} <= set(found.values)
    assert (found.steps[0], found.steps[-1]) == (0, len(values))
    assert list(found.steps) == sorted(found.steps)
    assert 100 < len(found.steps) <= 250


def test_of_a_metric_that_is_not_there_nothing_is_drawn(tracking: Tracking, run: str) -> None:
    assert tracking.curves(PROJECT, run, ["none"]) == []
    assert tracking.curve(PROJECT, run, "none").steps == ()
    assert tracking.points(PROJECT, run, "none").steps.tolist() == []
    for most in (3, 100_001):
        with pytest.raises(BadValue, match="4 to 100,000"):
            tracking.curves(PROJECT, run, ["none"], most)

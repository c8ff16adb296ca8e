"""Points as bytes, and curves with fewer of them."""

import numpy as np
import pytest

from tracking.columns import CHUNK, POINT, in_order, pack, peaks, points_of, thinned, unpack


def made(values: np.ndarray, steps: np.ndarray | None = None) -> np.ndarray:  # type: ignore[type-arg]
    steps = np.arange(len(values)) if steps is None else steps
    return points_of(steps, 1e9 + np.arange(len(values)) * 0.25, values)


@pytest.mark.parametrize("count", [1, 2, 7, CHUNK])
def test_a_chunk_comes_back_bit_by_bit(count: int) -> None:
    chance = np.random.default_rng(count)
    points = np.frombuffer(chance.bytes(count * POINT.itemsize), POINT)
    assert unpack(pack(points), count).tobytes() == points.tobytes()


def test_a_curve_as_trainings_have_it_gets_smaller() -> None:
    points = made(np.linspace(1.0, 0.1, CHUNK).round(4))
    assert len(pack(points)) < points.nbytes / 3


@pytest.mark.parametrize("count", [1, 4, 1999, 2000, 2001, 12_345, 100_000])
@pytest.mark.parametrize("most", [4, 5, 100, 2000])
def test_a_thinned_curve_keeps_its_ends_and_all_peaks(count: int, most: int) -> None:
    """Compared with a walk over the stretches: the lowest and the highest of each are there."""
    values = np.random.default_rng(count).normal(size=count)
    points = made(values)
    found = thinned(points, most)
    assert len(found) <= max(most, 4)
    assert found[0] == points[0]
    assert found[-1] == points[-1]
    assert (np.diff(found["step"]) > 0).all()
    if count > most:
        stretch = -(-count // ((most - 2) // 2))
        for first in range(0, count, stretch):
            part = values[first : first + stretch]
            kept = found["value"][(found["step"] >= first) & (found["step"] < first + stretch)]
            assert part.min() in kept
            assert part.max() in kept


def test_nan_is_no_peak_and_infinity_is_one() -> None:
    values = np.zeros(10_000)
    values[5000:6000] = np.nan
    values[7000], values[100] = np.inf, -np.inf
    found = thinned(made(values), 100)
    assert np.isposinf(found["value"]).sum() == 1
    assert np.isneginf(found["value"]).sum() == 1
    assert np.isnan(found["value"]).any(), "that nothing was there for a while is to be seen"
    assert np.isfinite(found["value"]).any()


def test_the_peaks_of_chunks_hold_those_of_the_whole() -> None:
    values = np.random.default_rng(1).normal(size=10 * CHUNK)
    parts = [peaks(made(values)[first : first + CHUNK]) for first in range(0, len(values), CHUNK)]
    assert np.concatenate(parts)["value"].max() == values.max()
    assert np.concatenate(parts)["value"].min() == values.min()


def test_equal_steps_stay_in_the_order_in_which_they_came() -> None:
    steps = np.array([3, 1, 3, 2, 1])
    found = in_order(made(np.arange(5.0), steps))
    assert found["step"].tolist() == [1, 1, 2, 3, 3]
    assert found["value"].tolist() == [1.0, 4.0, 3.0, 0.0, 2.0]

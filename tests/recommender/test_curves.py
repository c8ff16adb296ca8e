import numpy as np
import pytest

from recommender.curves import Curve, extrapolate, shape


def curve(level: float, fall: float, steps=(0, 12, 36, 108), noise: float = 0.0, seed: int = 0) -> Curve:
    draws = np.random.default_rng(seed)
    losses = shape(steps, 0.5) @ np.array([level, fall]) + noise * draws.standard_normal(len(steps))
    return Curve(steps, list(losses))


def truth(level: float, fall: float, horizon: float = 400) -> float:
    return float((shape([horizon], 0.5) @ np.array([level, fall]))[0])


def test_curves_of_the_stated_form_are_continued_as_they_go_on():
    given = [(0.5, 1.5), (0.3, 1.6), (0.9, 1.2), (0.6, 1.4)]
    found = extrapolate([curve(*one) for one in given], 400)
    for one, there in zip(given, found, strict=True):
        assert there.loss == pytest.approx(truth(*one), abs=0.05)


def test_a_steeper_curve_overtakes_one_that_is_ahead():
    slow, fast = curve(1.0, 0.2), curve(0.2, 1.6)
    ahead, behind = slow.losses[1], fast.losses[1]
    assert ahead < behind
    others = [curve(0.6, fall) for fall in (0.3, 0.7, 1.1, 1.5)]
    found = extrapolate([slow, fast, *others], 400)
    assert found[1].loss < found[0].loss


def test_one_point_is_continued_by_the_fall_of_the_others_and_its_own_level():
    others = [curve(level, 1.0) for level in (0.3, 0.5, 0.7)]
    low, high = (Curve([0], [level + 1.0]) for level in (0.4, 0.8))
    found = extrapolate([low, high, *others], 400)
    assert found[0].loss < found[1].loss
    assert found[0].spread > found[2].spread


def test_noise_widens_the_spread():
    calm = extrapolate([curve(0.5 + i / 10, 1.0) for i in range(5)], 400)
    rough = extrapolate([curve(0.5 + i / 10, 1.0, noise=0.2, seed=i) for i in range(5)], 400)
    assert np.mean([one.spread for one in rough]) > 2 * np.mean([one.spread for one in calm])


def test_the_interval_holds_what_it_says():
    draws = np.random.default_rng(0)
    hits = []
    for trial in range(25):
        given = [(draws.normal(0.8, 0.2), draws.normal(1.0, 0.3)) for _ in range(8)]
        found = extrapolate(
            [curve(*one, steps=(0, 12, 36), noise=0.05, seed=trial * 8 + i) for i, one in enumerate(given)], 300
        )
        hits += [abs(f.loss - truth(*one, 300)) < 1.28 * f.spread for one, f in zip(given, found, strict=True)]
    assert 0.6 < np.mean(hits) < 0.97


@pytest.mark.parametrize(
    "curves",
    [
        [Curve([0], [1.0])],
        [Curve([0, 12], [1.0, 1.0])],
        [Curve([0, 12], [1.0, 1.0]), Curve([0, 12], [1.0, 1.0])],
        [Curve([0, 12, 36], [1.0, 6.0, 0.1]), Curve([0], [6.0])],
        [Curve([12, 12], [1.0, 2.0])],
    ],
    ids=["one point", "flat", "equal", "wild", "no step between"],
)
def test_whatever_the_points_the_expectation_is_a_number_at_or_above_zero(curves):
    for there in extrapolate(curves, 300):
        assert there.loss >= 0
        assert np.isfinite(there.loss)
        assert np.isfinite(there.spread)


def test_no_curves_have_no_expectations():
    assert extrapolate([], 300) == []


def test_the_order_of_the_curves_does_not_matter():
    curves = [curve(0.3 * i, 1.0 / (i + 1), noise=0.05, seed=i) for i in range(4)]
    forth, back = extrapolate(curves, 300), extrapolate(curves[::-1], 300)
    assert np.allclose(forth, back[::-1])

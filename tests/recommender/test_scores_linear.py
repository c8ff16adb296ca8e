"""The linear probe against refits that leave each image out in turn."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from headhunt.errors import BadValue
from recommender.scores.given import Given, given, standardised
from recommender.scores.linear import RIDGES, Fit, ridge_fit, ridge_path, ridge_path_stages
from tests.recommender.pictures_of_numbers import Floats, noise, signal

RNG = np.random.default_rng(0)


def refitted(data: Given) -> Fit:
    """The same by n refits a ridge value, and a temperature from a fine grid."""
    y = np.eye(data.classes)[data.labels]
    total = float(np.square(data.standard).sum())
    paths = [left_out(data.standard, y, ridge * total) for ridge in RIDGES]
    _, outputs = min(paths, key=lambda path: path[0])
    shares = y.mean(axis=0)
    losses, rights = [], []
    for temperature in [0.0, *np.geomspace(1e-2, 1e3, 4000)]:
        weights = shares * np.exp(temperature * (outputs - outputs.max(axis=1, keepdims=True)))
        probability = weights / weights.sum(axis=1, keepdims=True)
        losses.append(-np.log(probability[y > 0]).mean())
        rights.append((probability.argmax(axis=1) == data.labels).mean())
    best = int(np.argmin(losses))
    return Fit(float(rights[best]), float(losses[best]), data.n)


def left_out(x: Floats, y: Floats, ridge: float) -> tuple[float, Floats]:
    errors, outputs = 0.0, np.zeros_like(y)
    for i in range(len(x)):
        others = np.arange(len(x)) != i
        fit = Ridge(ridge).fit(x[others], y[others])
        errors += float(np.square(fit.predict(x[[i]])[0] - y[i]).sum())
        outputs[i] = fit.predict(x[[i]])[0] - y[others].mean(axis=0)
    return errors, outputs


@pytest.mark.parametrize(("n", "d"), [(40, 6), (24, 60)])
def test_it_is_what_refitting_without_each_image_gives(n: int, d: int) -> None:
    data = given(*signal(n, d, 3, seed=d, strength=0.5))
    found, expected = ridge_fit(data), refitted(data)
    assert found.accuracy == pytest.approx(expected.accuracy)
    assert found.loss == pytest.approx(expected.loss, abs=1e-5)
    assert found.accuracy > 0.4


@pytest.mark.parametrize("d", [20, 200, 2000])
def test_noise_of_any_width_is_at_chance_and_costs_the_entropy_of_the_labels(d: int) -> None:
    fits = [ridge_path(*noise(300, d, 5, seed), RNG) for seed in range(3)]
    assert np.mean([fit.accuracy for fit in fits]) == pytest.approx(0.2, abs=0.03)
    assert np.mean([fit.loss for fit in fits]) == pytest.approx(np.log(5), abs=0.01)


def test_imbalanced_noise_costs_the_entropy_of_its_shares_and_is_called_the_largest_class() -> None:
    x, _ = noise(300, 400, 2, seed=0)
    y = np.repeat([0, 1, 2], [240, 45, 15])
    fit = ridge_path(x, y, RNG)
    shares = np.array([0.8, 0.15, 0.05])
    assert fit.accuracy == pytest.approx(0.8, abs=0.01)
    assert fit.loss == pytest.approx(-(shares * np.log(shares)).sum(), abs=0.02)


def test_the_loss_is_calibrated_when_the_classes_come_apart() -> None:
    fit = ridge_path(*signal(300, 50, 5, seed=0, strength=2.0), RNG)
    assert fit.accuracy > 0.99
    assert fit.loss < 0.05


def test_classes_of_one_image_are_errors_and_do_not_harm_the_others() -> None:
    x, y = signal(60, 10, 3, seed=0, strength=3.0)
    lonely_x, lonely_y = np.vstack([x, RNG.normal(size=(2, 10)) * 9]), np.append(y, [7, 9])
    fit = ridge_path(lonely_x, lonely_y, RNG)
    assert fit.n == 62
    assert 55 / 62 < fit.accuracy <= 60 / 62
    assert np.isfinite(fit.loss)


def test_a_wide_stage_of_noise_does_not_drown_a_narrow_one_that_knows() -> None:
    x, y = signal(300, 16, 5, seed=0)
    wide = np.random.default_rng(5).normal(size=(300, 2000))
    together = ridge_path_stages([x, wide], y, RNG)
    side_by_side = ridge_path(np.hstack([x, wide]), y, RNG)
    assert together.accuracy > side_by_side.accuracy + 0.3
    assert together.loss < side_by_side.loss - 0.5


def test_one_stage_alone_is_the_plain_probe() -> None:
    x, y = signal(80, 12, 4, seed=0)
    assert ridge_path_stages([x], y, RNG) == pytest.approx(ridge_path(x, y, RNG))


def test_stages_that_know_different_things_are_better_together() -> None:
    x, y = signal(300, 16, 8, seed=0, strength=1.0)
    first, second = np.where(y < 4, 1, 0)[:, None] * x, np.where(y >= 4, 1, 0)[:, None] * x
    alone = max(ridge_path(first, y, RNG).accuracy, ridge_path(second, y, RNG).accuracy)
    assert ridge_path_stages([first, second], y, RNG).accuracy > alone + 0.1


def test_stages_of_other_images_are_refused() -> None:
    with pytest.raises(BadValue, match=r"same images as rows.*\(5, 2\), \(4, 2\)"):
        ridge_path_stages([np.zeros((5, 2)), np.zeros((4, 2))], np.arange(5), RNG)


def test_a_constant_column_stays_nothing_and_others_get_variance_one() -> None:
    x = np.column_stack([np.full(50, 0.1, np.float32), np.arange(50.0)])
    f = standardised(x.astype(np.float64))
    assert not f[:, 0].any()
    assert f[:, 1].std() == pytest.approx(1)

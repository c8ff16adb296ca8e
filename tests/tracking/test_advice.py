"""Advice on curves that were drawn, and on those of trainings that were done here."""

import numpy as np
import pytest

from tracking.advice import Advice, advise
from tracking.metric_names import meaning_of, roles

E30 = np.arange(30)


def noisy(values, seed: int, sigma: float = 0.01):
    return np.asarray(values) + np.random.default_rng(seed).normal(0, sigma, len(values))


def codes(curves, params=None, baselines=None) -> set[str]:
    drawn = {name: (np.arange(len(values)), np.asarray(values, float)) for name, values in curves.items()}
    return {found.code for found in advise(drawn, params, baselines)}


def good(seed: int) -> dict[str, np.ndarray]:
    """Learns in a third of the time, and keeps what it learnt."""
    fall = np.exp(-E30 / 5)
    return {
        "train_loss": noisy(0.1 + 2.2 * fall, seed),
        "val_loss": noisy(0.35 + 1.9 * fall, seed + 1),
        "train_accuracy": noisy(0.97 - 0.8 * fall, seed + 2, 0.004),
        "val_accuracy": noisy(0.90 - 0.75 * fall, seed + 3, 0.006),
    }


@pytest.mark.parametrize("seed", range(0, 200, 4))
def test_of_a_good_training_nothing_is_said(seed):
    assert codes(good(seed), {"lr": 0.001}, {"majority": 0.1, "linear": 0.8}) == set()


@pytest.mark.parametrize("seed", range(30))
def test_noise_alone_is_no_news(seed):
    draw = np.random.default_rng(seed)
    one, other = draw.normal(1, 0.05, 40), draw.normal(1.2, 0.05, 40)
    assert codes({"train_loss": one, "val_loss": other}) == set()


@pytest.mark.parametrize("points", [8, 12, 30, 100, 300, 2000])
@pytest.mark.parametrize("seed", range(20))
def test_however_many_points_and_however_noisy_no_good_training_is_blamed(points, seed):
    draw = np.random.default_rng(points * 100 + seed)
    fall = np.exp(-np.arange(points) / (points * draw.uniform(0.05, 0.2)))
    noise, floor = draw.uniform(0.002, 0.06) * (1 if points < 200 else 5), draw.uniform(0.02, 0.3)
    top = draw.uniform(0.8, 0.95)
    curves = {
        "train_loss": floor + 2.2 * fall + draw.normal(0, noise, points) * (floor + fall),
        "val_loss": floor + 0.1 + 2 * fall + draw.normal(0, noise, points) * (floor + 0.1),
        "train_accuracy": np.clip(top + 0.03 - (top - 0.1) * fall + draw.normal(0, noise / 10, points), 0, 1),
        "val_accuracy": np.clip(top - (top - 0.1) * fall + draw.normal(0, noise / 10, points), 0, 1),
    }
    assert codes(curves, {"lr": 0.01}, {"majority": 0.1, "linear": top - 0.1}) <= {"train-longer"}


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_of_three_epochs_nothing_is_said(count):
    assert codes({name: values[:count] for name, values in good(0).items()}) == set()


def test_a_held_out_loss_that_turns_is_over_fitting_and_its_step_is_told():
    curves = good(0) | {"val_loss": noisy(0.5 + np.exp(-E30 / 4) + 0.03 * np.maximum(0, E30 - 12), 5)}
    found = advise({name: (E30, values) for name, values in curves.items()})
    assert [one.code for one in found] == ["over-fitting"]
    assert 8 <= int(found[0].headline.rstrip(".").split()[-1]) <= 16


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("names", [("loss",), ("train_loss",), ("val_loss",), ("train_loss", "val_loss")])
@pytest.mark.parametrize("points", [8, 30, 500])
def test_a_loss_that_only_ever_rises_has_diverged_and_is_no_over_fitting(points, names, seed):
    rise = 0.5 + 2 * np.linspace(0, 1, points)
    curves = {name: noisy(rise, seed + place, 0.02) for place, name in enumerate(names)}
    assert codes(curves) == {"diverged"}


@pytest.mark.parametrize("seed", range(10))
def test_a_loss_that_creeps_up_from_the_start_a_little_is_not_blamed_on_the_images(seed):
    found = codes({"val_loss": noisy(1 + 0.2 * np.linspace(0, 1, 30), seed, 0.005)})
    assert "over-fitting" not in found


@pytest.mark.parametrize("seed", range(10))
def test_held_out_data_that_is_worse_from_the_first_epoch_on_while_the_training_learns_is_over_fitting(seed):
    learns = noisy(0.05 + 0.9 * np.exp(-E30 / 6), seed)
    assert codes({"train_loss": learns, "val_loss": noisy(0.9 + 0.04 * E30, seed + 1)}) == {"over-fitting"}


def test_a_held_out_loss_that_only_jitters_is_no_over_fitting():
    assert codes(good(0) | {"val_loss": noisy(0.5 + np.exp(-E30 / 4), 5, 0.06)}) == set()


@pytest.mark.parametrize("last", [np.nan, np.inf])
def test_a_loss_that_is_no_number_to_the_end_has_diverged(last):
    curve = np.r_[np.linspace(2.3, 1.0, 10), [last] * 5]
    (found,) = advise({"loss": (np.arange(15) * 100, curve)}, {"optimizer.lr": "0.5"})
    assert found.code == "diverged"
    assert "step 1000" in found.reason
    assert "0.05 instead of 0.5" in found.tries[0]


def test_a_single_nan_that_the_training_outlived_is_not_told():
    curves = good(0)
    curves["train_loss"][12] = np.nan
    assert codes(curves) == set()


def test_a_loss_that_was_never_a_number_is_not_blamed_on_the_rate():
    assert codes({"train_loss": [np.nan] * 8}) == {"not-a-number"}


def test_a_loss_that_blows_up_has_diverged():
    assert codes({"train_loss": np.r_[np.linspace(2.3, 1.0, 10), np.geomspace(1.5, 50, 8)]}) == {"diverged"}


def test_a_loss_that_falls_in_a_straight_line_asks_for_a_higher_rate():
    assert codes({"train_loss": noisy(np.linspace(2.3, 2.0, 30), 0, 0.001)}, {"lr": 1e-5}) == {"learning-rate-too-low"}


def test_a_warm_up_that_still_goes_on_is_no_low_rate():
    curves = {"train_loss": np.linspace(2.3, 2.0, 30), "lr": np.linspace(1e-6, 1e-3, 30)}
    assert codes(curves) == set()


def test_where_guessing_is_all_a_batch_is_to_be_over_fitted_first():
    curves = {"train_loss": noisy(np.full(20, 2.3026), 0, 0.002), "train_accuracy": noisy(np.full(20, 0.1), 1, 0.005)}
    assert codes(curves | {"val_accuracy": np.full(20, 0.1)}) == {"overfit-one-batch"}


def test_a_loss_that_jumped_at_first_and_only_guesses_since_had_too_high_a_rate():
    loss = np.r_[9.5, 4.0, np.full(18, 2.31)]
    assert codes({"loss": loss, "accuracy": np.full(20, 0.1), "val_accuracy": np.full(20, 0.1)}) == {
        "learning-rate-too-high"
    }


def test_what_is_known_by_heart_and_does_not_carry_over_is_variance():
    fall = np.exp(-E30 / 3)
    curves = {"train_accuracy": 1 - 0.9 * fall, "val_accuracy": noisy(0.6 - 0.5 * fall, 0, 0.005)}
    (found,) = advise({name: (E30, v) for name, v in curves.items()}, baselines={"linear": 0.75})
    assert found.code == "variance"
    assert "0.750" in found.reason


def test_less_than_a_linear_classifier_on_the_training_images_is_under_fitting():
    curves = {
        name: noisy(0.5 - 0.4 * np.exp(-E30 / 3), seed, 0.004) for seed, name in enumerate(("train/acc", "val/acc"))
    }
    assert codes(curves, baselines={"linear": 0.8, "majority": 0.1}) == {"under-fitting"}


def test_a_loss_that_stands_far_from_zero_is_a_plateau_unless_the_rate_has_been_let_down():
    loss = noisy(1.2 + 1.1 * np.exp(-E30 / 3), 0)
    assert codes({"train_loss": loss}) == {"plateau"}
    assert codes({"train_loss": loss, "lr": np.linspace(0.1, 0, 30)}) == set()


def test_a_long_curve_of_single_batches_says_the_same_as_its_means():
    steps = np.arange(20_000)
    loss = noisy(np.maximum(0.05, 2.3 * np.exp(-steps / 3000)), 0, 0.3)
    assert codes({"train_loss_step": loss}) == set()


def test_percent_are_read_as_shares():
    assert codes({name: values * (100 if "accuracy" in name else 1) for name, values in good(0).items()}) == set()


def test_an_advice_tells_why_and_what_to_try():
    for found in advise({"loss": (E30, np.r_[np.linspace(2, 1, 15), np.geomspace(2, 90, 15)])}):
        assert isinstance(found, Advice)
        assert found.reason
        assert found.tries


@pytest.mark.parametrize(
    ("name", "part", "kind"),
    [
        ("loss", "plain", "loss"),
        ("val_loss", "val", "loss"),
        ("train/loss", "train", "loss"),
        ("Loss/validation", "val", "loss"),
        ("train_loss_epoch", "train", "loss"),
        ("eval_top1", "val", "accuracy"),
        ("val_sparse_categorical_accuracy", "val", "accuracy"),
        ("training_accuracy_score", "train", "accuracy"),
        ("validation/Top-1", "val", "accuracy"),
        ("valAcc", "val", "accuracy"),
        ("lr-SGD", "plain", "rate"),
        ("learning_rate", "plain", "rate"),
        ("val_cross_entropy", "val", "loss"),
    ],
)
def test_the_names_of_many_libraries_are_read(name, part, kind):
    assert meaning_of(name)[:2] == (part, kind)


@pytest.mark.parametrize(
    "name",
    [
        "loss_weight",
        "train_box_loss",
        "val_top5",
        "train_runtime",
        "glossary",
        "train_val_loss",
        "test_loss",
        "accuracy_loss",
        "lr_mult",
        "",
    ],
)
def test_a_name_with_an_unknown_word_is_not_guessed_at(name):
    assert meaning_of(name) is None


def test_an_epochs_mean_is_taken_before_the_values_of_steps():
    assert roles(["train_loss_step", "train_loss_epoch"])["train_loss"] == "train_loss_epoch"


def test_a_plain_accuracy_is_the_trainings_only_beside_another():
    assert "train_accuracy" not in roles(["accuracy", "loss"])
    assert roles(["accuracy", "val_accuracy"])["train_accuracy"] == "accuracy"

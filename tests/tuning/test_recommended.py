"""What is recommended, and how sure that is: chances from redrawn images, accuracies corrected for the choice."""

import numpy as np
import pytest

import headhunt
from tuning.recommended import span
from tuning.redrawing import redrawn, wilson


def drawn(accuracies: np.ndarray, images: int, chance: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:  # type: ignore[type-arg]
    """Trials of these true accuracies, right and wrong on images of common difficulty."""
    hard = chance.uniform(size=images)
    own = chance.uniform(size=(len(accuracies), images))
    right = (np.where(chance.uniform(size=images) < 0.6, hard, own) < accuracies[:, None]).astype(float)
    return np.where(right > 0, 0.2, 2.0) + chance.normal(0, 0.05, right.shape), right


@pytest.mark.parametrize("by_accuracy", [False, True])
def test_the_accuracy_of_the_chosen_is_corrected_and_its_interval_holds(by_accuracy: bool) -> None:
    chance = np.random.default_rng(0)
    naive, corrected, held = [], [], []
    for repeat in range(120):
        true = chance.uniform(0.78, 0.82, 40)
        losses, right = drawn(true, 60, chance)
        found = redrawn(losses, right, repeat, by_accuracy)
        best = int(losses.mean(axis=1).argmin())
        assert found.accuracy is not None
        assert found.interval is not None
        naive.append(right[best].mean() - true[best])
        corrected.append(found.accuracy - true[best])
        held.append(found.interval[0] <= true[best] <= found.interval[1])
    assert np.mean(naive) > 0.03, "the choice flatters"
    assert abs(np.mean(corrected)) < np.mean(naive) / 2
    assert np.mean(held) >= 0.7


def test_chances_say_who_would_have_been_chosen_by_other_images() -> None:
    chance = np.random.default_rng(1)
    clear = np.tile([[0.1], [0.9]], (1, 50)) + chance.normal(0, 0.01, (2, 50))
    assert redrawn(clear, np.ones((2, 50))).chances.tolist() == [1.0, 0.0]
    equal = chance.normal(0.5, 0.2, (2, 400))
    equal -= equal.mean(axis=1, keepdims=True)
    assert redrawn(equal, np.ones((2, 400))).chances == pytest.approx([0.5, 0.5], abs=0.08)


def test_one_trial_and_one_image_are_no_fault() -> None:
    alone = redrawn(np.array([[0.3, 0.5, 0.1]]), np.array([[1.0, 0.0, 1.0]]))
    assert alone.chances.tolist() == [1.0]
    assert alone.accuracy == pytest.approx(2 / 3, abs=0.1)
    single = redrawn(np.array([[0.3], [0.5]]), np.ones((2, 1)))
    assert single.accuracy is None
    assert single.interval is None


def test_wilsons_interval_is_that_of_the_textbook() -> None:
    assert wilson(0.5, 100) == pytest.approx((0.4365, 0.5635), abs=1e-4)
    assert wilson(1.0, 10)[1] == 1.0
    assert wilson(0.0, 10)[0] == 0.0


def test_a_range_reaches_to_the_next_values_that_were_tried() -> None:
    parameter = headhunt.double(0, 10)
    tried = [(1.0, 0.0), (3.0, 0.0), (4.0, 0.5), (5.0, 0.5), (7.0, 0.0)]
    assert span(parameter, tried) == (3.0, 7.0)
    assert span(parameter, [(4.0, 1.0)]) == (0.0, 10.0), "nobody looked elsewhere"


def test_a_parameter_that_decides_is_settled_and_one_that_does_not_matter_is_open() -> None:
    space = {
        "lr": headhunt.double(1e-4, 1.0, log=True),
        "idle": headhunt.double(0, 1),
        "opt": headhunt.choice("a", "b"),
    }

    def objective(params: dict[str, float]) -> float:
        return abs(np.log10(params["lr"]) + 2) + (1.0 if params["opt"] == "b" else 0.0)

    best = headhunt.fmin(objective, {**space, "epochs": 5}, algo="random", trials=200, seed=0)
    found = best.recommended
    sure = {one.name: one.sure for one in found.advice}
    assert sure == {"lr": "settled", "idle": "open", "opt": "settled", "epochs": "fixed"}
    advice = {one.name: one for one in found.advice}
    assert advice["lr"].low is not None
    assert advice["lr"].high is not None
    assert advice["lr"].low < 1e-2 < advice["lr"].high
    assert found.params == best.params
    assert "settled" in str(found)


def test_of_few_trials_nothing_is_settled() -> None:
    best = headhunt.fmin(lambda p: p["x"], {"x": headhunt.double(0, 1)}, trials=5, algo="random", seed=0)
    assert {one.sure for one in best.recommended.advice} <= {"likely", "open"}
    assert "5 complete trials are few" in str(best.recommended)


def test_conditional_parameters_are_advised_where_they_are_there() -> None:
    space = {"opt": headhunt.choice("sgd", "adamw"), "momentum": headhunt.double(0.5, 0.99, when={"opt": "sgd"})}
    best = headhunt.fmin(lambda p: 0.0 if p["opt"] == "adamw" else 1.0, space, algo="random", trials=25, seed=0)
    assert [one.name for one in best.recommended.advice] == ["opt"]

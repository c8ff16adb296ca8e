"""Importance: the number, what it means in words, and in time."""

import time
from pathlib import Path
from typing import Any

import optuna
import pytest

import headhunt
from headhunt.errors import BadValue, NotReady

SPACE = {
    "much": headhunt.double(0, 1),
    "little": headhunt.double(0, 1),
    "none": headhunt.integer(0, 9),
    "opt": headhunt.choice("a", "b"),
    "only_a": headhunt.double(0, 1, when={"opt": "a"}),
    "fixed": 3,
}


def objective(params: dict[str, Any]) -> float:
    return float(params["much"] + 0.1 * params["little"] + 0.3 * params.get("only_a", 0.5))


@pytest.fixture(scope="module")
def found() -> Any:
    return headhunt.fmin(objective, SPACE, algo="random", trials=300, seed=0)


@pytest.mark.parametrize("method", ["ped-anova", "fanova"])
def test_shares_follow_what_matters_and_sum_to_one(found: Any, method: str) -> None:
    one = found.importance(method)
    assert next(iter(one.shares)) == "much"
    assert one.shares["little"] < one.shares["much"] / 3
    assert sum(one.shares.values()) == pytest.approx(1)
    assert {type(share) for share in one.shares.values()} == {float}
    assert "fixed" not in one.shares
    assert one.trials == 300
    assert f"{one.shares['much']:.0%} is much" in one.meaning


def test_the_default_knows_parameters_with_conditions_and_fanova_says_whom_it_does_not(found: Any) -> None:
    assert found.importance().shares["only_a"] > found.importance().shares["none"]
    assert "only_a" not in found.importance("fanova").shares
    assert "Not judged, since not every trial had them: only_a" in found.importance("fanova").meaning


def test_few_trials_are_said_to_be_few_and_fewer_are_refused() -> None:
    assert "take this as a hint" in headhunt.fmin(objective, SPACE, trials=12, seed=0).importance().meaning
    with pytest.raises(NotReady, match="3 trials are complete"):
        headhunt.fmin(objective, SPACE, trials=3).importance()


def test_an_unknown_method_is_refused_with_those_there_are(found: Any) -> None:
    with pytest.raises(BadValue, match="There are: ped-anova, fanova"):
        found.importance("shap")


def test_failed_trials_and_losses_that_are_all_alike_do_no_harm() -> None:
    def half(params: dict[str, Any]) -> float:
        if params["none"] < 4:
            raise ValueError
        return 1.0

    best = headhunt.fmin(half, SPACE, algo="random", trials=60, seed=0)
    assert sum(best.importance().shares.values()) == pytest.approx(1)
    assert all(one.strength == 0 for one in best.interactions())
    with pytest.raises(NotReady, match="came to the same"):
        best.importance("fanova")


@pytest.mark.parametrize(("wide", "steep"), [(1e300, 1.0), (1.0, 1e300)])
def test_numbers_that_no_forest_holds_are_told(wide: float, steep: float) -> None:
    space = {"x": headhunt.double(0, wide), "sign": headhunt.choice(-1, 1)}
    best = headhunt.fmin(lambda p: p["sign"] * p["x"] * steep, space, algo="random", trials=20, seed=0)
    with pytest.raises(NotReady, match="ped-anova"):
        best.importance("fanova")
    assert best.importance().shares


def test_a_forest_looks_at_a_thousand_trials_at_most(found: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tuning.importance.MOST_LOOKED", 100)
    one = found.importance("fanova")
    assert (one.trials, next(iter(one.shares))) == (100, "much")
    assert "100 of 300 trials were looked at" in one.meaning


def test_slices_are_the_values_with_what_came_of_them(found: Any) -> None:
    slices = {one.name: one for one in found.slices()}
    assert set(slices) == set(SPACE) - {"fixed"}
    assert len(slices["much"].places) == 300
    first = slices["only_a"].places[0]
    assert found.trials[first.trial].params["only_a"] == first.value
    assert found.trials[first.trial].value == first.loss


def test_a_pair_that_matters_only_together_is_the_strongest() -> None:
    space = {"x": headhunt.double(-1, 1), "y": headhunt.double(-1, 1), "z": headhunt.double(-1, 1)}
    best = headhunt.fmin(lambda p: p["x"] * p["y"] + p["z"], space, algo="random", trials=400, seed=0)
    first, *others = best.interactions()
    assert {first.first, first.second} == {"x", "y"}
    assert first.strength > 0.1
    assert all(one.strength < first.strength / 3 for one in others)


def test_a_thousand_trials_are_judged_in_a_small_part_of_the_time_that_optunas_forest_takes(tmp_path: Path) -> None:
    best = headhunt.fmin(objective, SPACE, algo="random", trials=1000, seed=0)
    best.importance()
    began = time.perf_counter()
    best.importance()
    quick = time.perf_counter() - began
    began = time.perf_counter()
    optuna.importance.get_param_importances(
        best._study.inner, evaluator=optuna.importance.FanovaImportanceEvaluator(n_trees=2, seed=0)
    )
    assert quick < time.perf_counter() - began

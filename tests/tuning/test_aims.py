"""Several aims, limits, and what else an objective may return."""

import math
from pathlib import Path
from typing import Any

import pytest

import headhunt
from headhunt.errors import BadValue, NoBest

SPACE = {"x": headhunt.double(0, 1), "n": headhunt.integer(0, 3)}
AIMS = {"accuracy": "maximize", "latency": "minimize"}


def weighed(params: dict[str, Any]) -> dict[str, Any]:
    """More of x is better and slower; n only wastes time."""
    return {"losses": {"accuracy": params["x"], "latency": 10 * params["x"] + params["n"]}, "memory": 100 * params["x"]}


@pytest.mark.parametrize("algo", ["tpe", "gp", "random", "qmc", "grid", "nsga2", "nsga3"])
def test_the_front_holds_those_whom_nobody_beats(algo: str) -> None:
    space = {"x": headhunt.double(0, 1)} if algo == "qmc" else SPACE
    best = headhunt.fmin(lambda p: weighed({"n": 0, **p}), space, algo=algo, aims=AIMS, trials=20, seed=0)
    front = best.front
    assert front
    for one in front:
        for other in best.trials:
            a, b = one.values, other.values
            better = b["accuracy"] >= a["accuracy"] and b["latency"] <= a["latency"]
            assert not better or b == a
    assert [one.values["accuracy"] for one in front] == sorted((one.values["accuracy"] for one in front), reverse=True)
    assert best.trial.number == front[0].number
    assert best.value == max(one.values["accuracy"] for one in best.trials)


def test_of_names_alone_accuracy_is_maximized() -> None:
    best = headhunt.fmin(weighed, SPACE, aims=("accuracy", "latency"), trials=10, seed=0)
    assert best.value == max(one.values["accuracy"] for one in best.trials)


def test_limits_keep_what_is_beyond_them_off_the_front() -> None:
    best = headhunt.fmin(weighed, SPACE, aims=AIMS, limits={"accuracy": 0.2, "memory": 60}, trials=30, seed=0)
    assert {one.within for one in best.trials} == {True, False}
    assert all(one.within == (one.params["x"] >= 0.2 and 100 * one.params["x"] <= 60) for one in best.trials)
    assert all(one.within for one in best.front)
    assert best.trial.within


def test_one_loss_may_have_limits_too() -> None:
    best = headhunt.fmin(
        lambda p: {"loss": -p["x"], "memory": 100 * p["x"]}, SPACE, limits={"memory": 50}, trials=30, seed=0
    )
    assert best.params["x"] <= 0.5
    assert best.trial.measured == {"memory": 100 * best.params["x"]}  # type: ignore[operator]


def test_when_no_trial_keeps_the_limits_the_error_says_what_was_seen() -> None:
    with pytest.raises(NoBest, match=r"None of 3 trials keeps the limits: memory -1 \(seen: .* to .*\)"):
        headhunt.fmin(lambda p: {"loss": 1.0, "memory": p["x"]}, SPACE, limits={"memory": -1}, trials=3)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (1.0, "With several aims, return"),
        ({"losses": {"accuracy": 1}}, "without 'latency'"),
        ({"losses": {"accuracy": math.nan, "latency": 1}}, "accuracy: The objective returned nan"),
        ({"losses": [1, 2]}, "losses"),
        ({"losses": {"accuracy": 1, "latency": 1}, "status": "fail"}, "said that it failed"),
        ({"losses": {"accuracy": 1, "latency": 1}}, "without 'memory'"),
        (None, "With several aims"),
    ],
)
@pytest.mark.parametrize("trial_timeout", [None, 60])
def test_what_lacks_an_aim_is_a_marked_trial(given: Any, said: str, trial_timeout: Any) -> None:
    def objective(params: dict[str, Any]) -> Any:
        return weighed(params) if params["n"] == 0 else given

    best = headhunt.fmin(
        objective,
        {"x": 0.5, "n": headhunt.choice(0, 1)},
        aims=AIMS,
        limits={"memory": 1000},
        algo="grid",
        trial_timeout=trial_timeout,
    )
    failed = next(one for one in best.trials if one.params["n"] == 1)
    assert failed.state == "failed"
    assert said in failed.reason


def test_with_several_aims_nobody_is_stopped_early() -> None:
    def objective(params: dict[str, Any]) -> Any:
        for step in range(5):
            headhunt.report(step, params["x"])
        return weighed(params)

    best = headhunt.fmin(objective, SPACE, aims=AIMS, trials=30, algo="random", seed=0)
    assert {one.state for one in best.trials} == {"complete"}
    assert len(best.trials[0].readings) == 5


def test_what_mattered_is_told_of_each_aim() -> None:
    best = headhunt.fmin(weighed, SPACE, aims=AIMS, trials=60, algo="random", seed=0)
    assert next(iter(best.importance().shares)) == "x"
    assert best.importance(aim="latency").shares["x"] > 0
    with pytest.raises(BadValue, match="Did you mean 'latency'"):
        best.importance(aim="latenzy")


def test_a_study_of_several_aims_goes_on_and_another_one_is_refused(tmp_path: Path) -> None:
    for trials in (3, 6):
        best = headhunt.fmin(weighed, SPACE, aims=AIMS, trials=trials, study="s", home=tmp_path)
    assert len(best.trials) == 6
    with pytest.raises(BadValue, match="other aims or limits"):
        headhunt.fmin(weighed, SPACE, aims=dict.fromkeys(AIMS, "minimize"), trials=7, study="s", home=tmp_path)


@pytest.mark.parametrize(
    "options",
    [
        {"aims": {"a": "up", "b": "minimize"}},
        {"aims": ["a"]},
        {"aims": 3},
        {"aims": [1, 2]},
        {"aims": [f"a{i}" for i in range(11)]},
        {"limits": {"a": "much"}},
        {"limits": {"a": math.nan}},
        {"limits": {"loss": 1.0}},
        {"limits": [1]},
        {"aims": AIMS, "algo": "cmaes", "space": {"x": headhunt.double(0, 1)}},
        {"aims": AIMS, "algo": "basinhopping", "space": {"x": headhunt.double(0, 1)}},
    ],
)
def test_what_cannot_be_aimed_at_is_refused(options: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(BadValue):
        headhunt.fmin(**{"objective": weighed, "space": SPACE, "trials": 2, "home": tmp_path, **options})

"""Every algorithm on one contract: real values within the space, repeated by its seed, better than chance."""

from typing import Any

import pytest

import headhunt
from headhunt.errors import BadSpace, BadValue
from headhunt.spaces import allowed, checked
from tests.tuning.objectives import BOWL, bowl
from tuning.samplers import SAMPLERS, chosen

CONDITIONAL = {"opt": headhunt.choice("sgd", "adamw"), "momentum": headhunt.double(0.5, 0.99, when={"opt": "sgd"})}


@pytest.mark.parametrize("algo", SAMPLERS)
def test_every_algorithm_gives_real_values_of_the_space(algo: str) -> None:
    space = {**BOWL, "lr": headhunt.double(1e-4, 1e-1, log=True), "k": headhunt.double(0, 1, step=0.25), "fixed": 7}
    if algo not in ("cmaes", "qmc", "basinhopping"):
        space["opt"] = headhunt.choice("sgd", None, 2.5)
    seen: list[dict[str, Any]] = []

    def objective(params: dict[str, Any]) -> float:
        seen.append(params)
        return bowl(params)

    best = headhunt.fmin(objective, space, algo=algo, trials=15, seed=3)
    assert len(seen) == 15
    for params in seen:
        assert set(params) == set(space)
        for name, parameter in checked(space).items():
            assert allowed(parameter, params[name]), (name, params[name])
            assert name != "n" or type(params[name]) is int
    assert bowl(best.params) == best.value == min(bowl(one) for one in seen)
    assert best.params in seen


@pytest.mark.parametrize("algo", SAMPLERS)
def test_the_same_seed_gives_the_same_trials(algo: str) -> None:
    first, second = (headhunt.fmin(bowl, BOWL, algo=algo, trials=13, seed=5).trials for _ in range(2))
    assert [one.params for one in first] == [one.params for one in second]


@pytest.mark.parametrize("algo", ["tpe", "gp", "cmaes", "basinhopping"])
def test_what_learns_finds_the_bottom_of_a_bowl(algo: str) -> None:
    best = headhunt.fmin(bowl, BOWL, algo=algo, trials=40, seed=1)
    assert best.params["n"] == 0
    assert best.value < 0.3


@pytest.mark.parametrize("algo", ["tpe", "random", "auto"])
def test_conditions_hold_in_every_trial(algo: str) -> None:
    def objective(params: dict[str, Any]) -> float:
        assert ("momentum" in params) == (params["opt"] == "sgd")
        return float(params.get("momentum", 0.7))

    best = headhunt.fmin(objective, CONDITIONAL, algo=algo, trials=30, seed=0)
    assert {one.state for one in best.trials} == {"complete"}
    assert {one.params["opt"] for one in best.trials} == {"sgd", "adamw"}


@pytest.mark.parametrize("algo", ["gp", "cmaes", "grid", "qmc", "basinhopping"])
def test_what_knows_no_conditions_refuses_them(algo: str) -> None:
    with pytest.raises(BadSpace, match="Take algo='tpe'"):
        headhunt.fmin(bowl, CONDITIONAL, algo=algo)


@pytest.mark.parametrize("algo", ["cmaes", "qmc", "basinhopping"])
def test_what_knows_numbers_alone_refuses_choices(algo: str) -> None:
    with pytest.raises(BadSpace, match="'c' is a choice"):
        headhunt.fmin(bowl, {**BOWL, "c": headhunt.choice("a", "b")}, algo=algo)


def test_an_unknown_algorithm_is_refused_with_those_there_are() -> None:
    with pytest.raises(BadValue, match=r"Did you mean 'tpe'.*basinhopping"):
        headhunt.fmin(bowl, BOWL, algo="tpee")


def test_a_grid_ends_when_every_point_was_tried_once() -> None:
    space = {"n": headhunt.integer(0, 3), "c": headhunt.choice("a", "b", "c")}
    best = headhunt.fmin(lambda p: p["n"], space, algo="grid", trials=100, seed=0)
    assert len(best.trials) == 12
    assert len({(one.params["n"], one.params["c"]) for one in best.trials}) == 12


@pytest.mark.parametrize(
    ("space", "trials", "algo"),
    [
        (CONDITIONAL, 20, "tpe"),
        ({"n": headhunt.integer(0, 3), "c": headhunt.choice("a", "b")}, 8, "grid"),
        ({"n": headhunt.integer(0, 3), "c": headhunt.choice("a", "b")}, 7, "gp"),
        (BOWL, 100, "gp"),
        (BOWL, 200, "cmaes"),
        (BOWL, 199, "tpe"),
        ({"x": headhunt.double(0, 1)}, 1000, "tpe"),
        ({**BOWL, "c": headhunt.choice("a", "b")}, 1000, "tpe"),
        (BOWL, None, "tpe"),
    ],
)
def test_auto_chooses_by_its_rule(space: Any, trials: int | None, algo: str) -> None:
    assert chosen(checked(space), trials) == algo

"""What people type by habit, who come from hyperopt or Optuna, is answered with the word that is used here."""

import re
from collections.abc import Callable
from typing import Any

import optuna
import pytest

import headhunt
from headhunt.errors import BadValue
from headhunt.habits import NAMES
from headhunt.recommendation import asked_for
from tests.tuning.objectives import BOWL, bowl


class Trials:
    """hyperopt's."""


def suggest() -> None:
    """hyperopt's algorithms are functions."""


suggest.__module__ = "hyperopt.rand"


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"max_evals": 3}, "fmin has no 'max_evals': here it is 'trials'"),
        ({"n_trials": 3}, "here it is 'trials'"),
        ({"fn": bowl}, "here it is 'objective'"),
        ({"study_name": "s"}, "here it is 'study'"),
        ({"n_jobs": 2}, "here it is 'workers'"),
        ({"rstate": 1}, "here it is 'seed'"),
        ({"points_to_evaluate": []}, "here it is 'start'"),
        ({"seconds": 10}, "here it is 'timeout'"),
        ({"trails": 3}, "Did you mean 'trials'"),
        ({"loss_threshold": 0.1}, "No option of fmin named 'loss_threshold'. There are: objective, space, algo"),
        ({"trials": Trials()}, "Give a whole number"),
        ({"algo": suggest}, "as in algo='random'"),
        ({"algo": optuna.samplers.TPESampler()}, "as in algo='tpe'"),
        ({"algo": optuna.samplers.NSGAIISampler()}, "as in algo='nsga2'"),
        ({"space": [headhunt.double(0, 1)]}, "Give names and values"),
        ({"space": lambda trial: trial.suggest_float("x", 0, 1)}, "Give names and values"),
        ({"start": 5}, "Give a point"),
    ],
)
def test_words_of_others_are_answered_with_ours(asked: dict[str, Any], said: str) -> None:
    with pytest.raises(BadValue) as refused:
        headhunt.fmin(**{"objective": bowl, "space": BOWL, **asked})
    assert said in str(refused.value)


def test_what_others_take_by_its_place_is_named_here() -> None:
    with pytest.raises(BadValue, match="takes objective and space"):
        headhunt.fmin(bowl, BOWL, "tpe", 100)  # type: ignore[misc]


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (
            lambda: headhunt.create_study(study_name="s", space=BOWL),
            "create_study has no 'study_name': here it is 'name'",
        ),
        (lambda: headhunt.create_study("s", BOWL, n_trials=3), "here it is 'trials'"),
        (lambda: headhunt.create_study("s", BOWL, algo=suggest), "as in algo='random'"),
        (lambda: headhunt.create_study("s", BOWL, lease="long"), "Give seconds"),
        (lambda: headhunt.create_study(3, BOWL), "Give a text"),
        (lambda: headhunt.simple_fmin(bowl, key="s", n_jobs=3), "here it is 'workers'"),
        (lambda: asked_for(None, None, {"n_trials": 3}), "tune has no 'n_trials': here it is 'trials'"),
        (lambda: asked_for(None, None, {"timeout": 3}), "here it is 'seconds'"),
        (lambda: asked_for(None, None, {"aim": "loss"}), "Did you mean 'aims'"),
    ],
)
def test_so_it_is_for_studies_and_tunings(call: Callable[[], object], said: str) -> None:
    with pytest.raises(BadValue) as refused:
        call()
    assert said in str(refused.value)


@pytest.mark.parametrize("name", NAMES)
def test_names_of_others_are_answered_with_ours(name: str) -> None:
    assert not hasattr(headhunt, name)
    with pytest.raises(AttributeError, match=re.escape(NAMES[name])):
        getattr(headhunt, name)


def test_the_best_is_a_dictionary_too() -> None:
    best = headhunt.fmin(lambda params: params["x"], {"x": headhunt.double(0, 1)}, trials=3)
    assert best["x"] == best.params["x"]
    with pytest.raises(KeyError):
        best["y"]

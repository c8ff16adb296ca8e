"""Basin hopping asked one by one: what is told decides, not when, nor by whom."""

from typing import Any

import numpy as np
import optuna
import pytest

from headhunt.spaces import checked, double, integer
from tests.tuning.objectives import BOWL
from tuning.basins import BasinHoppingSampler, share_of, value_at
from tuning.spaces import distributions

SPACE = distributions(checked(BOWL))


def study_of(seed: int = 1) -> optuna.Study:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna.create_study(sampler=BasinHoppingSampler(seed).over(SPACE))


def hills(params: dict[str, Any]) -> float:
    """Many valleys; the deepest is at 1, 0."""
    x, n = params["x"] - 1, params["n"]
    return float(x * x + n * n + 3 * (1 - np.cos(3 * x)))


def asked_in_turn(trials: int, scale: float = 1.0) -> list[dict[str, Any]]:
    study = study_of()
    for _ in range(trials):
        trial = study.ask(SPACE)
        study.tell(trial, scale * hills(trial.params))
    return [one.params for one in study.trials]


def test_another_process_goes_on_as_the_first_would_have() -> None:
    study = study_of()
    for _ in range(30):
        study.sampler = BasinHoppingSampler(1).over(SPACE)  # knows nothing of before
        trial = study.ask(SPACE)
        study.tell(trial, hills(trial.params))
    assert [one.params for one in study.trials] == asked_in_turn(30)


def test_the_scale_of_the_loss_changes_nothing() -> None:
    assert asked_in_turn(40, 2.0**-30) == asked_in_turn(40) == asked_in_turn(40, 2.0**30)


def test_questions_before_answers_get_different_points_and_the_search_still_comes_down() -> None:
    study = study_of()
    for _ in range(25):
        waiting = [study.ask(SPACE) for _ in range(4)]
        assert len({tuple(one.params.values()) for one in waiting}) == 4
        for trial in reversed(waiting):  # told in another order than asked
            study.tell(trial, hills(trial.params))
    assert study.best_value < 0.1


def test_failed_trials_count_as_bad_and_never_come_again() -> None:
    study = study_of()
    failed = optuna.trial.TrialState.FAIL
    for i in range(100):
        trial = study.ask(SPACE)
        study.tell(trial, hills(trial.params) if i % 3 else None, state=None if i % 3 else failed)
    points = [tuple(one.params.values()) for one in study.trials]
    assert len(set(points)) == len(points)
    assert study.best_value < np.median([hills(one.params) for one in study.trials]) / 4


def test_a_space_of_few_points_is_searched_through_and_does_not_hang() -> None:
    small = distributions(checked({"n": integer(0, 2), "m": integer(0, 1)}))
    study = optuna.create_study(sampler=BasinHoppingSampler(0).over(small))
    for _ in range(25):
        trial = study.ask(small)
        study.tell(trial, float(trial.params["n"] + trial.params["m"]))
    assert study.best_value == 0


@pytest.mark.parametrize(
    "parameter",
    [double(-1, 3), double(1e-5, 1, log=True), double(0, 1, step=0.1), integer(1, 9), integer(1, 500, log=True)],
)
def test_every_value_comes_back_from_its_place_on_the_axis(parameter: Any) -> None:
    axis = distributions(checked({"p": parameter}))["p"]
    for share in np.linspace(0, 1, 50):
        value = value_at(axis, float(share))
        assert value_at(axis, share_of(axis, value)) == pytest.approx(value, rel=1e-9)

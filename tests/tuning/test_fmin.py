"""`headhunt.fmin`: what a user sees. Whatever an objective does is that trial's matter, never the study's end."""

import math
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import headhunt
from headhunt.errors import BadValue, Interrupted, NoBest, NoTrial, TrialStopped
from tests.tuning.objectives import BOWL, bowl


def raises(params: dict[str, Any]) -> float:
    raise ValueError("too\nwide")


BAD: list[tuple[Any, str]] = [
    (lambda p: math.nan, "nan"),
    (lambda p: math.inf, "inf"),
    (lambda p: None, "returned nothing"),
    (lambda p: "0.5", "'0.5'"),
    (lambda p: True, "True"),
    (lambda p: [1, 2], "no number"),
    (lambda p: {}, "without 'loss'"),
    (lambda p: {"loss": math.nan}, "nan"),
    (lambda p: {"loss": 1.0, "status": "fail"}, "said that it failed"),
    (lambda p: {"loss": 1.0, "status": "new"}, "'new'"),
    (raises, "ValueError: too wide"),
    (lambda p: sys.exit(3), "SystemExit"),
    (lambda p: headhunt.report(-1, 0.1), "step is -1"),
    (lambda p: headhunt.report(1, "low"), "'low'"),  # type: ignore[arg-type]
]


@pytest.mark.parametrize(("bad", "said"), BAD)
@pytest.mark.parametrize("trial_timeout", [None, 30])
def test_a_bad_objective_marks_its_trial_and_the_study_goes_on(bad: Any, said: str, trial_timeout: Any) -> None:
    space = {"n": headhunt.choice("good", "bad")}
    best = headhunt.fmin(
        lambda p: bad(p) if p["n"] == "bad" else 1.5, space, algo="grid", trials=4, trial_timeout=trial_timeout
    )
    assert (best.value, best.params) == (1.5, {"n": "good"})
    failed = next(one for one in best.trials if one.params["n"] == "bad")
    assert (failed.state, failed.status, failed.value) == ("failed", headhunt.STATUS_FAIL, None)
    assert said in failed.reason
    assert "\n" not in failed.reason


def test_when_every_trial_fails_the_error_says_why() -> None:
    with pytest.raises(NoBest, match=r"3 were begun, 3 failed.*ValueError: too wide"):
        headhunt.fmin(raises, BOWL, trials=3)


@pytest.mark.parametrize("good", [2, 2.0, np.float32(2), np.array(2.0), {"loss": 2}, {"loss": 2, "status": "ok"}])
def test_numbers_of_all_kinds_are_losses(good: Any) -> None:
    assert headhunt.fmin(lambda p: good, BOWL, trials=1).value == 2.0


def test_a_score_is_maximized() -> None:
    best = headhunt.fmin(lambda p: -bowl(p), BOWL, trials=30, seed=0, direction="maximize")
    assert best.value == max(one.value for one in best.trials if one.value is not None)


def test_starts_are_tried_first_and_what_they_leave_out_is_drawn() -> None:
    best = headhunt.fmin(bowl, BOWL, trials=3, start=[{"x": 1.0, "n": 0}, {"x": 2}])
    assert best.trials[0].params == {"x": 1.0, "n": 0}
    assert best.trials[1].params["x"] == 2.0
    assert best.value == 0.0


def test_an_objective_that_changes_its_parameters_changes_nothing_else() -> None:
    def objective(params: dict[str, Any]) -> float:
        loss = bowl(params)
        params.clear()
        return loss

    assert set(headhunt.fmin(objective, BOWL, trials=2).params) == set(BOWL)


@pytest.mark.parametrize(
    "options",
    [
        {"trials": 0},
        {"trials": None},
        {"trials": True},
        {"trials": 2.5},
        {"timeout": "soon"},
        {"timeout": 0},
        {"trial_timeout": -1},
        {"seed": -1},
        {"seed": "a"},
        {"workers": 0},
        {"direction": "up"},
        {"start": [3]},
        {"space": [1]},
        {"space": {}},
        {"space": None},
        {"objective": 3},
        {"study": "../x"},
        {"study": ""},
        {"warm_up": -1},
        {"curtail": "no"},
        {"direction": ["minimize"]},
    ],
)
def test_what_cannot_be_asked_is_refused_before_any_trial(options: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(BadValue):
        headhunt.fmin(**{"objective": bowl, "space": BOWL, "trials": 2, "home": tmp_path, **options})
    assert list(tmp_path.rglob("*.log")) == []


def test_reporting_outside_of_a_trial_says_where_it_belongs() -> None:
    with pytest.raises(NoTrial, match=r"inside an objective of headhunt\.fmin"):
        headhunt.report(1, 0.5)


def curve(params: dict[str, Any]) -> float:
    """Trials with a large x are bad from the first step on."""
    for step in range(1, 21):
        headhunt.report(step, params["x"] + 1 / step)
    return float(params["x"])


@pytest.mark.parametrize("trial_timeout", [None, 60])
def test_trials_that_fall_behind_end_early_and_are_marked(trial_timeout: Any) -> None:
    space = {"x": headhunt.double(0, 1)}
    best = headhunt.fmin(curve, space, algo="random", trials=40, seed=0, trial_timeout=trial_timeout)
    stopped = [one for one in best.trials if one.state == "stopped"]
    assert len(stopped) >= 10
    assert all("best fifth" in one.reason and len(one.readings) < 20 and one.value is None for one in stopped)
    assert best.value == min(one.params["x"] for one in best.trials)
    everything = headhunt.fmin(curve, space, algo="random", trials=40, seed=0, curtail=False)
    assert {one.state for one in everything.trials} == {"complete"}


def test_an_objective_that_catches_the_stop_and_returns_counts_as_it_returned() -> None:
    def stubborn(params: dict[str, Any]) -> float:
        try:
            return curve(params)
        except TrialStopped:
            return float(params["x"])

    best = headhunt.fmin(stubborn, {"x": headhunt.double(0, 1)}, trials=30, algo="random", seed=0)
    assert {one.state for one in best.trials} == {"complete"}


def test_of_a_step_that_is_reported_twice_the_newest_reading_counts() -> None:
    def twice(params: dict[str, Any]) -> float:
        headhunt.report(3, 0.5)
        headhunt.report(3, 0.1)
        return 0.0

    assert headhunt.fmin(twice, BOWL, trials=1).trials[0].readings == {3: 0.1}


def test_an_objective_that_never_returns_is_ended_and_marked() -> None:
    def hangs(params: dict[str, Any]) -> float:
        while params["n"] == "bad":
            time.sleep(0.01)
        return 1.0

    best = headhunt.fmin(hangs, {"n": headhunt.choice("good", "bad")}, algo="grid", trials=4, trial_timeout=1)
    failed = next(one for one in best.trials if one.params["n"] == "bad")
    assert failed.state == "failed"
    assert "had not returned after 1 s" in failed.reason


def test_a_process_that_dies_is_a_marked_trial() -> None:
    def dies(params: dict[str, Any]) -> float:
        if params["n"] == "bad":
            import os

            os.kill(os.getpid(), 9)
        return 1.0

    best = headhunt.fmin(dies, {"n": headhunt.choice("good", "bad")}, algo="grid", trials=4, trial_timeout=60)
    assert "ended without a word" in next(one for one in best.trials if one.params["n"] == "bad").reason


def test_the_time_of_a_study_ends_trials_at_their_next_report() -> None:
    def endless(params: dict[str, Any]) -> float:
        step = 0
        while best_first:
            headhunt.report(step := step + 1, 0.5)
        best_first.append(1)
        return 1.0

    best_first: list[int] = []
    best = headhunt.fmin(endless, BOWL, trials=None, timeout=2)
    assert [one.state for one in best.trials] == ["complete", "stopped"]
    assert "time of the study" in best.trials[1].reason


@pytest.mark.parametrize("trial_timeout", [None, 60])
def test_workers_share_a_study_and_end_it_with_just_as_many_trials(trial_timeout: Any) -> None:
    best = headhunt.fmin(curve, {"x": headhunt.double(0, 1)}, trials=25, workers=4, trial_timeout=trial_timeout, seed=1)
    assert len(best.trials) == 25
    assert len({one.params["x"] for one in best.trials}) == 25


def test_importing_headhunt_and_making_a_space_loads_neither_optuna_nor_numpy() -> None:
    code = (
        "import sys, headhunt; headhunt.fmin; headhunt.report; headhunt.double(0, 1, log=False)\n"
        "print([one for one in ('optuna', 'numpy', 'torch', 'scipy') if one in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_grid_begins_with_its_starts_and_tries_no_point_twice() -> None:
    space = {"a": headhunt.choice("x", "y", "z"), "n": headhunt.integer(0, 1)}
    start = [{"a": "z", "n": 1}, {"a": "y", "n": 0}]
    best = headhunt.fmin(lambda p: float(p["n"]), space, algo="grid", trials=100, start=start, seed=0)
    tried = [(one.params["a"], one.params["n"]) for one in best.trials]
    assert tried[:2] == [("z", 1), ("y", 0)]
    assert len(tried) == len(set(tried)) == 6


@pytest.mark.parametrize("trial_timeout", [None, "20s"])
def test_ctrl_c_in_a_training_within_the_objective_ends_the_search(trial_timeout: Any) -> None:
    def objective(params: dict[str, Any]) -> float:
        if params["n"] == 3:
            raise Interrupted("A training was stopped.")
        return bowl(params)

    start = [{"n": 0}, {"n": 1}, {"n": 3}]
    best = headhunt.fmin(objective, BOWL, trials=3, start=start, trial_timeout=trial_timeout)
    assert best.interrupted
    assert [one.state for one in best.trials] == ["complete", "complete"]


def test_what_a_start_of_a_grid_leaves_out_is_drawn_from_it() -> None:
    space = {"n": headhunt.integer(0, 2), "m": headhunt.integer(0, 2)}
    best = headhunt.fmin(lambda p: p["n"] + p["m"], space, algo="grid", start=[{"n": 2}, {"m": 1}], trials=20, seed=0)
    assert best.trials[0].params["n"] == 2
    assert len({tuple(one.params.values()) for one in best.trials}) == len(best.trials) == 9


def test_a_start_of_a_grid_may_lie_between_its_points() -> None:
    space = {"x": headhunt.double(0, 1), "n": headhunt.choice(1, 2)}
    best = headhunt.fmin(lambda p: p["x"], space, algo="grid", trials=100, start={"x": 0.11, "n": 1})
    assert best.trials[0].params == {"x": 0.11, "n": 1}
    assert len(best.trials) == 15


ORPHAN = """
import os, sys, time
import headhunt

def objective(params):
    print(os.getpid(), flush=True)
    time.sleep(600)

headhunt.fmin(objective, {"x": headhunt.double(0, 1)}, trials=1, trial_timeout="1h", workers=int(sys.argv[1]))
"""


@pytest.mark.parametrize("workers", [1, 2])
def test_a_trial_in_a_process_of_its_own_ends_when_its_parent_is_killed(workers: int) -> None:
    parent = subprocess.Popen([sys.executable, "-c", ORPHAN, str(workers)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    assert int(parent.stdout.readline()) != parent.pid
    parent.kill()
    parent.communicate(timeout=240)  # the pipe ends when the child, who holds it too, has ended

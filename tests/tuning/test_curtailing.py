"""When a trial ends early: by the stated rule, never one that would have been far better, whatever the readings are."""

import math

import numpy as np
import optuna
import pytest

from benchmarks.curtailing_curves import Family, drawn
from tuning.curtailing import BestFifth, curve_of, end_of, lowest, reading

optuna.logging.set_verbosity(optuna.logging.ERROR)


def past(readings: list[dict[int, float]], ends: list[float], direction: str = "minimize") -> optuna.Study:
    """A study of trials that ended."""
    study = optuna.create_study(direction=direction, sampler=optuna.samplers.RandomSampler(0))
    for curve, end in zip(readings, ends, strict=True):
        study.add_trial(optuna.trial.create_trial(value=end, intermediate_values=curve))
    return study


def stopped(study: optuna.Study, readings: dict[int, float], pruner: BestFifth | None = None) -> bool:
    trial = study.ask()
    for step, loss in readings.items():
        trial.report(loss, step)
    judged = (pruner or BestFifth()).prune(study, study.trials[trial.number])
    study.tell(trial, state=optuna.trial.TrialState.FAIL)
    return judged


def even(number: int = 15) -> optuna.Study:
    """Trial i has 1 + i / 10 at step 1, half of it at step 5, and ends at i / 10."""
    curves = [{1: 1 + i / 10, 5: (1 + i / 10) / 2} for i in range(number)]
    return past(curves, [i / 10 for i in range(number)])


def test_the_limit_is_the_end_of_the_band_of_the_best_fifth() -> None:
    study = even()  # the best three had 1.0, 1.1 and 1.2 at step 1: the band ends at 1.2 + 0.2 / 2
    assert end_of([1.0, 1.1, 1.2]) == pytest.approx(1.3)
    assert not stopped(study, {1: 1.2999})
    assert stopped(study, {1: 1.3001})
    assert not stopped(study, {5: 0.6499})
    assert stopped(study, {5: 0.6501})


def test_a_score_is_judged_the_other_way_round() -> None:
    study = past([{1: -1 - i / 10} for i in range(15)], [-i / 10 for i in range(15)], "maximize")
    assert not stopped(study, {1: -1.2999})
    assert stopped(study, {1: -1.3001})


def test_nobody_is_judged_before_ten_have_ended_or_before_the_warm_up() -> None:
    assert not stopped(even(9), {5: 99.0})
    assert stopped(even(10), {5: 99.0})
    assert not stopped(even(), {5: 99.0}, BestFifth(warm_up=6))
    assert not stopped(even(), {})


def test_steps_need_not_line_up() -> None:
    study = even()
    assert stopped(study, {3: 1.4}), "read at the last step up to there, which is 1"
    assert not stopped(study, {3: 1.2})
    assert stopped(study, {900: 0.7}), "curves that ended say what they had"
    assert not stopped(study, {0: 99.0}, BestFifth(warm_up=0)), "nobody had a reading by then"


def test_one_bad_reading_stops_nobody_and_two_that_are_no_numbers_do() -> None:
    study = even()
    assert not stopped(study, {1: 1.0, 2: 50.0})
    assert not stopped(study, {1: 1.0, 2: math.nan})
    assert stopped(study, {1: 1.0, 2: math.nan, 3: math.inf})
    assert stopped(study, {1: math.nan, 2: math.nan})
    assert not stopped(study, {1: math.nan, 2: math.nan, 3: 1.0})


def test_readings_of_the_past_that_are_no_numbers_are_left_out() -> None:
    curves = [{1: math.nan, 2: 1 + i / 10, 3: math.nan} for i in range(15)]
    study = past(curves, [i / 10 for i in range(15)])
    assert not stopped(study, {1: 99.0}), "nothing is known there"
    assert stopped(study, {2: 1.4})
    assert stopped(study, {3: 1.4})
    nothing = past([{1: math.nan} for _ in range(15)], [1.0] * 15)
    assert not stopped(nothing, {1: 99.0})


def test_trials_without_readings_say_nothing() -> None:
    assert not stopped(past([{} for _ in range(15)], [1.0] * 15), {1: 99.0})


def test_the_lowest_reading_so_far_is_what_counts() -> None:
    curve = curve_of({5: 1.0, 1: 3.0, 3: 2.0, 7: 4.0, 9: math.nan})
    assert [lowest(curve, step) for step in (0, 1, 4, 6, 100)] == [math.inf, 3.0, 2.0, 1.0, 1.0]
    assert reading({1: 3.0, 2: 5.0}) == 3.0


@pytest.mark.parametrize("crossing", [0.0, 0.3, 0.6, 1.0])
@pytest.mark.parametrize("seed", range(3))
def test_it_saves_steps_and_never_stops_what_would_have_been_far_better(crossing: float, seed: int) -> None:
    curves = drawn(Family(crossing=crossing), seed)
    kept, steps = replayed(curves)
    best_all, best_kept = curves[:, -1].min(), curves[kept, -1].min()
    assert best_kept - best_all <= 0.05, "an end lies between 0.1 and 1.1"
    assert steps < 0.95 * curves.size if crossing < 1 else steps <= curves.size


def test_where_early_losses_say_more_more_is_saved() -> None:
    spent = [np.mean([replayed(drawn(Family(crossing=c), s))[1] for s in range(4)]) for c in (0.0, 1.0)]
    assert spent[0] < 0.95 * spent[1]


@pytest.mark.parametrize("seed", range(3))
def test_where_those_who_are_behind_early_win_the_best_is_kept(seed: int) -> None:
    curves = drawn(Family(crossing=0.3, slow_win=True), seed)
    kept, steps = replayed(curves)
    assert kept[curves[:, -1].argmin()]
    assert steps < 0.6 * curves.size


def test_trials_that_diverge_are_stopped() -> None:
    curves = drawn(Family(diverging=0.3, crossing=1.0), 0)
    kept, _ = replayed(curves)
    lost = np.isnan(curves[:, -1])
    assert lost.sum() > 15
    assert not any(kept[20:] & lost[20:])


def replayed(curves: np.ndarray) -> tuple[np.ndarray, int]:
    """(which trials ran to the end, steps that ran) when these curves come one after the other."""
    study = optuna.create_study(pruner=BestFifth(), sampler=optuna.samplers.RandomSampler(0))
    kept, steps = np.ones(len(curves), dtype=bool), 0
    for i, curve in enumerate(curves):
        trial = study.ask()
        for step, loss in enumerate(curve, 1):
            steps += 1
            trial.report(float(loss), step)
            if trial.should_prune():
                kept[i] = False
                break
        state = optuna.trial.TrialState.PRUNED if not kept[i] else None
        lost = state is None and math.isnan(curve[-1])
        study.tell(
            trial, None if state or lost else float(curve[-1]), state=optuna.trial.TrialState.FAIL if lost else state
        )
    return kept, steps

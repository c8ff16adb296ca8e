"""`python -m benchmarks.tuning`: a replay costs and finds what a reader counts by hand, and the whole thing runs."""

import json
import math
from pathlib import Path

import optuna
import pytest
from optuna.pruners import BasePruner, MedianPruner, NopPruner
from optuna.samplers import RandomSampler

from benchmarks.tuning import DEFAULT, METHODS, main
from benchmarks.tuning_replay import Plan, Search, Truth, nearest, truths_of
from benchmarks.tuning_truth import EPOCHS, HELD_OUT, POINTS, SPACE, TRUTH, Row, points, read_places, read_rows
from tuning.part import to_refit

optuna.logging.set_verbosity(optuna.logging.ERROR)
COUNT = 12
LOOK = HELD_OUT / 3
ONE_LOOK = (EPOCHS * 400 + LOOK) / (EPOCHS * (400 + LOOK))
"""What a training on the whole costs that is looked at once; one that is looked at after each epoch costs 1."""


def truth(diverged: int | None = None) -> Truth:
    """Point i ends at 1 + i / 10 on the whole; on the part the first two have changed places."""
    ends = [1 + i / 10 for i in range(COUNT)]
    swapped = [ends[1], ends[0], *ends[2:]]
    curves = {
        part: [[end + (EPOCHS - epoch) for epoch in range(1, EPOCHS + 1)] for end in own]
        for part, own in (("whole", ends), ("part", swapped))
    }
    if diverged is not None:
        curves["whole"][diverged] = [9.0]
    return Truth("made", points()[:COUNT], curves, {"whole": 400, "part": 100})


def drawn(seed: int) -> RandomSampler:
    return RandomSampler(seed=seed)


class StopsAll(BasePruner):
    def prune(self, study: optuna.Study, trial: optuna.trial.FrozenTrial) -> bool:
        return True


def test_a_search_of_everything_finds_the_best_and_costs_all() -> None:
    found = Search(truth(), Plan(drawn, NopPruner, COUNT), 0).run()
    assert found.loss == 1.0
    assert found.cost == pytest.approx(COUNT * ONE_LOOK)
    assert sorted(point for point, _ in found.seen) == list(range(COUNT))


def test_a_trial_that_is_stopped_costs_the_epochs_that_ran() -> None:
    found = Search(truth(), Plan(drawn, StopsAll, 4), 0).run()
    assert found.cost == pytest.approx(4 / EPOCHS)
    assert found.loss == math.inf


def test_a_trial_that_diverges_costs_what_it_ran_and_is_never_the_best() -> None:
    found = Search(truth(diverged=0), Plan(drawn, NopPruner, COUNT), 0).run()
    assert found.loss == 1.1
    assert found.cost == pytest.approx((COUNT - 1) * ONE_LOOK + (400 + LOOK) / (EPOCHS * (400 + LOOK)))


def test_a_search_on_a_part_costs_its_share_and_the_refits_in_full() -> None:
    found = Search(truth(), Plan(drawn, NopPruner, COUNT, "part", refitted=2), 0).run()
    assert found.cost == pytest.approx(COUNT * (EPOCHS * 100 + LOOK) / (EPOCHS * (400 + LOOK)) + 2 * ONE_LOOK)
    assert found.loss == 1.0  # second on the part, and refitted
    assert Search(truth(), Plan(drawn, NopPruner, COUNT, "part", refitted=1), 0).run().loss == 1.1


def test_starts_come_first_and_nothing_is_tried_twice() -> None:
    own = truth()
    first = [own.points[7], own.points[7], own.points[3]]
    found = Search(own, Plan(drawn, NopPruner, COUNT, starts=first), 0).run()
    tried = [point for point, _ in found.seen]
    assert tried[:2] == [7, 3]
    assert len(set(tried)) == COUNT


def test_a_budget_is_never_exceeded_refits_included() -> None:
    for budget in (3.0, 3.5, 5.2):
        for part in ("whole", "part"):
            assert Search(truth(), Plan(drawn, MedianPruner, COUNT, part, 2, budget=budget), 0).run().cost <= budget


def test_what_is_refitted_are_the_best_that_came_to_their_end() -> None:
    assert to_refit([3.0, math.inf, 1.0, math.nan, 2.0], 2) == [2, 4]
    assert to_refit([math.inf], 4) == []


def test_trials_are_counted_until_the_best_seen_is_near_the_best() -> None:
    own = truth()
    found = Search(own, Plan(drawn, NopPruner, 3, starts=[own.points[i] for i in (9, 5, 1)]), 0).run()
    assert found.trials_to(own, 1.1) == 3
    assert found.trials_to(own, 1.5) == 2
    assert found.trials_to(own, 1.0) == 4


def test_a_wish_becomes_the_nearest_point_that_is_free() -> None:
    own = truth()
    assert nearest(own.points[4], own.points, ()) == 4
    assert nearest(own.points[4], own.points, (4,)) != 4


def test_a_point_that_one_part_lacks_is_left_out() -> None:
    def row(part: str, point: int) -> Row:
        return Row("t", part, 9, point, **points()[point], seconds=1.0, losses="2.0 1.0")

    (found,) = truths_of([row("whole", 0), row("whole", 1), row("part", 1)])
    assert len(found.points) == 1
    assert found.points[0] == points()[1]


def test_the_points_lie_in_the_space_and_are_always_the_same() -> None:
    assert points() == points()
    assert points(4) == points()[:4]
    assert all(list(one) == list(SPACE) for one in points())


def test_the_table_that_is_kept_is_whole() -> None:
    rows = read_rows(TRUTH)
    assert len({row.key for row in rows}) == len(rows)
    targets = {row.target for row in rows}
    assert {place.target for place in read_places(TRUTH)} == targets
    assert len(targets) >= 4
    for target in targets:
        assert {row.point for row in rows if row.target == target and row.part == "whole"} == set(range(POINTS))
    assert all(row.params == points()[row.point] for row in rows)
    assert TRUTH.stat().st_size < 1_000_000


def test_a_table_that_is_not_there_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--truth", str(tmp_path / "none.csv")])
    assert "none.csv holds no trainings" in capsys.readouterr().err


@pytest.mark.slow
def test_the_benchmark_runs_and_judges_every_method(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["--quick", "--json", str(tmp_path / "found.json")])
    found = json.loads((tmp_path / "found.json").read_text())
    lines = {row["method"]: row for row in found["rows"]}
    assert set(METHODS) <= set(lines)
    assert lines[DEFAULT]["compute"].startswith("1.00")
    assert lines[DEFAULT]["given up, %"].startswith("0.00")
    assert "together" in capsys.readouterr().out

"""The model that makes accuracies of signals: it learns what is worth something, and says how sure it is."""

import math
from dataclasses import replace

import numpy as np
import pytest

from recommender.experience import Lesson
from recommender.ranking import FLOOR, expit, fit, groups_of, judge, logit
from recommender.signals import ladder
from tests.recommender.little_zoo import lessons

SEEN = ("size", "near", "head", "head_loss", "stages", "stages_loss", "neighbours")


def test_a_logit_is_finite_at_both_ends_and_turns_around_at_a_half() -> None:
    assert math.isfinite(logit(0.0))
    assert math.isfinite(logit(1.0))
    assert logit(0.5) == 0.0
    assert logit(0.9, 10) == -logit(0.1, 10)
    assert expit(np.array([logit(0.8, 1e6)])) == pytest.approx(0.8, abs=1e-4)


def test_the_signal_that_was_right_weighs_most_and_none_weighs_against() -> None:
    fitted = fit(lessons(targets=8), SEEN, "stages")
    assert fitted is not None
    worth = dict(zip(fitted.signals, fitted.weights.tolist(), strict=True))
    assert all(weight >= 0 for weight in worth.values())
    assert worth["stages"] > 2 * max(worth["head"], worth["near"], worth["size"])


def test_a_level_is_learned_from_easy_and_hard_targets() -> None:
    fitted = fit(lessons(targets=12), ("stages",), "stages")
    assert fitted is not None
    a, b = fitted.level
    assert b == pytest.approx(1.0, abs=0.2)
    assert a == pytest.approx(0.4, abs=0.2)  # the lessons' accuracies stand so much above their probes


def test_intervals_of_four_in_five_hold_about_four_in_five() -> None:
    known, held = lessons(targets=14, seed=1), lessons(targets=20, seed=2)
    hits = []
    for target in {lesson.target for lesson in held}:
        rows = [lesson for lesson in held if lesson.target == target]
        judged = judge(known, [row.signals for row in rows], ladder([row.signals for row in rows]), 0.2)
        low, high = judged.interval(0.8)
        hits += [low[i] <= row.accuracy <= high[i] for i, row in enumerate(rows)]
    assert 0.7 <= np.mean(hits) <= 0.97


def test_more_lessons_make_it_surer() -> None:
    few, many = fit(lessons(targets=2), SEEN, "stages"), fit(lessons(targets=16), SEEN, "stages")
    assert few is not None
    assert many is not None
    assert FLOOR <= many.within < few.within


def test_without_lessons_it_says_little_and_says_it_widely() -> None:
    judged = judge([], [{"size": 5.0}, {"size": 6.0}], [(("size",), None)], 0.5)
    low, high = judged.interval()
    assert judged.mean[0] == judged.mean[1]
    assert (high - low).min() > 0.5


def test_to_have_been_probed_is_no_merit_in_itself() -> None:
    known = lessons(targets=10)
    ones = [dict(lesson.signals) for lesson in lessons(targets=1, models=10, seed=5)]
    best = sorted(range(10), key=lambda i: -ones[i]["stages"])
    for i in best[3:]:
        del ones[i]["probe"]
    judged = judge(known, ones, ladder(ones), 0.2)
    unprobed = judge(known, [{k: v for k, v in one.items() if k != "probe"} for one in ones], ladder(ones), 0.2)
    assert judged.mean[best[:3]].mean() == pytest.approx(unprobed.mean[best[:3]].mean())
    np.testing.assert_allclose(judged.mean[best[3:]], unprobed.mean[best[3:]])


def test_what_moved_an_answer_adds_up_to_it() -> None:
    known, ones = lessons(targets=10), [lesson.signals for lesson in lessons(targets=1, seed=4)]
    judged = judge(known, ones, ladder(ones), 0.2)
    total = np.array([sum(parts.values()) for parts in judged.moved])
    np.testing.assert_allclose(total, judged.mean - judged.mean.mean(), atol=1e-9)


def test_what_moved_the_few_that_were_probed_still_adds_up() -> None:
    known, ones = lessons(targets=10), [dict(lesson.signals) for lesson in lessons(targets=1, seed=4)]
    for one in ones[1:]:
        del one["probe"]
    judged = judge(known, ones, ladder(ones), 0.2)
    unprobed = judge(known, [{k: v for k, v in one.items() if k != "probe"} for one in ones], ladder(ones), 0.2)
    level = unprobed.mean[0] - sum(unprobed.moved[0].values())
    np.testing.assert_allclose(judged.mean[0], level + sum(judged.moved[0].values()), atol=1e-9)
    assert abs(sum(judged.moved[0].values())) > 1e-6


def test_who_is_better_is_told_in_probabilities() -> None:
    known, ones = lessons(targets=10), [lesson.signals for lesson in lessons(targets=1, seed=4)]
    judged = judge(known, ones, ladder(ones), 0.2)
    order = np.argsort(-judged.mean)
    assert judged.better(order[0], order[-1]) > 0.9
    assert judged.better(order[0], order[1]) == pytest.approx(1 - judged.better(order[1], order[0]))


def test_a_group_counts_only_with_every_signal_and_one_model_tells_of_the_level_alone() -> None:
    rows = lessons(targets=2, models=3)
    lonely = replace(rows[0], group="alone", target="alone")
    blind = [replace(row, group="blind", signals={"size": 1.0}) for row in rows[:3]]
    found = groups_of([*rows, lonely, *blind], ("size", "stages"), "stages")
    assert [group.name for group in found] == ["zoo t0", "zoo t1", "alone"]
    few = lessons(targets=3, models=3)
    fitted, with_one = fit(few, ("stages",), "stages"), fit([*few, lonely], ("stages",), "stages")
    assert fitted is not None
    assert with_one is not None
    np.testing.assert_allclose(fitted.weights, with_one.weights)
    assert fitted.level != with_one.level


def test_a_single_model_of_a_target_can_be_judged() -> None:
    judged = judge(lessons(), [lessons(targets=1)[0].signals], ladder([lessons(targets=1)[0].signals]), 0.2)
    assert len(judged.mean) == 1
    assert np.isfinite(judged.mean).all()


def test_lessons_of_one_target_leave_it_unsure() -> None:
    judged = judge(lessons(targets=1), [lessons(targets=1, seed=3)[0].signals], [(SEEN, "stages")], 0.2)
    assert judged.between == 1.0


def test_lessons_without_signals_are_no_lessons() -> None:
    assert fit([Lesson("g", "t", "v", "m", "n", 0.5, 0.9)], ("size",), None) is None

"""What an architecture did elsewhere: of candidates by all lessons, of lessons by those of other targets."""

import pytest

from recommender.experience import Lesson
from recommender.kin import network_effects, with_networks
from recommender.ranking import logit


def lesson(target: str, model: str, network: str, accuracy: float) -> Lesson:
    return Lesson(f"zoo {target}", target, target, model, network, 0.1, accuracy)


ROWS = [
    lesson("a", "x/good", "good", 0.8),
    lesson("a", "x/bad", "bad", 0.6),
    lesson("b", "x/good", "good", 0.9),
    lesson("b", "y/good", "good", 0.9),
    lesson("b", "x/bad", "bad", 0.5),
]


def test_who_did_well_everywhere_has_an_effect_above_0_and_who_did_badly_below() -> None:
    effects = network_effects(ROWS)
    assert effects["good"] > 0 > effects["bad"]
    in_a = (logit(0.8) - logit(0.6)) / 2
    in_b = logit(0.9) - (2 * logit(0.9) + logit(0.5)) / 3
    assert effects["good"] == pytest.approx((in_a + in_b) / (2 + 1))


def test_a_lesson_is_told_by_other_targets_alone() -> None:
    changed = [*ROWS[:2], *(lesson("b", one.model, one.network, 0.5) for one in ROWS[2:])]
    before, after = with_networks(ROWS), with_networks(changed)
    assert before[2].signals == after[2].signals
    assert before[0].signals != after[0].signals


def test_an_architecture_without_lessons_and_one_that_stands_alone_tell_nothing() -> None:
    assert network_effects([lesson("a", "x/one", "one", 0.9), lesson("a", "y/one", "one", 0.5)]) == {}
    assert with_networks([lesson("a", "x/one", "one", 0.9)])[0].signals["architecture"] == 0.0
    assert network_effects([]) == {}

"""From signals to words: order, ties, reasons, advice."""

from typing import Any

import numpy as np

from headhunt.vocabulary import Ranking
from recommender.ranking import Judged
from recommender.report import Found, Seen, ranking_of, why
from tests.zoo.cards import card


class OfSample:
    """What a report reads of a sample."""

    name = "photos"
    classes = ("a", "b")

    class version:
        id = "0" * 64


def seen(model: str, known: float = 0.0, **signals: float) -> Seen:
    return Seen(card(model), {"size": 5.0, "stages": 1.0, **signals}, None, known)


def ranking(ones: list[Seen], mean: list[float], within: float = 0.1, **facts: Any) -> Ranking:
    judged = Judged(np.array(mean), np.full(len(ones), within), 0.3, tuple({"stages": 0.5} for _ in ones))
    plain: dict[str, Any] = {
        "sample": OfSample(),
        "candidates": tuple(ones),
        "images": 60,
        "majority": 0.5,
        "resembles": None,
        "spent": {"features": 1.0},
        "budget": 60.0,
        "warnings": (),
        "refused": (),
        "settled": True,
        "allow_seen": False,
    }
    return ranking_of(Found(**(plain | facts)), judged)


def test_the_expected_accuracy_decides_the_order() -> None:
    found = ranking([seen("d/low"), seen("d/high")], [0.0, 2.0])
    assert [one.model for one in found.candidates] == ["d/high", "d/low"]
    assert [one.tie_group for one in found.candidates] == [1, 2]


def test_who_cannot_be_told_apart_stands_in_one_group() -> None:
    found = ranking([seen("d/a"), seen("d/b"), seen("d/c")], [1.0, 0.98, -3.0])
    assert [one.tie_group for one in found.candidates] == [1, 1, 2]


def test_a_choice_that_hardly_matters_is_said_to() -> None:
    assert any("hardly matters" in line for line in ranking([seen("d/a"), seen("d/b")], [4.0, 3.98]).advice)
    assert any("cannot be told apart" in line for line in ranking([seen("d/a"), seen("d/b")], [1.0, 0.8], 0.4).advice)
    assert not ranking([seen("d/a"), seen("d/b")], [3.0, 0.0]).advice


def test_who_has_seen_the_images_stands_last_and_ties_with_nobody_else() -> None:
    found = ranking([seen("d/memory", known=0.9), seen("d/honest")], [3.0, 3.0])
    assert [one.model for one in found.candidates] == ["d/honest", "d/memory"]
    assert [one.tie_group for one in found.candidates] == [1, 2]
    assert found.candidates[1].flags == ("seen-images",)
    assert "90%" in found.candidates[1].why
    allowed = ranking([seen("d/memory", known=0.9), seen("d/honest")], [3.1, 3.0], allow_seen=True)
    assert allowed.candidates[0].model == "d/memory"


def test_the_reason_for_a_good_one_is_what_speaks_for_it_and_for_a_bad_one_what_speaks_against() -> None:
    one = seen("d/a")
    assert "learns them fast" in why(one, {"history": -1.0, "training": 4.0})
    assert "separates the classes badly" in why(one, {"history": 1.0, "features": -4.0})
    assert why(one, {}) == "nothing tells it from the others"


def test_who_was_not_looked_at_is_counted() -> None:
    blind = Seen(card("d/blind"), {"size": 5.0}, None, 0.0)
    found = ranking([seen("d/a"), blind], [1.0, 0.0])
    assert found.candidates[1].flags == ("not-looked-at",)
    assert any("1 of 2 models were not looked at" in warning for warning in found.warnings)


def test_without_labels_no_accuracy_is_claimed() -> None:
    found = ranking([seen("d/a")], [1.0], majority=None)
    assert found.candidates[0].expected_accuracy is None
    assert found.candidates[0].interval is None
    assert found.candidates[0].flags == ()

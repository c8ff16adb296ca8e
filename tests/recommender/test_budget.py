"""Seconds: what the user writes, what is chosen otherwise, what a candidate will cost."""

import pytest

from headhunt.durations import seconds_of
from headhunt.errors import BadValue
from headhunt.vocabulary import Measured
from recommender.budget import LONGEST, SHORTEST, default_budget, feature_cost
from recommender.pace import Pace
from tests.zoo.cards import card


@pytest.mark.parametrize(
    ("written", "seconds"), [("90s", 90), ("90", 90), (90, 90), (2.5, 2.5), ("5m", 300), ("1H", 3600), (" 20 s", 20)]
)
def test_a_budget_is_read_as_people_write_it(written: str | float, seconds: float) -> None:
    assert seconds_of(written) == seconds


def test_no_budget_is_chosen_later() -> None:
    assert seconds_of(None) is None


@pytest.mark.parametrize("written", ["", "soon", "0s", "-5", "nan", "inf", "10x", 0, "1e999", "s", "5 m m"])
def test_a_budget_that_cannot_be_kept_is_refused_with_what_can(written: str | float) -> None:
    with pytest.raises(BadValue, match="as 90s, 5m or 1h"):
        seconds_of(written)


def test_the_default_grows_with_the_task_between_two_ends() -> None:
    quick = card(measured=Measured(latency_ms=1, peak_bytes=1, device="cpu"), weights="0" * 64)
    slow = card(measured=Measured(latency_ms=50, peak_bytes=1, device="cpu"), weights="0" * 64)
    assert default_budget([quick], 10) == SHORTEST
    assert SHORTEST < default_budget([slow] * 2, 400) < LONGEST
    assert default_budget([slow] * 2000, 400) == LONGEST


def test_a_cost_is_guessed_from_the_latency_until_it_was_measured() -> None:
    one = card(measured=Measured(latency_ms=10, peak_bytes=1, device="cpu"), macs=1000, weights="0" * 64)
    pace = Pace()
    guessed = feature_cost(one, 100, pace)
    pace.learn(one, 100, 0.2)
    assert guessed > 1.0
    assert feature_cost(one, 100, pace) == pytest.approx(0.2, abs=0.2)


def test_weights_that_have_to_be_fetched_cost_their_bytes() -> None:
    there = card(params=10**8, weights="0" * 64)
    assert feature_cost(card(params=10**8), 10, Pace()) - feature_cost(there, 10, Pace()) > 30

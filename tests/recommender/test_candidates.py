"""Who comes into question, and who is looked at first."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.candidates import main as candidates_benchmark
from headhunt.errors import BadValue, NoModelMeets, NoModels
from headhunt.vocabulary import Domain
from recommender.candidates import promising, within_limits
from tests.zoo.cards import card
from zoo.repository import Zoo


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_an_empty_zoo_says_how_to_fill_it(tmp_path: Path) -> None:
    with pytest.raises(NoModels, match="zoo build-starter"):
        within_limits(Zoo(tmp_path), {})


@pytest.fixture
def filled(tmp_path: Path) -> Zoo:
    zoo = Zoo(tmp_path)
    with zoo.catalogue.change() as draft:
        for size in (1, 5, 20):
            one = card(f"photos/net{size}", params=size * 1_000_000)
            draft.ensure_domain(Domain(name="photos"))
            draft.add_card(one)
    return zoo


def test_limits_come_as_words_or_numbers(filled: Zoo) -> None:
    for limit in ("6M", 6_000_000, 6e6):
        cards, _ = within_limits(filled, {"max_params": limit})
        assert [one.id for one in cards] == ["photos/net1", "photos/net5"]


def test_limits_that_nobody_meets_name_the_nearest_miss(filled: Zoo) -> None:
    with pytest.raises(NoModelMeets, match=r"The nearest is photos/net1 with .*limit 0.5M"):
        within_limits(filled, {"max_params": "500K"})


def test_a_limit_that_does_not_exist_is_refused_by_name(filled: Zoo) -> None:
    with pytest.raises(BadValue, match="max_parms"):
        within_limits(filled, {"max_parms": "5M"})


def test_a_limit_on_a_fact_that_is_not_known_says_who_was_left_out(filled: Zoo) -> None:
    with pytest.raises(NoModelMeets, match="not measured"):
        within_limits(filled, {"max_latency_ms": 20})


def test_the_best_comes_first_and_everybody_once() -> None:
    cards = [card(f"d{i}/n{i}", network=f"n{i}") for i in range(6)]
    order = promising(cards, np.arange(6.0), np.full(6, 0.01), rng())
    assert order[0] == 5
    assert sorted(order) == list(range(6))


def test_an_unknown_model_is_looked_at_before_a_known_mediocre_one() -> None:
    cards = [card("a/good", network="a"), card("b/mediocre", network="b"), card("c/unknown", network="c")]
    order = promising(cards, np.array([1.0, 0.6, 0.5]), np.array([0.1, 0.1, 2.0]), rng())
    assert order.index(2) < order.index(1)


def test_a_second_of_the_same_kind_waits_for_another_kind() -> None:
    cards = [card(f"same/net-{i}", network="same") for i in range(3)] + [card("other/net", network="other")]
    order = promising(cards, np.array([1.0, 0.99, 0.98, 0.9]), np.full(4, 0.5), rng())
    assert order.index(3) == 1


def test_two_thousand_candidates_are_put_in_order_at_once() -> None:
    cards = [card(f"d{i % 40}/n{i}", network=f"n{i % 90}") for i in range(2000)]
    worth = np.random.default_rng(1).normal(size=2000)
    order = promising(cards, worth, np.ones(2000), rng())
    assert sorted(order) == list(range(2000))


def test_the_benchmark_of_candidates_tells_every_step(capsys: pytest.CaptureFixture[str]) -> None:
    assert candidates_benchmark(["--cards", "50", "--outcomes", "100"]) == 0
    told = capsys.readouterr().out
    for step in ("limits", "history", "order", "all"):
        assert step in told

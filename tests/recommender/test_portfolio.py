"""A few models that are good together."""

import itertools

import numpy as np

from recommender.outcomes import Outcomes
from recommender.portfolio import diverse_first, portfolio
from tests.recommender.histories import make, names


def mean_regret(accuracy, chosen):
    return float(np.mean(accuracy.max(axis=0) - accuracy[list(chosen)].max(axis=0)))


def test_the_greedy_set_is_almost_as_good_as_the_best_of_all_sets():
    accuracy = make(0, models=12, datasets=8, common=0.5, own=1.0).accuracy
    outcomes = Outcomes(names("m", 12), names("d", 8), accuracy)
    chosen = [outcomes.models.index(model) for model in portfolio(outcomes, 3)]
    every = sorted(mean_regret(accuracy, s) for s in itertools.combinations(range(12), 3))
    assert mean_regret(accuracy, chosen) <= every[len(every) // 50]


def test_a_specialist_is_preferred_to_the_second_of_the_same_kind():
    accuracy = np.array([[0.9, 0.9, 0.2], [0.89, 0.89, 0.2], [0.3, 0.3, 0.8]])
    assert portfolio(Outcomes(("a", "b", "c"), ("x", "y", "z"), accuracy), 2) == ["a", "c"]


def test_candidates_limit_the_choice_and_those_that_add_nothing_come_by_their_own_worth():
    accuracy = np.array([[0.9, 0.9], [0.3, 0.4], [0.7, 0.8], [0.99, 0.99]])
    table = Outcomes(names("m", 4), names("d", 2), accuracy)
    assert portfolio(table, 9, candidates=["m000", "m001", "m002"]) == ["m000", "m002", "m001"]
    assert portfolio(table, 0) == []


def test_a_model_that_was_never_tested_is_drawn_last():
    accuracy = np.array([[np.nan, np.nan], [0.3, np.nan], [0.7, 0.8]])
    assert portfolio(Outcomes(("new", "poor", "good"), ("x", "y"), accuracy), 3) == ["good", "new", "poor"]


def test_tables_with_nothing_in_them_give_what_there_is():
    assert portfolio(Outcomes((), (), np.empty((0, 0))), 3) == []
    assert portfolio(Outcomes(("a", "b"), ("x",), np.full((2, 1), np.nan)), 3) == ["a", "b"]


def test_a_gain_beyond_chance_changes_the_order_and_one_within_does_not():
    score, weight = np.array([3.0, 2.0, 1.0]), np.ones(8)
    first, second = np.full(8, 0.9), np.full(8, 0.88)
    specialist = np.array([0.95, 0.96, 0.97, 0.95, 0.2, 0.2, 0.96, 0.95])
    assert list(diverse_first(score, np.stack([first, second, specialist]), weight, 3)) == [0, 2, 1]
    once = np.array([0.91, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2])
    second_is_good_once = np.array([0.2, 0.907, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2])
    assert list(diverse_first(score, np.stack([first, second_is_good_once, once]), weight, 3)) == [0, 1, 2]


def test_where_all_are_alike_in_points_all_follow_their_scores():
    rng = np.random.default_rng(0)
    score = rng.normal(size=20)
    order = diverse_first(score, np.tile(rng.random(6), (20, 1)), np.ones(6), 3)
    np.testing.assert_array_equal(order, np.argsort(-score))


def test_only_the_first_few_places_are_changed():
    rng = np.random.default_rng(1)
    score = rng.normal(size=20)
    order = diverse_first(score, rng.random((20, 6)), np.ones(6), 3)
    assert np.all(np.diff(score[order[3:]]) <= 0)
    assert sorted(order) == list(range(20))


def test_the_first_gives_way_to_one_that_is_surely_better_in_points_and_to_no_other():
    score, weight = np.array([2.0, 1.0]), np.ones(6)
    first = np.full(6, 0.5)
    assert list(
        diverse_first(score, np.stack([first, first + np.array([0.1, 0.2, 0.1, 0.1, 0.2, 0.1])]), weight, 1)
    ) == [1, 0]
    assert list(
        diverse_first(score, np.stack([first, first + np.array([0.4, -0.2, 0.3, -0.2, 0.0, 0.0])]), weight, 1)
    ) == [0, 1]


def test_scenarios_without_weight_do_not_count():
    score, worth = np.array([3.0, 2.0, 1.0]), np.array([[0.5, 0.5, 0.5], [0.5, 0.5, 0.5], [0.5, 0.5, 0.9]])
    assert list(diverse_first(score, worth, np.array([1.0, 1.0, 0.0]), 2)) == [0, 1, 2]
    assert list(diverse_first(score, worth, np.array([0.0, 0.0, 1.0]), 2)) == [2, 0, 1]

"""What the history says of data that nobody has tried, where the truth is known."""

import time

import numpy as np
import pytest
from scipy import stats

from recommender.baselines import loo_accuracy, loo_ranks
from recommender.measures import regret, weighted_tau
from recommender.nearness import middle, nearness_from, shares
from recommender.outcomes import Outcomes
from recommender.prior import history_prior
from recommender.standing import savage, standings
from tests.recommender.histories import make, names


def score_of(prior):
    score = np.empty(len(prior.order))
    score[prior.order] = -np.arange(len(score))
    return score


def test_savage_scores_are_the_expected_order_statistics_of_an_exponential():
    drawn = np.sort(np.random.default_rng(0).exponential(size=(200_000, 7)), axis=1).mean(axis=0)
    expected = (drawn - drawn.mean()) / drawn.std()
    np.testing.assert_allclose(savage(np.arange(7.0)), expected, atol=0.02)


def test_tied_values_share_their_scores_and_equal_ones_say_nothing():
    whole, tied = savage(np.array([1.0, 2.0, 3.0, 4.0])), savage(np.array([1.0, 2.5, 2.5, 4.0]))
    assert tied[1] == tied[2] == pytest.approx(whole[1:3].mean())
    assert tied[[0, 3]] == pytest.approx(whole[[0, 3]])
    np.testing.assert_allclose(savage(np.full(5, 0.3)), np.zeros(5), atol=1e-12)
    assert savage(np.array([-np.inf, -np.inf, 0.2])).argmax() == 2


@pytest.mark.parametrize("seed", range(3))
def test_what_all_datasets_have_in_common_is_recovered(seed):
    made = make(seed, own=0.0)
    prior = history_prior(made.outcomes(), names("m", 40))
    assert stats.spearmanr(prior.effect, made.worth).statistic > 0.95


@pytest.mark.parametrize("seed", range(3))
def test_a_model_that_was_only_tried_among_good_ones_is_not_taken_for_a_bad_one(seed):
    made = make(seed, models=60, datasets=12, own=0.2)
    good = made.worth > np.median(made.worth)
    holes = np.zeros(made.accuracy.shape, bool)
    holes[np.ix_(~good, np.arange(12) >= 4)] = True
    late = np.flatnonzero(good)[:10]
    holes[np.ix_(late, np.arange(12) < 4)] = True
    prior = history_prior(made.outcomes(holes), names("m", 60))
    assert prior.effect[late].mean() > prior.effect[~good].mean() + 0.3 * prior.effect.std()
    plain = loo_ranks(made.outcomes(holes))
    tau, usual = (stats.spearmanr(x, made.worth).statistic for x in (prior.effect, plain))
    assert tau > usual


def test_one_crazy_dataset_is_not_believed():
    made = make(0, own=0.2)
    accuracy = made.accuracy.copy()
    accuracy[:, 0] = 1 - accuracy[:, 0]
    upside_down = Outcomes(names("m", 40), names("d", 12), accuracy)
    assert standings(upside_down).weight.argmin() == 0
    assert stats.spearmanr(history_prior(upside_down, names("m", 40)).effect, made.worth).statistic > 0.9


def test_few_outcomes_are_shrunk_and_their_spread_is_wider():
    made = make(1, own=0.3)
    holes = np.zeros(made.accuracy.shape, bool)
    best = int(made.worth.argmax())
    holes[best, 1:] = True
    all_known, one_known = (history_prior(made.outcomes(h), names("m", 40)) for h in (None, holes))
    assert 0 < one_known.effect[best] < all_known.effect[best]
    assert one_known.spread[best] == one_known.spread.max() > np.median(one_known.spread)


def test_models_that_nobody_has_tried_have_no_effect_and_the_widest_spread():
    made = make(2)
    prior = history_prior(made.outcomes(), ["new", *names("m", 40), "newer"])
    assert prior.effect[0] == prior.effect[-1] == 0.0
    assert prior.spread[0] == prior.spread[-1] == prior.spread.max() > prior.spread[1]
    assert sorted(prior.order) == list(range(42))


def test_a_failure_stands_below_all_that_learned():
    made = make(3, own=0.2)
    best = int(made.worth.argmax())
    accuracy, failed = made.accuracy.copy(), np.zeros(made.accuracy.shape, bool)
    accuracy[best], failed[best] = np.nan, True
    prior = history_prior(Outcomes(names("m", 40), names("d", 12), accuracy, failed), names("m", 40))
    assert prior.effect.argmin() == best == prior.order[-1]


def test_the_spread_is_that_of_data_that_was_not_seen():
    z = []
    for seed in range(12):
        made = make(seed)
        prior = history_prior(made.outcomes().without("d000"), names("m", 40))
        logit = np.log(made.accuracy[:, 0] / (1 - made.accuracy[:, 0]))
        z.append((logit - logit.mean() - prior.effect) / prior.spread)
    assert 0.7 < np.mean(np.abs(np.concatenate(z)) < stats.norm.ppf(0.9)) < 0.9


def over_targets(common, own, rank):
    """The mean weighted tau, regret@1 and @3 over the targets of some tables; `rank(made, target, rest) -> score`."""
    found = []
    for seed in range(4):
        made = make(seed, common=common, own=own)
        for place, target in enumerate(names("d", 12)):
            score, truth = rank(made, target, made.outcomes().without(target)), made.accuracy[:, place]
            found.append((weighted_tau(score, truth), regret(score, truth, 1), regret(score, truth, 3)))
    return np.mean(found, axis=0)


def ours(made, target, rest, distances=None):
    near = nearness_from(distances, target, rest) if distances else None
    return score_of(history_prior(rest, names("m", 40), near))


def test_distances_that_tell_something_help_much():
    without = over_targets(0.5, 1.0, ours)
    informed = over_targets(0.5, 1.0, lambda made, target, rest: ours(made, target, rest, made.distances))
    assert informed[0] > without[0] + 0.1
    assert informed[1] < 0.7 * without[1]


def test_distances_that_tell_nothing_hurt_little():
    def misled(made, target, rest):
        values = np.random.default_rng(7).permutation(list(made.distances.values()))
        return ours(made, target, rest, dict(zip(made.distances, values.tolist(), strict=True)))

    assert over_targets(1.0, 0.5, misled)[0] > over_targets(1.0, 0.5, ours)[0] - 0.01


def test_on_tables_that_nobody_looked_at_three_models_regret_far_less_than_by_ranks_and_the_order_is_as_good():
    plain = over_targets(1.0, 0.5, lambda made, target, rest: loo_ranks(rest))
    found = over_targets(1.0, 0.5, ours)
    assert found[0] > plain[0] - 0.01
    assert found[1] < plain[1]
    assert found[2] < 0.6 * plain[2]


def test_a_dataset_that_is_all_of_the_target_rules_alone():
    made = make(4, own=1.0)
    rest = made.outcomes().without("d000")
    prior = history_prior(rest, names("m", 40), {"d005": 1.0})
    assert stats.spearmanr(prior.effect, rest.accuracy[:, 4]).statistic == pytest.approx(1.0)


def test_datasets_of_unknown_names_are_not_near_and_nothing_near_changes_nothing():
    rest = make(5).outcomes()
    plain = history_prior(rest, rest.models)
    for nearness in ({}, {"elsewhere": 1.0}, dict.fromkeys(rest.datasets, 0.0)):
        np.testing.assert_array_equal(history_prior(rest, rest.models, nearness).effect, plain.effect)


def test_shares_are_at_most_the_whole():
    n = np.random.default_rng(0).random((50, 7))
    assert np.all(shares(n).sum(axis=1) <= 1)
    assert shares(np.array([1.0, 0.0])) == pytest.approx([1.0, 0.0])
    assert shares(np.zeros(3)) == pytest.approx(np.zeros(3))


def test_distances_between_nothing_are_no_nearness():
    rest = make(6).outcomes()
    assert nearness_from({}, "d", rest) == {}
    assert nearness_from(dict.fromkeys(make(6).distances, 0.0), "d", rest) == {}
    assert middle(np.empty((0, 0))) == 0.0


@pytest.mark.parametrize(
    "accuracy",
    [
        np.empty((0, 0)),
        np.empty((3, 0)),
        np.full((3, 2), 0.5),
        np.full((3, 2), np.nan),
        np.array([[0.4], [0.6]]),
        np.array([[0.4, np.nan], [np.nan, 0.6]]),
        np.array([[0.0, 1.0], [1.0, 1.0], [0.0, 0.3]]),
        np.array([[0.7]]),
    ],
    ids=["nothing", "no dataset", "all equal", "all unknown", "two models", "apart", "extremes", "one of each"],
)
def test_small_tables_give_finite_answers(accuracy):
    outcomes = Outcomes(names("m", len(accuracy)), names("d", accuracy.shape[1]), accuracy)
    prior = history_prior(outcomes, ["unknown", *outcomes.models], dict.fromkeys(outcomes.datasets, 0.5))
    assert np.isfinite(prior.effect).all()
    assert np.isfinite(prior.spread).all()
    assert (prior.spread > 0).all()
    assert sorted(prior.order) == list(range(len(accuracy) + 1))


def test_the_better_of_two_models_on_one_dataset_is_preferred():
    prior = history_prior(Outcomes(("a", "b"), ("d",), np.array([[0.4], [0.6]])), ("a", "b"))
    assert list(prior.order) == [1, 0]


def test_no_models_are_no_prior():
    prior = history_prior(make(0).outcomes(), ())
    assert len(prior.effect) == len(prior.spread) == len(prior.order) == 0


def test_the_plain_baselines_are_the_means_of_what_is_known():
    table = Outcomes(("a", "b", "c"), ("x", "y"), np.array([[0.5, 0.9], [0.7, np.nan], [np.nan, np.nan]]))
    np.testing.assert_allclose(loo_ranks(table), [0.75, 1.0, np.nan])
    np.testing.assert_allclose(loo_accuracy(table), [0.7, 0.7, np.nan])
    np.testing.assert_allclose(loo_accuracy(table, np.array([3.0, 1.0])), [0.6, 0.7, np.nan])
    np.testing.assert_allclose(loo_accuracy(table, np.array([0.0, 1.0])), [0.9, np.nan, np.nan])


def test_the_outcomes_are_left_alone():
    outcomes = make(8).outcomes()
    before = outcomes.accuracy.copy()
    history_prior(outcomes, outcomes.models, {"d000": 0.9})
    np.testing.assert_array_equal(outcomes.accuracy, before)


def test_two_thousand_models_and_fifty_datasets_take_a_moment():
    made = make(9, models=2000, datasets=50)
    holes = np.random.default_rng(0).random(made.accuracy.shape) < 0.5
    outcomes, nearness = made.outcomes(holes), dict.fromkeys(names("d", 50), 0.4)
    seconds = []
    for _ in range(3):
        begun = time.process_time()
        history_prior(outcomes, outcomes.models, nearness)
        seconds.append(time.process_time() - begun)
    assert min(seconds) < 0.3

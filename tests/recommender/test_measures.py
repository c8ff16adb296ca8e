"""The measures against independent formulas."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from recommender.measures import coverage, mean_absolute_error, noise_ceiling, regret, weighted_tau


def weighted_tau_by_pairs(score, truth):
    """Vigna's definition, pair by pair, for values without ties: weights 1/(r+1) + 1/(s+1), mean over both rankings."""

    def once(by):
        rank = {int(m): r for r, m in enumerate(np.argsort(-by))}
        over = under = 0.0
        for i, j in itertools.combinations(range(len(by)), 2):
            weight = 1 / (rank[i] + 1) + 1 / (rank[j] + 1)
            over += weight * np.sign(score[i] - score[j]) * np.sign(truth[i] - truth[j])
            under += weight
        return over / under

    return (once(score) + once(truth)) / 2


def regret_by_orders(score, truth, k):
    """The mean over all orders of the models that respect the scores."""
    found = []
    for order in itertools.permutations(range(len(truth))):
        if all(score[a] >= score[b] for a, b in itertools.pairwise(order)):
            found.append(100 * (max(truth) - max(truth[m] for m in order[:k])))
    return float(np.mean(found))


@pytest.mark.parametrize("seed", range(5))
def test_weighted_tau_is_what_its_definition_says(seed):
    rng = np.random.default_rng(seed)
    score, truth = rng.normal(size=9), rng.random(9)
    assert weighted_tau(score, truth) == pytest.approx(weighted_tau_by_pairs(score, truth))


def test_weighted_tau_is_scipys_with_ties_too():
    rng = np.random.default_rng(1)
    score, truth = rng.integers(0, 4, 20).astype(float), rng.integers(0, 6, 20) / 10
    assert weighted_tau(score, truth) == pytest.approx(stats.weightedtau(score, truth).statistic)


def test_a_score_that_is_nan_or_infinite_stands_where_it_belongs():
    truth = np.array([0.9, 0.5, 0.3, 0.2])
    assert weighted_tau(np.array([math.inf, 2.0, -math.inf, math.nan]), truth) == pytest.approx(1.0)
    assert regret(np.array([math.nan, 1.0, 0.0, 0.0]), truth, 1) == pytest.approx(40.0)


def test_a_score_that_says_nothing_gets_nothing():
    truth = np.array([0.1, 0.2, 0.3])
    assert weighted_tau(np.zeros(3), truth) == 0.0
    assert weighted_tau(np.full(3, math.nan), truth) == 0.0
    assert math.isnan(weighted_tau(np.ones(1), np.ones(1)))


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("k", [1, 2, 3, 5])
def test_regret_is_the_mean_over_all_orders_that_ties_allow(seed, k):
    rng = np.random.default_rng(seed)
    score, truth = rng.integers(0, 3, 6).astype(float), rng.random(6)
    assert regret(score, truth, k) == pytest.approx(regret_by_orders(score, truth, k))


def test_regret_of_the_truth_is_nothing_and_k_may_exceed_the_models():
    truth = np.array([0.4, 0.7, 0.1])
    assert regret(truth, truth, 1) == 0.0
    assert regret(-truth, truth, 1) == pytest.approx(60.0)
    assert regret(-truth, truth, 9) == 0.0
    assert math.isnan(regret(np.empty(0), np.empty(0), 1))


def test_coverage_and_error():
    truth = np.array([0.5, 0.6, 0.7, 0.8])
    low, high = np.array([0.4, 0.6, 0.8, 0.7]), np.array([0.6, 0.6, 0.9, 0.75])
    assert coverage(truth, low, high) == 0.5
    assert mean_absolute_error(np.array([0.6, 0.5, 0.7, 1.0]), truth) == pytest.approx(10.0)


def test_the_noise_ceiling_falls_with_noise_and_is_perfect_without():
    rng = np.random.default_rng(0)
    truth = np.linspace(0.5, 0.9, 20)[:, None]
    ceilings = [noise_ceiling(truth + rng.normal(size=(20, 3)) * sd, weighted_tau, rng) for sd in (1e-9, 0.02, 0.3)]
    assert ceilings[0] == pytest.approx(1.0)
    assert 0.75 < ceilings[1] < 0.99
    assert ceilings[2] < ceilings[1] - 0.1
    assert math.isnan(noise_ceiling(truth, weighted_tau, rng))


def test_inputs_are_left_alone():
    score, truth = np.array([1.0, math.nan, 0.5]), np.array([0.2, 0.4, 0.6])
    before = score.copy(), truth.copy()
    weighted_tau(score, truth)
    regret(score, truth, 2)
    np.testing.assert_array_equal(score, before[0])
    np.testing.assert_array_equal(truth, before[1])

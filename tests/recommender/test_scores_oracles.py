"""Each score against a formula or a library that shares no code with it."""

from itertools import combinations, permutations

import numpy as np
import pytest
from scipy.linalg import helmert
from scipy.optimize import minimize_scalar
from scipy.stats import multivariate_normal, spearmanr
from sklearn.covariance import ledoit_wolf as sklearn_ledoit_wolf
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.model_selection import LeaveOneOut, cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler

from recommender.scores.gbc import gbc_of
from recommender.scores.given import Given, given, principal_axes
from recommender.scores.hscore import h_score
from recommender.scores.leep import leep_left_out_of, leep_of
from recommender.scores.logme import logme, logme_of
from recommender.scores.neighbours import knn, knn_stages
from recommender.scores.parc import parc
from recommender.scores.sfda import fisher, sfda
from recommender.scores.shrinkage import ledoit_wolf
from recommender.scores.table import scores
from recommender.scores.transrate import transrate, transrate_of
from tests.recommender.pictures_of_numbers import Floats, Labels, noise, signal

SHAPES = [(60, 8), (30, 90)]


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


# --- LogME -----------------------------------------------------------------------------------------------------------


def best_density(x: Floats, t: Floats) -> float:
    """The maximum over alpha and beta of ln N(t; 0, I / beta + X X' / alpha), per image."""

    def minus(log_tau: float) -> float:
        shape = np.eye(len(t)) + x @ x.T / np.exp(log_tau)
        beta = len(t) / (t @ np.linalg.solve(shape, t))
        return -float(multivariate_normal(cov=shape / beta).logpdf(t)) / len(t)

    grid = np.linspace(-10, 18, 141)
    best = grid[int(np.argmin([minus(log_tau) for log_tau in grid]))]
    found = minimize_scalar(minus, bounds=(best - 0.3, best + 0.3), method="bounded", options={"xatol": 1e-9})
    return -float(found.fun)


@pytest.mark.parametrize(("n", "d"), SHAPES)
def test_logme_is_the_largest_normal_density_of_the_labels(n: int, d: int) -> None:
    x, y = signal(n, d, 3, seed=1, strength=0.6)
    targets = np.eye(3)[y]
    expected = [best_density(x, column) for column in targets.T]
    assert logme_of(x, targets) == pytest.approx(expected, abs=1e-6)


def fixed_point(x: Floats, t: Floats) -> float:
    """MacKay's updates of alpha and beta, until nothing moves, and the evidence as the paper writes it, per image."""
    n, d = x.shape
    alpha = beta = 1.0
    for _ in range(20_000):
        a = alpha * np.eye(d) + beta * x.T @ x
        m = beta * np.linalg.solve(a, x.T @ t)
        gamma = d - alpha * np.trace(np.linalg.inv(a))
        new = gamma / (m @ m), (n - gamma) / np.square(x @ m - t).sum()
        still = abs(np.log(new[0] / alpha)) + abs(np.log(new[1] / beta)) < 1e-10
        alpha, beta = new
        if still:
            break
    a = alpha * np.eye(d) + beta * x.T @ x
    m = beta * np.linalg.solve(a, x.T @ t)
    fit = beta * np.square(x @ m - t).sum() + alpha * m @ m
    constant = n * np.log(beta) + d * np.log(alpha) - n * np.log(2 * np.pi)
    return float(constant - fit - np.linalg.slogdet(a)[1]) / 2 / n


@pytest.mark.parametrize(("n", "d"), [(80, 6), (25, 40)])
def test_logme_is_the_fixed_point_of_the_paper(n: int, d: int) -> None:
    x, y = signal(n, d, 4, seed=2, strength=0.8)
    targets = np.eye(4)[y]
    assert logme_of(x, targets) == pytest.approx([fixed_point(x, column) for column in targets.T], abs=1e-6)


@pytest.mark.parametrize(("n", "d"), SHAPES)
def test_logme_of_the_table_has_an_intercept(n: int, d: int) -> None:
    """The same in any basis of what is orthogonal to a constant, where n - 1 numbers are left of n labels."""
    x, y = signal(n, d, 3, seed=1, strength=0.6)
    basis = helmert(n)
    expected = logme_of(basis @ StandardScaler().fit_transform(x), basis @ np.eye(3)[y]).mean()
    assert logme(given(x, y), rng()) == pytest.approx(expected, abs=1e-9)


def test_logme_of_noise_is_the_density_of_labels_without_features() -> None:
    for d in (64, 2048):
        x, y = noise(500, d, 8, seed=0)
        alone = -(np.log(2 * np.pi * 0.125) + 1) / 2
        assert logme_of(x, np.eye(8)[y]).mean() == pytest.approx(alone, abs=0.01)


# --- LEEP ------------------------------------------------------------------------------------------------------------


def loops(theta: Floats, y: Labels) -> float:
    n, s = theta.shape
    total = 0.0
    for i in range(n):
        expected = 0.0
        for z in range(s):
            of_class = sum(theta[j, z] for j in range(n) if y[j] == y[i])
            of_all = sum(theta[j, z] for j in range(n))
            expected += of_class / of_all * theta[i, z]
        total += np.log(expected)
    return total / n


def loops_left_out(theta: Floats, y: Labels) -> float:
    n, s = theta.shape
    total = 0.0
    for i in range(n):
        expected = 0.0
        for z in range(s):
            of_class = sum(theta[j, z] for j in range(n) if y[j] == y[i] and j != i) + np.mean(y == y[i])
            of_all = sum(theta[j, z] for j in range(n) if j != i) + 1
            expected += of_class / of_all * theta[i, z]
        total += np.log(expected)
    return total / n


@pytest.mark.parametrize("sureness", [0.5, 4.0])
def test_leep_is_its_triple_loop(sureness: float) -> None:
    x, y = signal(40, 6, 3, seed=0)
    theta = np.exp(sureness * x) / np.exp(sureness * x).sum(axis=1, keepdims=True)
    assert leep_of(theta, y) == pytest.approx(loops(theta, y), abs=1e-12)
    assert leep_left_out_of(theta, y) == pytest.approx(loops_left_out(theta, y), abs=1e-12)
    logits = given(x, y, sureness * x + 100)
    assert scores()["leep"](logits, rng()) == pytest.approx(loops(theta, y), abs=1e-12)


def test_leep_of_a_head_that_knows_all_is_0_and_of_one_that_says_nothing_the_entropy_of_the_labels() -> None:
    y = np.repeat([0, 1, 2], [20, 20, 10])
    assert leep_of(np.eye(3)[y], y) == pytest.approx(0.0)
    entropy = -(0.8 * np.log(0.4) + 0.2 * np.log(0.2))
    assert leep_of(np.full((50, 4), 0.25), y) == pytest.approx(-entropy)
    assert leep_left_out_of(np.full((50, 4), 0.25), y) == pytest.approx(-entropy, abs=0.1)


def test_nleep_of_clusters_that_are_classes_is_near_0() -> None:
    x, y = signal(200, 10, 4, seed=0, strength=8.0)
    assert scores()["nleep"](given(x, y), rng()) > -0.2
    assert scores()["nleep"](given(x, rng().permutation(y)), rng()) < -0.9


# --- Discriminants ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "d"), SHAPES)
def test_the_shrinkage_is_that_of_ledoit_and_wolf(n: int, d: int) -> None:
    x = np.random.default_rng(0).normal(size=(n, d)) * np.linspace(0.1, 3, d)
    centred = x - x.mean(axis=0)
    shrunk, mean = ledoit_wolf(np.square(centred).sum(axis=1), float(np.square(centred.T @ centred).sum()), d)
    assert shrunk == pytest.approx(sklearn_ledoit_wolf(x)[1])
    assert mean == pytest.approx(np.trace(np.cov(x.T, bias=True)) / d)


@pytest.mark.parametrize(("n", "d"), SHAPES)
def test_the_h_score_is_the_explicit_formula_less_its_mean_over_all_orders_of_the_labels(n: int, d: int) -> None:
    x, y = signal(n, d, 3, seed=0, strength=0.5)
    f = StandardScaler().fit_transform(x)
    covariance, shrunk = sklearn_ledoit_wolf(f)

    def published(labels: Labels) -> float:
        means = np.array([f[labels == c].mean(axis=0) for c in range(3)])
        between = sum((labels == c).mean() * np.outer(means[c], means[c]) for c in range(3))
        return float((1 - shrunk) * np.trace(np.linalg.solve(covariance, between)))

    chance = np.mean([published(np.random.default_rng(s).permutation(y)) for s in range(3000)])
    assert h_score(given(x, y), rng()) == pytest.approx(published(y) - chance, rel=0.02)


def test_the_h_scores_chance_is_exact() -> None:
    x, _ = noise(6, 3, 2, seed=0)
    labels = set(permutations([0, 0, 0, 1, 1, 2]))
    assert np.mean([h_score(given(x, np.array(order)), rng()) for order in labels]) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(("n", "d"), SHAPES)
def test_fishers_posterior_is_the_explicit_one(n: int, d: int) -> None:
    x, y = signal(n, d, 3, seed=0, strength=0.5)
    means = np.array([x[y == c].mean(axis=0) for c in range(3)])
    covariance = sklearn_ledoit_wolf(x - means[y], assume_centered=True)[0]
    densities = [multivariate_normal(means[c], covariance).logpdf(x) + np.log(np.mean(y == c)) for c in range(3)]
    expected = np.exp(densities - np.max(densities, axis=0))
    assert fisher(x, y, x, Given(x, y)) == pytest.approx((expected / expected.sum(axis=0)).T, abs=2e-4)


def test_fishers_posterior_of_many_images_is_that_of_linear_discriminant_analysis() -> None:
    x, y = signal(30_000, 4, 3, seed=0, strength=0.7)
    x *= [1, 3, 0.3, 2]
    expected = LinearDiscriminantAnalysis().fit(x, y).predict_proba(x)
    assert fisher(x, y, x, Given(x, y)) == pytest.approx(expected, abs=0.01)


def test_sfda_follows_how_far_the_classes_are_apart() -> None:
    found = [sfda(given(*signal(200, 30, 5, seed=0, strength=apart)), rng()) for apart in (0.0, 0.3, 0.6, 1.5)]
    assert found == sorted(found)
    assert found[0] == pytest.approx(0.2, abs=0.05)
    assert found[-1] > 0.99


# --- Class clouds ----------------------------------------------------------------------------------------------------


def test_gbc_is_the_bhattacharyya_coefficient_of_diagonal_gaussians() -> None:
    """Many images a class, so that the two images' worth of pooled variance do not matter."""
    x, y = signal(30_000, 3, 3, seed=0, strength=0.7)
    x[y == 1] *= 1.5
    expected = 0.0
    for a, b in combinations(range(3), 2):
        first, second = (multivariate_normal(x[y == c].mean(axis=0), np.diag(x[y == c].var(axis=0))) for c in (a, b))
        draws = first.rvs(200_000, random_state=1)
        expected -= 2 * np.exp((second.logpdf(draws) - first.logpdf(draws)) / 2).mean()
    assert gbc_of(x, y) == pytest.approx(expected, rel=0.01)


def test_gbc_of_very_many_axes_does_not_underflow() -> None:
    x, y = noise(3_000, 64, 3, seed=0)
    assert gbc_of(x * 1e-9, y) == pytest.approx(gbc_of(x, y))
    assert -6 < gbc_of(x, y) < -5


def test_transrate_is_its_definition() -> None:
    x, y = signal(60, 9, 3, seed=0)
    y = np.where(y == 2, 2, np.where(np.arange(60) < 40, 0, 1))

    def rate(part: Floats) -> float:
        eigenvalues = np.linalg.svd(part, compute_uv=False) ** 2
        return float(np.log1p(eigenvalues / (len(part) * 1e-4)).sum()) / 2

    within = sum(np.mean(y == c) * rate(x[y == c]) for c in range(3))
    assert transrate_of(x, y) == pytest.approx(rate(x) - within)


def test_transrate_of_the_table_is_the_definition_above_shuffled_labels() -> None:
    x, y = signal(80, 9, 3, seed=0)
    f = StandardScaler().fit_transform(x)
    unit = f / np.sqrt(np.square(f).sum() / 80)
    chance = [transrate_of(unit, np.random.default_rng(s).permutation(y)) for s in range(400)]
    expected = transrate_of(unit, y) - np.mean(chance)
    assert transrate(given(x, y), rng()) == pytest.approx(expected, abs=3 * np.std(chance) / np.sqrt(8))


# --- Pairs and neighbours --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "d"), SHAPES)
def test_parc_is_spearmans_correlation_over_all_pairs(n: int, d: int) -> None:
    x, y = signal(n, d, 3, seed=0)
    z = PCA(min(32, d, n - 1)).fit_transform(StandardScaler().fit_transform(x))
    of_features, of_labels = [], []
    for i, j in combinations(range(n), 2):
        of_features.append(1 - z[i] @ z[j] / np.linalg.norm(z[i]) / np.linalg.norm(z[j]))
        of_labels.append(float(y[i] != y[j]))
    assert parc(given(x, y), rng()) == pytest.approx(spearmanr(of_features, of_labels).statistic)


@pytest.mark.parametrize("k", [1, 3, 5])
def test_knn_is_that_of_scikit_learn_with_each_image_left_out(k: int) -> None:
    x, y = signal(90, 6, 2, seed=k, strength=0.5)
    f = StandardScaler().fit_transform(x)
    there = cross_val_score(KNeighborsClassifier(k, metric="cosine"), f, y, cv=LeaveOneOut())
    assert knn(x, y, k, rng()) == pytest.approx(there.mean())
    assert 0.5 < there.mean() < 1


def test_knn_of_stages_uses_the_mean_of_their_similarities() -> None:
    (x, y), (more, _) = signal(60, 5, 3, seed=0, strength=0.7), noise(60, 9, 3, seed=1)
    similar = np.zeros((60, 60))
    for stage in (x, more):
        f = StandardScaler().fit_transform(stage)
        unit = f / np.linalg.norm(f, axis=1, keepdims=True)
        similar += unit @ unit.T
    np.fill_diagonal(similar, -9)
    assert knn_stages([x, more], y, 1, rng()) == pytest.approx(np.mean(y[similar.argmax(axis=1)] == y))


def test_among_equal_votes_the_nearer_neighbours_win() -> None:
    """Two images of one class, each other's nearest; the next two neighbours are of two other classes."""
    angle = np.array([0.0, 0.1, 0.5, -0.6, 2.0, 2.2, 4.0, 4.2])
    x = np.column_stack([np.cos(angle), np.sin(angle)])
    y = np.array([0, 0, 1, 2, 1, 1, 2, 2])
    unit = StandardScaler().fit_transform(x)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    similar = unit @ unit.T
    np.fill_diagonal(similar, -9)
    right = 0
    for i in range(8):
        near = np.argsort(-similar[i])[:2]
        right += int(y[near[0]] == y[i])  # of two votes the nearer is the one that breaks the tie, or they agree
    assert knn(x, y, 2, rng()) == pytest.approx(right / 8)


@pytest.mark.parametrize(("n", "d"), SHAPES)
def test_the_principal_axes_keep_all_inner_products(n: int, d: int) -> None:
    x = np.random.default_rng(0).normal(size=(n, d))
    z, s = principal_axes(x)
    assert z @ z.T == pytest.approx(x @ x.T, abs=1e-9)
    assert z.T @ z == pytest.approx(np.diag(s), abs=1e-9)
    assert list(s) == sorted(s, reverse=True)

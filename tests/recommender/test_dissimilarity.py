"""Pairs of images: labels against each stage, candidates against each other."""

import tracemalloc

import numpy as np
import pytest
from scipy.spatial.distance import pdist, squareform
from scipy.stats import spearmanr
from sklearn.preprocessing import StandardScaler

from headhunt.errors import BadValue
from recommender.dissimilarity import agreement, agreement_map, label_agreement, rdm
from recommender.scores.given import given
from recommender.scores.rows import at_most, balanced_rows
from tests.recommender.pictures_of_numbers import Floats, noise, signal


def of_noise(n: int, d: int, seed: int) -> Floats:
    return np.random.default_rng(seed).normal(size=(n, d))


def test_the_dissimilarity_matrix_is_the_cosine_distance_of_standardised_features() -> None:
    x = of_noise(20, 5, seed=0) * [1, 10, 100, 1000, 1e4] + 7
    assert rdm(x) == pytest.approx(squareform(pdist(StandardScaler().fit_transform(x), "cosine")), abs=1e-12)


def test_constant_features_are_at_distance_one() -> None:
    assert np.array_equal(rdm(np.full((4, 3), 0.1)), np.ones((4, 4)))


def test_label_agreement_is_spearmans_correlation_of_each_stage() -> None:
    (x, y), (other, _) = signal(50, 6, 3, seed=0), noise(50, 4, 3, seed=1)
    above = np.triu_indices(50, 1)
    apart = (y[:, None] != y)[above]
    expected = [spearmanr(rdm(stage)[above], apart).statistic for stage in (x, other)]
    assert label_agreement([x, other], y) == pytest.approx(expected)


@pytest.mark.parametrize("d", [4, 64, 2048])
def test_a_stage_of_noise_agrees_with_no_labels_whatever_its_width(d: int) -> None:
    found = [label_agreement([noise(120, d, 4, seed)[0]], noise(120, d, 4, seed)[1])[0] for seed in range(6)]
    assert np.mean(found) == pytest.approx(0, abs=0.02)


def test_label_agreement_rises_with_what_a_stage_knows() -> None:
    stages = [signal(200, 20, 4, seed=0, strength=known)[0] for known in (0.0, 0.3, 0.6, 1.2)]
    found = label_agreement(stages, signal(200, 20, 4, seed=0)[1])
    assert list(found) == sorted(found)
    assert found[-1] > 0.5


def test_unlabelled_images_are_left_out_of_the_agreement_with_labels() -> None:
    x, y = signal(60, 5, 3, seed=0)
    more = np.vstack([x, of_noise(9, 5, seed=1) * 50])
    assert label_agreement([more], np.append(y, np.full(9, -1))) == pytest.approx(label_agreement([x], y))


@pytest.mark.parametrize("d", [3, 100, 3000])
def test_networks_that_know_nothing_of_each_other_agree_by_nothing_whatever_their_width(d: int) -> None:
    found = [agreement(of_noise(80, d, 2 * seed), of_noise(80, d, 2 * seed + 1)) for seed in range(12)]
    assert np.mean(found) == pytest.approx(0, abs=0.05)


def test_the_plain_alignment_would_call_wide_noise_the_same() -> None:
    """Why it is debiased: a control that the test above can fail."""
    a, b = (StandardScaler().fit_transform(of_noise(80, 3000, seed)) for seed in (0, 1))
    plain = np.square(a.T @ b).sum() / np.sqrt(np.square(a.T @ a).sum() * np.square(b.T @ b).sum())
    assert plain > 0.9


def test_agreement_is_the_unbiased_estimate_of_the_alignment() -> None:
    """HSIC as Song et al. write it, by its three sums."""
    a = of_noise(40, 6, seed=0)
    b = np.hstack([a[:, :3], of_noise(40, 9, seed=1)])

    def hsic(k: Floats, m: Floats) -> float:
        n, one = len(k), np.ones(len(k))
        middle = (one @ k @ one) * (one @ m @ one) / ((n - 1) * (n - 2))
        return float(np.trace(k @ m) + middle - 2 / (n - 2) * one @ k @ m @ one) / (n * (n - 3))

    kernels = [StandardScaler().fit_transform(x) for x in (a, b)]
    kernels = [x @ x.T - np.diag(np.square(x).sum(axis=1)) for x in kernels]
    k, m = kernels
    assert agreement(a, b) == pytest.approx(hsic(k, m) / np.sqrt(hsic(k, k) * hsic(m, m)))
    assert 0.2 < agreement(a, b) < 0.8


def test_agreement_sees_through_rotation_scale_and_offset() -> None:
    x = StandardScaler().fit_transform(of_noise(100, 8, seed=0) @ of_noise(8, 8, seed=1))
    assert agreement(x, x * 1e4 - 3) == pytest.approx(1)
    moved = np.roll(x, 3, axis=1)
    assert agreement(x, moved) == pytest.approx(1)


def test_the_map_shows_who_knows_the_same() -> None:
    base, other = of_noise(150, 6, seed=0), of_noise(150, 6, seed=1)
    near = base @ of_noise(6, 300, seed=2) + of_noise(150, 300, seed=3)
    found = agreement_map([base, near, other, np.ones((150, 2))])
    assert np.array_equal(found, found.T)
    assert np.array_equal(np.diag(found), np.ones(4))
    assert found[0, 1] > 0.5
    assert abs(found[0, 2]) < 0.15
    assert abs(found[1, 2]) < 0.15
    assert not found[3, :3].any()
    assert agreement(base, other) == pytest.approx(found[0, 2])


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda x: agreement(x[:3], x[:3]), "at least 4 images; there are 3"),
        (lambda x: agreement(x, x[:5]), "same images as rows"),
        (lambda x: agreement(x, x * np.nan), "not finite"),
        (lambda x: agreement_map([]), "Stages must be matrices"),
        (lambda x: agreement_map([x], np.arange(3)), "labels must be 9"),
        (lambda x: label_agreement([x], np.arange(3)), "labels must be 9"),
        (lambda x: label_agreement([x], np.zeros(9, int)), "at least two classes"),
    ],
)
def test_what_cannot_be_compared_is_refused(call, said: str) -> None:
    with pytest.raises(BadValue, match=said):
        call(of_noise(9, 2, seed=0))


def test_memory_does_not_grow_with_the_square_of_the_images() -> None:
    """20,000 images: a full matrix of dissimilarities would take 3.2 GB."""
    x, y = of_noise(20_000, 4, seed=0), np.arange(20_000) % 7
    tracemalloc.start()
    label_agreement([x, x], y)
    agreement_map([x, x, x])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 60e6


# --- Which images ----------------------------------------------------------------------------------------------------


def test_balanced_rows_are_as_equal_in_number_as_the_classes_allow() -> None:
    y = np.repeat([-1, 3, 8, 9], [50, 400, 30, 5])
    rows = balanced_rows(y, 95, np.random.default_rng(0))
    assert dict(zip(*np.unique(y[rows], return_counts=True), strict=True)) == {3: 60, 8: 30, 9: 5}
    assert np.array_equal(rows, np.unique(rows))
    few = balanced_rows(y, 9, np.random.default_rng(0))
    assert dict(zip(*np.unique(y[few], return_counts=True), strict=True)) == {3: 3, 8: 3, 9: 3}
    assert np.array_equal(balanced_rows(y, 9_999, np.random.default_rng(0)), np.arange(50, 485))


def test_more_classes_than_rows_give_one_image_of_some() -> None:
    y = np.repeat(np.arange(100), 3)
    rows = balanced_rows(y, 40, np.random.default_rng(0))
    assert len(np.unique(y[rows])) == 40


def test_different_seeds_draw_different_images_of_a_class() -> None:
    y = np.zeros(1000, int)
    first, second = (balanced_rows(y, 50, np.random.default_rng(seed)) for seed in (0, 1))
    assert len(np.intersect1d(first, second)) < 15


def test_a_part_of_the_images_keeps_the_shares_of_the_classes_and_loses_none() -> None:
    y = np.repeat([0, 1, 2], [6000, 3000, 1])
    few = at_most(given(of_noise(9001, 2, seed=0), y), 300, np.random.default_rng(0))
    assert sorted(few.counts) == pytest.approx([1, 100, 200], abs=1)
    assert few.n <= 303

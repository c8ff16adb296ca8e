"""The part that a search may use in place of all images: as a discriminator, a count and a probe see it."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict

from headhunt.errors import BadValue
from tuning.part import COMPARED, area, described, herded, kernel, quotas, representative, told_apart


def clouds(n: int = 300, d: int = 12, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Three classes of unequal size, each of two clouds of unequal size."""
    chance = np.random.default_rng(seed)
    labels = np.sort(chance.choice(3, n, p=(0.6, 0.3, 0.1)))
    side = chance.random(n) < 0.2
    centres = chance.normal(size=(3, 2, d)) * 2
    return centres[labels, side.astype(int)] + chance.normal(size=(n, d)), labels


def mean_distance(features: np.ndarray, rows: np.ndarray) -> float:
    """How far the kernel mean of some rows lies from that of all."""
    near = kernel(features)
    return float(near.mean() - 2 * near[rows].mean() + near[np.ix_(rows, rows)].mean())


@pytest.mark.parametrize("seed", range(3))
def test_a_part_is_closer_to_the_whole_than_random_ones(seed: int) -> None:
    features, labels = clouds(seed=seed)
    part = representative(features, labels, 0.2)
    chance = np.random.default_rng(seed)
    others = [mean_distance(features, chance.permutation(len(features))[: len(part.indices)]) for _ in range(50)]
    assert mean_distance(features, part.indices) < min(others)


def test_classes_keep_their_shares_and_rare_ones_two_images() -> None:
    features, labels = clouds()
    labels[:3] = 7
    part = representative(features, labels, 0.1)
    for name in np.unique(labels):
        there = int((labels == name).sum())
        assert int((labels[part.indices] == name).sum()) == pytest.approx(max(2, 0.1 * there), abs=1)


@pytest.mark.parametrize("share", [0.05, 0.21, 0.5, 0.99])
def test_the_counts_of_the_classes_sum_to_the_share_of_all(share: float) -> None:
    labels = np.repeat(np.arange(7), (100, 90, 81, 77, 60, 53, 41))
    assert sum(quotas(labels, share).values()) == pytest.approx(share * len(labels), abs=0.51)


def test_the_same_seed_gives_the_same_part_and_the_indices_are_sorted_and_different() -> None:
    features, labels = clouds()
    one, other = representative(features, labels, 0.3, seed=4), representative(features, labels, 0.3, seed=4)
    assert one.indices.tolist() == other.indices.tolist() == sorted(set(one.indices.tolist()))
    assert one.auc == other.auc
    assert one.share == len(one.indices) / len(features)


def test_the_part_does_not_hang_on_the_order_of_the_images() -> None:
    features, labels = clouds()
    order = np.random.default_rng(5).permutation(len(features))
    moved = representative(features[order], labels[order], 0.2)
    assert sorted(order[moved.indices].tolist()) == representative(features, labels, 0.2).indices.tolist()


def test_all_of_the_data_is_the_whole() -> None:
    features, labels = clouds()
    part = representative(features, labels, 1.0)
    assert part.indices.tolist() == list(range(len(features)))
    assert part.share == 1
    assert not part.enlarged


def test_a_discriminator_tells_a_part_of_one_cloud_from_the_whole() -> None:
    features, _ = clouds()
    chance = np.random.default_rng(0)
    far = np.argsort(features[:, 0])[:60]
    auc, limit = told_apart(features, far, chance)
    assert auc > 0.9 > limit
    fair, limit = told_apart(features, chance.permutation(len(features))[:60], chance)
    assert fair < 0.65


def test_a_part_that_can_be_told_is_enlarged_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    features, labels = clouds()

    def extremes(points: np.ndarray, _classes: np.ndarray, share: float, _chance: np.random.Generator) -> np.ndarray:
        return np.sort(np.argsort(points[:, 0])[: round(share * len(points))])

    monkeypatch.setattr("tuning.part.herded_in_classes", extremes)
    part = representative(features, labels, 0.2)
    assert part.enlarged
    assert part.share > 0.2
    assert part.asked == 0.2
    assert part.share == 1 or part.auc <= part.limit


def test_the_auc_agrees_with_a_classifier_of_another_library() -> None:
    features, _ = clouds()
    inside = np.zeros(len(features), bool)
    inside[np.argsort(features @ np.random.default_rng(1).normal(size=12))[:100]] = True
    auc, _ = told_apart(features, np.flatnonzero(inside), np.random.default_rng(0))
    model = LogisticRegression(max_iter=1000, class_weight="balanced")
    scores = cross_val_predict(model, described(features), inside, method="decision_function")
    assert auc == pytest.approx(area(scores, inside), abs=0.05)


def test_a_random_part_is_rarely_called_strange() -> None:
    features, _ = clouds()
    chance = np.random.default_rng(3)
    strange = 0
    for _ in range(40):
        auc, limit = told_apart(features, chance.permutation(len(features))[:75], chance)
        strange += auc > limit
    assert strange <= 40 * (2 / COMPARED + 0.1)


def test_images_that_are_all_alike_have_a_part_too() -> None:
    part = representative(np.ones((40, 5)), np.zeros(40, int), 0.25)
    assert len(part.indices) == 10


def test_herding_takes_every_point_once() -> None:
    features, _ = clouds(n=30)
    assert sorted(herded(features, 99).tolist()) == list(range(30))


@pytest.mark.parametrize("count", [1, 2, 3])
def test_very_few_images_have_a_part(count: int) -> None:
    part = representative(np.random.default_rng(0).normal(size=(count, 4)), np.arange(count), 0.5)
    assert 1 <= len(part.indices) <= count


def test_unlabelled_images_are_a_class_of_their_own() -> None:
    features, labels = clouds()
    part = representative(features, np.full_like(labels, -1), 0.2)
    assert len(part.indices) == 60


@pytest.mark.parametrize(
    ("features", "labels", "share", "said"),
    [
        (np.ones((0, 3)), np.zeros(0, int), 0.5, "no part"),
        (np.ones(3), np.zeros(3, int), 0.5, "no part"),
        (np.ones((4, 2)), np.zeros(3, int), 0.5, "4 rows"),
        (np.ones((4, 2)), np.zeros((4, 1), int), 0.5, "4 rows"),
        (np.ones((4, 2)), np.zeros(4), 0.5, "float64"),
        (np.full((4, 2), np.nan), np.zeros(4, int), 0.5, "image 0"),
        (np.ones((4, 2)), np.zeros(4, int), 0.0, "share of 0"),
        (np.ones((4, 2)), np.zeros(4, int), 1.01, "share of 1.01"),
        (np.ones((4, 2)), np.zeros(4, int), float("nan"), "share of nan"),
    ],
)
def test_what_has_no_part_is_refused(features: np.ndarray, labels: np.ndarray, share: float, said: str) -> None:
    with pytest.raises(BadValue, match=said):
        representative(features, labels, share)

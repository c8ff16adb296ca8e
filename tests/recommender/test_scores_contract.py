"""What every score promises, whatever it computes. A new one in the table is examined without a new line here."""

from collections.abc import Callable

import numpy as np
import pytest

from headhunt.errors import BadValue
from recommender.scores.given import given
from recommender.scores.table import scores
from tests.recommender.pictures_of_numbers import Floats, Labels, noise, signal

NAMES = sorted(scores())
OF_OUTPUTS = {"leep", "leep_left_out"}
Sample = tuple[Floats, Labels]


def score_of(name: str, features: Floats, labels: Labels, outputs: Floats | None = None, seed: int = 0) -> float:
    """What looks at the outputs gets the features as outputs, unless there are others."""
    logits = features if outputs is None else outputs
    return scores()[name](given(features, labels, logits), np.random.default_rng(seed))


def mean_of(name: str, make: Callable[[int], Sample], seeds: int = 4) -> float:
    return float(np.mean([score_of(name, *make(seed)) for seed in range(seeds)]))


@pytest.fixture(scope="module")
def sample() -> Sample:
    return signal(90, 12, 4, seed=3, strength=0.7)


@pytest.mark.parametrize("name", NAMES)
class TestEveryScore:
    def test_leaves_its_input_alone(self, name: str, sample: Sample) -> None:
        x, y = sample[0].copy(), sample[1].copy()
        x.flags.writeable = y.flags.writeable = False
        assert np.isfinite(score_of(name, x, y))
        data = given(x, y, x)
        before = [array.copy() for array in (data.features, data.labels, data.standard, *data.axes, data.centred)]
        scores()[name](data, np.random.default_rng(0))
        after = (data.features, data.labels, data.standard, *data.axes, data.centred)
        assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))

    def test_is_the_same_for_the_same_generator(self, name: str, sample: Sample) -> None:
        assert score_of(name, *sample, seed=5) == score_of(name, *sample, seed=5)

    def test_draws_from_no_generator_but_its_own(self, name: str, sample: Sample) -> None:
        np.random.seed(1)
        before = np.random.get_state()[1].copy()
        first = score_of(name, *sample)
        assert np.array_equal(np.random.get_state()[1], before)
        np.random.seed(2)
        assert score_of(name, *sample) == first

    def test_knows_no_order_of_the_images(self, name: str, sample: Sample) -> None:
        x, y = sample
        order = np.random.default_rng(1).permutation(len(y))
        assert score_of(name, x[order], y[order]) == score_of(name, x, y)

    def test_knows_neither_names_nor_gaps_of_the_labels(self, name: str, sample: Sample) -> None:
        x, y = sample
        assert score_of(name, x, np.array([1000, 7, 400, 55])[y]) == score_of(name, x, y)

    def test_leaves_out_images_without_a_label(self, name: str, sample: Sample) -> None:
        x, y = sample
        more = np.vstack([x, np.full((3, 12), 1e6)])
        assert score_of(name, more, np.append(y, [-1, -1, -1])) == score_of(name, x, y)

    def test_does_not_change_with_the_scale_or_offset_of_the_features(self, name: str, sample: Sample) -> None:
        x, y = sample
        for scale in (1e-6, 1e6):
            moved = score_of(name, x * scale + 3 * scale, y, outputs=x)
            assert moved == pytest.approx(score_of(name, x, y, outputs=x), rel=1e-6, abs=1e-9)

    def test_takes_single_precision(self, name: str, sample: Sample) -> None:
        x, y = sample
        single = score_of(name, x.astype(np.float32), y)
        assert single == pytest.approx(score_of(name, x, y), rel=0.02, abs=0.02)

    @pytest.mark.parametrize(
        ("what", "make"),
        [
            ("a class of one image", lambda x, y: (x, np.append(y[:-1], 9))),
            ("classes of one image only", lambda x, y: (x[:5], np.arange(5))),
            ("two images of two classes", lambda x, y: (x[:2], np.arange(2))),
            ("two classes", lambda x, y: (x, y % 2)),
            ("200 images of 45 classes", lambda x, y: (np.vstack([x, x[::-1] * 2]), np.arange(180) % 45)),
            ("constant columns", lambda x, y: (np.hstack([x, np.ones((90, 3)), np.zeros((90, 1))]), y)),
            ("constant features", lambda x, y: (np.full((90, 3), 0.1), y)),
            ("one column", lambda x, y: (x[:, :1], y)),
            ("more columns than images", lambda x, y: (np.random.default_rng(0).normal(size=(90, 300)), y)),
            ("every image twice", lambda x, y: (np.vstack([x, x]), np.append(y, y))),
            ("one image for each class, many times", lambda x, y: (x[:4][y], y)),
            ("identical images of several classes", lambda x, y: (x[np.arange(90) // 6], y)),
            ("extreme values", lambda x, y: (x * np.logspace(-12, 12, 12), y)),
            ("a sure source head", lambda x, y: (x * 1e4, y)),
        ],
    )
    def test_is_finite_for(self, name: str, what: str, make: Callable[..., Sample], sample: Sample) -> None:
        assert np.isfinite(score_of(name, *make(*sample))), what

    def test_does_not_rise_with_the_width_of_noise_and_finds_what_is_there(self, name: str) -> None:
        """Noise at n = 500 of width 64 and 2,048 differs by less than a tenth of what a real signal makes."""
        if name in OF_OUTPUTS:
            pytest.skip("looks at the source head's outputs: see the test below")
        narrow, wide = ([score_of(name, *noise(500, d, 10, seed)) for seed in range(3)] for d in (64, 2048))
        found = score_of(name, *signal(500, 64, 10, seed=0))
        assert abs(np.mean(wide) - np.mean(narrow)) < 0.1 * (found - np.mean(narrow))
        assert min(found, score_of(name, *signal(500, 2048, 10, seed=0))) > max(*narrow, *wide)

    def test_noise_of_a_narrow_network_is_noise_as_well(self, name: str) -> None:
        if name in OF_OUTPUTS:
            pytest.skip("looks at the source head's outputs: see the test below")
        few, many = (mean_of(name, lambda seed, d=d: noise(120, d, 4, seed)) for d in (8, 400))
        assert abs(few - many) < 0.15 * (mean_of(name, lambda seed: signal(120, 8, 4, seed, 2.0), 1) - few)


def test_rows_that_begin_alike_are_told_apart_by_what_follows() -> None:
    """Dead columns first, and every image twice but for the last one."""
    rng = np.random.default_rng(0)
    x = np.hstack([np.zeros((60, 20)), np.repeat(rng.normal(size=(30, 5)), 2, axis=0), rng.normal(size=(60, 1))])
    y, order = np.arange(60) % 3, rng.permutation(60)
    here, there = given(x, y), given(x[order], y[order])
    assert np.array_equal(here.features, there.features)
    assert np.array_equal(here.labels, there.labels)


def test_rows_stand_in_the_order_of_their_numbers() -> None:
    x = np.array([[3.0, 1], [-2, 5], [-3, 0], [0.0, 2], [-0.0, 1], [1e-300, 0]])
    assert given(x, np.arange(6)).features.tolist() == sorted(x.tolist())


@pytest.mark.parametrize("name", sorted(OF_OUTPUTS))
def test_what_a_source_head_says_is_no_better_for_many_classes(name: str) -> None:
    """Noise in 10 and in 1,000 outputs, against a head that knows the classes."""
    few, many = (mean_of(name, lambda seed, d=d: noise(500, d, 10, seed), 3) for d in (10, 1000))
    known, y = signal(500, 10, 10, seed=0, strength=4.0)
    assert abs(few - many) < 0.1 * (score_of(name, known, y) - few)


def test_a_sure_head_of_many_classes_that_knows_nothing_is_seen_through_by_the_left_out_leep_alone() -> None:
    x, y = noise(400, 1000, 10, seed=0)
    assert score_of("leep", x * 50, y) > -0.6
    assert score_of("leep_left_out", x * 50, y) < np.log(0.1) + 0.01


@pytest.mark.parametrize("name", sorted(OF_OUTPUTS))
def test_what_looks_at_a_source_head_is_nan_without_one(name: str, sample: Sample) -> None:
    assert np.isnan(scores()[name](given(*sample), np.random.default_rng(0)))


def test_the_table_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        scores()["mine"] = lambda data, rng: 0.0  # type: ignore[index]


@pytest.mark.parametrize(
    ("features", "labels", "outputs", "said"),
    [
        (np.ones((4, 2)), np.zeros(4, int), None, "at least two classes; the labels name 1"),
        (np.ones((4, 2)), np.full(4, -1), None, "at least two classes; the labels name 0"),
        (np.ones((4, 2)), np.arange(3), None, r"labels must be 4 whole numbers.*\(3,\)"),
        (np.ones((4, 2)), np.ones(4), None, "labels must be 4 whole numbers.*float64"),
        (np.ones(4), np.arange(4), None, r"features must be a matrix.*\(4,\)"),
        (np.ones((4, 0)), np.arange(4), None, r"features must be a matrix.*\(4, 0\)"),
        (np.array([[1.0], [np.nan]]), np.arange(2), None, "features of 1 of 2 images are not finite"),
        (np.ones((2, 1)), np.arange(2), np.array([[1.0], [np.inf]]), "outputs of 1 of 2 images are not finite"),
        (np.ones((2, 1)), np.arange(2), np.ones((3, 1)), "outputs must have 2 rows as features have, not 3"),
    ],
)
def test_what_cannot_be_scored_is_refused_by_name(
    features: Floats, labels: Labels, outputs: Floats | None, said: str
) -> None:
    with pytest.raises(BadValue, match=said):
        given(features, labels, outputs)

"""One vector for an image: every stage counts alike, and wide networks fit into the same width."""

import numpy as np
import pytest

from discriminator.embedding import LARGEST, embedded
from discriminator.gap import Features


def features(*widths: int, count: int = 6, scale: float = 1.0) -> Features:
    rng = np.random.default_rng(0)
    stages = tuple((rng.random((count, width)) * scale).astype(np.float32) for width in widths)
    return Features(stages, stages[-1], None)


def test_every_stage_has_length_one() -> None:
    vectors = embedded(features(8, 30, 12))
    np.testing.assert_allclose(np.linalg.norm(vectors[:, :8], axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), np.sqrt(3), rtol=1e-6)


def test_how_loud_a_stage_is_does_not_matter() -> None:
    np.testing.assert_allclose(embedded(features(8, 30, scale=100)), embedded(features(8, 30)), rtol=1e-5)


def test_a_wide_network_is_projected_and_keeps_its_distances() -> None:
    wide = features(1500, 3000)
    vectors = embedded(wide)
    assert vectors.shape == (6, LARGEST)
    whole = np.concatenate([stage / np.linalg.norm(stage, axis=1, keepdims=True) for stage in wide.stages], axis=1)
    for i, j in ((0, 1), (2, 5)):
        expected = np.linalg.norm(whole[i] - whole[j])
        assert np.linalg.norm(vectors[i] - vectors[j]) == pytest.approx(expected, rel=0.15)


def test_the_vector_of_an_image_does_not_depend_on_its_neighbours() -> None:
    wide = features(1500, 3000)
    alone = Features(tuple(stage[2:3] for stage in wide.stages), wide.head[2:3], None)
    np.testing.assert_allclose(embedded(alone)[0], embedded(wide)[2], rtol=1e-9, atol=1e-12)


def test_a_silent_stage_stays_silent_and_finite() -> None:
    silent = Features((np.zeros((2, 4), np.float32), np.ones((2, 3), np.float32)), np.ones((2, 3), np.float32), None)
    assert np.isfinite(embedded(silent)).all()


def test_a_network_without_stages_is_seen_by_its_head() -> None:
    head = np.ones((2, 4), np.float32)
    np.testing.assert_allclose(embedded(Features((), head, None)), 0.5)

"""The digits that come with scikit-learn: real handwriting, 8 x 8 in 17 shades, enlarged to the common size."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits

from zoo.starter.drawing import SIZE

TEST_SHARE = 0.25
SHADES = 16


@dataclass(frozen=True)
class Digits:
    """Images uint8 [N, 3, SIZE, SIZE] and labels 0..9, in the order of the data set."""

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]


def digits() -> Digits:
    bunch = load_digits()
    enlarge = _bilinear(8)
    shades = enlarge @ (bunch.images * (255 / SHADES)) @ enlarge.T
    images = np.clip(np.rint(shades), 0, 255).astype(np.uint8)
    return Digits(np.repeat(images[:, None], 3, axis=1), bunch.target.astype(np.int64))


def held_out(labels: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.bool_]:
    """Which images are for testing: the same share of every class, drawn by chance."""
    chosen = np.zeros(len(labels), np.bool_)
    for label in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == label))
        chosen[members[: round(len(members) * TEST_SHARE)]] = True
    return chosen


def _bilinear(small: int) -> NDArray[np.float64]:
    """The matrix [SIZE, small] that enlarges a line of pixels, whose centres stay where they were."""
    where = np.clip((np.arange(SIZE) + 0.5) * small / SIZE - 0.5, 0, small - 1)
    matrix: NDArray[np.float64] = np.clip(1 - np.abs(where[:, None] - np.arange(small)), 0, 1)
    return matrix

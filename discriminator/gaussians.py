"""How far is an image from each domain? Gaussians with one covariance for all.

Every component (a class of a domain) is a Gaussian of its own mean; the covariance, within components, is shared by all
and shrunk (Lee, Lee, Lee and Shin 2018, "A simple unified framework for detecting out-of-distribution samples").

    N  images   d  dimensions   K  domains   C_k  components of domain k
    D[i, k] = -2 ln mean over c of exp(-|W'(x_i - m_kc)|^2 / 2)     squared distances, softly the nearest component's
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from discriminator.records import Record

Floats = NDArray[np.float64]
SHRINKAGE = 0.05
"""The share of the identity in the shared correlation matrix; more where there are few images for the dimensions."""
FLOOR = 1e-6
"""Smallest deviation of a dimension, where vectors of stages have length one."""


@dataclass(frozen=True)
class Gaussians:
    """whitener [d, d]: within a component, x @ whitener has about unit covariance. centres: K of [C_k, d], whitened."""

    whitener: Floats
    centres: tuple[Floats, ...]

    @classmethod
    def fit(cls, records: Sequence[Record]) -> Self:
        """K >= 1 records of the same d. Costs one eigendecomposition, whatever the number of images."""
        images = sum(float(record.counts.sum()) for record in records)
        parts = sum(len(record.counts) for record in records)
        scatter: Floats = np.sum([record.scatter for record in records], axis=0, dtype=np.float64)
        whitener = whitening(scatter / max(images - parts, 1.0), images)
        return cls(whitener, tuple(record.means.astype(np.float64) @ whitener for record in records))

    def distances(self, vectors: Floats) -> Floats:
        """[N, K]: squared distances D of vectors [N, d] to every domain."""
        white = vectors @ self.whitener
        return np.stack([soft_minimum(squared(white, centres)) for centres in self.centres], axis=1)


def whitening(covariance: Floats, images: float) -> Floats:
    """The matrix that makes the shrunk covariance the identity."""
    deviations = np.sqrt(np.diag(covariance)) + FLOOR
    width = len(covariance)
    share = max(SHRINKAGE, width / (width + images))
    shrunk = (1 - share) * covariance / np.outer(deviations, deviations) + share * np.eye(width)
    values, directions = np.linalg.eigh(shrunk)
    whitener: Floats = directions / np.sqrt(values) / deviations[:, None]
    return whitener


def squared(a: Floats, b: Floats) -> Floats:
    """[N, M]: squared Euclidean distances between the rows."""
    found: Floats = np.square(a).sum(axis=1)[:, None] + np.square(b).sum(axis=1)[None] - 2 * a @ b.T
    return np.maximum(found, 0.0)


def soft_minimum(distances: Floats) -> Floats:
    """[N]: -2 ln mean over columns of exp(-D / 2), without underflow."""
    least = distances.min(axis=1)
    mean: Floats = np.exp(-0.5 * (distances - least[:, None])).mean(axis=1)
    found: Floats = least - 2 * np.log(mean)
    return found

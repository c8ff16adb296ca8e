"""What a linear classifier, a ridge on one column for each class, says of images that it has not learnt from.

X: n x d features, centred; Y: n x C one-hot labels, centred; X = U S V' cut to its rank.

The strength of the ridge is chosen inside each training part by its left-one-out error, which the hat matrix gives at
once: with h_i = sum_k U_ik^2 s_k^2 / (s_k^2 + ridge), the error at i is (y_i - yhat_i) / (1 - h_i).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]
FOLDS = 5
RIDGES = 10.0 ** np.arange(-3, 4)
"""As multiples of the mean squared singular value."""


@dataclass(frozen=True)
class HeldOut:
    """Of n images that were each held out once."""

    scores: Floats
    """[n, C]: how much each image looks like each class."""
    labels: Rows
    """[n]"""

    @property
    def right(self) -> NDArray[np.bool_]:
        found: NDArray[np.bool_] = self.scores.argmax(1) == self.labels
        return found

    @property
    def accuracy(self) -> float:
        return float(self.right.mean())


@dataclass(frozen=True)
class Ridge:
    """Scores [n, C] = (features - centre) @ weights + offset."""

    centre: Floats
    weights: Floats
    offset: Floats

    def scores(self, features: NDArray[np.floating]) -> Floats:
        found: Floats = (features - self.centre) @ self.weights + self.offset
        return found


def held_out(features: NDArray[np.floating], labels: Rows, pictures: Rows, rng: np.random.Generator) -> HeldOut:
    """Cross-validated. Rows with equal `pictures` are held out together: no copy of an image teaches its label."""
    targets = np.eye(int(labels.max()) + 1)[labels]
    folds = folds_of(labels, pictures, rng)
    scores = np.zeros_like(targets)
    for fold in np.unique(folds):
        out = folds == fold
        if not out.all():
            scores[out] = fit(features[~out], targets[~out]).scores(features[out])
    return HeldOut(scores, labels)


def folds_of(labels: Rows, pictures: Rows, rng: np.random.Generator) -> Rows:
    """Which fifth each row belongs to; each class, and each picture once, spread over all. [n]"""
    firsts, place = np.unique(pictures, return_index=True)
    order = rng.permutation(len(firsts))
    order = order[np.argsort(labels[place][order], kind="stable")]
    folds = np.empty(len(firsts), np.int64)
    folds[order] = np.arange(len(order)) % FOLDS
    return folds[np.searchsorted(firsts, pictures)]


def fit(features: NDArray[np.floating], targets: Floats) -> Ridge:
    """features [n, d], targets [n, C] -> the ridge whose left-one-out error is least."""
    plain = features.astype(np.float64)
    centre = plain.mean(0)
    left, squares, right = thin((plain - centre).astype(np.float32))
    offset = targets.mean(0)
    seen = left.T @ (targets - offset)
    best, weights = np.inf, np.zeros((plain.shape[1], targets.shape[1]))
    for ridge in RIDGES * squares.mean():
        shrunk = squares / (squares + ridge)
        leverage = np.minimum((left**2) @ shrunk + 1 / len(left), 1 - 1e-6)
        error = float((((targets - offset - left @ (shrunk[:, None] * seen)) / (1 - leverage)[:, None]) ** 2).mean())
        if error < best:
            best, weights = error, right @ ((np.sqrt(squares) / (squares + ridge))[:, None] * seen)
    return Ridge(centre, weights, offset)


def thin(matrix: NDArray[np.float32]) -> tuple[Floats, Floats, Floats]:
    """U [n, r], S^2 [r], V [d, r], from the eigenvectors of the smaller of X'X and XX'."""
    wide = matrix.shape[0] < matrix.shape[1]
    gram = (matrix @ matrix.T if wide else matrix.T @ matrix).astype(np.float64)
    squares, vectors = np.linalg.eigh(gram)
    kept = squares > max(float(squares[-1]), 1e-12) * 1e-6
    squares, vectors = squares[kept], vectors[:, kept]
    if not len(squares):
        return np.zeros((matrix.shape[0], 1)), np.ones(1), np.zeros((matrix.shape[1], 1))
    other = (matrix.T if wide else matrix) @ vectors / np.sqrt(squares)
    return (vectors, squares, other) if wide else (other, squares, vectors)

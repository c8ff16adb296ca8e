"""What a score looks at: the features of labelled images, put into one form that has no order and no names.

Notation, the same in every score:

    n, d, C, S     images, width of the features, classes that occur, classes of the source head
    F   [n, d]     features, each column centred and scaled to variance 1; a constant column becomes 0
    Z   [n, r]     F turned into its principal axes: Z Z' = F F', r = rank <= min(n, d), largest first
    s   [r]        eigenvalues of F'F, so that Z'Z = diag(s)
    y   [n]        labels 0..C-1, each of which occurs;  n_c images of class c;  pi_c = n_c / n
    Y   [n, C]     one-hot labels, each column centred
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from headhunt.errors import BadValue

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]
UNLABELLED = -1
CONSTANT = 1e-6
SETTLING = 16


@dataclass(frozen=True)
class Given:
    """n labelled images through one network, made by `given`. What several scores need is computed at first use."""

    features: Floats
    labels: Labels
    outputs: Floats | None = None

    @property
    def n(self) -> int:
        return len(self.labels)

    @cached_property
    def counts(self) -> Labels:
        """[C], n_c."""
        return np.bincount(self.labels).astype(np.int64)

    @property
    def classes(self) -> int:
        return len(self.counts)

    @cached_property
    def standard(self) -> Floats:
        """F [n, d]."""
        return standardised(self.features)

    @cached_property
    def width(self) -> int:
        """How many columns vary; at least 1."""
        return max(1, int(np.count_nonzero(self.standard.any(axis=0))))

    @cached_property
    def axes(self) -> tuple[Floats, Floats]:
        """Z [n, r] and s [r]."""
        return principal_axes(self.standard)

    @cached_property
    def centred(self) -> Floats:
        """Y [n, C]."""
        return one_hot(self.labels, self.classes) - self.counts / self.n

    def rows(self, chosen: NDArray[np.int64]) -> "Given":
        """These images alone."""
        outputs = None if self.outputs is None else self.outputs[chosen]
        return given(self.features[chosen], self.labels[chosen], outputs)


def given(features: ArrayLike, labels: ArrayLike, outputs: ArrayLike | None = None) -> Given:
    """Features [n, d], labels [n] (-1: left out), logits of the source head [n, S] -> what a score looks at.

    Rows are put into an order that their values alone decide, and classes are numbered by their first row in it. So no
    score can depend on the order of the images, nor on the names or gaps of the labels, not even by rounding.
    """
    x, y = _matrix(features, "features"), np.asarray(labels)
    if y.shape != (len(x),) or y.dtype.kind not in "iu":
        raise BadValue(f"labels must be {len(x)} whole numbers, one for each row of features, not {_shape(y)}.")
    z = None if outputs is None else _matrix(outputs, "outputs")
    if z is not None and len(z) != len(x):
        raise BadValue(f"outputs must have {len(x)} rows as features have, not {len(z)}.")
    kept = np.flatnonzero(y != UNLABELLED)
    order = kept[_by_value(x[kept])]
    names, first, places = np.unique(y[order], return_index=True, return_inverse=True)
    if len(names) < 2:
        raise BadValue(f"A score needs images of at least two classes; the labels name {len(names)}.")
    number = np.argsort(np.argsort(first))
    return Given(x[order], number[places].astype(np.int64), None if z is None else z[order])


def _matrix(values: ArrayLike, name: str) -> Floats:
    """A finite matrix of doubles with at least one column."""
    matrix = np.asarray(values, dtype=np.float64)
    if matrix.ndim != 2 or not matrix.shape[1]:
        raise BadValue(f"{name} must be a matrix with a row for each image, not {_shape(matrix)}.")
    if not np.isfinite(matrix).all():
        bad = int(np.count_nonzero(~np.isfinite(matrix).all(axis=1)))
        raise BadValue(f"{name} of {bad} of {len(matrix)} images are not finite; leave these images out.")
    return matrix


def _shape(array: NDArray[np.generic]) -> str:
    return f"{array.dtype} of shape {array.shape}"


def _by_value(x: Floats) -> NDArray[np.int64]:
    """Rows in the order of their first column, then their second and so on, which no scale and no offset changes.

    A few columns settle it nearly always; all of them are looked at only where rows begin alike.
    """
    keys = _sortable(x[:, :SETTLING])
    order = np.argsort(keys, kind="stable")
    if x.shape[1] > SETTLING and (keys[order[1:]] == keys[order[:-1]]).any():
        return np.argsort(_sortable(x), kind="stable")
    return order


def _sortable(x: Floats) -> NDArray[np.void]:
    """[n, d] -> [n], a run of bytes for each row that compares as its numbers do, one after the other.

    A double becomes eight bytes that compare as it does: negative ones with all bits flipped, others with the sign.
    """
    bits = np.ascontiguousarray(x + 0.0).view(np.uint64)  # + 0.0: minus zero and zero are one value
    keys = np.where(bits >> np.uint64(63), ~bits, bits | np.uint64(1 << 63)).astype(">u8")
    return keys.view(np.dtype((np.void, 8 * keys.shape[1]))).ravel()


def standardised(features: Floats) -> Floats:
    """[n, d] -> [n, d]: columns centred and scaled to variance 1; columns that do not vary become 0."""
    mean, spread = features.mean(axis=0), features.std(axis=0)
    alive = (spread > CONSTANT * spread.max(initial=0.0)) & (spread > CONSTANT * np.abs(mean))
    return np.asarray((features - mean) * np.where(alive, 1 / np.where(alive, spread, 1.0), 0.0))


def principal_axes(matrix: Floats) -> tuple[Floats, Floats]:
    """X [n, d] -> Z [n, r], s [r], largest first, by the smaller of the two Gram matrices.

    X = 0 has rank 0; it gets one axis of zeros with s = 0, so that what follows needs no special case for shapes.
    """
    n, d = matrix.shape
    values, vectors = np.linalg.eigh(matrix @ matrix.T if n < d else matrix.T @ matrix)
    values, vectors = values[::-1], vectors[:, ::-1]
    rank = int(np.count_nonzero(values > max(n, d) * np.finfo(np.float64).eps * max(values[0], 0.0)))
    if not rank:
        return np.zeros((n, 1)), np.zeros(1)
    values, vectors = values[:rank].copy(), vectors[:, :rank]
    return (vectors * np.sqrt(values) if n < d else matrix @ vectors), values


def one_hot(labels: Labels, classes: int) -> Floats:
    """[n] -> [n, C]."""
    return np.asarray(np.eye(classes)[labels])


def class_sums(values: Floats, labels: Labels, classes: int) -> Floats:
    """[n, r] -> [C, r]: the sum over the images of each class."""
    return np.asarray(one_hot(labels, classes).T @ values)

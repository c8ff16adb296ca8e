"""Which images are the same picture: byte for byte, or resized, compressed again, made brighter or paler?

Features of a network do not tell: two radiographs, or two icons, of one class are as near there as two copies. Pixels
do, and need no network. Images are looked at as 32 x 32 pixels, and two are the same picture when both hold:

    whole    their pixels correlate at 0.96 or more, which brightness and contrast do not change
    fine     what a 5 x 5 mean leaves of them correlates at 0.85 or more: composition alone (a horizon, a white ground
             with a thing in the middle) makes the whole alike, detail only a copy

Measured in docs/health.md. Pairs to compare are found at 16 x 16, in blocks, so memory is bounded. Mirrored and cropped
copies are not found. An image of one colour has no detail and equals only its own bytes.

n images, T = 32 pixels, P pairs.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from discriminator.gallery import Gallery
from zoo.images.pixels import View

Thumbs = NDArray[np.uint8]
Floats = NDArray[np.float32]
Rows = NDArray[np.int64]

LOOK = View(32, 1.0, "bilinear")
CANDIDATE, WHOLE, FINE = 0.95, 0.96, 0.85
MEAN_OVER = 5
BLOCK = 1024
"""Rows that are compared with all others at a time."""
CHUNK = 4096
"""Pairs that are looked at closely at a time."""


@dataclass(frozen=True)
class Looks:
    """What copies are recognised by."""

    thumbs: Thumbs
    """[n, 3, T, T]"""
    digests: tuple[str, ...]
    """n, SHA-256 of the files."""


def looks_of(gallery: Gallery) -> Looks:
    thumbs: Thumbs = gallery.pixels(LOOK).images.numpy()
    return Looks(thumbs, tuple(entry.digest for entry in gallery.entries))


def near_duplicates(looks: Looks) -> tuple[tuple[int, ...], ...]:
    """Groups of rows that are one picture, the largest first. Copies of copies belong together."""
    groups = Groups(len(looks.digests))
    first: dict[str, int] = {}
    for row, digest in enumerate(looks.digests):
        groups.join(first.setdefault(digest, row), row)
    coarse = coarse_of(looks.thumbs)
    for start in range(0, len(coarse), BLOCK):
        similar = coarse[start : start + BLOCK] @ coarse[start:].T
        left, right = (found + start for found in np.nonzero(np.triu(similar >= CANDIDATE, k=1)))
        for pairs in chunks(left, right):
            roots = groups.roots()
            new = pairs[:, roots[pairs[0]] != roots[pairs[1]]]
            for a, b in new[:, same_picture(looks.thumbs[new[0]], looks.thumbs[new[1]])].T.tolist():
                groups.join(a, b)
    return groups.found()


def matches(looks: Looks, others: Looks) -> Rows:
    """For each of n images the row of one of the others that is the same picture, -1 where none is. [n]"""
    known = {digest: row for row, digest in enumerate(others.digests)}
    found = np.array([known.get(digest, -1) for digest in looks.digests], np.int64)
    coarse, theirs = coarse_of(looks.thumbs), coarse_of(others.thumbs)
    for start in range(0, len(coarse), BLOCK):
        similar = coarse[start : start + BLOCK] @ theirs.T
        left, right = np.nonzero(similar >= CANDIDATE)
        for pairs in chunks(left + start, right):
            new = pairs[:, found[pairs[0]] < 0]
            alike = new[:, same_picture(looks.thumbs[new[0]], others.thumbs[new[1]])]
            found[alike[0]] = alike[1]
    return found


def chunks(left: Rows, right: Rows) -> Iterator[Rows]:
    """[2, at most CHUNK], one after the other."""
    for start in range(0, len(left), CHUNK):
        yield np.stack([left[start : start + CHUNK], right[start : start + CHUNK]])


def coarse_of(thumbs: Thumbs) -> Floats:
    """Thumbs at half the resolution, so that a product of two rows is their correlation. [n, 3 T/2 T/2]"""
    n, _, side, _ = thumbs.shape
    halves = np.empty((n, 3 * (side // 2) ** 2), np.float32)
    for start in range(0, n, CHUNK):
        part = thumbs[start : start + CHUNK].reshape(-1, 3, side // 2, 2, side // 2, 2)
        halves[start : start + CHUNK] = part.mean(axis=(3, 5), dtype=np.float32).reshape(len(part), -1)
    return correlating(halves)


def same_picture(left: Thumbs, right: Thumbs) -> NDArray[np.bool_]:
    """Whether the pictures of each of P pairs are one. left, right: [P, 3, T, T]"""
    alike = correlation(left.astype(np.float32), right.astype(np.float32)) >= WHOLE
    near = np.flatnonzero(alike)
    alike[near] = correlation(fine(left[near]), fine(right[near])) >= FINE
    return alike


def correlation(left: Floats, right: Floats) -> Floats:
    """[P], of arrays [P, ...]; 0 where one of a pair is constant."""
    found: Floats = np.einsum(
        "pi,pi->p", *(correlating(side.reshape(len(side), prod(side.shape[1:]))) for side in (left, right))
    )
    return found


def correlating(rows: Floats) -> Floats:
    """Rows without their mean and of length one; zero where a row is constant."""
    centred = rows - rows.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(centred, axis=1, keepdims=True)
    result: Floats = np.where(lengths > 1e-3, centred / np.maximum(lengths, 1e-3), 0).astype(np.float32)
    return result


def fine(thumbs: Thumbs) -> Floats:
    """What the mean over 5 x 5 pixels leaves of each. [P, 3, T, T]"""
    plain = thumbs.astype(np.float32)
    edge = MEAN_OVER // 2
    wide = np.pad(plain, ((0, 0), (0, 0), (edge, edge), (edge, edge)), mode="edge")
    side = plain.shape[2]
    rows = np.add.reduce([wide[:, :, i : i + side] for i in range(MEAN_OVER)])
    means = np.add.reduce([rows[:, :, :, i : i + side] for i in range(MEAN_OVER)]) / np.float32(MEAN_OVER**2)
    detail: Floats = plain - means
    return detail


class Groups:
    """Who belongs together, one pair at a time (union-find)."""

    def __init__(self, count: int) -> None:
        self._parents = np.arange(count)

    def join(self, a: int, b: int) -> None:
        a, b = self._root(a), self._root(b)
        self._parents[max(a, b)] = min(a, b)

    def _root(self, row: int) -> int:
        while (above := int(self._parents[row])) != row:
            self._parents[row] = self._parents[above]
            row = above
        return row

    def roots(self) -> Rows:
        """The first row of each row's group. [n]"""
        while not np.array_equal(shorter := self._parents[self._parents], self._parents):
            self._parents = shorter
        return self._parents

    def found(self) -> tuple[tuple[int, ...], ...]:
        """Groups of two rows and more, the largest first."""
        roots = self.roots()
        members = np.split(order := np.argsort(roots, kind="stable"), np.flatnonzero(np.diff(roots[order])) + 1)
        groups = [tuple(group.tolist()) for group in members if len(group) > 1]
        return tuple(sorted(groups, key=lambda group: (-len(group), group)))

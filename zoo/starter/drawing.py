"""What every generator draws with: batches of soft shapes on canvases, and the wear that real pictures have.

N pictures are drawn at once. A canvas is float32 [N, 3, S, S] in 0..1, a map (mask, distance, coordinate) is
[N, 1, S, S], and one number per picture is [N, 1, 1, 1], so that everything broadcasts. Coordinates run over -1..1
with y downwards; a distance is signed, negative inside, in the same unit.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

SIZE = 32
"""Side of the pictures in pixels."""
PIXEL = 2.0 / SIZE

Floats = NDArray[np.floating[Any]]
"""float32 throughout: half the memory of float64, and twice the speed."""
Number = Floats | float


class Plane(NamedTuple):
    """Where each pixel lies: maps of x and y."""

    x: Floats
    y: Floats


def plane(count: int) -> Plane:
    """The untouched plane of `count` pictures."""
    line = (np.arange(SIZE, dtype=np.float32) + 0.5) * PIXEL - 1
    x, y = np.meshgrid(line, line)
    shape = (count, 1, SIZE, SIZE)
    return Plane(np.broadcast_to(x, shape), np.broadcast_to(y, shape))


def uniform(rng: np.random.Generator, count: int, low: float, high: float) -> Floats:
    """One number per picture."""
    return rng.uniform(low, high, (count, 1, 1, 1)).astype(np.float32)


def normal(rng: np.random.Generator, count: int, spread: float) -> Floats:
    """One number per picture, around zero."""
    return (rng.standard_normal((count, 1, 1, 1)) * spread).astype(np.float32)


def chance(rng: np.random.Generator, count: int, share: float) -> Floats:
    """One or zero per picture: one in a share of them."""
    return (rng.random((count, 1, 1, 1)) < share).astype(np.float32)


def turn(at: Plane, angle: Number) -> Plane:
    """The plane as seen by a shape that was turned by `angle`."""
    cos, sin = np.cos(angle), np.sin(angle)
    return Plane(cos * at.x + sin * at.y, cos * at.y - sin * at.x)


def move(at: Plane, dx: Number, dy: Number) -> Plane:
    """The plane as seen by a shape that was moved."""
    return Plane(at.x - dx, at.y - dy)


def scale(at: Plane, factor: Floats) -> Plane:
    """The plane as seen by a shape that was made `factor` times as large."""
    return Plane(at.x / factor, at.y / factor)


def inside(distance: Floats, softness: Number = PIXEL) -> Floats:
    """A mask from a distance: 1 inside, 0 outside, an edge as wide as `softness`."""
    mask: Floats = np.clip(0.5 - distance / softness, 0, 1)
    return mask


def box(at: Plane, half_width: Number, half_height: Number) -> Floats:
    """Distance to a rectangle (up to the corners, where it is that of the nearer side)."""
    return np.maximum(np.abs(at.x) - half_width, np.abs(at.y) - half_height)


def length(*parts: Floats) -> Floats:
    """Of the vectors whose parts these are."""
    total: Floats = np.sqrt(sum(part * part for part in parts))
    return total


def disc(at: Plane, radius: Number) -> Floats:
    return length(at.x, at.y) - radius


def segment(at: Plane, start: Plane, end: Plane) -> Floats:
    """Distance to a line from `start` to `end` without width."""
    run_x, run_y = end.x - start.x, end.y - start.y
    from_x, from_y = at.x - start.x, at.y - start.y
    along = (from_x * run_x + from_y * run_y) / (run_x * run_x + run_y * run_y + (1e-6))
    along = np.clip(along, 0, 1)
    return length(from_x - along * run_x, from_y - along * run_y)


def wave(phase: Floats) -> Floats:
    """0..1 and back once a turn, a turn being one unit of `phase`."""
    sine: Floats = np.sin(phase * (2 * np.pi))
    return 0.5 + 0.5 * sine


def fraction(value: Floats) -> Floats:
    return value - np.floor(value)


def noise(rng: np.random.Generator, count: int, cells: int | tuple[int, int], octaves: int = 1) -> Floats:
    """Smooth noise in about 0..1, with so many bumps down (and across); octaves add finer ones at half the weight."""
    rows, columns = (cells, cells) if isinstance(cells, int) else cells
    total = np.zeros((count, 1, SIZE, SIZE), np.float32)
    weight = 0.0
    for octave in range(octaves):
        down, across = _stretch(min(rows << octave, SIZE)), _stretch(min(columns << octave, SIZE))
        bumps = rng.random((count, 1, down.shape[1], across.shape[1]), dtype=np.float32)
        total += (down @ bumps @ across.T) * (0.5**octave)
        weight += 0.5**octave
    return total / weight


def _stretch(cells: int) -> Floats:
    """The matrix [SIZE, cells + 1] that spreads values on a line over the pixels, smoothly from one to the next."""
    where = (np.arange(SIZE, dtype=np.float32) + 0.5) / SIZE * cells
    left = np.minimum(where.astype(np.int64), cells - 1)
    part = where - left
    part = part * part * (3 - 2 * part)
    matrix = np.zeros((SIZE, cells + 1), np.float32)
    matrix[np.arange(SIZE), left] = 1 - part
    matrix[np.arange(SIZE), left + 1] = part
    return matrix


class Spots(NamedTuple):
    """For every pixel: how far the nearest and the second nearest point are, and a value of the nearest."""

    nearest: Floats
    second: Floats
    value: Floats


def spots(rng: np.random.Generator, at: Plane, points: int, reach: float = 1.2) -> Spots:
    """Points scattered over the plane, and what each pixel has to do with them: crowns, pebbles, cells, cracks."""
    count = at.x.shape[0]
    shape = (points, count, 1, 1, 1)
    where = rng.uniform(-reach, reach, (2, *shape)).astype(np.float32)
    values = rng.random(shape, dtype=np.float32)
    nearest = np.full(at.x.shape, 99, np.float32)
    second, value = nearest.copy(), nearest.copy()
    for x, y, own in zip(where[0], where[1], values, strict=True):
        distance = np.square(at.x - x) + np.square(at.y - y)
        closer = distance < nearest
        second = np.where(closer, nearest, np.minimum(second, distance))
        value = np.where(closer, own, value)
        nearest = np.minimum(nearest, distance)
    return Spots(np.sqrt(nearest), np.sqrt(second), value)


def colour(hue: Floats, saturation: Number, value: Number) -> Floats:
    """HSV to a canvas or a colour per picture [N, 3, ., .]; hue counts turns."""
    steps = np.asarray([5.0, 3.0, 1.0], np.float32).reshape(1, 3, 1, 1)
    k = np.mod(steps + hue * 6, 6)
    share: Floats = np.clip(np.minimum(k, 4 - k), 0, 1)
    return value - value * saturation * share


def paint(canvas: Floats, what: Number, where: Floats) -> Floats:
    """`what` (a colour or a canvas) laid over the canvas where the mask says."""
    return canvas + (what - canvas) * where


def blend(first: Number, second: Number, share: Number) -> Floats:
    mixed: Floats = np.add(first, np.subtract(second, first) * share)
    return mixed


def blur(canvas: Floats, amount: Floats) -> Floats:
    """A 3 x 3 binomial blur, as much of it as `amount` (0..1) says."""
    soft = canvas
    for axis in (2, 3):
        padded = np.concatenate([soft.take([0], axis), soft, soft.take([-1], axis)], axis)
        before, after = np.arange(SIZE), np.arange(2, SIZE + 2)
        soft = soft * 0.5 + (padded.take(before, axis) + padded.take(after, axis)) * 0.25
    return blend(canvas, soft, amount)


def photograph(rng: np.random.Generator, canvas: Floats, wear: float = 1.0) -> Floats:
    """What a camera does: exposure, contrast, a colour cast, blur and grain, each picture its own."""
    count = canvas.shape[0]
    gain = np.exp(normal(rng, count, 0.18 * wear))
    cast = np.exp((rng.standard_normal((count, 3, 1, 1)) * 0.06 * wear).astype(np.float32))
    seen = blur(np.clip(canvas, 0, 1), uniform(rng, count, 0, 0.6 * wear)) * gain * cast
    middle = seen.mean((1, 2, 3), keepdims=True)
    seen = middle + (seen - middle) * uniform(rng, count, 1 - 0.25 * wear, 1 + 0.15 * wear)
    grain = uniform(rng, count, 0.0, 0.04 * wear)
    worn: Floats = seen + grain * rng.standard_normal(canvas.shape, dtype=np.float32)
    return worn

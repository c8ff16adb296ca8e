"""Drawn glyphs: the letters of an invented alphabet, each a few curved strokes, written by an unsteady hand."""

from functools import partial
from itertools import pairwise

import numpy as np

from zoo.starter.drawing import (
    PIXEL,
    Floats,
    Plane,
    chance,
    colour,
    inside,
    move,
    noise,
    normal,
    paint,
    photograph,
    plane,
    scale,
    segment,
    turn,
    uniform,
)
from zoo.starter.families import Family

PIECES = 5
"""A stroke is a quadratic curve, drawn as so many straight pieces."""


def alphabet(name: str, letters: int, seed: int) -> Family:
    """The family of `letters` glyphs that the seed invents; other seeds invent other alphabets."""
    rng = np.random.default_rng(seed)
    shapes = [_letter(rng) for _ in range(letters)]
    return Family(name, {f"glyph-{i:02d}": partial(_write, shape) for i, shape in enumerate(shapes)})


def _letter(rng: np.random.Generator) -> Floats:
    """Strokes [2 or 3, 3 points, xy]: ends lie on a grid of 3 x 3, the point between bends the stroke."""
    ends = rng.choice(9, size=int(rng.integers(2, 4)) + 1, replace=False)
    spots = np.stack([ends % 3 - 1, ends // 3 - 1], 1).astype(np.float32) * 0.62
    bend = rng.uniform(-0.75, 0.75, (len(ends) - 1, 2)).astype(np.float32)
    strokes = np.stack([spots[:-1], (spots[:-1] + spots[1:]) / 2 + bend, spots[1:]], 1)
    middle: Floats = (strokes.min((0, 1)) + strokes.max((0, 1))) / 2
    return strokes - middle


def _write(shape: Floats, rng: np.random.Generator, count: int) -> Floats:
    at = turn(plane(count), normal(rng, count, 0.16))
    at = Plane(at.x + normal(rng, count, 0.2) * at.y, at.y)
    at = scale(move(at, normal(rng, count, 0.12), normal(rng, count, 0.12)), uniform(rng, count, 0.7, 1.1))
    distance = _distance(shape, at, rng)
    ink = inside(distance - uniform(rng, count, 0.05, 0.15), PIXEL * 1.5)
    dark, light = uniform(rng, count, 0.0, 0.35), uniform(rng, count, 0.6, 1.0)
    swap = chance(rng, count, 0.35)
    paper = colour(uniform(rng, count, 0, 1), uniform(rng, count, 0, 0.35), light + (dark - light) * swap)
    paper = paper * (0.85 + 0.3 * noise(rng, count, 3, 2))
    pen = colour(uniform(rng, count, 0, 1), uniform(rng, count, 0, 0.8), dark + (light - dark) * swap)
    return photograph(rng, paint(paper, pen, ink * uniform(rng, count, 0.65, 1)))


def _distance(shape: Floats, at: Plane, rng: np.random.Generator) -> Floats:
    """Distance to the nearest stroke, every picture with its own unsteadiness in every point."""
    count = at.x.shape[0]
    points = shape[None] + rng.normal(0, 0.075, (count, *shape.shape)).astype(np.float32)
    nearest = np.full(at.x.shape, 9, np.float32)
    for stroke in range(shape.shape[0]):
        curve = [_on_curve(points[:, stroke], step / PIECES) for step in range(PIECES + 1)]
        for start, end in pairwise(curve):
            nearest = np.minimum(nearest, segment(at, start, end))
    return nearest


def _on_curve(points: Floats, t: float) -> Plane:
    """The point at `t` of each picture's quadratic curve; points: [N, 3, xy]."""
    weights = np.asarray([(1 - t) ** 2, 2 * t * (1 - t), t * t], np.float32)
    x, y = np.einsum("npc,p->cn", points, weights).reshape(2, -1, 1, 1, 1)
    return Plane(x, y)

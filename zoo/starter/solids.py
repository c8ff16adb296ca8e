"""Geometric solids: lit, turned and seen from above a little, found by walking along rays until they touch."""

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np

from zoo.starter.drawing import (
    PIXEL,
    Floats,
    blend,
    colour,
    inside,
    length,
    noise,
    normal,
    paint,
    photograph,
    plane,
    uniform,
)
from zoo.starter.families import Family

Solid = Callable[[Floats, Floats, Floats], Floats]
"""Distance from points (x, y, z) to the surface, negative inside; z is the axis of the solid."""

STEPS = 16
START = 1.6


def sphere(x: Floats, y: Floats, z: Floats) -> Floats:
    return length(x, y, z) - 0.62


def cube(x: Floats, y: Floats, z: Floats) -> Floats:
    return rounded(np.abs(x) - 0.46, np.abs(y) - 0.46, np.abs(z) - 0.46)


def cylinder(x: Floats, y: Floats, z: Floats) -> Floats:
    return rounded(length(x, y) - 0.42, np.abs(z) - 0.58)


def cone(x: Floats, y: Floats, z: Floats) -> Floats:
    return pointed(length(x, y), z)


def pyramid(x: Floats, y: Floats, z: Floats) -> Floats:
    return pointed(np.maximum(np.abs(x), np.abs(y)), z)


def torus(x: Floats, y: Floats, z: Floats) -> Floats:
    return length(length(x, y) - 0.48, z) - 0.2


def octahedron(x: Floats, y: Floats, z: Floats) -> Floats:
    return (np.abs(x) + np.abs(y) + np.abs(z) - 0.82) * 0.577


def capsule(x: Floats, y: Floats, z: Floats) -> Floats:
    return length(x, y, z - np.clip(z, -0.42, 0.42)) - 0.3


def pointed(width: Floats, z: Floats) -> Floats:
    """Distance to a solid that narrows to a point, given how far out (as its base measures it) and how high."""
    distance: Floats = np.maximum((width - 0.3 + z * 0.5) * 0.89, -z - 0.5)
    return distance


def rounded(*sides: Floats) -> Floats:
    """Distance to a box-like solid, given how far beyond each pair of its sides."""
    most: Floats = np.maximum.reduce(sides)
    return np.where(most > 0, length(*(np.maximum(side, 0) for side in sides)), most)


SOLIDS: dict[str, Solid] = {
    "capsule": capsule,
    "cone": cone,
    "cube": cube,
    "cylinder": cylinder,
    "octahedron": octahedron,
    "pyramid": pyramid,
    "sphere": sphere,
    "torus": torus,
}


def solids(name: str, shapes: Mapping[str, Solid]) -> Family:
    return Family(name, {kind: partial(_render, shape) for kind, shape in shapes.items()})


def _render(solid: Solid, rng: np.random.Generator, count: int) -> Floats:
    size = uniform(rng, count, 0.9, 1.25)
    turned = _Turned(solid, rng, count, size)
    at = plane(count)
    x, y = at.x - normal(rng, count, 0.06), at.y - normal(rng, count, 0.06)
    z: Floats = np.full(x.shape, -START, np.float32)
    closest = np.full(x.shape, 9, np.float32)
    for _ in range(STEPS):
        distance = turned(x, y, z)
        closest = np.minimum(closest, distance)
        z = z + distance
    light = _shade(rng, turned, (x, y, np.clip(z, -START, START)))
    body = colour(uniform(rng, count, 0, 1), uniform(rng, count, 0.05, 0.75), uniform(rng, count, 0.55, 1.0))
    top = colour(uniform(rng, count, 0, 1), uniform(rng, count, 0, 0.5), uniform(rng, count, 0.1, 1.0))
    floor = top * uniform(rng, count, 0.5, 1.4)
    ground = blend(top, floor, inside(-at.y + normal(rng, count, 0.4), uniform(rng, count, 0.1, 2.0)))
    ground = ground * (0.8 + 0.4 * noise(rng, count, 4, 2))
    return photograph(rng, paint(ground, body * light, inside(closest - PIXEL / 2)))


class _Turned:
    """The solid in the pose that each picture gives it: any spin, its axis leaning towards the viewer."""

    def __init__(self, solid: Solid, rng: np.random.Generator, count: int, size: Floats) -> None:
        self.solid, self.size = solid, size
        self.rows = _rotation(uniform(rng, count, 0, 6.28), uniform(rng, count, 0.35, 0.85), normal(rng, count, 0.2))

    def __call__(self, x: Floats, y: Floats, z: Floats) -> Floats:
        x, y, z = x / self.size, y / self.size, z / self.size
        own = [row[0] * x + row[1] * y + row[2] * z for row in self.rows]
        return self.solid(own[0], own[1], own[2]) * self.size


def _rotation(spin: Floats, lean: Floats, roll: Floats) -> list[tuple[Floats, Floats, Floats]]:
    """Rows that take the viewer's x, y (down), z (away) to the solid's own, whose z stands up before it leans."""
    cs, ss, cl, sl, cr, sr = (f(angle) for angle in (spin, lean, roll) for f in (np.cos, np.sin))
    across = (cr, sr, 0 * cr)
    up = (sr * cl, -cr * cl, -sl)
    away = (-sr * sl, cr * sl, -cl)
    first = (cs * across[0] + ss * away[0], cs * across[1] + ss * away[1], cs * across[2] + ss * away[2])
    second = (cs * away[0] - ss * across[0], cs * away[1] - ss * across[1], cs * away[2] - ss * across[2])
    return [first, second, up]


def _shade(rng: np.random.Generator, solid: _Turned, where: tuple[Floats, Floats, Floats]) -> Floats:
    """Ambient, diffuse and a highlight under one lamp above the viewer, from the slope of the distance."""
    x, y, z = where
    count, tiny = x.shape[0], 0.02
    base = solid(x, y, z)
    slope = [solid(x + tiny, y, z) - base, solid(x, y + tiny, z) - base, solid(x, y, z + tiny) - base]
    length = np.sqrt(slope[0] ** 2 + slope[1] ** 2 + slope[2] ** 2) + (1e-6)
    lamp = [normal(rng, count, 0.7), -uniform(rng, count, 0.2, 1.0), -uniform(rng, count, 0.4, 1.0)]
    bright = np.sqrt(lamp[0] ** 2 + lamp[1] ** 2 + lamp[2] ** 2)
    facing = np.clip((slope[0] * lamp[0] + slope[1] * lamp[1] + slope[2] * lamp[2]) / (length * bright), 0, 1)
    ambient = uniform(rng, count, 0.1, 0.35)
    return ambient + (1 - ambient) * facing + uniform(rng, count, 0, 0.5) * facing**12

"""Textures of materials, close up: each fills the picture, at any angle and in any of its colours."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from zoo.starter.drawing import (
    SIZE,
    Floats,
    Number,
    Plane,
    blend,
    chance,
    colour,
    fraction,
    inside,
    noise,
    normal,
    paint,
    photograph,
    plane,
    scale,
    spots,
    turn,
    uniform,
    wave,
)
from zoo.starter.families import Draw, Family


@dataclass(frozen=True)
class Tint:
    """The colours that a material comes in; one picture in four is any colour at all, as paint and light have it."""

    hue: tuple[float, float]
    saturation: tuple[float, float]
    value: tuple[float, float] = (0.35, 0.95)

    def draw(self, rng: np.random.Generator, count: int) -> Floats:
        odd = chance(rng, count, 0.25)
        hue = blend(uniform(rng, count, *self.hue), uniform(rng, count, 0, 1), odd)
        return colour(hue, uniform(rng, count, *self.saturation), uniform(rng, count, *self.value))


WARM = Tint((0.0, 0.13), (0.2, 0.75))
STONE = Tint((0.0, 1.0), (0.0, 0.25))
GREEN = Tint((0.15, 0.4), (0.3, 0.8))
ANY = Tint((0.0, 1.0), (0.1, 0.7))


def warped(rng: np.random.Generator, count: int, zoom: tuple[float, float], amount: float) -> Plane:
    """A plane at any angle, somewhere, zoomed, with its lines bent by noise."""
    at = turn(plane(count), uniform(rng, count, 0, 6.28))
    bend_x, bend_y = (noise(rng, count, 4, 2) - 0.5 for _ in range(2))
    at = scale(Plane(at.x + bend_x * amount, at.y + bend_y * amount), 1 / uniform(rng, count, *zoom))
    return Plane(at.x + uniform(rng, count, 0, 9), at.y + uniform(rng, count, 0, 9))


def relief(base: Floats, height: Floats, depth: Number) -> Floats:
    """The colour made darker where the surface (0..1) lies low."""
    return base * (1 - depth + depth * 2 * height)


def wood(rng: np.random.Generator, count: int) -> Floats:
    at = warped(rng, count, (0.8, 1.6), 0.25)
    ring = wave(np.hypot(at.x * 2.2, at.y * 0.3) + noise(rng, count, 3) * 0.6) ** 1.5
    return relief(WARM.draw(rng, count), ring * 0.8 + noise(rng, count, 16) * 0.2, 0.3)


def brick(rng: np.random.Generator, count: int) -> Floats:
    at = turn(plane(count), normal(rng, count, 0.12) + chance(rng, count, 0.3) * (np.pi / 2))
    zoom = uniform(rng, count, 1.3, 2.6)
    row = at.y * zoom + uniform(rng, count, 0, 1)
    column = at.x * zoom * 0.5 + np.floor(row) * 0.5 + uniform(rng, count, 0, 1)
    gap = np.minimum(0.5 - np.abs(fraction(row) - 0.5), 2 * (0.5 - np.abs(fraction(column) - 0.5)))
    each = fraction(np.sin(np.floor(row) * 12.99 + np.floor(column) * 78.23) * 437.5)
    wall = WARM.draw(rng, count) * (0.8 + each * 0.4) * (0.8 + noise(rng, count, 12) * 0.4)
    return paint(wall, STONE.draw(rng, count), inside(gap - 0.09, 0.12))


def marble(rng: np.random.Generator, count: int) -> Floats:
    at = warped(rng, count, (0.5, 1.1), 1.0)
    vein = np.abs(np.sin(at.x * np.pi + noise(rng, count, 3, 4) * 4))
    ground = STONE.draw(rng, count)
    return paint(ground, ANY.draw(rng, count) * 0.6, np.exp(-vein * uniform(rng, count, 3, 9)))


def fabric(rng: np.random.Generator, count: int) -> Floats:
    at = warped(rng, count, (2.2, 3.6), 0.06)
    over = wave((np.floor(at.x) + np.floor(at.y)) * 0.5 + 0.25)
    warp, weft = np.sin(fraction(at.x) * np.pi), np.sin(fraction(at.y) * np.pi)
    thread = ANY.draw(rng, count)
    other = blend(thread, ANY.draw(rng, count), chance(rng, count, 0.5))
    return relief(blend(thread, other, over), blend(weft, warp, over), 0.35)


def grass(rng: np.random.Generator, count: int) -> Floats:
    ground = GREEN.draw(rng, count)
    canvas = ground * (0.25 + 0.3 * noise(rng, count, 8))
    for layer in range(7):
        at = turn(plane(count), normal(rng, count, 0.35))
        where = (at.x + noise(rng, count, (2, 3)) * 0.3) * uniform(rng, count, 3, 5) + uniform(rng, count, 0, 9)
        each = fraction(np.sin(np.floor(where) * 12.99 + layer) * 437.5)
        tip = at.y + 1.3 - each * 2
        width = 0.2 * np.clip(tip + 0.2, 0, 1)
        blade = inside(np.abs(fraction(where) - 0.5) - width, 0.2) * inside(-tip, 0.2)
        canvas = paint(canvas, ground * ((0.55 + 0.06 * layer) + each * 0.4), blade)
    return canvas


def metal(rng: np.random.Generator, count: int) -> Floats:
    brushed = noise(rng, count, (SIZE, 3)) * 0.6 + noise(rng, count, (16, 1)) * 0.4
    across = chance(rng, count, 0.5)
    brushed = blend(brushed, brushed.transpose(0, 1, 3, 2), across)
    at = turn(plane(count), uniform(rng, count, 0, 6.28))
    shine = np.exp(-np.square((at.x - normal(rng, count, 0.5)) * uniform(rng, count, 1, 3)))
    plate = relief(STONE.draw(rng, count) * 0.75, brushed, uniform(rng, count, 0.25, 0.6))
    return plate + shine * uniform(rng, count, 0.1, 0.4)


def gravel(rng: np.random.Generator, count: int) -> Floats:
    stones = spots(rng, plane(count), 36)
    edge = np.clip((stones.second - stones.nearest) * uniform(rng, count, 4, 9), 0, 1)
    body = STONE.draw(rng, count) * (0.55 + stones.value * 0.9)
    return body * (0.25 + edge * 0.75) * (0.8 + noise(rng, count, 16) * 0.4)


def leather(rng: np.random.Generator, count: int) -> Floats:
    grain = spots(rng, plane(count), 80)
    crease = np.clip((grain.second - grain.nearest) * uniform(rng, count, 6, 12), 0, 1)
    fold = noise(rng, count, 3, 2)
    return relief(WARM.draw(rng, count), crease * 0.5 + fold * 0.5, uniform(rng, count, 0.3, 0.6))


MATERIALS: dict[str, Draw] = {
    "brick": brick,
    "fabric": fabric,
    "grass": grass,
    "gravel": gravel,
    "leather": leather,
    "marble": marble,
    "metal": metal,
    "wood": wood,
}


def materials(name: str, kinds: Mapping[str, Draw]) -> Family:
    return Family(name, {kind: partial(_close_up, draw) for kind, draw in kinds.items()})


def _close_up(draw: Draw, rng: np.random.Generator, count: int) -> Floats:
    light = turn(plane(count), uniform(rng, count, 0, 6.28)).x * uniform(rng, count, 0, 0.3)
    return photograph(rng, draw(rng, count) * (1 + light))

"""Simple scenes: a sky of some hour, a horizon, and a land that tells where one stands."""

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np

from zoo.starter.drawing import (
    PIXEL,
    SIZE,
    Floats,
    Plane,
    blend,
    box,
    chance,
    colour,
    disc,
    fraction,
    inside,
    move,
    noise,
    normal,
    paint,
    photograph,
    plane,
    uniform,
    wave,
)
from zoo.starter.families import Family

Land = Callable[[np.random.Generator, Plane, Floats], Floats]
"""(rng, plane whose y is 0 on the horizon, sky) -> the scene."""


def sky(rng: np.random.Generator, at: Plane) -> Floats:
    """Blue day, red evening or grey, with clouds and sometimes a sun."""
    count = at.x.shape[0]
    evening = chance(rng, count, 0.3)
    high = colour(uniform(rng, count, 0.53, 0.68), uniform(rng, count, 0.05, 0.6), uniform(rng, count, 0.45, 1))
    low = colour(uniform(rng, count, 0.0, 0.14), uniform(rng, count, 0.2, 0.7), uniform(rng, count, 0.7, 1))
    low = blend(blend(high, 1, 0.4), low, evening)
    canvas = blend(high, low, np.clip(at.y + 1, 0, 1))
    clouds = np.clip(noise(rng, count, (5, 2), 3) * 4 - uniform(rng, count, 1.7, 3.0), 0, 1)
    canvas = paint(canvas, 0.95, clouds * uniform(rng, count, 0.3, 0.9))
    sun = disc(
        move(at, uniform(rng, count, -0.8, 0.8), uniform(rng, count, -0.9, -0.1)), uniform(rng, count, 0.06, 0.15)
    )
    return paint(canvas, 1, inside(sun, 0.08) * chance(rng, count, 0.3))


def meadow_green(rng: np.random.Generator, count: int) -> Floats:
    return colour(uniform(rng, count, 0.1, 0.38), uniform(rng, count, 0.2, 0.65), uniform(rng, count, 0.25, 0.75))


def stone_grey(rng: np.random.Generator, count: int) -> Floats:
    return colour(uniform(rng, count, 0, 1), uniform(rng, count, 0, 0.3), uniform(rng, count, 0.25, 0.75))


def ridge(rng: np.random.Generator, count: int, bumps: int, octaves: int) -> Floats:
    """A line of heights across the picture [N, 1, 1, S], about 0..1."""
    line: Floats = noise(rng, count, (1, bumps), octaves).mean(2, keepdims=True)
    return line


def mountains(rng: np.random.Generator, at: Plane, above: Floats) -> Floats:
    count = above.shape[0]
    rock = stone_grey(rng, count)
    for layer in range(2):
        line = np.abs(ridge(rng, count, 3, 1) - 0.5) * 1.8 + ridge(rng, count, 12, 2) * 0.3
        depth = at.y + uniform(rng, count, 0.9, 1.2) - layer * 0.4 - line
        face = rock * ((0.6 + 0.3 * layer) + noise(rng, count, 10) * 0.5)
        above = paint(above, face, inside(-depth))
        snow = inside(-depth) * inside(depth - uniform(rng, count, 0.1, 0.4), 0.15) * chance(rng, count, 0.6)
        above = paint(above, 0.97, snow * (1 - layer))
    land = meadow_green(rng, count) * (0.8 + noise(rng, count, 8) * 0.4)
    return paint(above, land, inside(uniform(rng, count, 0.1, 0.5) - at.y, 0.1))


def sea(rng: np.random.Generator, at: Plane, above: Floats) -> Floats:
    count = above.shape[0]
    water = colour(uniform(rng, count, 0.4, 0.66), uniform(rng, count, 0.15, 0.75), uniform(rng, count, 0.25, 0.8))
    swell = wave(np.sqrt(np.maximum(at.y, 0)) * uniform(rng, count, 3, 8) + noise(rng, count, (6, 4)) * 1.2)
    water = water * (0.75 + swell * 0.4 + noise(rng, count, (SIZE, 8)) * 0.15)
    above = paint(above, water, inside(-at.y))
    sand = colour(uniform(rng, count, 0.07, 0.15), uniform(rng, count, 0.15, 0.5), uniform(rng, count, 0.6, 0.95))
    beach = uniform(rng, count, 0.5, 1.0) + at.x * normal(rng, count, 0.3) - at.y
    above = paint(above, 0.95, inside(beach - 0.07) * chance(rng, count, 0.5))
    return paint(above, sand, inside(beach) * chance(rng, count, 0.5))


def street(rng: np.random.Generator, at: Plane, above: Floats) -> Floats:
    count = above.shape[0]
    at = Plane(at.x - normal(rng, count, 0.2), at.y)
    far = np.abs(at.x) + (1e-3)
    for side in (-1, 1):
        top = at.y + far * uniform(rng, count, 0.7, 2.0) + uniform(rng, count, 0.05, 0.25)
        wall = inside(-top) * (np.sign(at.x) == side)
        windows = wave(np.log(far) * uniform(rng, count, 2, 4)) * wave(at.y / far * uniform(rng, count, 2, 4))
        front = stone_grey(rng, count) * (1.1 - uniform(rng, count, 0.3, 0.9) * windows)
        above = paint(above, front, wall * inside(0.04 - far))
    pavement = stone_grey(rng, count)
    above = paint(above, pavement, inside(far * 0.6 - at.y))
    above = paint(above, pavement * uniform(rng, count, 0.4, 0.75), inside(far * uniform(rng, count, 0.8, 1.3) - at.y))
    dashes = inside(np.abs(fraction(1 / (np.maximum(at.y, 0) + 0.15)) - 0.5) - 0.25, 0.2)
    return paint(above, 0.95, inside(far - at.y * 0.08) * inside(-at.y) * dashes)


def skyline(rng: np.random.Generator, at: Plane, above: Floats) -> Floats:
    count = above.shape[0]
    for layer in range(2):
        where = at.x * uniform(rng, count, 1.8, 3.5) + uniform(rng, count, 0, 9)
        each = fraction(np.sin(np.floor(where) * 12.99 + layer) * 437.5)
        top = at.y + (0.25 + each * uniform(rng, count, 0.5, 1.1)) * (1.1 - 0.4 * layer)
        lit = chance(rng, count, 0.4)
        pane = wave(fraction(where) * 3) * wave(at.y * uniform(rng, count, 4, 6))
        wall = stone_grey(rng, count) * (0.6 + each * 0.6)
        wall = blend(wall * (1 - pane * 0.5), wall * 0.4 + pane * 0.6, lit)
        above = paint(above, wall, inside(-top) * inside(np.abs(fraction(where) - 0.5) - 0.46, 0.08))
    ground = blend(stone_grey(rng, count), meadow_green(rng, count), chance(rng, count, 0.5)) * 0.8
    return paint(above, ground, inside(uniform(rng, count, 0.1, 0.45) - at.y))


def woods(rng: np.random.Generator, at: Plane, above: Floats) -> Floats:
    count = above.shape[0]
    green = meadow_green(rng, count)
    above = paint(above, green * (0.5 + noise(rng, count, 10, 2) * 0.8), uniform(rng, count, 0.6, 1.0))
    floor = blend(green, stone_grey(rng, count), uniform(rng, count, 0.3, 0.9)) * 0.8
    above = paint(above, floor * (0.7 + noise(rng, count, 12) * 0.6), inside(-at.y, 0.2))
    bark = colour(uniform(rng, count, 0.04, 0.12), uniform(rng, count, 0.1, 0.5), uniform(rng, count, 0.1, 0.6))
    for layer in range(3):
        where = (at.x + at.y * normal(rng, count, 0.04)) * uniform(rng, count, 1.0, 2.2) + uniform(rng, count, 0, 9)
        trunk = inside(np.abs(fraction(where) - 0.5) - uniform(rng, count, 0.06, 0.16), 0.08)
        foot = inside(at.y - uniform(rng, count, 0.0, 0.25) - (0.2 * layer), 0.1)
        above = paint(
            above,
            bark * ((1.3 - 0.25 * layer) * (0.8 + noise(rng, count, 16) * 0.4)),
            trunk * foot,
        )
    return paint(
        above,
        green * (0.4 + noise(rng, count, 14) * 1.1),
        inside(at.y + uniform(rng, count, 0.5, 1.0), 0.4),
    )


def dunes(rng: np.random.Generator, at: Plane, above: Floats) -> Floats:
    return _rolling(
        rng,
        at,
        above,
        colour(*(uniform(rng, len(above), *span) for span in ((0.05, 0.14), (0.25, 0.7), (0.6, 0.95)))),
        0.5,
    )


def hills(rng: np.random.Generator, at: Plane, above: Floats) -> Floats:
    count = above.shape[0]
    above = _rolling(rng, at, above, meadow_green(rng, count), 0.15)
    for _ in range(4):
        tree = move(at, uniform(rng, count, -1, 1), uniform(rng, count, -0.05, 0.7))
        size = uniform(rng, count, 0.08, 0.2)
        crown = inside(disc(Plane(tree.x, tree.y + size), size), PIXEL * 2) * chance(rng, count, 0.7)
        above = paint(above, meadow_green(rng, count) * 0.6, crown)
    return above


def _rolling(rng: np.random.Generator, at: Plane, above: Floats, land: Floats, edge: float) -> Floats:
    """Three soft ridges, each nearer and lower, with light on one flank."""
    count = above.shape[0]
    for layer in range(3):
        line = ridge(rng, count, 2, 1) * uniform(rng, count, 0.4, 0.9)
        depth = at.y + (0.45 - 0.42 * layer) - line
        flank = np.gradient(line, axis=3).astype(np.float32) * SIZE * uniform(rng, count, 0.2, 0.5)
        light = (0.75 + 0.1 * layer) + flank * np.exp(-depth * 2) * (edge * 2)
        light = light + (noise(rng, count, (SIZE, 10)) - 0.5) * uniform(rng, count, 0.05, 0.3)
        above = paint(above, land * light, inside(-depth))
    return above


def harbour(rng: np.random.Generator, at: Plane, above: Floats) -> Floats:
    """Boats with masts on still water."""
    count = above.shape[0]
    water = colour(uniform(rng, count, 0.4, 0.66), uniform(rng, count, 0.1, 0.6), uniform(rng, count, 0.3, 0.8))
    above = paint(above, stone_grey(rng, count), inside(np.abs(at.y + 0.08) - ridge(rng, count, 8, 2) * 0.25))
    above = paint(above, water * (0.8 + noise(rng, count, (SIZE, 6)) * 0.4), inside(-at.y))
    for place in (-0.6, 0.0, 0.6):
        boat = move(at, place + normal(rng, count, 0.12), uniform(rng, count, 0.15, 0.6))
        there = chance(rng, count, 0.8)
        hull = box(Plane(boat.x, boat.y), uniform(rng, count, 0.16, 0.28) - boat.y, 0.09)
        mast = box(Plane(boat.x, boat.y + 0.5), 0.022, uniform(rng, count, 0.3, 0.5))
        paints = colour(uniform(rng, count, 0, 1), uniform(rng, count, 0, 0.8), uniform(rng, count, 0.4, 1))
        sail = inside(np.abs(boat.x - 0.12) * 2.5 + np.abs(boat.y + 0.35) - 0.35) * chance(rng, count, 0.5)
        above = paint(above, 0.95, sail * there * (boat.x > 0))
        above = paint(above, 0.2, inside(mast) * there)
        above = paint(above, paints, inside(hull) * there)
    return above


SCENES: dict[str, Land] = {
    "dunes": dunes,
    "harbour": harbour,
    "hills": hills,
    "mountains": mountains,
    "sea": sea,
    "skyline": skyline,
    "street": street,
    "woods": woods,
}


def scenes(name: str, lands: Mapping[str, Land]) -> Family:
    return Family(name, {kind: partial(_view, land) for kind, land in lands.items()})


def _view(land: Land, rng: np.random.Generator, count: int) -> Floats:
    at = move(plane(count), 0, normal(rng, count, 0.15))
    at = Plane(at.x, at.y + at.x * normal(rng, count, 0.04))
    return photograph(rng, land(rng, at, sky(rng, at)), 0.9)

"""Fields and roads from above, turned any way: ground with soil and growth, and on it what people or rain made."""

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np

from zoo.starter.drawing import (
    PIXEL,
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
    spots,
    turn,
    uniform,
    wave,
)
from zoo.starter.families import Family

Mark = Callable[[np.random.Generator, Plane, Floats], Floats]
"""(rng, turned plane, ground) -> the ground with the thing on it."""


def ground(rng: np.random.Generator, count: int) -> Floats:
    """Meadow, soil or scrub, in two shades that run into each other."""
    first, second = (
        colour(uniform(rng, count, 0.06, 0.36), uniform(rng, count, 0.15, 0.6), uniform(rng, count, 0.3, 0.75))
        for _ in range(2)
    )
    return blend(first, second, noise(rng, count, 3, 2)) * (0.85 + noise(rng, count, 16) * 0.3)


def asphalt(rng: np.random.Generator, count: int) -> Floats:
    return colour(uniform(rng, count, 0, 1), uniform(rng, count, 0, 0.15), uniform(rng, count, 0.3, 0.75))


def leaves(rng: np.random.Generator, count: int) -> Floats:
    return colour(uniform(rng, count, 0.18, 0.4), uniform(rng, count, 0.3, 0.7), uniform(rng, count, 0.2, 0.5))


def field(rng: np.random.Generator, at: Plane, soil: Floats) -> Floats:
    count = soil.shape[0]
    rows = wave(
        (at.x + at.y * at.y * normal(rng, count, 0.08)) * uniform(rng, count, 1.5, 4.0) + uniform(rng, count, 0, 1)
    )
    other = wave(at.y * uniform(rng, count, 1.5, 4.0))
    border = inside(at.y - normal(rng, count, 0.6)) * chance(rng, count, 0.6)
    crop = colour(uniform(rng, count, 0.1, 0.35), uniform(rng, count, 0.3, 0.7), uniform(rng, count, 0.4, 0.85))
    sown = paint(soil, crop, rows * uniform(rng, count, 0.4, 0.9))
    return paint(sown, soil * uniform(rng, count, 0.7, 1.3), border * (0.5 + other * 0.5))


def band(rng: np.random.Generator, at: Plane, land: Floats, width: Floats) -> Floats:
    """A strip of asphalt along y with its middle line, where the pictures have one."""
    count = land.shape[0]
    land = paint(land, asphalt(rng, count), inside(np.abs(at.x) - width))
    dashes = inside(0.25 - np.abs(fraction(at.y * 2 + uniform(rng, count, 0, 1)) - 0.5), 0.1)
    line = inside(np.abs(at.x) - 0.025) * blend(1, dashes, chance(rng, count, 0.5))
    return paint(land, 0.95, line * chance(rng, count, 0.7) * 0.8)


def road(rng: np.random.Generator, at: Plane, land: Floats) -> Floats:
    count = land.shape[0]
    curved = Plane(at.x + at.y * at.y * normal(rng, count, 0.15) + normal(rng, count, 0.25), at.y)
    return trees(rng, band(rng, curved, land, uniform(rng, count, 0.12, 0.24)), curved)


def crossing(rng: np.random.Generator, at: Plane, land: Floats) -> Floats:
    count = land.shape[0]
    at = move(at, normal(rng, count, 0.2), normal(rng, count, 0.2))
    first = band(rng, at, land, uniform(rng, count, 0.12, 0.24))
    askew = turn(at, (np.pi / 2) + normal(rng, count, 0.2))
    return trees(rng, band(rng, askew, first, uniform(rng, count, 0.12, 0.24)), at)


def trees(rng: np.random.Generator, land: Floats, at: Plane) -> Floats:
    """A few crowns beside the way."""
    crowns = inside(spots(rng, at, 6).nearest - uniform(rng, land.shape[0], 0.08, 0.16), 0.08)
    return paint(land, leaves(rng, land.shape[0]), crowns * inside(0.3 - np.abs(at.x), 0.1))


def river(rng: np.random.Generator, at: Plane, land: Floats) -> Floats:
    count = land.shape[0]
    bend = np.sin(at.y * uniform(rng, count, 1.5, 3.5) + uniform(rng, count, 0, 6.28)) * uniform(rng, count, 0.15, 0.4)
    bank = np.abs(at.x + bend + normal(rng, count, 0.15)) - uniform(rng, count, 0.12, 0.3)
    bank = bank + (noise(rng, count, 8) - 0.5) * 0.2
    water = colour(uniform(rng, count, 0.3, 0.65), uniform(rng, count, 0.15, 0.6), uniform(rng, count, 0.25, 0.7))
    land = paint(land, leaves(rng, count), inside(bank - 0.1, 0.1) * uniform(rng, count, 0, 1))
    return paint(land, water * (0.9 + noise(rng, count, 8) * 0.2), inside(bank))


def lake(rng: np.random.Generator, at: Plane, land: Floats) -> Floats:
    count = land.shape[0]
    at = move(at, normal(rng, count, 0.25), normal(rng, count, 0.25))
    shore = disc(Plane(at.x * uniform(rng, count, 1, 1.6), at.y), uniform(rng, count, 0.45, 0.75))
    shore = shore + (noise(rng, count, 5, 2) - 0.5) * 0.7
    water = colour(uniform(rng, count, 0.3, 0.65), uniform(rng, count, 0.15, 0.6), uniform(rng, count, 0.25, 0.7))
    land = paint(land, leaves(rng, count), inside(shore - 0.1, 0.1) * uniform(rng, count, 0, 1))
    return paint(land, water * (0.9 + noise(rng, count, 8) * 0.2), inside(shore))


def houses(rng: np.random.Generator, at: Plane, land: Floats) -> Floats:
    count = land.shape[0]
    land = paint(land, asphalt(rng, count), inside(np.abs(at.x) - 0.1) * chance(rng, count, 0.6))
    roof = colour(uniform(rng, count, 0, 0.12), uniform(rng, count, 0.05, 0.7), uniform(rng, count, 0.4, 0.9))
    for side, place in ((-1, -0.75), (-1, 0.05), (-1, 0.8), (1, -0.6), (1, 0.2), (1, 0.95)):
        own = move(at, (side * 0.5) + normal(rng, count, 0.07), place + normal(rng, count, 0.07))
        own = turn(own, normal(rng, count, 0.1))
        wide, high = uniform(rng, count, 0.15, 0.3), uniform(rng, count, 0.15, 0.28)
        there = chance(rng, count, 0.85)
        shadow = inside(box(move(own, 0.08, 0.08), wide, high))
        land = paint(land, land * 0.45, shadow * there)
        slope = 1.1 - 0.35 * (own.x > 0).astype(np.float32)
        land = paint(land, roof * uniform(rng, count, 0.7, 1.2) * slope, inside(box(own, wide, high)) * there)
    return land


def forest(rng: np.random.Generator, at: Plane, land: Floats) -> Floats:
    count = land.shape[0]
    crowns = spots(rng, at, 45, 1.5)
    dome = np.clip(1 - crowns.nearest * uniform(rng, count, 2.5, 4.5), 0, 1)
    shade = (0.3 + dome * 1.1) * (0.7 + crowns.value * 0.6)
    return paint(land * 0.5, leaves(rng, count) * shade * 1.4, inside(0.12 - dome, 0.1))


def orchard(rng: np.random.Generator, at: Plane, land: Floats) -> Floats:
    count = land.shape[0]
    zoom = uniform(rng, count, 1.6, 2.8)
    x, y = (value * zoom + uniform(rng, count, 0, 1) + noise(rng, count, 6) * 0.25 for value in at)
    crown = np.hypot(fraction(x) - 0.5, fraction(y) - 0.5) - uniform(rng, count, 0.2, 0.36)
    shadow = np.hypot(fraction(x - 0.15) - 0.5, fraction(y - 0.15) - 0.5) - 0.3
    land = paint(land, land * 0.6, inside(shadow, 0.15) * uniform(rng, count, 0.2, 1))
    return paint(land, leaves(rng, count) * (1 - crown), inside(crown, 0.15))


def parking(rng: np.random.Generator, at: Plane, land: Floats) -> Floats:
    count = land.shape[0]
    lot = inside(box(at, uniform(rng, count, 0.8, 1.6), uniform(rng, count, 0.8, 1.6)))
    land = paint(land, asphalt(rng, count) * (0.9 + noise(rng, count, 8) * 0.2), lot)
    x, y = at.x * 3 + uniform(rng, count, 0, 1), at.y * 1.25 + uniform(rng, count, 0, 1)
    each = fraction(np.sin(np.floor(x) * 12.99 + np.floor(y) * 78.23) * 437.5)
    car = Plane(fraction(x) - 0.5, fraction(y) - 0.5)
    there = lot * (each < uniform(rng, count, 0.5, 0.95)).astype(np.float32)
    paints = colour(fraction(each * 37), fraction(each * 91) * 0.8, 0.2 + fraction(each * 53) * 0.8)
    line = inside(0.46 - np.abs(car.x), 0.1) * inside(np.abs(car.y) - 0.36, 0.1)
    land = paint(land, 0.95, line * lot * uniform(rng, count, 0.2, 0.9))
    return paint(land, paints, inside(box(car, 0.27, 0.29), PIXEL * 2) * there)


AERIAL: dict[str, Mark] = {
    "crossing": crossing,
    "field": field,
    "forest": forest,
    "houses": houses,
    "lake": lake,
    "orchard": orchard,
    "parking": parking,
    "river": river,
    "road": road,
}


def aerial(name: str, marks: Mapping[str, Mark]) -> Family:
    return Family(name, {kind: partial(_fly_over, mark) for kind, mark in marks.items()})


def _fly_over(mark: Mark, rng: np.random.Generator, count: int) -> Floats:
    at = turn(plane(count), uniform(rng, count, 0, 6.28))
    return photograph(rng, mark(rng, at, ground(rng, count)), 0.9)

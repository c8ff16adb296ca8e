"""Targets that the starter zoo has never seen: for each drawn domain a neighbour with other classes.

They use the generators' own brushes, as another photographer of the same trade would use the same camera, but no class
of the zoo comes back: other letters, other solids, other cells, materials, land, places and sounds.
"""

from dataclasses import dataclass

import numpy as np

from zoo.starter import aerial as air, materials as stuff, scenes as view, spectrograms as sound
from zoo.starter.drawing import (
    Floats,
    Plane,
    blend,
    chance,
    colour,
    disc,
    fraction,
    inside,
    length,
    move,
    noise,
    normal,
    paint,
    plane,
    spots,
    uniform,
    wave,
)
from zoo.starter.families import Family
from zoo.starter.glyphs import alphabet
from zoo.starter.micrographs import CellKind, cells
from zoo.starter.solids import rounded, solids


@dataclass(frozen=True)
class Target:
    """A family to fine-tune on, and the domain of the starter zoo that is its neighbour."""

    family: Family
    near: str


def targets() -> tuple[Target, ...]:
    return (
        Target(alphabet("runes", 8, 99), "glyphs"),
        Target(solids("bodies", BODIES), "solids"),
        Target(cells("smears", SMEARS), "cells"),
        Target(stuff.materials("surfaces", SURFACES), "materials"),
        Target(air.aerial("sites", SITES), "aerial"),
        Target(view.scenes("places", PLACES), "scenes"),
        Target(sound.spectrograms("calls", CALLS), "spectrograms"),
    )


# --- Solids ----------------------------------------------------------------------------------------------------------


def slab(x: Floats, y: Floats, z: Floats) -> Floats:
    return rounded(np.abs(x) - 0.6, np.abs(y) - 0.5, np.abs(z) - 0.15)


def pillar(x: Floats, y: Floats, z: Floats) -> Floats:
    return rounded(np.abs(x) - 0.22, np.abs(y) - 0.22, np.abs(z) - 0.75)


def coin(x: Floats, y: Floats, z: Floats) -> Floats:
    return rounded(length(x, y) - 0.62, np.abs(z) - 0.1)


def dumbbell(x: Floats, y: Floats, z: Floats) -> Floats:
    balls = length(x, y, np.abs(z) - 0.45) - 0.32
    nearest: Floats = np.minimum(balls, rounded(length(x, y) - 0.1, np.abs(z) - 0.45))
    return nearest


def lens(x: Floats, y: Floats, z: Floats) -> Floats:
    further: Floats = np.maximum(length(x, y, z + 0.5), length(x, y, z - 0.5))
    return further - 0.8


def cross(x: Floats, y: Floats, z: Floats) -> Floats:
    arms = [(0.68, 0.18, 0.18), (0.18, 0.68, 0.18), (0.18, 0.18, 0.68)]
    bars: list[Floats] = [rounded(np.abs(x) - a, np.abs(y) - b, np.abs(z) - c) for a, b, c in arms]
    nearest: Floats = np.minimum.reduce(bars)
    return nearest


BODIES = {"coin": coin, "cross": cross, "dumbbell": dumbbell, "lens": lens, "pillar": pillar, "slab": slab}


# --- Cells -----------------------------------------------------------------------------------------------------------

SMEARS = {
    "basophil": CellKind(nucleus=0.5, lobes=2, spread=0.3, grains=0.95, grain_hue=0.72),
    "binuclear": CellKind(nucleus=0.33, lobes=2, spread=0.45, radius=(0.55, 0.75), aspect=1.5),
    "blast": CellKind(nucleus=0.85, notch=0.25, radius=(0.6, 0.8), rough=0.12),
    "giant": CellKind(nucleus=0.24, lobes=6, spread=0.5, radius=(0.7, 0.9), rough=0.2),
    "goblet": CellKind(nucleus=0.3, spread=0.65, radius=(0.5, 0.7), aspect=1.8, pallor=0.9),
    "ghost": CellKind(nucleus=0.0, radius=(0.55, 0.75), rough=0.35, holes=0.4),
}


# --- Materials -------------------------------------------------------------------------------------------------------


def tiles(rng: np.random.Generator, count: int) -> Floats:
    at = stuff.warped(rng, count, (1.0, 2.0), 0.0)
    edge = np.minimum(0.5 - np.abs(fraction(at.x) - 0.5), 0.5 - np.abs(fraction(at.y) - 0.5))
    glaze = stuff.ANY.draw(rng, count) * (0.9 + noise(rng, count, 3) * 0.2)
    return paint(glaze, stuff.STONE.draw(rng, count), inside(edge - 0.05, 0.08))


def sand(rng: np.random.Generator, count: int) -> Floats:
    at = stuff.warped(rng, count, (0.8, 1.6), 0.5)
    ripple = wave(at.x * 1.3) * uniform(rng, count, 0.1, 0.4)
    return stuff.relief(stuff.WARM.draw(rng, count), ripple + noise(rng, count, 32) * 0.7, 0.4)


def mesh(rng: np.random.Generator, count: int) -> Floats:
    at = stuff.warped(rng, count, (1.6, 2.8), 0.05)
    wire = np.minimum(np.abs(fraction(at.x + at.y) - 0.5), np.abs(fraction(at.x - at.y) - 0.5))
    ground = stuff.ANY.draw(rng, count) * 0.5
    return paint(ground, stuff.STONE.draw(rng, count), inside(wire - 0.1, 0.12))


def shingles(rng: np.random.Generator, count: int) -> Floats:
    at = stuff.warped(rng, count, (1.3, 2.4), 0.03)
    row = np.floor(at.y)
    across, down = fraction(at.x + row * 0.5) - 0.5, fraction(at.y)
    lip = length(across * 1.6, down - 0.15)
    return stuff.relief(stuff.WARM.draw(rng, count), np.clip(1.2 - lip, 0, 1), 0.45)


def bark(rng: np.random.Generator, count: int) -> Floats:
    plates = spots(rng, Plane(plane(count).x, plane(count).y * uniform(rng, count, 0.25, 0.45)), 50)
    crack = np.clip((plates.second - plates.nearest) * uniform(rng, count, 5, 10), 0, 1)
    return stuff.relief(stuff.WARM.draw(rng, count), crack * 0.7 + noise(rng, count, 16) * 0.3, 0.5)


def foam(rng: np.random.Generator, count: int) -> Floats:
    holes = spots(rng, plane(count), 40)
    ring = np.exp(-np.square((holes.nearest - 0.05 - holes.value * 0.16) * 14))
    return stuff.relief(stuff.ANY.draw(rng, count), ring * 0.7 + noise(rng, count, 8) * 0.3, 0.4)


SURFACES = {"bark": bark, "foam": foam, "mesh": mesh, "sand": sand, "shingles": shingles, "tiles": tiles}


# --- From above ------------------------------------------------------------------------------------------------------


def roundabout(rng: np.random.Generator, at: Plane, land: Floats) -> Floats:
    count = len(land)
    at = move(at, normal(rng, count, 0.15), normal(rng, count, 0.15))
    road = inside(np.abs(at.x) - 0.13)
    ring = inside(np.abs(disc(at, uniform(rng, count, 0.35, 0.5))) - 0.13)
    return paint(land, air.asphalt(rng, count), np.maximum(road, ring))


def solar(rng: np.random.Generator, at: Plane, land: Floats) -> Floats:
    count = len(land)
    rows = inside(np.abs(fraction(at.y * uniform(rng, count, 1.5, 2.5)) - 0.5) - uniform(rng, count, 0.2, 0.32), 0.1)
    gaps = inside(np.abs(fraction(at.x * 1.1) - 0.5) - 0.45, 0.06)
    panel = colour(uniform(rng, count, 0.55, 0.7), uniform(rng, count, 0.2, 0.7), uniform(rng, count, 0.15, 0.45))
    return paint(land, panel, rows * gaps)


def island(rng: np.random.Generator, at: Plane, land: Floats) -> Floats:
    count = len(land)
    shore = disc(move(at, normal(rng, count, 0.2), normal(rng, count, 0.2)), uniform(rng, count, 0.35, 0.65))
    shore = shore + (noise(rng, count, 5, 2) - 0.5) * 0.6
    sea = colour(uniform(rng, count, 0.45, 0.65), uniform(rng, count, 0.2, 0.7), uniform(rng, count, 0.3, 0.7))
    water = blend(land, sea, inside(-shore))
    return paint(water, 0.95, inside(np.abs(shore) - 0.04) * uniform(rng, count, 0, 1))


def circles(rng: np.random.Generator, at: Plane, land: Floats) -> Floats:
    """Fields that one long arm waters."""
    count = len(land)
    x, y = (fraction(part * uniform(rng, count, 0.5, 0.75) + uniform(rng, count, 0, 1)) - 0.5 for part in at)
    return paint(land, air.leaves(rng, count) * 1.5, inside(disc(Plane(x, y), uniform(rng, count, 0.38, 0.48)), 0.05))


def runway(rng: np.random.Generator, at: Plane, land: Floats) -> Floats:
    count = len(land)
    strip = inside(np.abs(at.x) - uniform(rng, count, 0.3, 0.45))
    stripes = inside(np.abs(fraction(at.x * 8) - 0.5) - 0.2, 0.3) * inside(np.abs(at.y + 0.5) - 0.2)
    middle = inside(np.abs(at.x) - 0.03) * inside(0.2 - np.abs(fraction(at.y * 2) - 0.5), 0.1)
    land = paint(land, air.asphalt(rng, count) * 0.8, strip)
    return paint(land, 0.95, strip * np.maximum(stripes, middle))


def terraces(rng: np.random.Generator, at: Plane, land: Floats) -> Floats:
    count = len(land)
    height = noise(rng, count, 3, 2) * uniform(rng, count, 4, 8) + at.y
    step = air.leaves(rng, count) * (0.9 + fraction(height) * 1.1)
    return paint(step, 0.15, inside(np.abs(fraction(height) - 0.5) * -1 + 0.44, 0.1) * 0.7)


SITES = {
    "circles": circles,
    "island": island,
    "roundabout": roundabout,
    "runway": runway,
    "solar": solar,
    "terraces": terraces,
}


# --- Scenes ----------------------------------------------------------------------------------------------------------


def mirror(rng: np.random.Generator, at: Plane, above: Floats) -> Floats:
    """Hills and their mirror image."""
    count = len(above)
    line = view.ridge(rng, count, 4, 2) * uniform(rng, count, 0.4, 0.8)
    above = paint(above, view.meadow_green(rng, count) * 0.7, inside(np.abs(at.y) - line))
    ripple = 0.75 + noise(rng, count, (32, 6)) * 0.25
    return blend(above, above * ripple, inside(-at.y))


def canyon(rng: np.random.Generator, at: Plane, above: Floats) -> Floats:
    count = len(above)
    rock = colour(uniform(rng, count, 0.0, 0.1), uniform(rng, count, 0.3, 0.7), uniform(rng, count, 0.5, 0.9))
    layers = 0.75 + wave(at.y * uniform(rng, count, 2, 5) + noise(rng, count, 4)) * 0.4
    gap = np.abs(at.x - normal(rng, count, 0.15)) - uniform(rng, count, 0.15, 0.4) + at.y * 0.25
    above = paint(above, rock * layers, inside(-gap - noise(rng, count, (8, 2)) * 0.2 + 0.1))
    return paint(above, rock * 0.6, inside(0.45 - at.y))


def bridge(rng: np.random.Generator, at: Plane, above: Floats) -> Floats:
    count = len(above)
    water = colour(uniform(rng, count, 0.45, 0.66), uniform(rng, count, 0.1, 0.6), uniform(rng, count, 0.3, 0.8))
    above = paint(above, water * (0.8 + noise(rng, count, (32, 6)) * 0.4), inside(-at.y))
    x = fraction(at.x * uniform(rng, count, 0.6, 1.1) + uniform(rng, count, 0, 1)) - 0.5
    arch = length(x * 2, (at.y - 0.25) * 1.4) - uniform(rng, count, 0.55, 0.75)
    deck = inside(np.abs(at.y + 0.05) - 0.3)
    return paint(above, view.stone_grey(rng, count), deck * inside(-arch))


def corridor(rng: np.random.Generator, at: Plane, above: Floats) -> Floats:
    count = len(above)
    depth = np.maximum(np.abs(at.x), np.abs(at.y))
    side = (np.abs(at.x) > np.abs(at.y)).astype(np.float32)
    wall, floor = view.stone_grey(rng, count), view.stone_grey(rng, count)
    doors = wave(np.log(depth + 0.05) * uniform(rng, count, 1.5, 3.0)) * side * uniform(rng, count, 0.2, 0.8)
    return blend(floor, wall, side) * (0.4 + depth) * (1 - doors) + above * inside(depth - 0.15)


def rows(rng: np.random.Generator, at: Plane, above: Floats) -> Floats:
    """A ploughed field that runs to the horizon."""
    count = len(above)
    furrow = wave(at.x / (np.maximum(at.y, 0) + 0.12) * uniform(rng, count, 0.3, 0.7) + uniform(rng, count, 0, 1))
    soil = blend(view.meadow_green(rng, count), view.stone_grey(rng, count) * 0.7, furrow)
    return paint(above, soil, inside(-at.y))


def tents(rng: np.random.Generator, at: Plane, above: Floats) -> Floats:
    count = len(above)
    above = paint(above, view.meadow_green(rng, count) * (0.8 + noise(rng, count, 8) * 0.4), inside(-at.y))
    for place in (-0.55, 0.1, 0.7):
        own = move(at, place + normal(rng, count, 0.12), uniform(rng, count, 0.2, 0.6))
        cloth = colour(uniform(rng, count, 0, 1), uniform(rng, count, 0.2, 0.9), uniform(rng, count, 0.5, 1))
        shape = inside(np.maximum(np.abs(own.x) * 1.4 - own.y - 0.45, own.y), 0.08)
        above = paint(above, cloth * (1.1 - 0.5 * (own.x > 0)), shape * chance(rng, count, 0.9))
    return above


PLACES = {"bridge": bridge, "canyon": canyon, "corridor": corridor, "mirror": mirror, "rows": rows, "tents": tents}


# --- Sounds ----------------------------------------------------------------------------------------------------------


def duet(rng: np.random.Generator, count: int) -> Floats:
    """Two steady notes at once."""
    low = sound.numbers(rng, count, 0.05, 0.2)
    gap = sound.numbers(rng, count, 0.1, 0.22)
    return (sound.sing(low) + sound.sing(low + gap)) * sound.within(rng, count)


def arch(rng: np.random.Generator, count: int) -> Floats:
    height = 4 * sound.clock() * (1 - sound.clock()) * sound.numbers(rng, count, 0.1, 0.25)
    return sound.sing(sound.numbers(rng, count, 0.05, 0.2) + height) * sound.within(rng, count)


def dip(rng: np.random.Generator, count: int) -> Floats:
    depth = 4 * sound.clock() * (1 - sound.clock()) * sound.numbers(rng, count, 0.1, 0.25)
    return sound.sing(sound.numbers(rng, count, 0.3, 0.44) - depth) * sound.within(rng, count)


def steps(rng: np.random.Generator, count: int) -> Floats:
    """A scale of notes, one after the other."""
    number = np.floor(sound.clock() * sound.numbers(rng, count, 3, 6.5))
    return sound.sing(sound.numbers(rng, count, 0.05, 0.12) + number * 0.06) * sound.within(rng, count)


def beeps(rng: np.random.Generator, count: int) -> Floats:
    turns = sound.clock() * sound.numbers(rng, count, 3, 7)
    return sound.sing(sound.numbers(rng, count, 0.08, 0.42)) * (turns - np.floor(turns) < 0.5)


def sweep(rng: np.random.Generator, count: int) -> Floats:
    """Overtones that rise together."""
    base = sound.numbers(rng, count, 0.04, 0.06) * (1 + sound.clock() * sound.numbers(rng, count, 0.6, 1.2))
    total: Floats = sum((sound.sing(base * k) for k in range(2, 5)), sound.sing(base))
    return total * sound.within(rng, count)


CALLS = {"arch": arch, "beeps": beeps, "dip": dip, "duet": duet, "steps": steps, "sweep": sweep}

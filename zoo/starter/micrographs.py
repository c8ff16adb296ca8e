"""Micrographs of stained cells: one cell in the middle of a smear, its nucleus and its grains telling the kind."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from zoo.starter.drawing import (
    PIXEL,
    Floats,
    Plane,
    blend,
    chance,
    colour,
    disc,
    inside,
    move,
    noise,
    normal,
    paint,
    photograph,
    plane,
    scale,
    spots,
    turn,
    uniform,
)
from zoo.starter.families import Family


@dataclass(frozen=True)
class CellKind:
    """What makes a kind of cell; lengths in units of the cell's own radius."""

    nucleus: float = 0.5
    """Radius of each lobe; 0: no nucleus."""
    lobes: int = 1
    spread: float = 0.0
    """How far the lobes lie from the middle."""
    notch: float = 0.0
    """Size of a bite out of the nucleus."""
    radius: tuple[float, float] = (0.5, 0.7)
    aspect: float = 1.15
    """Largest length over width."""
    rough: float = 0.08
    """How uneven the outline is."""
    grains: float = 0.0
    """How strongly grains are stained."""
    grain_hue: float = 0.85
    holes: float = 0.0
    """How strongly bubbles show."""
    pallor: float = 0.0
    """How pale the middle is."""


CELLS = {
    "eosinophil": CellKind(nucleus=0.36, lobes=2, spread=0.4, grains=0.9, grain_hue=0.02),
    "erythrocyte": CellKind(nucleus=0.0, radius=(0.42, 0.62), rough=0.03, pallor=0.8),
    "fibroblast": CellKind(nucleus=0.36, radius=(0.42, 0.58), aspect=3.0, rough=0.12),
    "lymphocyte": CellKind(nucleus=0.8, radius=(0.4, 0.6), rough=0.04),
    "macrophage": CellKind(nucleus=0.38, spread=0.35, radius=(0.6, 0.8), rough=0.3, holes=0.9),
    "monocyte": CellKind(nucleus=0.66, notch=0.5, radius=(0.55, 0.75)),
    "neutrophil": CellKind(nucleus=0.27, lobes=4, spread=0.42, grains=0.25),
    "plasma-cell": CellKind(nucleus=0.45, spread=0.4, radius=(0.5, 0.7), aspect=1.5, pallor=0.35),
}


def cells(name: str, kinds: Mapping[str, CellKind]) -> Family:
    return Family(name, {kind: partial(_smear, facts) for kind, facts in kinds.items()})


def _smear(kind: CellKind, rng: np.random.Generator, count: int) -> Floats:
    stain = uniform(rng, count, 0.68, 0.84)
    ground = colour(uniform(rng, count, 0.0, 1.0), uniform(rng, count, 0.0, 0.14), uniform(rng, count, 0.72, 1.0))
    ground = ground * (0.9 + 0.2 * noise(rng, count, 4, 2))
    canvas = _neighbours(rng, count, ground, stain)
    at = move(plane(count), normal(rng, count, 0.14), normal(rng, count, 0.14))
    return photograph(rng, _cell(kind, rng, canvas, turn(at, uniform(rng, count, 0, 6.28)), stain))


def _neighbours(rng: np.random.Generator, count: int, ground: Floats, stain: Floats) -> Floats:
    """Red cells that crowd in from the edges, in so many pictures as a smear has them."""
    for _ in range(3):
        angle, far = uniform(rng, count, 0, 6.28), uniform(rng, count, 0.95, 1.3)
        at = move(plane(count), far * np.cos(angle), far * np.sin(angle))
        radius = uniform(rng, count, 0.3, 0.5)
        red = colour(stain + uniform(rng, count, 0.12, 0.28), uniform(rng, count, 0.2, 0.45), 0.9)
        ground = paint(ground, red, inside(disc(at, radius), PIXEL * 2) * chance(rng, count, 0.6) * 0.8)
    return ground


def _cell(kind: CellKind, rng: np.random.Generator, canvas: Floats, at: Plane, stain: Floats) -> Floats:
    count = canvas.shape[0]
    stretch = np.sqrt(uniform(rng, count, (1 + kind.aspect) / 2, kind.aspect))
    own = scale(Plane(at.x / stretch, at.y * stretch), uniform(rng, count, *kind.radius))
    wobble = (noise(rng, count, 6) - 0.5) * (kind.rough * 2.5)
    body = inside(disc(own, 1.0) + wobble, PIXEL * 3)
    hue = stain + uniform(rng, count, -0.04, 0.2)
    plasma = colour(hue, uniform(rng, count, 0.12, 0.42), uniform(rng, count, 0.72, 0.95))
    canvas = paint(canvas, plasma * (0.92 + 0.16 * noise(rng, count, 8)), body)
    pale = inside(disc(own, 0.5), 0.6) * kind.pallor
    canvas = paint(canvas, blend(plasma, 1, 0.7), body * pale)
    canvas = _contents(kind, rng, canvas, own, body)
    if not kind.nucleus:
        return canvas
    chromatin = colour(stain, uniform(rng, count, 0.45, 0.8), uniform(rng, count, 0.3, 0.6))
    chromatin = chromatin * (0.75 + 0.5 * noise(rng, count, 12))
    return paint(canvas, chromatin, _nucleus(kind, rng, own) * 0.92)


def _contents(kind: CellKind, rng: np.random.Generator, canvas: Floats, own: Plane, body: Floats) -> Floats:
    """Grains and bubbles in the plasma."""
    count = canvas.shape[0]
    if kind.grains:
        dots = inside(spots(rng, own, 22, 1.0).nearest - 0.13, 0.12) * body
        stain = colour(kind.grain_hue + normal(rng, count, 0.03), uniform(rng, count, 0.5, 0.85), 0.8)
        canvas = paint(canvas, stain, dots * kind.grains)
    if kind.holes:
        bubbles = inside(spots(rng, own, 12, 0.95).nearest - 0.17, 0.12) * body
        canvas = paint(canvas, 0.95, bubbles * kind.holes)
    return canvas


def _nucleus(kind: CellKind, rng: np.random.Generator, own: Plane) -> Floats:
    """The mask of the lobes, strung along an arc, less the notch."""
    count = own.x.shape[0]
    angle, distance = uniform(rng, count, 0, 6.28), np.full(own.x.shape, 9, np.float32)
    for _ in range(kind.lobes):
        at = move(own, np.cos(angle) * kind.spread, np.sin(angle) * kind.spread)
        size = kind.nucleus * uniform(rng, count, 0.88, 1.12)
        distance = np.minimum(distance, disc(at, size))
        angle = angle + uniform(rng, count, 0.8, 1.2) * (2.6 if kind.lobes == 2 else 5.0 / kind.lobes)
    mask = inside(distance, PIXEL * 2.5)
    if kind.notch:
        bite = disc(move(own, np.cos(angle) * kind.nucleus, np.sin(angle) * kind.nucleus), kind.notch)
        mask = mask * (1 - inside(bite, PIXEL * 3))
    return mask

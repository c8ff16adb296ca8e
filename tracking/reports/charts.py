"""Curves as pictures, drawn much finer than they are shown. What belongs together shares a picture: loss and
val_loss."""

import io
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from PIL import Image, ImageDraw, ImageFont

from tracking.reports.facts import Goal, Line, best_of, goal_of
from tracking.reports.naming import is_held_out, is_of_the_machine
from tracking.reports.scripts import BOLD, REGULAR, Family, Fonts
from tracking.reports.words import number

WIDE, HIGH = 440, 250
SHOWN, FINE = 2.5, 2
"""Pixels a unit in the picture; drawn that much finer still, and scaled down: lines come out smooth."""
LEFT, RIGHT, TOP, BOTTOM = 54, 16, 60, 34
INK, SOFT, GRID = (17, 24, 39), (107, 114, 128), (229, 231, 235)
COLOURS = ((37, 99, 235), (234, 88, 12), (5, 150, 105), (147, 51, 234), (202, 138, 4), (190, 24, 93))
WRONG = (220, 38, 38)
MOST_CHARTS, MOST_LINES = 6, 6
LOGARITHMIC = 50.0
"""How far the ends of a falling curve lie apart before powers of ten show more."""
PART = re.compile(
    r"^(train(ing)?|val(id(ation)?)?|test|eval)[/_. -]+|[/_. -]+(train|val|valid|test|eval)$", re.IGNORECASE
)
Point = tuple[float, float]


class Style(NamedTuple):
    size: float
    colour: tuple[int, int, int]
    weight: int


TITLE, NAME, VALUE, TICK = (
    Style(15, INK, BOLD),
    Style(11, SOFT, REGULAR),
    Style(11, INK, BOLD),
    Style(10.5, SOFT, REGULAR),
)


@dataclass(frozen=True)
class Chart:
    title: str
    goal: Goal | None
    lines: tuple[Line, ...]

    @property
    def words(self) -> tuple[str, ...]:
        return (self.title, *(line.name for line in self.lines))


def charts_of(lines: Sequence[Line]) -> list[Chart]:
    """What falls first, then what rises, then all others; the load of the machine is no matter of a report."""
    groups: dict[str, list[Line]] = {}
    for line in lines:
        if line.steps and not is_of_the_machine(line.name) and line.name != "epoch":
            groups.setdefault(PART.sub("", line.name) or line.name, []).append(line)
    order = {"low": 0, "high": 1, None: 2}
    made = [
        Chart(
            title, goal_of(title), tuple(sorted(held, key=lambda one: (is_held_out(one.name), one.name))[:MOST_LINES])
        )
        for title, held in groups.items()
    ]
    return sorted(made, key=lambda one: (order[one.goal], one.title))[:MOST_CHARTS]


def picture(chart: Chart, fonts: Fonts) -> bytes:
    """The chart as a PNG, WIDE x HIGH units."""
    return Drawing(chart, fonts).draw()


class Drawing:
    """One chart while it is drawn. Places are given in units from the upper left."""

    def __init__(self, chart: Chart, fonts: Fonts) -> None:
        self.chart, self.fonts, self.scale = chart, fonts, SHOWN * FINE
        self.image = Image.new("RGB", (round(WIDE * self.scale), round(HIGH * self.scale)), "white")
        self.pen = ImageDraw.Draw(self.image)
        self._held: dict[tuple[Family, float, int], ImageFont.FreeTypeFont] = {}
        self.points = [line.points() for line in chart.lines]
        finite = [point for points in self.points for point in points if math.isfinite(point[1])]
        steps = [step for points in self.points for step, _ in points]
        self.first, self.last = (min(steps), max(steps)) if steps else (0, 1)
        self.y = axis_of([value for _, value in finite], chart.goal)

    def draw(self) -> bytes:
        self._head()
        self._grid()
        for index, points in enumerate(self.points):
            self._curve(points, COLOURS[index % len(COLOURS)])
        for index, points in enumerate(self.points):
            self._best(points, COLOURS[index % len(COLOURS)])
        held = io.BytesIO()
        small = self.image.resize((round(WIDE * SHOWN), round(HIGH * SHOWN)), Image.Resampling.LANCZOS)
        small.save(held, "PNG")
        return held.getvalue()

    def _head(self) -> None:
        self.write((LEFT - 42, 24), self.chart.title, TITLE, most=WIDE - LEFT)
        x = float(LEFT - 42)
        for index, line in enumerate(self.chart.lines):
            newest = number(line.values[-1])
            room = (WIDE - RIGHT - x) / (len(self.chart.lines) - index) - 40
            self._stroke([(x, 43), (x + 14, 43)], COLOURS[index % len(COLOURS)], 3)
            x = self.write((x + 20, 47), line.name, NAME, most=room - self.wide(newest, VALUE))
            x = self.write((x + 6, 47), newest, VALUE) + 18

    def _grid(self) -> None:
        for value, told in self.y.ticks:
            y = self._down(value)
            self._stroke([(LEFT, y), (WIDE - RIGHT, y)], GRID, 1)
            self.write((LEFT - 8, y + 4), told, TICK, right=True)
        edge = 0.0
        for step in steps_of(self.first, self.last):
            told, x = f"{step:,}", self._along(step)
            half = self.wide(told, TICK) / 2
            if x - half > edge:
                self.write((min(x - half, WIDE - 4 - 2 * half), HIGH - 14), told, TICK)
                edge = x + half + 14

    def _curve(self, points: Sequence[Point], colour: tuple[int, int, int]) -> None:
        """Broken where a value is no number; a red mark at the foot says so."""
        stretch: list[Point] = []
        for step, value in [*points, (0.0, math.nan)]:
            if math.isfinite(value) and self.y.holds(value):
                stretch.append((self._along(step), self._down(value)))
                continue
            self._stroke(stretch, colour, 1.8)
            stretch = []
        for step, value in points:
            if not math.isfinite(value):
                x, y = self._along(step), HIGH - BOTTOM
                self._stroke([(x, y - 7), (x, y)], WRONG, 2)

    def _best(self, points: Sequence[Point], colour: tuple[int, int, int]) -> None:
        best = best_of([(int(step), value) for step, value in points], self.chart.goal) if self.chart.goal else None
        if best is None or not self.y.holds(best[1]):
            return
        self._dot((self._along(best[0]), self._down(best[1])), 5.0, (255, 255, 255))
        self._dot((self._along(best[0]), self._down(best[1])), 3.6, colour)

    def _along(self, step: float) -> float:
        if self.last == self.first:
            return (LEFT + WIDE - RIGHT) / 2
        return LEFT + (step - self.first) / (self.last - self.first) * (WIDE - RIGHT - LEFT)

    def _down(self, value: float) -> float:
        return HIGH - BOTTOM - self.y.share(value) * (HIGH - BOTTOM - TOP)

    def _stroke(self, points: Sequence[Point], colour: tuple[int, int, int], width: float) -> None:
        if len(points) == 1:
            self._dot(points[0], width, colour)
        if len(points) > 1:
            fine = [(x * self.scale, y * self.scale) for x, y in points]
            self.pen.line(fine, colour, max(1, round(width * self.scale)), joint="curve")

    def _dot(self, at: Point, radius: float, colour: tuple[int, int, int]) -> None:
        (x, y), s = at, self.scale
        self.pen.ellipse(((x - radius) * s, (y - radius) * s, (x + radius) * s, (y + radius) * s), colour)

    # --- text ---

    def font(self, family: Family, style: Style) -> ImageFont.FreeTypeFont:
        key = family, style.size, style.weight
        if key not in self._held:
            cut = io.BytesIO(self.fonts.cut(family, style.weight))
            self._held[key] = ImageFont.truetype(cut, style.size * self.scale)
        return self._held[key]

    def wide(self, text: str, style: Style) -> float:
        return sum(self.font(one.family, style).getlength(one.text) for one in self.fonts.pieces(text)) / self.scale

    def write(self, at: Point, text: str, style: Style, most: float = math.inf, right: bool = False) -> float:
        """On its line at y; where x stands afterwards. Text that is wider than `most` is cut short."""
        text = fitting(text, most, lambda one: self.wide(one, style))
        x = at[0] - self.wide(text, style) if right else at[0]
        for one in self.fonts.pieces(text):
            font, way = self.font(one.family, style), "rtl" if one.backwards else "ltr"
            place = (x * self.scale, at[1] * self.scale)
            self.pen.text(place, one.text, style.colour, font, anchor="ls", direction=way)
            x += font.getlength(one.text, direction=way) / self.scale
        return x


def fitting(text: str, most: float, wide: Callable[[str], float]) -> str:
    """The text, or as much of its beginning as there is room for, with an ellipsis."""
    if wide(text) <= most:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if wide(text[:middle] + "…") <= most else (low, middle - 1)
    return text[:low].rstrip() + "…"


# --- axes -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Axis:
    """The values of a chart from bottom to top. logarithmic: by powers of ten."""

    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]
    logarithmic: bool = False

    def holds(self, value: float) -> bool:
        return not self.logarithmic or value > 0

    def share(self, value: float) -> float:
        low, high, value = (
            (math.log10(self.low), math.log10(self.high), math.log10(value))
            if self.logarithmic
            else (self.low, self.high, value)
        )
        return min(1.0, max(0.0, (value / 2 - low / 2) / (high / 2 - low / 2)))  # halves: no overflow


def axis_of(values: Sequence[float], goal: Goal | None) -> Axis:
    """Round numbers around all values."""
    if not values:
        return Axis(0.0, 1.0, ((0.0, "0"), (1.0, "1")))
    low, high = min(values), max(values)
    if goal == "low" and low > 0 and high / low > LOGARITHMIC:
        return powers(low, high)
    if high - low < 1e-9 * max(1e-300, abs(high), abs(low)) or high == low:
        pad = abs(high) * 0.1 or 1.0
        low, high = low - pad, high + pad
    step = round_step(high / 4 - low / 4)
    first, last = math.floor(low / step), math.ceil(high / step)
    ticks = tuple((i * step, told(i * step, step)) for i in range(first, last + 1))
    return Axis(first * step, last * step, ticks)


def powers(low: float, high: float) -> Axis:
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    every = max(1, math.ceil((last - first) / 5))
    ticks = tuple((10.0**i, f"{10.0**i:g}") for i in range(first, last + 1, every))
    return Axis(10.0**first, 10.0**last, ticks, logarithmic=True)


def round_step(about: float) -> float:
    """1, 2, 2.5 or 5 times a power of ten, not below `about`."""
    power = 10.0 ** math.floor(math.log10(about))
    return next(power * digit for digit in (1.0, 2.0, 2.5, 5.0, 10.0) if power * digit >= about * (1 - 1e-9))


def told(value: float, step: float) -> str:
    places = max(0, -math.floor(math.log10(step) + 1e-9)) + (1 if f"{step:e}".startswith("2.5") else 0)
    if value and (abs(value) >= 1e5 or places > 4):
        return f"{value:.3g}"
    return f"{value if abs(value) > step / 1e6 else 0.0:,.{min(places, 4)}f}"


def steps_of(first: int, last: int) -> list[int]:
    if last - first < 1:
        return [first]
    step = max(1, round(round_step((last - first) / 6)))
    return [i * step for i in range(-(-first // step), last // step + 1)]

"""What is known of past rankings: for each (model, target) what the stages said, and the accuracy that came of it.

The ranking model is fitted on these rows. Some come with the package, made by `python -m benchmarks.ranking --keep`; a
home adds its own with every fine-tuning of a recommended model. One row of the csv:

    group      rows that were measured side by side: one target under one zoo; only these are compared with each other
    network    the model's architecture
    target     the name of the images; `version` their content: what is asked about is never learned from
    chance     the share of the largest class: what naming it would give
    accuracy   on test images, after full fine-tuning; the mean over seeds at the best rate
    others     one column for each signal of recommender/signals.py, empty where it was not taken
"""

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from headhunt.errors import BadTable, one_line
from zoo.files import replace_file, writer_lock

SHIPPED = Path(__file__).with_name("experience.csv")
FIXED = ("group", "target", "version", "model", "network", "chance", "accuracy")


@dataclass(frozen=True)
class Lesson:
    """One model on one target: what was seen before, and what came of it."""

    group: str
    target: str
    version: str
    model: str
    network: str
    chance: float
    accuracy: float
    signals: dict[str, float] = field(default_factory=dict)


def read_lessons(path: Path) -> list[Lesson]:
    """The rows of a csv; none where there is no file."""
    if not path.exists():
        return []
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return [lesson_of(cells, path) for cells in csv.DictReader(file)]
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadTable(
            f"{path} is no table of lessons ({one_line(error)}). Remove it; the next ones start anew."
        ) from error


def lesson_of(cells: dict[str, str], path: Path) -> Lesson:
    try:
        signals = {name: float(text) for name, text in cells.items() if name not in FIXED and text}
        if not 0 <= float(cells["accuracy"]) <= 1:
            raise ValueError(f"accuracy {cells['accuracy']}")
        return Lesson(
            cells["group"],
            cells["target"],
            cells["version"],
            cells["model"],
            cells["network"],
            float(cells["chance"]),
            float(cells["accuracy"]),
            {name: value for name, value in signals.items() if math.isfinite(value)},
        )
    except (KeyError, ValueError, TypeError) as error:
        raise BadTable(f"{path.name} has a row that cannot be read ({error}). Remove the row, or the file.") from error


def as_csv(lessons: Sequence[Lesson]) -> str:
    names = list(dict.fromkeys(name for lesson in lessons for name in lesson.signals))
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow([*FIXED, *names])
    for one in lessons:
        fixed = [one.group, one.target, one.version, one.model, one.network, f"{one.chance:.4f}", f"{one.accuracy:.5f}"]
        table.writerow([*fixed, *(shown(one.signals.get(name)) for name in names)])
    return text.getvalue()


def shown(value: float | None) -> str:
    return "" if value is None or not math.isfinite(value) else f"{value:.5g}"


def append_lesson(path: Path, lesson: Lesson) -> None:
    """Add a row to the csv of a home, or replace that of the same model on the same images; the file is replaced as a
    whole, so no reader sees half of it."""
    with writer_lock(path.with_suffix(".lock")):
        before = [one for one in read_lessons(path) if (one.version, one.model) != (lesson.version, lesson.model)]
        rows = [*before, lesson]
        replace_file(path, as_csv(rows).encode())

"""The cells of a table of outcomes, read without trust: no line, name or number is believed before it is looked at."""

import csv
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from headhunt.errors import BadTable, MissingFile, printable
from headhunt.vocabulary import Struct
from zoo.history.table import original

LONGEST_LINE = 100_000
LONGEST_NAME = 200
MOST_ROWS = 500_000
ALIASES: dict[str, tuple[str, ...]] = {
    "model": ("model", "model_name", "model_id", "checkpoint", "pretrained"),
    "dataset": ("dataset", "dataset_name", "task", "target", "target_dataset"),
    "accuracy": ("test_accuracy", "test_acc", "accuracy", "acc", "top1", "top_1", "top1_accuracy", "top_1_accuracy"),
    "val_accuracy": ("val_accuracy", "val_acc", "validation_accuracy", "valid_accuracy", "eval_accuracy"),
    "protocol_name": ("protocol", "protocol_name", "method"),
    "lr": ("learning_rate", "lr"),
    "epochs": ("epochs", "epoch", "num_epochs"),
    "batch_size": ("batch_size", "batchsize", "batch"),
    "seconds": ("seconds", "time", "runtime", "train_seconds", "duration"),
    "seed": ("seed", "random_seed"),
    "network": ("network", "architecture"),
}
"""For each fact of an outcome, the columns that may hold it; the first that is there does."""
REQUIRED = ("model", "dataset", "accuracy")
TEXTS = ("model", "dataset", "protocol_name", "network")
SHARES = ("accuracy", "val_accuracy")
NUMBERS = {"lr": (0.0, 1e6), "epochs": (0.0, 1e9), "seconds": (0.0, 1e12)}
WHOLES = {"batch_size": (1, 10**9), "seed": (-(2**63), 2**63 - 1)}


class Skipped(Struct, frozen=True):
    """A row that was left out: its line in the file, and why."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class Raw:
    """A row whose cells have been read, before the scale of its accuracies is known."""

    line: int
    texts: dict[str, str]
    shares: dict[str, float]
    numbers: dict[str, float]


class Unusable(Exception):
    """A row cannot be an outcome; the import catches it."""


# --- The file --------------------------------------------------------------------------------------------------------


def read_rows(path: Path) -> tuple[list[Raw], list[Skipped], tuple[str, ...]]:
    """The rows that can be read, those that cannot, and the columns that were not read."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return parsed(csv_rows(path, bounded_lines(path, file)), path)
    except FileNotFoundError:
        raise MissingFile(f"No file {printable(str(path))!r}. Give a csv with {', '.join(REQUIRED)}.") from None
    except OSError as error:
        raise MissingFile(f"{printable(str(path))} cannot be read: {error.strerror}. Give a csv file.") from error
    except UnicodeDecodeError:
        raise BadTable(f"{path} is not text in UTF-8. Save it as csv in UTF-8.") from None
    except ValueError as error:  # a NUL in the name
        raise MissingFile(f"{printable(str(path))} cannot be read: {error}. Give a csv file.") from None


def bounded_lines(path: Path, file: TextIO) -> Iterator[str]:
    """The lines of a text file, none longer than a table's line can be, none with the zero bytes of a binary file."""
    number = 0
    while line := file.readline(LONGEST_LINE + 1):
        number += 1
        if len(line) > LONGEST_LINE:
            raise BadTable(f"{path} is no table: line {number} is longer than {LONGEST_LINE} characters.")
        if "\0" in line:
            raise BadTable(f"{path} is no table: line {number} holds zero bytes. Give a csv file.")
        if number > MOST_ROWS:
            raise BadTable(f"{path} has more than {MOST_ROWS} lines. Cut it into several files.")
        yield line


def csv_rows(path: Path, lines: Iterator[str]) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not blank, with their lines; commas, or the semicolons or tabs that the header shows."""
    blank = 0
    head = next(lines, None)
    while head is not None and not head.strip():
        blank, head = blank + 1, next(lines, None)
    if head is None:
        raise BadTable(f"{path} is empty. Give a csv with the columns {', '.join(REQUIRED)}.")
    delimiter = max(",;\t", key=head.count)

    def again() -> Iterator[str]:
        yield head
        yield from lines

    reader = csv.reader(again(), delimiter=delimiter, skipinitialspace=True)
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield blank + reader.line_num, cells
    except csv.Error as error:
        raise BadTable(f"{path} is no table: line {blank + reader.line_num}: {error}. Check its quotes.") from error


def parsed(rows: Iterator[tuple[int, list[str]]], path: Path) -> tuple[list[Raw], list[Skipped], tuple[str, ...]]:
    _, header = next(rows)
    columns, ignored = columns_of(header, path)
    good: list[Raw] = []
    bad: list[Skipped] = []
    for line, cells in rows:
        try:
            if len(cells) > len(header):
                raise Unusable(f"too many cells: {len(cells)} under {len(header)} columns")
            good.append(raw(line, {fact: cells[i].strip() for fact, i in columns.items() if i < len(cells)}))
        except Unusable as reason:
            bad.append(Skipped(line=line, reason=str(reason)))
    return good, bad, ignored


def columns_of(header: list[str], path: Path) -> tuple[dict[str, int], tuple[str, ...]]:
    """Where each fact stands, and the columns that are none."""
    names = ["_".join(name.strip().lower().replace("-", " ").split()) for name in header]
    doubled = sorted({name for name in names if name and names.count(name) > 1})
    if doubled:
        raise BadTable(f"{path} has the column {printable(doubled[0], 60)!r} twice. Keep one of them.")
    columns = {}
    for fact, aliases in ALIASES.items():
        found = next((alias for alias in aliases if alias in names), None)
        if found is not None:
            columns[fact] = names.index(found)
    missing = [fact for fact in REQUIRED if fact not in columns]
    if missing:
        there = ", ".join(printable(name, 40) or "''" for name in header[:12])
        raise BadTable(
            f"{path} has no column {' and no '.join(repr(name) for name in missing)}; it has: {there}."
            " Needed are model, dataset and accuracy (or test_accuracy), in the first line."
        )
    return columns, tuple(printable(header[i].strip(), 60) for i in range(len(header)) if i not in columns.values())


# --- The cells -------------------------------------------------------------------------------------------------------


def raw(line: int, cells: Mapping[str, str]) -> Raw:
    for fact in REQUIRED:
        if not cells.get(fact):
            raise Unusable(f"no {fact}")
    texts = {fact: text(fact, cells[fact]) for fact in TEXTS if cells.get(fact)}
    shares = {fact: share(fact, cells[fact]) for fact in SHARES if cells.get(fact)}
    numbers: dict[str, float] = {}
    for fact, (least, most) in (NUMBERS | WHOLES).items():
        if cells.get(fact):
            value = whole(fact, cells[fact]) if fact in WHOLES else number(fact, cells[fact])
            if not least <= value <= most:
                raise Unusable(f"{fact} out of range: {printable(cells[fact], 40)}")
            numbers[fact] = value
    return Raw(line, texts, shares, numbers)


def text(fact: str, cell: str) -> str:
    value = original(cell)
    if len(value) > LONGEST_NAME or not value.isprintable():
        raise Unusable(f"{fact} is no name: {printable(value, 60)!r}")
    return value


def share(fact: str, cell: str) -> float:
    return number(fact, cell.removesuffix("%"))


def whole(fact: str, cell: str) -> int:
    """A whole number; `64.0` is one too."""
    if cell.removeprefix("-").isascii() and cell.removeprefix("-").isdigit() and len(cell) < 30:
        return int(cell)
    value = number(fact, cell)
    if value != int(value):
        raise Unusable(f"{fact} is no whole number: {printable(cell, 40)!r}")
    return int(value)


def number(fact: str, cell: str) -> float:
    """A finite number; `1e999` and `nan` are none, nor is 0,9 with its comma."""
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or "_" in cell:
        raise Unusable(f"{fact} is no number: {printable(cell, 40)!r}")
    return value

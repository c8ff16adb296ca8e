"""A CSV with a header: one run, or one for each value of a column `run`.

Columns are told by their names: step (also epoch, iteration), time (also timestamp, wall time), run; every other one
that holds numbers is a metric. A table with a column for the metric's name and one for its value is read, too.
"""

import csv
import hashlib
import math
import re
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from headhunt.errors import BadTable, BadValue, MissingFile, first_few, printable
from headhunt.track.journal import Ended
from headhunt.track.wire import RunBegun
from tracking.importers.foreign import Foreign, gathered, step_of

DECIMAL = re.compile(r"(?:(?<=;)|(?<=^))(\s*[+-]?\d*),(\d+(?:[eE][+-]?\d+)?\s*)(?=;|$)")
STEPS = ("step", "global_step", "_step", "epoch", "iteration", "iter", "trainer/global_step")
TIMES = ("time", "timestamp", "_timestamp", "wall time", "wall_time", "walltime", "datetime")
RUNS = ("run", "run_id", "run_name", "run id", "run name")
NAMES = ("metric", "tag", "key")
LARGEST = 1 << 30
MOST_COLUMNS = 10_000


class Columns(NamedTuple):
    """Places of what is no metric; None where the table has none."""

    step: int | None
    time: int | None
    run: int | None
    name: int | None
    value: int | None


def runs_in(path: Path, asked: dict[str, str | None]) -> Iterator[Foreign]:
    """asked: names of columns for step, time and run, where the usual ones do not do."""
    if not path.is_file():
        raise MissingFile(f"No file {printable(str(path))!r}. Give a CSV with a header.")
    data = path.read_bytes()
    if len(data) > LARGEST:
        raise BadTable(f"{printable(path.name)} has {len(data):,} bytes; a CSV may have 1 GiB.")
    source = f"csv\0{path.name}\0{hashlib.sha256(data).hexdigest()}"
    lines = text_of(path, data).splitlines()
    between = separator(lines[0] if lines else "")
    if between == ";":  # such a spreadsheet writes 0,5
        lines = [DECIMAL.sub(r"\1.\2", line) for line in lines]
    rows = csv.reader(lines, delimiter=between, strict=True)
    try:
        heads = next(rows, [])
    except csv.Error as error:
        raise BadTable(f"{printable(path.name)} cannot be read as CSV: {error}.") from error
    if (
        all(is_number(head) for head in heads if head.strip())
        or not any(head.strip() for head in heads)
        or len(heads) > MOST_COLUMNS
    ):
        raise BadTable(f"{printable(path.name)} has no header. Its first line names the columns, as step,loss.")
    columns = columns_of(heads, asked)
    return iter(Tables(path, source, heads, columns, path.stat().st_mtime).read(rows))


def text_of(path: Path, data: bytes) -> str:
    """UTF-8, or UTF-16 as spreadsheets write it with its mark. Of others only names suffer: they are refused."""
    text = data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig", errors="replace")
    head = text.partition("\n")[0]
    if "\0" in text[:65536]:
        raise BadTable(f"{printable(path.name)} is no CSV: it holds bytes that are no text.")
    if "\ufffd" in head:
        raise BadTable(f"The header of {printable(path.name)} is not in UTF-8. Save the table as UTF-8.")
    return text


def is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def separator(header: str) -> str:
    """What spreadsheets write in countries whose numbers have a comma, or a tab; a header without either has commas."""
    return "," if "," in header else next((one for one in ";\t|" if one in header), ",")


def columns_of(heads: list[str], asked: dict[str, str | None]) -> Columns:
    known = [head.strip().lower() for head in heads]
    twice = [name for name, count in Counter(head.strip() for head in heads).items() if name and count > 1]
    if twice:
        raise BadTable(f"Several columns have the same name: {first_few(twice)}. Rename them.")

    def place(word: str, usual: tuple[str, ...]) -> int | None:
        wanted = asked.get(word)
        if wanted is not None and wanted not in heads:
            raise BadValue(f"There is no column {wanted!r}. There are: {first_few(heads, 20)}.")
        return heads.index(wanted) if wanted else next((known.index(name) for name in usual if name in known), None)

    name, value = place("name", NAMES), place("value", ("value",))
    return Columns(place("step", STEPS), place("time", TIMES), place("run", RUNS), name, value)


class Tables:
    def __init__(self, path: Path, source: str, heads: list[str], columns: Columns, began: float) -> None:
        self.path, self.source, self.heads, self.columns, self.began = path, source, heads, columns, began
        self.runs: dict[str, Foreign] = {}
        self.numbers: dict[str, list[tuple[float, int, str, float]]] = {}

    def read(self, rows: Iterator[list[str]]) -> list[Foreign]:
        try:
            for count, row in enumerate(rows):
                self.row(count, row)
        except csv.Error as error:
            raise BadTable(f"{printable(self.path.name)} cannot be read as CSV: {error}.") from error
        if not any(self.numbers.values()):
            raise BadTable(f"{printable(self.path.name)} holds no numbers under {first_few(self.heads)}.")
        return [self.finished(name) for name in self.runs]

    def row(self, count: int, row: list[str]) -> None:
        if not any(cell.strip() for cell in row):
            return
        run = self.run(self.cell(row, self.columns.run))
        if any(cell.strip() for cell in row[len(self.heads) :]):
            run.miss("cells beyond the header's columns")
        step, at = self.step(count, row, run), self.time(row, run)
        for name, cell in self.named(row):
            if cell.strip():
                try:
                    self.numbers[run.begun.name].append((at, step, name, float(cell)))
                except ValueError:
                    run.miss(f"cells of {printable(name, 80)} that are no numbers")

    def named(self, row: list[str]) -> Iterator[tuple[str, str]]:
        columns = self.columns
        if columns.value is not None and (columns.name is not None or len(self.heads) <= 3):
            yield self.cell(row, columns.name) or self.path.stem, self.cell(row, columns.value)
            return
        for place, cell in enumerate(row[: len(self.heads)]):
            if place not in columns and self.heads[place].strip():
                yield self.heads[place].strip(), cell

    def run(self, name: str) -> Foreign:
        name = name or self.path.stem
        if name not in self.runs:
            self.runs[name] = Foreign(f"{self.source}\0{name}", RunBegun(experiment=self.path.stem, name=name))
            self.numbers[name] = []
        return self.runs[name]

    def step(self, count: int, row: list[str], run: Foreign) -> int:
        cell = self.cell(row, self.columns.step)
        if cell:
            try:
                return step_of(cell)
            except (ValueError, OverflowError):
                run.miss("steps that are no numbers of 64 bits; the row's place is taken")
        return count

    def time(self, row: list[str], run: Foreign) -> float:
        cell = self.cell(row, self.columns.time)
        if not cell:
            return self.began
        try:
            at = float(cell)
            return at / 1000 if at > 1e11 else at if math.isfinite(at) else self.began
        except ValueError:
            pass
        try:
            return datetime.fromisoformat(cell).timestamp()
        except (ValueError, OverflowError, OSError):
            run.miss("times that are not understood")
            return self.began

    @staticmethod
    def cell(row: list[str], place: int | None) -> str:
        return row[place].strip() if place is not None and place < len(row) else ""

    def finished(self, name: str) -> Foreign:
        run, numbers = self.runs[name], self.numbers[name]
        at = min((number[0] for number in numbers), default=self.began)
        run.begun = RunBegun(experiment=self.path.stem, name=name, started=at)
        last = max((number[0] for number in numbers), default=at)
        run.records = [*gathered(numbers), Ended(last, "finished")]
        return run

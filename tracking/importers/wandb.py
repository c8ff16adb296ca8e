"""Runs of Weights & Biases as they lie on a disk: `run-ID.wandb`, offline or not. Nothing of wandb is needed.

The file is a log of LevelDB (blocks of 32 KiB; pieces with CRC-32, length and kind) of messages of protocol buffers.
What its site exports as CSV is read by `import csv`.
"""

import json
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from headhunt.errors import BadTable, MissingFile, printable
from headhunt.track.journal import Record, Said
from headhunt.track.wire import RunBegun
from tracking.importers.foreign import (
    LARGEST_TEXT,
    Attached,
    Foreign,
    ended,
    flat,
    gathered,
    noted,
    step_of,
    those_that_tell,
)
from tracking.importers.protobuf import Garbled, Value, blob, fields, first, signed, text

BLOCK = 32768
PIECE = struct.Struct("<IHB")
MAGIC = b":W&B"
WHOLE, BEGIN, MIDDLE, END = 1, 2, 3, 4
LONGEST = 64 << 20
ABOUT = {1: "id", 3: "project", 6: "group", 8: "name", 9: "notes"}


class Log:
    """The messages of a file, up to where it is whole. fault: why it ended before its end."""

    def __init__(self, data: bytes) -> None:
        self.data, self.fault = data, ""

    def __iter__(self) -> Iterator[bytes]:
        place, held = 7, b""
        while place + PIECE.size <= len(self.data):
            left = BLOCK - place % BLOCK
            if left < PIECE.size:
                place += left
                continue
            crc, length, kind = PIECE.unpack_from(self.data, place)
            body = self.data[place + PIECE.size : place + PIECE.size + length]
            if kind == 0 and length == 0 and crc == 0:  # the rest of a block that was made before it was filled
                place += left
                continue
            if len(body) < length or zlib.crc32(body, zlib.crc32(bytes([kind]))) != crc or len(held) > LONGEST:
                self.fault = "it is cut off or damaged; what follows is not read"
                return
            held = body if kind in (WHOLE, BEGIN) else held + body
            if kind in (WHOLE, END):
                yield held
                held = b""
            place += PIECE.size + length


class Told:
    def __init__(self, run: Foreign) -> None:
        self.run = run
        self.numbers: list[tuple[float, int, str, float]] = []
        self.params: dict[str, Any] = {}
        self.summary: dict[str, Any] = {}
        self.about: dict[str, str] = {}
        self.tags: list[str] = []
        self.said: list[Record] = []
        self.started: float | None = None
        self.code: int | None = None
        self.last = 0.0

    def message(self, data: bytes) -> None:
        for number, value in fields(data):
            if number == 2:
                self.history(blob(value))
            elif number == 3:
                self.summary |= dict(items(blob(value)))
            elif number == 5:
                self.params |= dict(items(blob(value)))
            elif number == 13:
                self.output(blob(value))
            elif number == 17:
                self.begun(blob(value))
            elif number == 18:
                self.code = signed(first(blob(value), 1, 0))

    def begun(self, data: bytes) -> None:
        for number, value in fields(data):
            if number in ABOUT:
                self.about[ABOUT[number]] = text(value)
            elif number == 4:
                self.params |= dict(items(blob(value)))
            elif number == 10:
                self.tags.append(text(value))
            elif number == 17:
                self.started = stamp(blob(value))

    def history(self, data: bytes) -> None:
        row = dict(items(data))
        step = row.pop("_step", None)
        if step is None:
            step = signed(first(blob(first(data, 2, b"")), 1, 0))
        step = step_of(step)
        at = number(row.pop("_timestamp", None))
        at = self.last if at is None else at
        self.last = max(self.last, at)
        for name, value in flat(row):
            if name.startswith("_"):
                continue
            if (found := number(value)) is None:
                self.run.miss("logged values that are no numbers")
            else:
                self.numbers.append((at, step, name, found))

    def output(self, data: bytes) -> None:
        found = dict(fields(data))
        at = stamp(blob(found.get(2, b"")))
        stream = "err" if found.get(1) == 1 else "out"
        self.said.append(Said(at, stream, text(found.get(3, b""))[:LARGEST_TEXT]))


def items(data: bytes) -> Iterator[tuple[str, Any]]:
    """(name, value) of every item of a record; a nested name is joined by points."""
    for number_, value in fields(data):
        if number_ == 1:
            found = item(blob(value))
            if found is not None:
                yield found


def item(data: bytes) -> tuple[str, Any] | None:
    name, nested, told = "", list[str](), b"null"
    for number_, value in fields(data):
        if number_ == 1:
            name = text(value)
        elif number_ == 2:
            nested.append(text(value))
        elif number_ == 16:
            told = blob(value)
    try:
        return name or ".".join(nested), json.loads(told)
    except (ValueError, RecursionError):
        return None


def number(value: Any) -> float | None:
    """NaN and infinity stand there as words, too."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, str) and value not in {"NaN", "Infinity", "-Infinity"}:
        return None
    try:
        return float(value)
    except OverflowError:
        return None


def stamp(data: bytes) -> float:
    found: dict[int, Value] = dict(fields(data))
    return signed(found.get(1, 0)) + signed(found.get(2, 0)) / 1e9


def runs_in(path: Path) -> Iterator[Foreign]:
    if not path.exists():
        raise MissingFile(f"No file or folder {printable(str(path))}. Give a folder 'wandb', or a file run-ID.wandb.")
    files = [path] if path.is_file() else sorted(one for one in path.rglob("run-*.wandb") if one.is_file())
    if not files:
        raise BadTable(f"{printable(str(path))} holds no run-ID.wandb. Of an export of the site, import the CSV.")
    words = f"{printable(str(path))} holds not one whole record of Weights & Biases."
    yield from those_that_tell(map(run_of, files), BadTable(words))


def run_of(file: Path) -> Foreign | None:
    """None: nothing was told."""
    data = file.read_bytes()
    if not data.startswith(MAGIC):
        raise BadTable(f"{printable(str(file))} is no log of Weights & Biases: it does not begin with ':W&B'.")
    run = Foreign(f"wandb\0{file.name}", RunBegun())
    told, log, count = Told(run), Log(data), 0
    for count, message in enumerate(log, 1):  # noqa: B007
        try:
            told.message(message)
        except (Garbled, TypeError, ValueError, OverflowError) as error:
            run.miss(f"a record that is none: {error}")
    if log.fault:
        run.miss(f"{printable(file.name, 120)}: {log.fault}")
    return finished(run, told, file) if count else None


def finished(run: Foreign, told: Told, file: Path) -> Foreign:
    about, at = told.about, told.started or (told.numbers[0][0] if told.numbers else 0.0)
    run.source = f"wandb\0{about.get('project', '')}\0{about.get('id') or file.name}\0{at!r}"
    run.begun = RunBegun(
        experiment=about.get("project") or "wandb",
        name=about.get("name") or about.get("id") or file.stem,
        intent=about.get("notes", ""),
        group=about.get("group") or None,
        tags=tuple(told.tags),
        started=at,
    )
    params = {name: value for name, value in flat(told.params) if not name.startswith("_wandb")}
    summary = {name: value for name, value in flat(told.summary) if not name.startswith("_")}
    state = "lost" if told.code is None else "finished" if told.code == 0 else "failed"
    tags = noted("tag", dict.fromkeys(told.tags, ""), at)
    told_of = [*noted("param", params, at), *tags, *gathered(told.numbers), *noted("summary", summary, told.last)]
    run.records = [*told_of, *told.said, *ended(state, max(told.last, at))]
    beside = file.parent / "files"
    run.files = [
        Attached(one.name, one, at=at) for one in sorted(beside.glob("*")) if one.is_file() and not one.is_symlink()
    ]
    return run

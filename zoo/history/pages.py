"""The history in pages: rows of one model or dataset, newest first, without holding the rows.

Of each row it is kept where its line stands and what it is of; the rows of a page are read when they are asked for.
The file only grows: what has come since the last look is read, and nothing else.
"""

import os
import sys
import threading
from pathlib import Path
from typing import BinaryIO

import msgspec

from headhunt.errors import CatalogueBroken, one_line
from headhunt.vocabulary import Outcome
from zoo.history.store import DECODER

CHUNK = 1 << 20


class Mark(msgspec.Struct):
    """What is looked at of every row."""

    model: str
    dataset: str


MARKS = msgspec.json.Decoder(Mark)
Line = tuple[int, int, str, str]
"""Where it begins and ends, its model and its dataset."""


class HistoryPages:
    """The history of a home folder. Opening it does nothing; threads may share it."""

    def __init__(self, home: Path) -> None:
        self.path = home / "history.jsonl"
        self._lock = threading.Lock()
        self._forget()

    def _forget(self) -> None:
        self._lines: list[Line] = []
        self._file, self._read = (0, 0), 0

    def newest(
        self, limit: int, before: int | None = None, model: str | None = None, dataset: str | None = None
    ) -> list[tuple[int, Outcome]]:
        """At most `limit` rows that stand before the place `before`, each with its own place; newest first."""
        try:
            with self._lock, self.path.open("rb") as file:
                lines = self._look(file)
                wanted = chosen(lines, limit, before, (model, dataset))
                return [(line[0], row_at(file, line)) for line in wanted]
        except FileNotFoundError:
            return []
        except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
            self._forget()
            raise CatalogueBroken(f"The history cannot be read: {one_line(error)}.") from error

    def _look(self, file: BinaryIO) -> list[Line]:
        """All lines that are whole, and the last one where it only lacks its end."""
        seen = os.fstat(file.fileno())
        if self._file != (seen.st_dev, seen.st_ino) or seen.st_size < self._read:
            self._forget()
            self._file = (seen.st_dev, seen.st_ino)
        file.seek(self._read)
        rest = b""
        while chunk := file.read(CHUNK):
            *whole, rest = (rest + chunk).split(b"\n")
            for line in whole:
                self._lines.extend(marked(line, self._read))
                self._read += len(line) + 1
        try:
            return [*self._lines, *marked(rest, self._read)] if rest else self._lines
        except (msgspec.DecodeError, UnicodeDecodeError):  # it is being written, or a crash cut it short
            return self._lines


def marked(line: bytes, start: int) -> list[Line]:
    if not line.strip():
        return []
    mark = MARKS.decode(line)
    return [(start, start + len(line), sys.intern(mark.model), sys.intern(mark.dataset))]


def chosen(lines: list[Line], limit: int, before: int | None, wanted: tuple[str | None, str | None]) -> list[Line]:
    found: list[Line] = []
    for line in reversed(lines):
        if len(found) == limit:
            break
        same = all(name in (None, own) for name, own in zip(wanted, line[2:], strict=True))
        if same and (before is None or line[0] < before):
            found.append(line)
    return found


def row_at(file: BinaryIO, line: Line) -> Outcome:
    start, end, _, _ = line
    file.seek(start)
    return DECODER.decode(file.read(end - start))

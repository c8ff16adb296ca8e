"""The history: what came of every training, a row a line, only ever added to.

    HOME/history.jsonl      one Outcome a line; a line that a crash cut short was never promised, and is dropped
    HOME/history.lock       held while rows are added

Rows are flushed to the disk before `append` returns. What is added together is written at once and taken back whole
when the disk refuses it.
"""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import msgspec

from headhunt.errors import BadValue, CatalogueBroken, NotWritten, one_line
from headhunt.vocabulary import Outcome
from zoo.catalogue.store import Catalogue
from zoo.files import PATIENCE, flush, unwritten, writer_lock
from zoo.history.importing import ImportReport, read_table
from zoo.history.lineage import trained_on
from zoo.history.table import unseen

BLAMED = ("diverged", "seen-target", "untested")
"""Flags of outcomes that say nothing of how well a model transfers."""
ENCODER = msgspec.json.Encoder()
DECODER = msgspec.json.Decoder(Outcome)

Chooser = Callable[[tuple[Outcome, ...]], Sequence[Outcome]]
"""What to add, given the rows that are there."""


class History:
    """The outcomes in a home folder. Opening it does nothing; several processes may have it open."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.path = home / "history.jsonl"
        self.lock = home / "history.lock"

    def append(self, outcomes: Iterable[Outcome]) -> None:
        """Add rows, all or none."""
        new = tuple(outcomes)
        self._append(lambda _: new, needs_rows=False)

    def append_unseen(self, outcomes: Iterable[Outcome]) -> Sequence[Outcome]:
        """Add those rows that are not there already, all or none, and say which they were."""
        new = tuple(outcomes)
        return self._append(lambda rows: unseen(new, rows), needs_rows=True)

    def rows(self) -> tuple[Outcome, ...]:
        """All rows, oldest first."""
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise CatalogueBroken(
                f"{self.path} cannot be read: {error.strerror}. Check its permissions, or set HEADHUNT_HOME."
            ) from error
        return decode(data[: kept_length(data)], self.path)

    def table(self, without: Iterable[str] = BLAMED) -> dict[tuple[str, str], float]:
        """The best accuracy of each (model, dataset), over rows that bear none of these flags."""
        return best(self.rows(), without)

    def import_csv(self, path: Path, floors: Mapping[str, float] | None = None) -> ImportReport:
        """Take in a table of outcomes made elsewhere. What is there already is not added again.

        `floors` gives the accuracy of naming the largest class, for datasets where it is known; for others the table
        shows it.
        """
        found = read_table(path, floors or {}, trained_on(Catalogue(self.home).read()))
        return found.report(self.append_unseen(found.rows))

    def _append(self, choose: Chooser, needs_rows: bool) -> Sequence[Outcome]:
        with writer_lock(self.lock, PATIENCE):
            chosen = choose(self.rows() if needs_rows else ())
            data = lines(chosen)
            if data:
                try:
                    add_bytes(self.path, data)
                except OSError as error:
                    raise NotWritten(unwritten(self.path, error)) from error
            return chosen


def best(rows: Iterable[Outcome], without: Iterable[str] = BLAMED) -> dict[tuple[str, str], float]:
    """The best accuracy of each (model, dataset), over rows that bear none of these flags."""
    blamed, found = set(without), dict[tuple[str, str], float]()
    for row in rows:
        if blamed.isdisjoint(row.flags):
            key = row.model, row.dataset
            found[key] = max(found.get(key, 0.0), row.accuracy)
    return found


def lines(outcomes: Sequence[Outcome]) -> bytes:
    """Each row as a line, read back first: one that could not be read again would hide all others."""
    try:
        data = b"".join(ENCODER.encode(row) + b"\n" for row in outcomes)
        again = DECODER.decode_lines(data)
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        raise BadValue(f"An outcome cannot be kept: {one_line(error)}. Nothing was written.") from error
    for row, copy in zip(outcomes, again, strict=True):
        if row != copy or not 0 <= row.accuracy <= 1:
            raise BadValue(
                f"The outcome of {row.model} on {row.dataset} cannot be kept: accuracy {row.accuracy} or another"
                " value is no finite number in its range. Nothing was written."
            )
    return data


def kept_length(data: bytes) -> int:
    """How much of a file are rows: all, but for a last line that was cut short. A whole one may lack its line end."""
    end = data.rfind(b"\n") + 1
    if end < len(data):
        try:
            DECODER.decode(data[end:])
        except (msgspec.DecodeError, UnicodeDecodeError):
            return end
    return len(data)


def add_bytes(path: Path, data: bytes) -> None:
    """Add whole lines: repair the end that a crash left, write once, flush. The old length comes back on a fault."""
    new = not path.exists()
    with path.open("ab+", buffering=0) as file:
        size = repaired(file.fileno())
        try:
            file.write(data)
            if file.tell() != size + len(data):
                raise OSError(28, "No space left on device")
            os.fsync(file.fileno())
        except BaseException:
            file.truncate(size)
            raise
    if new:
        flush(path.parent)


def repaired(handle: int) -> int:
    """Cut off a torn last line, or end a whole one that lacks its line end; the size then."""
    size = os.fstat(handle).st_size
    if size == 0 or os.pread(handle, 1, size - 1) == b"\n":
        return size
    data = os.pread(handle, size, 0)
    kept = kept_length(data)
    os.ftruncate(handle, kept)
    if kept and data[kept - 1 : kept] != b"\n":
        kept += os.write(handle, b"\n")
    return kept


def decode(data: bytes, path: Path) -> tuple[Outcome, ...]:
    try:
        return tuple(DECODER.decode_lines(data))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        number, reason = first_bad(data)
        raise CatalogueBroken(
            f"Line {number} of {path} is no outcome: {reason}. Delete that line, or put back a copy of the file."
        ) from None


def first_bad(data: bytes) -> tuple[int, str]:
    for number, line in enumerate(data.split(b"\n"), 1):
        try:
            if line.strip():
                DECODER.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            return number, one_line(error)
    return 0, "unknown"

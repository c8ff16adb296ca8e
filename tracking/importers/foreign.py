"""What every importer finds: runs, in the records of our own journal."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from headhunt.errors import HeadhuntError
from headhunt.track.journal import Ended, Marked, Noted, Points, Record
from headhunt.track.values import plain
from headhunt.track.wire import RunBegun

LARGEST_TEXT = 1 << 20
STEPS = 2**63
PLAIN = (str, int, float, bool, type(None))


@dataclass
class Attached:
    """A file of a run. place: where it lies; data: where it lies nowhere by itself."""

    path: str
    place: Path | None = None
    data: bytes = b""
    kind: str = "file"
    step: int | None = None
    at: float = 0.0


@dataclass
class Foreign:
    """One run. source: what it is there, and stays, however often it is read; the run's id is made of it."""

    source: str
    begun: RunBegun
    records: Iterable[Record] = ()
    files: list[Attached] = field(default_factory=list)
    unread: dict[str, int] = field(default_factory=dict)
    """What was not taken, in words, and how often."""

    def miss(self, words: str, count: int = 1) -> None:
        if words in self.unread or len(self.unread) < 50:
            self.unread[words] = self.unread.get(words, 0) + count


def gathered(numbers: Iterable[tuple[float, int, str, float]]) -> Iterator[Points]:
    """(at, step, name, value), of which those that stand together with one time and step become one record."""
    place: tuple[float, int] | None = None
    values: dict[str, float] = {}
    for at, step, name, value in numbers:
        if place != (at, step) or name in values:
            if place is not None and values:
                yield Points(place[0], place[1], values)
            place, values = (at, step), {}
        values[name] = value
    if place is not None and values:
        yield Points(place[0], place[1], values)


def noted(kind: str, values: dict[str, Any], at: float) -> list[Record]:
    """A number that no journal can hold becomes text."""
    return [Noted(at, kind, {name: plain(value) for name, value in values.items()})] if values else []


def step_of(value: Any) -> int:
    """Raises ValueError, TypeError or OverflowError where it is none that can be kept."""
    step = value if type(value) is int else int(float(value))
    if not -STEPS <= step < STEPS:
        raise OverflowError("a step beyond 64 bits")
    return step


def those_that_tell(runs: Iterable[Foreign | None], nothing: HeadhuntError) -> Iterator[Foreign]:
    """Without those that told nothing at all (None). Raises `nothing` where all are so."""
    found = False
    for run in runs:
        if run is not None:
            found = True
            yield run
    if not found:
        raise nothing


def ended(state: str, at: float | None, error: str | None = None) -> list[Record]:
    return [Ended(at, state, error)] if at is not None and state in {"finished", "failed", "lost"} else []


def marks(run: Foreign, at: float) -> list[Record]:
    return [Marked(at, words, count) for words, count in run.unread.items()]


def flat(values: Any, before: str = "") -> Iterator[tuple[str, Any]]:
    """What lies within stands as a.b; lists are values."""
    for name, value in values.items():
        path = f"{before}{name}"
        if isinstance(value, dict) and value and before.count(".") < 20:
            yield from flat(value, f"{path}.")
        else:
            yield path, value

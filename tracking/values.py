"""What is told of a run, as it is kept: JSON as text, names that an index takes, and marks where something did not fit.

JSON knows neither NaN nor infinity: they are told as "nan", "inf" and "-inf".
"""

import hashlib
import math
from collections.abc import Mapping
from typing import Any

import msgspec

from tracking.tables import LONGEST_NAME

LARGEST_VALUE = 256 * 1024
SHOWN = 1000
"""Characters that stay of a value that is larger."""
BEGINNING = 250
"""Characters of a value, as it is written, that a list of runs shows."""
MOST_MARKS = 100
LATEST_S = 1e12
"""What lies further from 1970 is no time: in milliseconds, too, it has to be a number."""
NOT_FINITE = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


def told(value: float) -> float | str:
    """A number, as JSON may have it."""
    return value if math.isfinite(value) else "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"


def is_time(at: float) -> bool:
    """NaN is none, which SQLite would take for nothing."""
    return -LATEST_S <= at <= LATEST_S


def plain(value: Any, depth: int = 0) -> Any:
    """As JSON knows it, all the way down."""
    if isinstance(value, float):
        return told(value)
    if depth > 50:
        return str(value)[:SHOWN]
    if isinstance(value, Mapping):
        return {str(name): plain(one, depth + 1) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one, depth + 1) for one in value]
    return value if isinstance(value, str | int | None) else str(value)[:SHOWN]


def written(value: Any) -> str:
    return msgspec.json.encode(plain(value)).decode()


def read(text: str) -> Any:
    return msgspec.json.decode(text)


def cut(text: str) -> str:
    """The beginning of a value that is too long for a list: of a text its characters, of all else its JSON."""
    if not text.startswith('"'):
        return text[:BEGINNING]
    for end in range(BEGINNING, BEGINNING - 12, -1):  # not in the middle of an escaped character
        try:
            return str(read(f'{text[:end]}"'))
        except msgspec.DecodeError:
            continue
    return text[1:BEGINNING]


def without_nul(text: str) -> str:
    """PostgreSQL cannot hold it."""
    return text.replace("\x00", "\ufffd") if "\x00" in text else text


def clipped(text: str | None, length: int = LONGEST_NAME) -> str | None:
    """As much of a name as an index takes; two that are different stay so."""
    if text is None:
        return None
    text = without_nul(text)
    if len(text) <= length:
        return text
    return f"{text[: length - 17]}~{hashlib.sha256(text.encode()).hexdigest()[:16]}"


class Marks:
    """What was not kept as it was told, and how often."""

    def __init__(self, kept: str = "{}") -> None:
        self.counts: dict[str, int] = read(kept)
        self.changed = False

    def add(self, words: str, count: int = 1) -> None:
        words = without_nul(words)[:SHOWN]
        if words not in self.counts and len(self.counts) >= MOST_MARKS:
            words = "more was not kept as it was told, of too many kinds to name"
        self.counts[words] = self.counts.get(words, 0) + max(count, 1)
        self.changed = True

    def written(self) -> str:
        return msgspec.json.encode(self.counts).decode()

    def told(self) -> tuple[str, ...]:
        return tuple(words if count == 1 else f"{words} ({count:,} times)" for words, count in self.counts.items())


def named(name: str, marks: Marks) -> str:
    kept = clipped(name) or ""
    if kept != name:
        marks.add(f"the name {name[:60]!r}... is longer than {LONGEST_NAME} characters, and is shortened")
    return kept


def fitting(name: str, value: Any, marks: Marks) -> str:
    """JSON as text; of what is too large, its first characters."""
    text = written(value)
    if len(text) <= LARGEST_VALUE:
        return text
    marks.add(f"{name!r} is {len(text):,} bytes, more than are kept: its first {SHOWN:,} characters are")
    return written(text[:SHOWN])

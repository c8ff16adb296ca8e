"""How facts look on a terminal: in columns, in pairs, as JSON."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec

from headhunt.errors import printable

T = TypeVar("T")
UNKNOWN = "-"


def told(value: T | None, write: Callable[[T], str]) -> str:
    """A fact as it is written, or a dash where it is not known."""
    return UNKNOWN if value is None else write(value)


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], numbers: Sequence[int] = ()) -> str:
    """Columns aligned, those in `numbers` to the right, the rest to the left."""
    lines = [[printable(cell) for cell in line] for line in (heads, *rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(heads))]
    return "\n".join(aligned(line, widths, numbers) for line in lines)


def aligned(line: Sequence[str], widths: Sequence[int], numbers: Sequence[int]) -> str:
    cells = [
        cell.rjust(width) if i in numbers else cell.ljust(width)
        for i, (cell, width) in enumerate(zip(line, widths, strict=True))
    ]
    return "  ".join(cells).rstrip()


def facts(pairs: Sequence[tuple[str, str]]) -> str:
    """Name and value, a line each; further lines of a value stand below its first."""
    width = max(len(name) for name, _ in pairs) + 2
    lines = ((name.ljust(width), value.split("\n")) for name, value in pairs)
    return "\n".join(name + ("\n" + " " * width).join(printable(line) for line in value) for name, value in lines)


def as_json(value: object) -> str:
    """Structs and what holds them, indented."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()

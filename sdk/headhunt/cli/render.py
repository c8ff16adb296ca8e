"""How facts look on a terminal: in columns, in pairs, as JSON."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec

from headhunt.errors import printable
from zoo.catalogue.columns import in_columns

T = TypeVar("T")
UNKNOWN = "-"


def told(value: T | None, write: Callable[[T], str]) -> str:
    """A fact as it is written, or a dash where it is not known."""
    return UNKNOWN if value is None else write(value)


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], numbers: Sequence[int] = ()) -> str:
    """Columns aligned, those in `numbers` to the right, the rest to the left."""
    lines = [[printable(cell) for cell in line] for line in (heads, *rows)]
    return "\n".join(in_columns(lines, right=numbers))


def facts(pairs: Sequence[tuple[str, str]]) -> str:
    """Name and value, a line each; further lines of a value stand below its first."""
    width = max(len(name) for name, _ in pairs) + 2
    lines = ((name.ljust(width), value.split("\n")) for name, value in pairs)
    return "\n".join(name + ("\n" + " " * width).join(printable(line) for line in value) for name, value in lines)


def as_json(value: object) -> str:
    """Structs and what holds them, indented."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()

"""How facts look on a terminal: numbers with units, tables in columns."""

from collections.abc import Sequence

import msgspec

UNKNOWN = "-"


def count(value: float | None) -> str:
    """4_930_000 -> '4.93M'."""
    if value is None:
        return UNKNOWN
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= limit * 0.9995:
            return f"{value / limit:.3g}{unit}"
    return f"{value:.3g}"


def size(value: float | None) -> str:
    """Bytes, in MB of a million."""
    return UNKNOWN if value is None else count(value) + "B"


def percent(value: float | None) -> str:
    return UNKNOWN if value is None else f"{100 * value:.2f} %"


def milliseconds(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:.3g} ms"


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], numbers: Sequence[int] = ()) -> str:
    """Columns aligned, those in `numbers` to the right, the rest to the left."""
    widths = [max(len(row[i]) for row in (heads, *rows)) for i in range(len(heads))]
    lines = [
        "  ".join(c.rjust(w) if i in numbers else c.ljust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True))).rstrip()
        for row in (heads, *rows)
    ]
    return "\n".join(lines)


def facts(pairs: Sequence[tuple[str, str]]) -> str:
    """Name and value, a line each."""
    width = max(len(name) for name, _ in pairs)
    return "\n".join(f"{name.ljust(width)}  {value}" for name, value in pairs)


def as_json(value: object) -> str:
    """Structs and what holds them, indented."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()

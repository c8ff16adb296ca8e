"""Numbers as people write them: `5M` parameters, `512MiB`, `20 ms`, `90%`; and how they are written back."""

import math
import re
from collections.abc import Mapping

from headhunt.errors import BadValue, printable

NUMBER = re.compile(r"(\d+\.?\d*|\.\d+)(e[+-]?\d{1,3})?", re.IGNORECASE)
THOUSANDS = {"": 1.0, "k": 1e3, "m": 1e6, "g": 1e9, "b": 1e9, "t": 1e12}
BYTES = {
    "": 1.0, "b": 1.0, "k": 1e3, "m": 1e6, "g": 1e9, "t": 1e12, "kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12,
    "kib": 2.0**10, "mib": 2.0**20, "gib": 2.0**30, "tib": 2.0**40,
}  # fmt: skip
MILLISECONDS = {"": 1.0, "ms": 1.0, "s": 1e3, "us": 1e-3}
SHARES = {"": 1.0, "%": 0.01}


def parse_count(text: str) -> int:
    """`5M`, `1.5G`, `20`, `2.5e6`: a whole number; k, M, G (or B) and T are powers of a thousand."""
    value = parse(text, THOUSANDS, "a count", "5M, 1.5G or 20")
    if value != int(value):
        raise BadValue(f"{printable(text, 40)!r} is not a whole count. Write it as 5M, 1.5G or 20.")
    return int(value)


def parse_bytes(text: str) -> int:
    """`20MB` (millions), `512MiB` (powers of 1,024), `1000`: bytes."""
    return int(parse(text, BYTES, "an amount of memory", "20MB, 512MiB or 1.5GB"))


def parse_milliseconds(text: str) -> float:
    """`20`, `20ms`, `0.02s`: milliseconds."""
    return parse(text, MILLISECONDS, "a time", "20, 20ms or 0.5s")


def parse_share(text: str) -> float:
    """`0.9` or `90%`: a fraction of one."""
    value = parse(text, SHARES, "a share", "0.9 or 90%")
    if value > 1:
        raise BadValue(f"{printable(text, 40)!r} is more than everything. Write a share as 0.9 or 90%.")
    return value


def parse(text: str, units: Mapping[str, float], what: str, examples: str) -> float:
    """A number of 0 or more and its unit, in any case, with or without a space between."""
    plain = text.strip().replace("_", "")
    found = NUMBER.match(plain)
    unit = plain[found.end() :].strip().lower() if found else ""
    value = float(found.group()) * units[unit] if found and unit in units else math.nan
    if not math.isfinite(value) or value > 2**63:
        raise BadValue(f"{printable(text, 40)!r} is not {what}. Write it as {examples}.")
    return value


def write_count(value: float) -> str:
    return scaled(value, (("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3)))


def write_bytes(value: float) -> str:
    return scaled(value, (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3))) if value >= 1e3 else f"{value:g}B"


def write_milliseconds(value: float) -> str:
    return f"{value:.3g}ms"


def write_share(value: float) -> str:
    return f"{100 * value:.4g}%"


def write_plain(value: float) -> str:
    return f"{value:g}"


def scaled(value: float, units: tuple[tuple[str, float], ...]) -> str:
    """Three digits; from 0.1 of a unit on, so that 270,000 is 0.27M as people say it."""
    for unit, size in units:
        if value >= 0.1 * size:
            return f"{value / size:.3g}{unit}"
    return f"{value:g}"

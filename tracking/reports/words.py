"""Numbers, times and values as a reader takes them in at a glance."""

import math
from datetime import UTC, datetime
from typing import Any

import msgspec

from headhunt.errors import printable


def number(value: Any) -> str:
    """0.9312, 1.2e-05, 12,480: four digits that count."""
    if isinstance(value, bool) or value is None:
        return str(value)
    try:
        given = float(value)
    except (TypeError, ValueError):
        return printable(str(value), 60)
    if not math.isfinite(given):
        return "not a number" if math.isnan(given) else ("infinite" if given > 0 else "-infinite")
    if given == int(given) and abs(given) < 1e15:
        return f"{int(given):,}"
    return f"{given:.4g}" if abs(given) < 10_000 else f"{given:,.1f}"


def duration(seconds: float | None) -> str:
    """48 s, 12 min, 2 h 05 min, 3 d 4 h."""
    if seconds is None:
        return ""
    whole = max(0, round(seconds))
    if whole < 120:
        return f"{whole} s"
    minutes, hours = whole // 60, whole // 3600
    if hours < 1:
        return f"{minutes} min"
    return f"{hours} h {minutes % 60:02d} min" if hours < 48 else f"{hours // 24} d {hours % 24} h"


def clock(at: float) -> str:
    """The moment, in UTC: the reader may sit anywhere."""
    try:
        return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")
    except (ValueError, OverflowError, OSError):
        return "an unknown time"


def shown(value: Any, limit: int = 120) -> str:
    """A parameter as text: short, on one line."""
    if isinstance(value, float):
        return f"{value:g}"
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 1] + "…"

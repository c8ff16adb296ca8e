"""How long, as people write it."""

import math

from headhunt.errors import BadValue, printable

LEAST = 1.0


def seconds_of(budget: str | float | None, what: str = "A budget") -> float | None:
    """90, '90', '90s', '5m' or '1h' in seconds; None: choose by the size of the task."""
    if budget is None:
        return None
    text = "" if isinstance(budget, bool) else str(budget).strip().lower()
    unit = {"s": 1.0, "m": 60.0, "h": 3600.0}.get(text[-1:], 0.0)
    number = text[:-1] if unit else text
    try:
        seconds = float(number) * (unit or 1.0)
    except ValueError:
        seconds = math.nan
    if not LEAST <= seconds < math.inf:
        raise BadValue(
            f"{what} of {printable(str(budget), 40)!r} cannot be kept. Give seconds, 1 or more, as 90s, 5m or 1h."
        )
    return seconds

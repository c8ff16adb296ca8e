"""What is searched in tests."""

from typing import Any

import headhunt

BOWL = {"x": headhunt.double(-5, 5), "n": headhunt.integer(-3, 3)}


def bowl(params: dict[str, Any]) -> float:
    """Least at x = 1, n = 0, where it is 0."""
    return float((params["x"] - 1) ** 2 + params["n"] ** 2)

"""What the seconds are spent on: how many there are by default, and what looking at a candidate will cost.

The promise is kept by asking before each piece of work whether it fits, from what the same network has cost, else from
what others have cost for a multiply-add, else from the latency on the card, which was measured with one thread and one
image, and so is never too low.
"""

import math
from collections.abc import Sequence

from headhunt.errors import BadValue
from headhunt.vocabulary import ModelCard
from recommender.pace import Pace

LEAST = 1.0
FOR_FEATURES = 0.6
"""The share of the time that looking at candidates may take; the rest belongs to the probes of the best."""
FOR_ANSWER = 0.4
"""Seconds kept for joining the evidence."""
LOADING = 0.15
"""Seconds for building a network and reading its weights."""
FETCHING, A_SECOND = 1.0, 10e6
"""Seconds until a hub answers, and bytes that come from it in a second."""
SHORTEST, LONGEST = 30.0, 600.0
PROBES = 2.0
"""By default the probes may take so many times what the features take."""


def seconds_of(budget: str | float | None) -> float | None:
    """90, '90', '90s', '5m' or '1h' in seconds; None: choose by the size of the task."""
    if budget is None:
        return None
    text = str(budget).strip().lower()
    unit = {"s": 1.0, "m": 60.0, "h": 3600.0}.get(text[-1:], 0.0)
    number = text[:-1] if unit else text
    try:
        seconds = float(number) * (unit or 1.0)
    except ValueError:
        seconds = math.nan
    if not LEAST <= seconds < math.inf:
        raise BadValue(f"A budget of {text[:40]!r} cannot be kept. Give seconds, 1 or more, as 90s, 5m or 1h.")
    return seconds


def default_budget(cards: Sequence[ModelCard], images: int) -> float:
    """Enough to look at every candidate and to probe the best, within what somebody waits for."""
    features = sum(feature_cost(card, images, Pace()) for card in cards)
    return min(max(SHORTEST, (1 + PROBES) * features), LONGEST)


def feature_cost(card: ModelCard, images: int, pace: Pace) -> float:
    """Seconds that looking at so many images through the card's network will take, fetching it included."""
    fetching = FETCHING + (card.weights_bytes or 4 * card.params) / A_SECOND if card.weights is None else 0.0
    return fetching + looking_cost(card, images, pace)


def looking_cost(card: ModelCard, images: int, pace: Pace) -> float:
    if card.measured is not None and not pace.knows(card):
        return LOADING + images * card.measured.latency_ms / 1000
    return LOADING + pace.seconds(card, images)

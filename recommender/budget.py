"""What the seconds are spent on: how many there are by default, and what looking at a candidate will cost.

The promise is kept by asking before each piece of work whether it fits, from what the same network has cost, else from
what others have cost for a multiply-add, else from the latency on the card, which was measured with one thread and one
image, and so is never too low.
"""

from collections.abc import Sequence

from headhunt.vocabulary import ModelCard
from recommender.pace import Pace

FOR_FEATURES = 0.6
"""The share of the time that looking at candidates may take; the rest belongs to the probes of the best."""
FOR_ANSWER = 0.4
"""Seconds kept for joining the evidence."""
LOADING = 0.15
"""Seconds for building a network and reading its weights."""
FETCHING, A_SECOND = 1.0, 10e6
"""Seconds until a hub answers, and bytes that come from it in a second."""
SCORING = 7e-7
"""Seconds: 400 images with 2,000 features in all stages take 0.1, 2,000 images take 3."""
SHORTEST, LONGEST = 30.0, 600.0
PROBES = 2.0
"""By default the probes may take so many times what the features take."""


def default_budget(cards: Sequence[ModelCard], images: int, decoding: float = 0.0) -> float:
    """Enough to decode, to look at every candidate and to probe the best, within what somebody waits for."""
    features = decoding + sum(feature_cost(card, images, Pace()) for card in cards)
    return min(max(SHORTEST, (1 + PROBES) * features), LONGEST)


def first_scoring(images: int) -> float:
    """About what the scores of one candidate take, before any was scored: a ridge on that many images."""
    return SCORING * images**2


def feature_cost(card: ModelCard, images: int, pace: Pace) -> float:
    """Seconds that looking at so many images through the card's network will take, fetching it included."""
    fetching = FETCHING + (card.weights_bytes or 4 * card.params) / A_SECOND if card.weights is None else 0.0
    return fetching + looking_cost(card, images, pace)


def looking_cost(card: ModelCard, images: int, pace: Pace) -> float:
    if card.measured is not None and not pace.knows(card):
        return LOADING + images * card.measured.latency_ms / 1000
    return LOADING + pace.seconds(card, images)

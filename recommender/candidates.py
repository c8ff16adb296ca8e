"""Who comes into question: the cards within the user's limits, and in which order it pays to look at them closely.

The order is that of a portfolio. Each candidate's worth is uncertain, and those of one network or of one domain rise
and fall together; so the next one to look at is the one that adds most to the expected best of all that were chosen:

    worth_i = mean_i + spread_i * (sqrt(a) u_network(i) + sqrt(b) v_domain(i) + sqrt(1 - a - b) e_i)
    u, v, e ~ N(0, 1)
    next    = argmax_i  E max(worth of the chosen, worth_i)

A model of which nothing is known has a wide spread, and is tried for what it might be. (Greedy choice is near optimal
here, since the expected maximum is submodular: Nemhauser, Wolsey and Fisher, 1978.)
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from headhunt.errors import NoModelMeets, NoModels
from headhunt.vocabulary import ModelCard
from zoo.catalogue.finding import find, nearest_miss, unknown, wanted
from zoo.repository import Zoo

Array = NDArray[np.float64]
Limit = str | float | int | bool | Sequence[str] | None
DRAWS = 256
CHOSEN = 64
"""So many are chosen by what they add; the others follow by their means: time never reaches that far down."""
SAME_NETWORK, SAME_DOMAIN = 0.3, 0.3
"""The shares a and b of a model's luck that it has in common with those of its network and of its domain."""


def within_limits(zoo: Zoo, limits: Mapping[str, Limit]) -> tuple[list[ModelCard], list[str]]:
    """The cards that meet every limit, and warnings about those whose facts are not known.

    Raises NoModels, NoModelMeets.
    """
    cards = zoo.catalogue.read().cards.values()
    if not cards:
        raise NoModels(
            f"There is no model in {zoo.home} to recommend. 'headhunt zoo build-starter' makes 32 small ones,"
            " 'headhunt zoo add recommended' takes in 46 of timm."
        )
    want = wanted({name.replace("-", "_"): plain(value) for name, value in limits.items()})
    found = find(cards, want)
    if not found:
        raise NoModelMeets(nearest_miss(cards, want))
    warnings = [
        f"{number} models are left out because their {fact} is not known ('headhunt zoo measure' measures)"
        for fact, number in unknown(cards, want).items()
    ]
    return list(found), warnings


def plain(value: Limit) -> str | Sequence[str] | bool | None:
    """Limits come from Python, too: 20 and 20.0 as '20', one licence or several."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"{value:.12g}"
    return value


def promising(cards: Sequence[ModelCard], mean: Array, spread: Array, rng: np.random.Generator) -> list[int]:
    """All places in `cards`, the one that adds most to the expected best first. mean, spread: [M]."""
    worth = draws(cards, mean, spread, rng)
    best = np.full(worth.shape[1], -np.inf)
    left = np.ones(len(cards), dtype=bool)
    order: list[int] = []
    for _ in range(min(CHOSEN, len(cards))):
        gain = np.where(left, np.maximum(worth, best).mean(axis=1), -np.inf)
        pick = int(gain.argmax())
        order.append(pick)
        left[pick] = False
        best = np.maximum(best, worth[pick])
    rest = [int(i) for i in np.argsort(-mean, kind="stable") if left[i]]
    return order + rest


def draws(cards: Sequence[ModelCard], mean: Array, spread: Array, rng: np.random.Generator) -> Array:
    """[M, DRAWS]: what each might be worth."""
    own = rng.standard_normal((len(cards), DRAWS))
    network = common([card.network for card in cards], rng)
    domain = common([card.domain for card in cards], rng)
    luck = np.sqrt(SAME_NETWORK) * network + np.sqrt(SAME_DOMAIN) * domain
    luck += np.sqrt(1 - SAME_NETWORK - SAME_DOMAIN) * own
    return np.asarray(mean[:, None] + spread[:, None] * luck)


def common(names: Sequence[str], rng: np.random.Generator) -> Array:
    """[M, DRAWS]: the luck of each name, the same for all who have it."""
    _, place = np.unique(names, return_inverse=True)
    return np.asarray(rng.standard_normal((int(place.max()) + 1, DRAWS))[place])

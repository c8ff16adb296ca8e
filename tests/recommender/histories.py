"""Tables of outcomes whose truth is known."""

from dataclasses import dataclass

import numpy as np

from recommender.nearness import Distances
from recommender.outcomes import Outcomes


@dataclass(frozen=True)
class Made:
    """`accuracy` [M, D] without holes; `worth` [M]: what every dataset has in common; `distances` of the datasets."""

    accuracy: np.ndarray
    worth: np.ndarray
    distances: Distances

    def outcomes(self, holes: np.ndarray | None = None) -> Outcomes:
        models, datasets = self.accuracy.shape
        seen = self.accuracy if holes is None else np.where(holes, np.nan, self.accuracy)
        return Outcomes(names("m", models), names("d", datasets), seen)


def names(letter: str, count: int) -> tuple[str, ...]:
    return tuple(f"{letter}{i:03d}" for i in range(count))


def make(seed: int, models: int = 40, datasets: int = 12, common: float = 1.0, own: float = 0.5) -> Made:
    """Logit accuracy = the dataset's level + its scale * (common worth + own ways + noise).

    The datasets lie in a plane, and models have a taste for a direction of it: near datasets have like ways.
    """
    rng = np.random.default_rng(seed)
    worth, taste, place = rng.normal(size=models), rng.normal(size=(models, 2)), rng.normal(size=(datasets, 2))
    ways = taste @ place.T / np.sqrt(2)
    signal = common * worth[:, None] + own * ways + 0.2 * rng.normal(size=(models, datasets))
    logit = rng.normal(size=datasets) + rng.uniform(0.3, 0.9, datasets) * signal
    apart = np.linalg.norm(place[:, None] - place[None], axis=-1)
    d = names("d", datasets)
    distances = {(d[a], d[b]): float(apart[a, b]) for a in range(datasets) for b in range(a)}
    return Made(1 / (1 + np.exp(-logit)), worth, distances)

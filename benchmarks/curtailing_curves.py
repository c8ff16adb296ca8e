"""A family of learning curves, drawn: what a trial's loss looks like from step to step.

    loss(s) = end + gap * (1 + s / pace) ** -power + noise

`end` comes from the trial's quality. `crossing` says how far the early losses hang on anything else: 0, whoever is
behind early is behind at the end; 1, the early losses say nothing. `slow_win`: whoever is best at the end is behind
early, as with low learning rates.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Family:
    trials: int = 100
    steps: int = 50
    crossing: float = 0.3
    noise: float = 0.01
    diverging: float = 0.0
    slow_win: bool = False


def drawn(family: Family, seed: int) -> NDArray[np.float64]:
    """Curves, shape (trials, steps); the last column is what the objective returns."""
    chance = np.random.default_rng(seed)
    quality = chance.random(family.trials)
    other = chance.random(family.trials)
    early = (1 - family.crossing) * (1 - quality if family.slow_win else quality) + family.crossing * other
    end = 0.1 + quality**2
    gap = 0.5 + 2 * early
    power = chance.uniform(0.7, 1.3, family.trials)
    steps = np.arange(1, family.steps + 1)
    curves = end[:, None] + gap[:, None] * (1 + steps / 5) ** -power[:, None]
    curves += family.noise * chance.normal(size=curves.shape)
    lost = chance.random(family.trials) < family.diverging
    curves[lost, family.steps // 4 :] = np.nan
    return curves

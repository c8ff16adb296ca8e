"""What a score would be if the labels were in any other order: the part of it that says nothing of the network.

Several published scores compare quantities that are estimated on the same images: class means, class covariances,
ranks. Their value on pure noise is then not 0 but grows with the width of the features. Subtracting the mean over
shuffled labels makes noise 0 at every width, and leaves the order of networks of one width as it was.
"""

from collections.abc import Callable

import numpy as np

from recommender.scores.given import Labels

SHUFFLES = 8


def above_chance(score: Callable[[Labels], float], labels: Labels, rng: np.random.Generator) -> float:
    """score(labels) less its mean over 8 shuffles of the labels."""
    chance = [score(rng.permutation(labels)) for _ in range(SHUFFLES)]
    return score(labels) - float(np.mean(chance))

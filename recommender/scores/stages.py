"""Several stages of one network, seen together."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from headhunt.errors import BadValue
from recommender.scores.given import Floats


def beside(stages: Sequence[ArrayLike]) -> list[Floats]:
    """Stages [n, d_s] as doubles, all of the same n."""
    matrices = [np.asarray(stage, dtype=np.float64) for stage in stages]
    shapes = [matrix.shape for matrix in matrices]
    if not shapes or any(len(shape) != 2 or shape[0] != shapes[0][0] for shape in shapes):
        raise BadValue(f"Stages must be matrices with the same images as rows, not of the shapes {shapes}.")
    return matrices


def parts(joined: Floats, stages: Sequence[Floats]) -> list[Floats]:
    """Matrices side by side, cut again where the stages meet."""
    return np.split(joined, np.cumsum([stage.shape[1] for stage in stages])[:-1], axis=1)

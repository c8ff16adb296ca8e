"""The published scores in one table: name -> function of what a network makes of the labelled images.

    data = given(features, labels, outputs)
    for name, score in scores().items():
        print(name, score(data, np.random.default_rng(0)))

Every score is pure, higher is better, nan where it cannot be had (LEEP without a source head), and passes the contract
in tests/recommender/test_scores_contract.py. To add one: a function, a line here, a section in docs/scores.md.
"""

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType

import numpy as np

from recommender.scores.gbc import gbc
from recommender.scores.given import Given
from recommender.scores.hscore import h_score
from recommender.scores.leep import leep, leep_left_out, nleep
from recommender.scores.linear import linear, linear_loss
from recommender.scores.logme import logme
from recommender.scores.neighbours import NEIGHBOURS, knn_score
from recommender.scores.parc import parc
from recommender.scores.sfda import sfda
from recommender.scores.transrate import transrate

Score = Callable[[Given, np.random.Generator], float]


def scores() -> Mapping[str, Score]:
    """All of them, by name."""
    return MappingProxyType(
        {
            "1-nn": partial(knn_score, k=1),
            "k-nn": partial(knn_score, k=NEIGHBOURS),
            "gbc": gbc,
            "h_score": h_score,
            "leep": leep,
            "leep_left_out": leep_left_out,
            "linear": linear,
            "linear_loss": linear_loss,
            "logme": logme,
            "nleep": nleep,
            "parc": parc,
            "sfda": sfda,
            "transrate": transrate,
        }
    )

"""A Gaussian mixture with diagonal covariances, by scikit-learn, behind a typed function."""

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture

from recommender.scores.given import Floats

FLOOR = 1e-3  # of the mean variance of a column: what every variance has at least
ROUNDS = 50


def posteriors(values: Floats, components: int, rng: np.random.Generator) -> Floats:
    """[n, r] -> P(component | image) [n, K]. Identical images are one point, so there are never more components."""
    scale = float(np.sqrt(values.var(axis=0).mean()))
    distinct = len(np.unique(values, axis=0))
    if not scale or min(components, distinct) < 2:
        return np.ones((len(values), 1))
    mixture = GaussianMixture(
        min(components, distinct),
        covariance_type="diag",
        reg_covar=FLOOR,
        max_iter=ROUNDS,
        random_state=int(rng.integers(2**31)),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a few rounds more change no ranking
        return np.asarray(mixture.fit(values / scale).predict_proba(values / scale), dtype=np.float64)

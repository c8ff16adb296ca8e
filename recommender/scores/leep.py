"""LEEP and NLEEP: if an image looks like source class z, which target class is it, and does that explain the labels?

LEEP: Nguyen et al., "LEEP: A New Measure to Evaluate Transferability of Learned Representations", ICML 2020.
NLEEP: Li et al., "Ranking Neural Checkpoints", CVPR 2021.

    T [n, S]    theta_i(z), what the source head says of image i: a distribution over its S classes
    y [n]       labels

    P(y, z)  = 1/n sum over images i of class y of theta_i(z)
    P(y | z) = P(y, z) / P(z)
    LEEP     = 1/n sum_i ln sum_z P(y_i | z) theta_i(z)                  the logarithm is part of it: some ports drop it

Image i stands in P(y | z) itself, so with many source classes and a sure head (S = 1000, 400 images) every image has
its own z and even noise gets 0, the best there is. `leep` is the published definition; in `leep_left_out`, P is made
of the other images and of one image's worth of the class shares, so that a z which nobody else uses says nothing:

    P_i(y | z) = (sum_{j != i, y_j = y} theta_j(z) + pi_y) / (sum_{j != i} theta_j(z) + 1)

NLEEP needs no source head: PCA of the features to 80 % of their energy, a Gaussian mixture of about 5 C diagonal
components, and its posteriors in the place of theta, in the published formula. A component has some ten images, so
noise gets more than the entropy of the labels (-1.9 instead of -2.3 for ten classes), and the same at every width: to
compare networks on the same images it will do, to say how good one is it will not.
"""

import numpy as np
from scipy.special import softmax

from recommender.scores.given import Floats, Given, Labels, class_sums
from recommender.scores.mixture import posteriors
from recommender.scores.rows import at_most

ROWS = 2_000
ENERGY = 0.8
A_CLASS = 5
A_COMPONENT = 4  # images that a component should have at least


def leep(data: Given, _: np.random.Generator) -> float:
    """As published. nan without a source head."""
    if data.outputs is None:
        return float("nan")
    return leep_of(np.asarray(softmax(data.outputs, axis=1)), data.labels)


def leep_left_out(data: Given, _: np.random.Generator) -> float:
    """Without the image's own say. nan without a source head."""
    if data.outputs is None:
        return float("nan")
    return leep_left_out_of(np.asarray(softmax(data.outputs, axis=1)), data.labels)


def nleep(data: Given, rng: np.random.Generator) -> float:
    """At most 2,000 images, drawn by `rng`, which also seeds the mixture."""
    few = at_most(data, ROWS, rng)
    z, s = few.axes
    kept = z[:, : int(np.searchsorted(np.cumsum(s), ENERGY * s.sum())) + 1]
    components = max(1, min(A_CLASS * few.classes, few.n // A_COMPONENT))
    return leep_of(posteriors(kept, components, rng), few.labels)


def leep_of(theta: Floats, labels: Labels) -> float:
    """theta [n, S] -> LEEP as published."""
    joint = class_sums(theta, labels, int(labels.max()) + 1)
    conditional = joint / np.maximum(joint.sum(axis=0), np.finfo(np.float64).tiny)
    return float(np.log((conditional[labels] * theta).sum(axis=1)).mean())


def leep_left_out_of(theta: Floats, labels: Labels) -> float:
    """theta [n, S] -> the same with every image judged by the others."""
    counts = np.bincount(labels)
    joint = class_sums(theta, labels, len(counts)) + (counts / len(labels))[:, None]
    conditional = (joint[labels] - theta) / (theta.sum(axis=0) + 1 - theta)
    return float(np.log((conditional * theta).sum(axis=1)).mean())

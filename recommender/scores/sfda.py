"""SFDA: does a regularised Fisher discriminant know the class, after its training images were made harder for it?

Shao et al., "Not All Models Are Equal: Predicting Model Transferability in a Self-challenging Fisher Space", ECCV 2022.

    W [r, r]    covariance within classes, shrunk after Ledoit and Wolf;  mu_c [r] class means
    p(c | x)  = softmax_c(x' W^-1 mu_c - mu_c' W^-1 mu_c / 2 + ln pi_c)
    1. fit on the training images, p_i = p(y_i | x_i)
    2. the sure ones stay, the others are mixed:  x_i <- p_i x_i + (1 - p_i) mean of the images of other classes
    3. fit again on these;  SFDA = mean of p(y_i | x_i), as in the released code

The discriminant axes of Fisher are not needed one by one: with one covariance for all classes, the posterior on all C
- 1 of them is the posterior above. Three things differ from the release, each of which makes noise score like a
perfect network: the images that are judged are not those of the fit (five stratified folds); they are not mixed, since
"the mean of the other classes" tells the own class; and the shrinkage does not depend on the scale of the features.
Noise then scores 1 / C.
"""

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.special import softmax

from recommender.scores.given import Floats, Given, Labels, class_sums
from recommender.scores.rows import at_most, by_class
from recommender.scores.shrinkage import ledoit_wolf

FOLDS = 5
ROWS = 2_000
LEAST = 1e-6  # of the spread of the class means: the variance within classes of identical images


def sfda(data: Given, rng: np.random.Generator) -> float:
    """In 0..1. At most 2,000 images, drawn by `rng`, which also draws the folds."""
    few = at_most(data, ROWS, rng)
    fold = np.empty(few.n, np.int64)
    fold[by_class(few.labels, rng)] = np.arange(few.n) % FOLDS
    z, y = few.axes[0], few.labels
    right = [
        _challenged(z[fold != f], y[fold != f], z[fold == f], few)[np.arange((fold == f).sum()), y[fold == f]]
        for f in range(min(FOLDS, few.n))
    ]
    return float(np.concatenate(right).mean())


def _challenged(train: Floats, labels: Labels, test: Floats, data: Given) -> Floats:
    """p(c | x) [t, C] for the test images."""
    sure = fisher(train, labels, train, data)[np.arange(len(train)), labels][:, None]
    sums = class_sums(train, labels, data.classes)
    counts = np.bincount(labels, minlength=data.classes)[:, None]
    others = (train.sum(axis=0) - sums) / np.maximum(len(train) - counts, 1)
    return fisher(sure * train + (1 - sure) * others[labels], labels, test, data)


def fisher(train: Floats, labels: Labels, test: Floats, data: Given) -> Floats:
    """Train [n, r], labels [n], test [t, r] -> p(c | x) [t, C]; classes without a training image have p = 0."""
    counts = np.bincount(labels, minlength=data.classes)
    means = class_sums(train, labels, data.classes) / np.maximum(counts, 1)[:, None]
    weights = _solve(train - means[labels], means, data.width)
    with np.errstate(divide="ignore"):
        offset = np.log(counts / counts.sum()) - (weights * means.T).sum(axis=0) / 2
    return np.asarray(softmax(test @ weights + offset, axis=1))


def _solve(within: Floats, means: Floats, width: int) -> Floats:
    """W^-1 mu [r, C]; zeros where nothing varies at all."""
    scatter, lengths = within.T @ within, np.square(within).sum(axis=1)
    shrunk, mean = ledoit_wolf(lengths, float(np.square(scatter).sum()), width)
    least = LEAST * float(np.square(means).sum()) / width
    if not mean + least:
        return np.zeros_like(means.T)
    covariance = (1 - shrunk) * scatter / len(within)
    covariance[np.diag_indices_from(covariance)] += shrunk * mean + least
    return np.asarray(cho_solve(cho_factor(covariance), means.T))

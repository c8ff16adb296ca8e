"""What the plainest predictors reach, and whether anything is there to be learnt, or more to be had from more images.

The error of a linear classifier falls with the number of images n about as a power: from half of them to all it goes
from e(n/2) to e(n), and so to e(n)^2 / e(n/2) with twice as many.
"""

import numpy as np

from discriminator.examinations.case import SEED, Case, Rows
from discriminator.examinations.linear import fit, folds_of
from headhunt.vocabulary import Finding

LEAST = 40
WORTH_IT = 0.03
"""Accuracy that doubling the images must promise to be mentioned."""
SURE = 2.5
"""Standard errors."""


def baselines_of(case: Case) -> dict[str, float]:
    """Accuracy of `majority` and `linear`; nothing where there are no labels."""
    if case.linear is None:
        return {"majority": 1.0} if len(case.labelled) else {}
    return {"majority": float(case.counts(case.labelled).max() / len(case.labelled)), "linear": case.linear.accuracy}


def nothing_learnt(case: Case) -> list[Finding]:
    """A linear classifier that does no better than naming the largest class."""
    if case.linear is None or len(case.labelled) < LEAST:
        return []
    reached = baselines_of(case)
    error = np.sqrt(0.25 / len(case.labelled))
    if reached["linear"] > reached["majority"] + 2 * error:
        return []
    words = (
        f"a linear classifier on reference features reaches {reached['linear']:.1%}, naming the largest class"
        f" {reached['majority']:.1%}: either the labels do not belong to the images, or the reference network does not"
        " see what tells the classes apart. Check a few labels, and trust short trainings before all else."
    )
    return [Finding(code="nothing_learnt", severity="warning", words=words)]


def more_data(case: Case) -> list[Finding]:
    """Whether twice the images would help, from what half of them are worth."""
    if case.linear is None or len(case.labelled) < LEAST:
        return []
    gain, error, now = promised(case, case.labelled)
    if gain < max(WORTH_IT, SURE * error):
        return []
    words = (
        f"images are still what is missing: with twice as many, a linear classifier would reach about {now + gain:.0%}"
        f" instead of {now:.0%}."
    )
    return [Finding(code="more_data_helps", severity="note", words=words)]


def promised(case: Case, rows: Rows) -> tuple[float, float, float]:
    """(accuracy that twice the images would add, its standard error, accuracy now)."""
    rng = np.random.default_rng(SEED)
    labels, features = case.labels[rows], case.features[rows]
    targets = np.eye(int(labels.max()) + 1)[labels]
    folds = folds_of(labels, case.pictures[rows], rng)
    whole, half = np.zeros(len(rows), bool), np.zeros(len(rows), bool)
    for fold in np.unique(folds):
        out, into = folds == fold, np.flatnonzero(folds != fold)
        fewer = into[folds_of(labels[into], into, rng) % 2 == 0][: len(into) // 2]
        for right, taught in ((whole, into), (half, fewer)):
            right[out] = fit(features[taught], targets[taught]).scores(features[out]).argmax(1) == labels[out]
    error_now, error_half = 1 - float(whole.mean()), max(1 - float(half.mean()), 1e-9)
    step = error_half - error_now
    noise = float((whole.astype(int) - half.astype(int)).std() / np.sqrt(len(rows)))
    shrink = min(error_now / error_half, 1.0)
    return step * shrink, noise * shrink, 1 - error_now

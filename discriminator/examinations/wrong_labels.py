"""Which labels are likely wrong?

A linear classifier disagrees with a label because the image is hard or because the label is wrong. Confident learning
(Northcutt, Jiang & Chuang 2021) takes sure disagreements for wrong labels, which accuses every hard sample. But hard
images are rare where the classifier is sure, and wrong labels are as frequent there as anywhere. So the frequency of
disagreement is fitted as psychologists fit slips of attention (Wichmann & Hill 2001):

    P(disagree | m) = w + (1 - w) / (1 + exp(a m - b))

    m [n]   the margin of a held-out image: its highest score less the second, in standard deviations
    w       the share of wrong labels; a, b: how the classifier's own errors vanish as it becomes sure; b >= 0, since of
            two classes that seem equal, m = 0, the one that it names is wrong at least every other time

w is believed when the likelihood ratio against w = 0 exceeds 13 (p < 0.0002: the curve of the errors is an
assumption). Then a disagreement with margin m is a wrong label with probability w / P(disagree | m); from one half on,
it is named. Where the classifier is wrong more often than right, it does not judge.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

from discriminator.examinations.case import Case, Rows
from discriminator.examinations.linear import HeldOut
from headhunt.errors import printable
from headhunt.vocabulary import Finding

Floats = NDArray[np.float64]
BELIEVED = 13.0
LIKELY = 0.5
MANY, SOME = 0.03, 0.005
"""Shares of wrong labels from which the finding is serious, and from which it is a warning."""
LEAST = 60
"""Images with which a classifier knows enough to doubt a label."""


class Suspects(NamedTuple):
    rows: Rows
    """The likeliest first."""
    instead: Rows
    """What they look like."""
    share: float
    """w: estimated share of wrong labels in all, named or not."""


def wrong_labels(case: Case) -> list[Finding]:
    if case.linear is None or len(case.labelled) < LEAST or case.linear.accuracy < 0.5:
        return []
    rows, instead, share = suspects(case.linear)
    if not len(rows):
        return []
    first, other = case.entries[case.labelled[rows[0]]].path, case.classes[instead[0]]
    words = (
        f"about {share:.1%} of {len(case.labelled):,} labels are wrong, by estimate; {len(rows)} most likely are,"
        f" the first {printable(first)}, which looks like {printable(other)}. Look at them and correct them."
    )
    return [
        Finding(
            code="wrong_labels",
            severity="serious" if share >= MANY else "warning" if share >= SOME else "note",
            words=words,
            files=case.files(case.labelled[rows].tolist()),
        )
    ]


def suspects(linear: HeldOut) -> Suspects:
    ordered = np.sort(linear.scores, axis=1)
    margin = ordered[:, -1] - ordered[:, -2]
    margin = margin / max(float(margin.std()), 1e-12)
    disagrees = ~linear.right
    wrong, sharpness, bias = slips(margin, disagrees)
    likely = wrong / np.maximum(disagreement(margin, wrong, sharpness, bias), 1e-12)
    rows = np.flatnonzero(disagrees & (likely >= LIKELY))
    rows = rows[np.argsort(-margin[rows], kind="stable")]
    return Suspects(rows, linear.scores[rows].argmax(1), wrong)


def slips(margin: Floats, disagrees: NDArray[np.bool_]) -> tuple[float, float, float]:
    """(w, a, b) of the most likely curve; w = 0 where that is not clearly worse."""

    def unlikely(parameters: Floats) -> float:
        """Minus the log likelihood; ln a, b, and logit of w, or none for w = 0."""
        wrong = float(expit(parameters[2])) if len(parameters) > 2 else 0.0
        p = np.clip(disagreement(margin, wrong, float(np.exp(parameters[0])), max(parameters[1], 0.0)), 1e-9, 1 - 1e-9)
        return -float(np.log(np.where(disagrees, p, 1 - p)).sum())

    plain = minimize(unlikely, [0.5, 0.0], method="Nelder-Mead")
    starts = [[plain.x[0] + 0.3, plain.x[1], level] for level in (-4.0, -2.5)]
    best = min((minimize(unlikely, start, method="Nelder-Mead") for start in starts), key=lambda found: found.fun)
    if 2 * (plain.fun - best.fun) < BELIEVED:
        return 0.0, float(np.exp(plain.x[0])), max(float(plain.x[1]), 0.0)
    return float(expit(best.x[2])), float(np.exp(best.x[0])), max(float(best.x[1]), 0.0)


def disagreement(margin: Floats, wrong: float, sharpness: float, bias: float) -> Floats:
    """P(disagree | m), as above."""
    found: Floats = wrong + (1 - wrong) * expit(bias - sharpness * margin)
    return found

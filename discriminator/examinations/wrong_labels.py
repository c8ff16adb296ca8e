"""Which labels are likely wrong? Confident learning (Northcutt, Jiang & Chuang 2021) on held-out probabilities.

p [n, C]: what a linear classifier says of images that it has not learnt from; y: the labels as given.

    t_j = mean of p_ij over the images labelled j       how sure the classifier usually is of a true j
    i is suspected when some j != y_i has p_ij >= t_j, and p_ij is the largest of all

A classifier that is often wrong suspects often, so two more things are asked: j is at least `CLEAR` times as likely as
the label, and the classifier knows the class: it is right in at least half of what it calls j.
"""

import numpy as np

from discriminator.examinations.case import Case, Rows, images
from discriminator.examinations.linear import HeldOut
from headhunt.errors import printable
from headhunt.vocabulary import Finding

CLEAR = 8.0
MANY, SOME = 0.03, 0.005
"""Shares of suspects from which the finding is serious, and from which it is a warning."""
LEAST = 50
"""Images with which a classifier knows enough to doubt a label."""


def wrong_labels(case: Case) -> list[Finding]:
    if case.linear is None or len(case.labelled) < LEAST:
        return []
    rows, instead = suspects(case.linear)
    if not len(rows):
        return []
    share = len(rows) / len(case.labelled)
    first, other = case.labelled[rows[0]], case.classes[instead[0]]
    words = (
        f"{images(len(rows))} of {len(case.labelled):,} ({share:.1%}) look like another class than their label,"
        f" the worst {printable(case.entries[first].path)} like {printable(other)}. Look at them; correct or"
        " remove what is wrong."
    )
    severity = "serious" if share >= MANY else "warning" if share >= SOME else "note"
    files = case.files(case.labelled[rows].tolist())
    return [Finding(code="wrong_labels", severity=severity, words=words, files=files)]


def suspects(
    linear: HeldOut,
) -> tuple[Rows, Rows]:
    """Rows whose labels are likely wrong, the surest first, and what they look like instead."""
    p, y = linear.probabilities, linear.labels
    counts = np.bincount(y, minlength=p.shape[1])
    usual = np.array([p[y == j, j].mean() if counts[j] else np.inf for j in range(p.shape[1])])
    likeliest = p.argmax(1)
    called = np.bincount(likeliest, minlength=p.shape[1])
    right = np.bincount(y[linear.right], minlength=p.shape[1])
    known = right >= 0.5 * np.maximum(called, 1)
    top, own = p[np.arange(len(y)), likeliest], p[np.arange(len(y)), y]
    doubted = (likeliest != y) & (top >= usual[likeliest]) & (top >= CLEAR * own) & known[likeliest]
    rows = np.flatnonzero(doubted)
    rows = rows[np.argsort(own[rows] - top[rows], kind="stable")]
    return rows, likeliest[rows]

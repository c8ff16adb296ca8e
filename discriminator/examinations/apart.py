"""Do train and the other parts come from one source? A classifier two-sample test (Lopez-Paz & Oquab 2017).

A ridge learns on half of both parts to tell them apart, and is judged on the other half: AUC 0.5 where they are alike.
The p-value is that of Mann and Whitney on the held-out half, whose scores are independent; cross-validated scores are
not, and alarm falsely twice as often. Of a picture that is there more than once, one copy counts. A difference that is
sure and small is left alone: the alarm wants p < 0.01 and AUC >= 0.6.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import mannwhitneyu

from discriminator.examinations.case import SEED, Case, Rows
from discriminator.examinations.linear import fit
from headhunt.vocabulary import Finding

ALARM, APART, FAR_APART = 0.01, 0.6, 0.8
LEAST = 20
"""Images of each part."""


def apart(case: Case) -> list[Finding]:
    parts = np.array([entry.split or "" for entry in case.entries])
    single = case.pictures == np.arange(len(parts))
    train = np.flatnonzero((parts == "train") & single)
    found: list[Finding] = []
    for part in ("val", "test"):
        rows = np.flatnonzero((parts == part) & single)
        if min(len(train), len(rows)) >= LEAST:
            auc, p, strange = told_apart(case, train, rows)
            if p < ALARM and auc >= APART:
                found.append(finding(part, auc, p, case.files(strange.tolist())))
    return found


def told_apart(case: Case, train: Rows, rows: Rows) -> tuple[float, float, Rows]:
    """(AUC, p-value, the held-out ones of `rows` from the strangest on)."""
    rng = np.random.default_rng(SEED)
    (train_a, train_b), (rows_a, rows_b) = (halves(part, rng) for part in (train, rows))
    targets = np.concatenate([np.full(len(train_a), 1 / len(train_a)), np.full(len(rows_a), -1 / len(rows_a))])
    model = fit(case.features[np.concatenate([train_a, rows_a])], -targets[:, None] / np.abs(targets).max())
    ours, theirs = (model.scores(case.features[part])[:, 0] for part in (train_b, rows_b))
    auc, p = rank_test(theirs, ours)
    return auc, p, rows_b[np.argsort(-theirs, kind="stable")]


def halves(rows: Rows, rng: np.random.Generator) -> tuple[Rows, Rows]:
    mixed = rng.permutation(rows)
    return mixed[: len(mixed) // 2], mixed[len(mixed) // 2 :]


def rank_test(high: NDArray[np.float64], low: NDArray[np.float64]) -> tuple[float, float]:
    """(AUC: how often one of `high` lies above one of `low`, one-sided p-value of Mann and Whitney)."""
    tested = mannwhitneyu(high, low, alternative="greater")
    return float(tested.statistic) / (len(high) * len(low)), float(tested.pvalue)


def finding(part: str, auc: float, p: float, files: tuple[str, ...]) -> Finding:
    words = (
        f"train and {part} can be told apart (AUC {auc:.2f} on held-out images, p {p:.1g}): what holds on one need not"
        " hold on the other. Mix them and cut again at random, or by what new images will differ in."
    )
    return Finding(code="parts_apart", severity="serious" if auc >= FAR_APART else "warning", words=words, files=files)

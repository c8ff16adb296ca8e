"""Too little: of one class, or of all, to learn from and to tell one network from another."""

import numpy as np

from discriminator.examinations.case import Case, images, named
from headhunt.vocabulary import Finding

FEW, VERY_FEW = 20, 5
FEW_IN_ALL = 100
"""With fewer, an accuracy has a standard error of 5 points and more: most differences between networks are chance."""


def amounts(case: Case) -> list[Finding]:
    rows = case.learning if len(case.labelled) else np.arange(len(case.entries))
    found = [few_in_all(len(rows))] if len(rows) < FEW_IN_ALL else []
    counts = case.counts(case.learning)
    small = [i for i in np.argsort(counts, kind="stable").tolist() if 0 < counts[i] < FEW]
    if small:
        missing = sum(FEW - int(counts[i]) for i in small)
        words = (
            f"{len(small)} of {len(case.classes)} classes have fewer than {FEW} images to learn from:"
            f" {named([case.classes[i] for i in small], counts[small].tolist())}. {images(missing)} more would do."
        )
        serious = counts[small[0]] < VERY_FEW
        concerned = [row for i in small for row in case.learning[case.labels[case.learning] == i].tolist()]
        found.append(
            Finding(
                code="few_images_of_a_class",
                severity="serious" if serious else "warning",
                words=words,
                files=case.files(concerned),
            )
        )
    return found


def few_in_all(count: int) -> Finding:
    words = (
        f"{images(count)} to learn from, so an accuracy is known to {50 / np.sqrt(count):.0f} points at best and close"
        f" networks cannot be told apart. {FEW_IN_ALL - count} more would do."
    )
    return Finding(code="few_images", severity="warning", words=words)

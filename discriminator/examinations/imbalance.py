"""Some classes have many times the images of others: accuracy then speaks of the large ones."""

import numpy as np

from discriminator.examinations.case import Case
from headhunt.vocabulary import Finding

UNEVEN, VERY_UNEVEN = 5.0, 20.0
"""The largest class over the smallest."""


def imbalance(case: Case) -> list[Finding]:
    counts = case.counts(case.learning)
    there = np.flatnonzero(counts)
    if len(there) < 2:
        return []
    least, most = there[counts[there].argmin()], there[counts[there].argmax()]
    ratio = counts[most] / counts[least]
    if ratio < UNEVEN:
        return []
    words = (
        f"{case.classes[most]!r} has {counts[most]:,} images and {case.classes[least]!r} {counts[least]:,}, {ratio:.0f}"
        " times fewer. Look at the accuracy of each class, weight the classes, or add images of the small ones."
    )
    files = case.files(case.learning[case.labels[case.learning] == least].tolist())
    return [
        Finding(code="imbalance", severity="serious" if ratio >= VERY_UNEVEN else "warning", words=words, files=files)
    ]

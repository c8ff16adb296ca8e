"""Images of one colour, and files that were left out because they are broken."""

import numpy as np

from discriminator.examinations.case import Case, images
from headhunt.vocabulary import Finding

BLANK = 2.0
"""Levels, of 255, that the pixels of an image differ by (standard deviation) at most to count as blank."""


def blank(case: Case) -> list[Finding]:
    spread = case.looks.thumbs.std(axis=(2, 3), dtype=np.float32).max(axis=1, initial=0)
    rows = np.flatnonzero(spread < BLANK)
    if not len(rows):
        return []
    words = f"{images(len(rows))} of {len(case.entries):,} show one colour and nothing else. Remove or replace them."
    return [Finding(code="blank_images", severity="warning", words=words, files=case.files(rows.tolist()))]


def broken(case: Case) -> list[Finding]:
    if not case.refused:
        return []
    first = case.refused[0]
    words = (
        f"{len(case.refused)} files cannot be used and were left out; the first, {first.member}, {first.reason}."
        " Send them again, or remove them."
    )
    return [
        Finding(code="broken_files", severity="warning", words=words, files=tuple(item.member for item in case.refused))
    ]

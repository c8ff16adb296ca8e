"""What is missing among the labels: images without one, classes of one image, classes that only one part has."""

import numpy as np

from discriminator.examinations.case import Case, images
from headhunt.errors import first_few
from headhunt.vocabulary import Finding


def labelling(case: Case) -> list[Finding]:
    return [*unlabelled(case), *alone(case), *unlearnt(case)]


def unlabelled(case: Case) -> list[Finding]:
    rows = np.flatnonzero(case.labels < 0)
    if not len(rows):
        return []
    if len(rows) == len(case.entries):
        words = "no image has a label: only what needs none was examined. Folders or labels.csv would do."
        return [Finding(code="no_labels", severity="note", words=words)]
    words = f"{images(len(rows))} of {len(case.entries):,} have no label: nothing is learnt from them. Label them."
    return [Finding(code="unlabelled_images", severity="warning", words=words, files=case.files(rows.tolist()))]


def alone(case: Case) -> list[Finding]:
    lonely = np.flatnonzero(case.counts(case.labelled) == 1)
    if not len(lonely):
        return []
    rows = case.labelled[np.isin(case.labels[case.labelled], lonely)]
    words = (
        f"{len(lonely)} classes have one image only, which cannot both teach and test:"
        f" {first_few([case.classes[i] for i in lonely])}. Add images, or leave the classes out."
    )
    return [Finding(code="single_image_class", severity="serious", words=words, files=case.files(rows.tolist()))]


def unlearnt(case: Case) -> list[Finding]:
    missing = np.flatnonzero((case.counts(case.learning) == 0) & (case.counts(case.labelled) > 0))
    if not len(missing):
        return []
    rows = case.labelled[np.isin(case.labels[case.labelled], missing)]
    words = (
        f"{len(missing)} classes stand in the other parts and not in train:"
        f" {first_few([case.classes[i] for i in missing])}. No network can learn them; move some of their images."
    )
    return [Finding(code="class_not_in_train", severity="serious", words=words, files=case.files(rows.tolist()))]

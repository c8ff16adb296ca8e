"""How healthy is a sample? Everything that can be said of it before anything is trained, from one look at each image.

    sample --Gallery, reference network--> Case (discriminator/examinations/case.py) --each examination--> findings

An examination is a function of a Case (discriminator/examinations/, one idea a module). What each finding means, and
how often it is a false alarm, stands in docs/health.md.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from discriminator.backbone import Backbone
from discriminator.duplicates import looks_of
from discriminator.examinations.amounts import amounts
from discriminator.examinations.apart import apart
from discriminator.examinations.baselines import baselines_of, more_data, nothing_learnt
from discriminator.examinations.blank import blank, broken
from discriminator.examinations.case import Case, condensed
from discriminator.examinations.copies import copies
from discriminator.examinations.imbalance import imbalance
from discriminator.examinations.labelling import labelling
from discriminator.examinations.shortcuts import shortcuts
from discriminator.examinations.wrong_labels import wrong_labels
from discriminator.features import FeatureStore
from discriminator.gallery import Gallery
from headhunt.vocabulary import Finding, Health
from zoo.images.headers import inspect
from zoo.images.sample_checks import promises_picture
from zoo.images.samples import Sample
from zoo.machine import usable_cores

Watch = Callable[[str], None]
"""Is told what comes next."""
ORDER = ("serious", "warning", "note")
EXAMINATIONS: tuple[Callable[[Case], list[Finding]], ...] = (
    labelling,
    amounts,
    imbalance,
    copies,
    blank,
    broken,
    wrong_labels,
    apart,
    shortcuts,
    nothing_learnt,
    more_data,
)


def examine(sample: Sample, store: FeatureStore, reference: Backbone, watch: Watch = lambda _: None) -> Health:
    """All findings, the most serious first."""
    began = time.perf_counter()
    case = case_of(sample, store, reference, watch)
    findings = [finding for examination in EXAMINATIONS for finding in watched(examination, case, watch)]
    counts = {name: int(count) for name, count in zip(case.classes, case.counts(case.labelled), strict=True)}
    return Health(
        sample=sample.name,
        version=sample.version.id,
        images=len(case.entries),
        classes=counts,
        findings=tuple(sorted(findings, key=lambda finding: ORDER.index(finding.severity))),
        baselines=baselines_of(case),
        seconds=time.perf_counter() - began,
    )


def watched(examination: Callable[[Case], list[Finding]], case: Case, watch: Watch) -> Iterator[Finding]:
    watch(examination.__name__.replace("_", " "))
    yield from examination(case)


def case_of(sample: Sample, store: FeatureStore, reference: Backbone, watch: Watch) -> Case:
    """Look at every image: through the reference network, as a thumb, and at its header."""
    gallery = Gallery(sample, sample.entries())
    watch("features")
    features = condensed(store.features(reference, gallery).stages)
    watch("pixels")
    looks = looks_of(gallery)
    left_out = tuple(refusal for refusal in sample.refused if promises_picture(refusal.member))
    return Case(
        entries=gallery.entries,
        labels=gallery.labels,
        classes=gallery.classes,
        features=features,
        looks=looks,
        shapes=shapes_of(gallery),
        refused=left_out + gallery.refused,
    )


def shapes_of(gallery: Gallery) -> NDArray[np.int64]:
    """[n, 2]: height and width as the headers tell them."""
    sample = gallery.sample

    def shape(place: int) -> tuple[int, int]:
        header = inspect(sample.read(gallery.asked[place]), sample.limits)
        return header.height, header.width

    with ThreadPoolExecutor(usable_cores(), "headers") as pool:
        return np.array(list(pool.map(shape, gallery.kept)), np.int64).reshape(-1, 2)

"""The domain discriminator: which of the repository's domains do these images come from, or from none?

    gallery --reference network--> vectors --Gaussians--> distances --temperature--> P(domain) --> shares of the sample
                                      |                       +--held-out images--> none of these?
                                      +--means of domains--> nearness

It is trained over the domains whose images are stored, up to 384 images each. What it keeps of a domain is a record
(discriminator/records.py); putting the records together again (discriminator/trained.py) costs a fraction of a second.
"""

from collections.abc import Callable
from functools import cached_property

import msgspec
import numpy as np
from numpy.typing import NDArray

from discriminator.backbone import Backbone
from discriminator.embedding import EDITION, embedded
from discriminator.features import FeatureStore
from discriminator.gallery import Gallery
from discriminator.records import Record, Records
from discriminator.reference import is_ready, reference
from discriminator.trained import NOTHING_KNOWN, Resemblance, Trained
from headhunt.errors import BlobBroken, OutOfTime, Refused, UnknownDomain, UnknownVersion, one_line
from zoo.images.samples import Sample, stored_sample
from zoo.repository import Zoo

__all__ = ["Discriminator", "Resemblance", "reference"]

IMAGES = 384
"""Of each domain, at most. A third is held out."""
TEACHING_S, NEW_DOMAIN_S = 15.0, 0.5
"""What the reference network and one domain that is new cost on one core, when the reference is the small one."""
A_MAC = 3e-11
"""Seconds that a multiply-add of a larger one takes: resnet18 at 224 px needs 1e-11 of a core in bf16, else 3e-11."""
ENOUGH = 2000
"""Different images of a sample that its shares and the test are made from; with more they would change no more."""


class Discriminator:
    """The discriminator of a zoo. It follows the catalogue: a question is answered over the domains of the moment."""

    def __init__(
        self,
        zoo: Zoo,
        store: FeatureStore,
        backbone: Backbone | None = None,
        may_go_on: Callable[[], bool] = lambda: True,
    ) -> None:
        """backbone: None: the zoo's reference, which may have to be trained at the first question.
        may_go_on: asked before each domain that is new; False ends the question with OutOfTime."""
        self.zoo, self.store, self.may_go_on = zoo, store, may_go_on
        self._backbone = backbone
        self._records: dict[str, Record] = {}
        self._refused: dict[str, str] = {}
        self._trained: dict[tuple[tuple[str, str], ...], Trained] = {}

    @cached_property
    def backbone(self) -> Backbone:
        return self._backbone or reference(self.zoo)

    @property
    def eyes(self) -> str:
        """Names all that vectors depend on beside the images: files made with other eyes cannot be compared."""
        return f"{self.backbone.digest[:32]}-{EDITION}-{IMAGES}"

    def resembles(self, gallery: Gallery) -> Resemblance:
        """Which domains these images come from. Computes the records of domains that are new."""
        trained = self.trained()
        if trained is None:
            return msgspec.structs.replace(NOTHING_KNOWN, left_out=self.left_out())
        return msgspec.structs.replace(trained.judge(*self._seen(gallery)), left_out=self.left_out())

    def trained(self) -> Trained | None:
        """Over the domains of the moment; None where there are none."""
        versions = self._versions()
        self._learn(set(versions.values()))
        key = tuple((name, version) for name, version in versions.items() if version in self._records)
        if key and key not in self._trained:
            self._trained = {key: Trained.over({name: self._records[version] for name, version in key})}
        return self._trained[key] if key else None

    def left_out(self) -> dict[str, str]:
        """Domains of the catalogue whose stored images could not be used, and why."""
        return {name: self._refused[version] for name, version in self._versions().items() if version in self._refused}

    def means(self) -> dict[str, NDArray[np.float32]]:
        """Version -> mean embedding [d], of all domains whose images can be used."""
        self._learn(set(self._versions().values()))
        return {version: record.mean.astype(np.float32) for version, record in self._records.items()}

    def seconds(self) -> float:
        """About how long the first question takes: teaching the reference, and looking at domains that are new."""
        versions = set(self._versions().values())
        if not versions:
            return 0.0
        if not self.is_ready():
            return TEACHING_S + NEW_DOMAIN_S * len(versions)
        known = self._records.keys() | {version for version in versions if self._kept().path(version).is_file()}
        return max(NEW_DOMAIN_S, IMAGES * self.an_image()) * len(versions - known)

    def is_ready(self) -> bool:
        """Whether the reference network is here; else the first question teaches it."""
        return self._backbone is not None or is_ready(self.zoo)

    def an_image(self) -> float:
        """About how many seconds the reference looks at one."""
        return A_MAC * self.backbone.macs

    def domain_vectors(self) -> tuple[tuple[str, ...], NDArray[np.float32]]:
        """Names [K] and mean embeddings [K, d], in the same order. A vector stays when other domains come and go."""
        versions, means = self._versions(), self.means()
        found = {name: means[version] for name, version in versions.items() if version in means}
        return tuple(found), np.stack(list(found.values())) if found else np.empty((0, 0), np.float32)

    def place(self, gallery: Gallery) -> NDArray[np.float32]:
        """[d]: the mean embedding of a sample's different images, to be compared with those of domains."""
        vectors, different = self._seen(gallery)
        mean: NDArray[np.float32] = vectors[different].mean(axis=0).astype(np.float32)
        return mean

    def vectors(self, gallery: Gallery) -> NDArray[np.float64]:
        """[n, d]: the embeddings of a sample's different images."""
        vectors, different = self._seen(gallery)
        return vectors[different]

    def distance(self, first: str, second: str) -> float:
        """Between the mean embeddings of two domains."""
        names, vectors = self.domain_vectors()
        for name in (first, second):
            if name not in names:
                raise UnknownDomain(name, names, "Only domains whose images are stored have a place.")
        return float(np.linalg.norm(vectors[names.index(first)] - vectors[names.index(second)]))

    def _seen(self, gallery: Gallery) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """The vectors [N, d] of its images, and which of them stand for all."""
        vectors = embedded(self.store.features(self.backbone, gallery))
        return vectors, evenly(first_of_each([entry.digest for entry in gallery.entries]), ENOUGH)

    # --- records ---

    def _versions(self) -> dict[str, str]:
        """The domains that stand for a sample, and its version; in the order of their names."""
        domains = sorted(self.zoo.catalogue.read().domains.items())
        return {name: domain.version for name, domain in domains if domain.version is not None}

    def _learn(self, versions: set[str]) -> None:
        """Have the record of each of these versions, and of no other: read, or computed where there is none."""
        if versions == self._records.keys() | self._refused.keys():
            return
        kept = self._kept()
        self._records = {version: record for version, record in self._records.items() if version in versions}
        self._refused = {}
        for version in sorted(versions - self._records.keys()):
            known = kept.path(version).is_file()
            if not known and not self.may_go_on():
                raise OutOfTime("the time was too short for all of the zoo's domains; what was learned is kept")
            try:
                self._records[version] = kept.read(version) or self._compute(version, kept)
            except (BlobBroken, Refused, UnknownVersion) as error:
                self._refused[version] = one_line(error)
        kept.keep_only(versions)

    def _kept(self) -> Records:
        return Records(self.zoo.home, self.eyes)

    def _compute(self, version: str, kept: Records) -> Record:
        gallery = gallery_of(stored_sample(version, self.zoo.home))
        vectors = embedded(self.store.features(self.backbone, gallery))
        record = Record.of(vectors, gallery.labels, chance_of(version))
        kept.write(version, record)
        return record


def gallery_of(sample: Sample) -> Gallery:
    """A fair draw of what the domain's models were trained on: the training part where there is one, else all."""
    entries = sample.entries("train" if "train" in sample.splits else None)
    if len(entries) > IMAGES:
        chosen = np.sort(chance_of(sample.version.id).choice(len(entries), IMAGES, replace=False))
        entries = tuple(entries[i] for i in chosen)
    return Gallery(sample, entries)


def chance_of(version: str) -> np.random.Generator:
    """The same draw for the same images, everywhere."""
    return np.random.default_rng(int(version[:16], 16))


def first_of_each(names: list[str]) -> NDArray[np.int64]:
    """The places where a name stands for the first time, in order."""
    return np.sort(np.unique(names, return_index=True)[1]).astype(np.int64)


def evenly(places: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """At most so many of them, spread over all: images lie sorted by class."""
    return places[np.linspace(0, len(places) - 1, min(most, len(places))).round().astype(np.int64)]

"""The discriminator over the domains of a moment, put together from their records; it reads and writes nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from discriminator.calibration import best_temperature, log_probabilities, shares
from discriminator.gaussians import Gaussians
from discriminator.nearness import nearness
from discriminator.outside import ALARM_RATE, Outside
from discriminator.records import Record
from headhunt.vocabulary import Struct

Floats = NDArray[np.float64]


class Resemblance(Struct, frozen=True):
    """What the discriminator says of a sample."""

    shares: dict[str, float]
    """Domain -> the share of the sample that comes from it, if all comes from known domains. Sums to 1."""
    nearness: dict[str, float]
    """Domain -> 0..1: what its history is worth here, also when the sample comes from none."""
    none_of_these: bool
    """The images are stranger than those of the known domains (p_value <= alarm_rate), or no domain is known."""
    p_value: float
    """0 where no domain is known."""
    alarm_rate: float = ALARM_RATE
    per_image: tuple[tuple[str, float], ...] = ()
    """For each image of the gallery the likeliest domain and its probability."""
    left_out: dict[str, str] = msgspec.field(default_factory=dict)
    """Domains that have images which could not be used -> why."""


NOTHING_KNOWN = Resemblance(shares={}, nearness={}, none_of_these=True, p_value=0.0)


@dataclass(frozen=True)
class Trained:
    """The discriminator over K >= 1 domains, in the order of their names."""

    names: tuple[str, ...]
    records: tuple[Record, ...]
    gaussians: Gaussians
    temperature: float
    outside: Outside

    @classmethod
    def over(cls, records: Mapping[str, Record]) -> Self:
        """Gaussians from the fitted images; temperature and test from those held out."""
        names = tuple(sorted(records))
        ordered = tuple(records[name] for name in names)
        gaussians = Gaussians.fit(ordered)
        held = [gaussians.distances(record.held.astype(np.float64)) for record in ordered]
        truth = np.repeat(np.arange(len(held)), [len(own) for own in held])
        temperature = best_temperature(np.concatenate(held), truth) if len(truth) else 1.0
        return cls(names, ordered, gaussians, temperature, Outside.fit(held))

    def probabilities(self, vectors: Floats) -> Floats:
        """[N, K], calibrated."""
        return np.exp(log_probabilities(self.gaussians.distances(vectors), self.temperature))

    def judge(self, vectors: Floats, different: NDArray[np.int64]) -> Resemblance:
        """vectors: [N, d]. different: which of them stand for all, since the same image twice says nothing new."""
        distances = self.gaussians.distances(vectors)
        log_p = log_probabilities(distances, self.temperature)
        mixture = shares(log_p[different])
        p_value = self.outside.p_value(distances[different], mixture)
        near = nearness(vectors[different], self.records)
        best = log_p.argmax(axis=1)
        return Resemblance(
            shares=dict(zip(self.names, mixture.tolist(), strict=True)),
            nearness=dict(zip(self.names, near.tolist(), strict=True)),
            none_of_these=p_value <= ALARM_RATE,
            p_value=p_value,
            per_image=tuple((self.names[k], float(np.exp(row[k]))) for k, row in zip(best, log_p, strict=True)),
        )

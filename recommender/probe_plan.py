"""How a halving is made: its rungs, its rates, who stays."""

import math
from dataclasses import dataclass

from headhunt.errors import BadValue
from recommender.probes import Trial


@dataclass(frozen=True)
class ProbePlan:
    """How short trainings are made. The numbers are those that ranked best where it was measured: docs/probes.md.

    rungs: the steps that each rung adds. rates: the first is the one that all take where time does not allow more.
    keep: the share of contenders that goes on to the next rung, `fewest` at least. horizon: the steps of the
    fine-tuning that the losses are extrapolated to.
    """

    rungs: tuple[int, ...] = (12, 24, 72)
    rates: tuple[float, ...] = (2e-3, 5e-3, 5e-4)
    keep: float = 1 / 3
    fewest: int = 2
    batch_size: int = 32
    layer_decay: float = 1.0
    weight_decay: float = 0.05
    horizon: int = 300
    seed: int = 0
    device: str | None = None

    def __post_init__(self) -> None:
        wrong = [
            (not self.rungs or min(self.rungs) < 1, "rungs", self.rungs, "one or more numbers of steps, each above 0"),
            (not self.rates or not 0 < min(self.rates) <= max(self.rates) < math.inf, "rates", self.rates, "above 0"),
            (not 0 < self.keep <= 1, "keep", self.keep, "a share above 0, up to 1"),
            (self.fewest < 1, "fewest", self.fewest, "1 or more"),
            (self.batch_size < 2, "batch_size", self.batch_size, "2 or more"),
            (self.horizon < 1, "horizon", self.horizon, "1 or more steps"),
        ]
        for is_wrong, name, value, wanted in wrong:
            if is_wrong:
                raise BadValue(f"The {name} of a plan of probes are {value}; wanted: {wanted}.")

    def trial(self, lr: float, rung: int) -> Trial:
        return Trial(
            lr=lr,
            rungs=self.rungs[: rung + 1],
            batch_size=self.batch_size,
            layer_decay=self.layer_decay,
            weight_decay=self.weight_decay,
            seed=self.seed,
        )

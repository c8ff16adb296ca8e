"""Every method that ranks the models of a target, over the same features: a score for each model, and what it took.

target   the one that is ranked for; its truth is seen by the noise ceiling and by `fine-tune all` alone
others   the truths of the other targets: what a history would hold
"""

import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.ranking_signals import FEATURES, Signal
from benchmarks.ranking_truth import Row, name_of, open_target
from headhunt.vocabulary import ModelCard, Ranking
from recommender.baselines import loo_ranks, portfolio_score
from recommender.clock import Deadline
from recommender.knowledge import Known
from recommender.outcomes import Outcomes
from recommender.recommend import recommend
from recommender.request import Request
from zoo.repository import Zoo

Array = NDArray[np.float64]
SHARE = 0.05
"""Of the cost of fine-tuning all: what headhunt may spend."""


@dataclass(frozen=True)
class Case:
    """One target with its M models, and everything that methods may look at."""

    home: Path
    archive: Path
    images: int
    cards: Sequence[ModelCard]
    rows: Sequence[Row]
    signals: Mapping[tuple[str, str], Signal]
    """By model and name."""
    outcomes: Outcomes
    """Of the same models on the other targets."""
    nearness: Mapping[str, float]
    """Of the other targets to this one."""
    known: Known

    @property
    def target(self) -> str:
        return name_of(self.archive)

    def taken(self, name: str) -> Array:
        return np.array([self.signals[card.id, name].value for card in self.cards])

    def cost(self, name: str) -> float:
        return float(sum(self.signals[card.id, name].seconds for card in self.cards))

    def runs(self) -> Array:
        """[M, S]: of each model and seed the accuracy at the best rate, by the mean over seeds."""
        seeds = sorted({row.seed for row in self.rows})
        return np.array([best_rate(self.rows, card.id, seeds) for card in self.cards])

    @property
    def fine_tuning_seconds(self) -> float:
        """Of one full fine-tuning of everything: every rate, one seed."""
        return sum(row.seconds for row in self.rows) / len({row.seed for row in self.rows})


def best_rate(rows: Sequence[Row], model: str, seeds: Sequence[int]) -> list[float]:
    own = {(row.lr, row.seed): row.accuracy for row in rows if row.model == model}
    rates = sorted({lr for lr, _ in own})
    best = max(rates, key=lambda lr: float(np.mean([own[lr, seed] for seed in seeds])))
    return [own[best, seed] for seed in seeds]


@dataclass(frozen=True)
class Said:
    """A score for each model, and the seconds it took, features included; where a method tells them, intervals."""

    score: Array
    seconds: float
    interval: tuple[Array, Array] | None = None


Method = Callable[[Case], Said]


def methods() -> dict[str, Method]:
    """By name, the plainest first."""
    return {
        "random": lambda case: Said(np.zeros(len(case.cards)), 0.0),
        "parameters": lambda case: Said(np.array([float(card.params) for card in case.cards]), 0.0),
        "flops": lambda case: Said(np.array([float(card.macs) for card in case.cards]), 0.0),
        "source accuracy": lambda case: Said(np.array([card.accuracy or np.nan for card in case.cards]), 0.0),
        "loo history": lambda case: Said(in_order(case, loo_ranks(case.outcomes)), 0.0),
        "portfolio": lambda case: Said(in_order(case, portfolio_score(case.outcomes, ids(case))), 0.0),
        "similarity history": similar,
        **{label: scored(name) for name, label in SCORES.items()},
        "probes alone": lambda case: Said(case.taken("probe"), case.cost("probe")),
        "headhunt": headhunt,
    }


SCORES = {
    "1-nn": "1-NN",
    "k-nn": "k-NN",
    "linear": "linear probe",
    "h_score": "H-score, shrunk",
    "logme": "LogME",
    "leep": "LEEP",
    "nleep": "NLEEP",
    "parc": "PARC",
    "sfda": "SFDA",
    "gbc": "GBC",
    "transrate": "TransRate",
}


def scored(name: str) -> Method:
    def method(case: Case) -> Said:
        return Said(case.taken(f"score:{name}"), case.cost(f"score:{name}") + case.cost(FEATURES))

    return method


def ids(case: Case) -> list[str]:
    return [card.id for card in case.cards]


def in_order(case: Case, score: Array) -> Array:
    """From the order of the outcomes to that of the cards."""
    by_model = dict(zip(case.outcomes.models, score.tolist(), strict=True))
    return np.array([by_model.get(card.id, np.nan) for card in case.cards])


def similar(case: Case) -> Said:
    """History, near targets counting more, in the eyes of the reference network."""
    weight = np.array([case.nearness.get(name, 0.0) for name in case.outcomes.datasets])
    return Said(in_order(case, loo_ranks(case.outcomes, weight + 1e-6)), 0.0)


def headhunt(case: Case) -> Said:
    """The product itself, in so many seconds of the processor; what it learned of this target is left out."""
    budget = SHARE * case.fine_tuning_seconds
    zoo = Zoo(case.home)
    with tempfile.TemporaryDirectory() as scratch, open_target(case.archive, case.images) as sample:
        began = time.process_time()
        ranking = recommend(
            zoo,
            sample,
            Request(budget=budget, among=frozenset(ids(case)), device="cpu"),
            clock=Deadline(budget, time.process_time),
            known=case.known,
            scratch=Path(scratch),
        )
        seconds = time.process_time() - began
    return told(case, ranking, seconds)


def told(case: Case, ranking: Ranking, seconds: float) -> Said:
    by_model = {one.model: one for one in ranking.candidates}
    found = [by_model[card.id] for card in case.cards]
    low, high = (np.array([one.interval[i] if one.interval else np.nan for one in found]) for i in (0, 1))
    return Said(np.array([one.expected_accuracy or np.nan for one in found]), seconds, (low, high))

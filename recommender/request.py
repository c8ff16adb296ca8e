"""What is asked of a recommendation, how far it is, and how its winner's probe is found again."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import product

from discriminator.gallery import Gallery
from headhunt.progress import Leaders, Progress, Watch
from headhunt.vocabulary import ModelCard
from recommender.candidates import Limit
from recommender.drawing import PARTS, chosen_entries
from recommender.probe_book import ProbeBook
from recommender.probe_plan import ProbePlan
from zoo.images.samples import Sample
from zoo.networks.weights import State
from zoo.repository import Zoo

__all__ = ["Leaders", "Progress", "Request", "Watch", "looked_at", "plan_for", "probe_of", "rates_of"]


@dataclass(frozen=True)
class Request:
    """What is asked: seconds (None: by size), limits on cards, whether labels are used, who may stand first."""

    budget: float | None = None
    limits: Mapping[str, Limit] = field(default_factory=dict)
    labels: bool = True
    allow_seen: bool = False
    among: frozenset[str] | None = None
    """Only these models."""
    seed: int = 0
    device: str | None = None


def probe_of(zoo: Zoo, sample: Sample, card: ModelCard, request: Request) -> tuple[float, State] | None:
    """The rate and the weights with which the longest probe of a card ended, if they are still there."""
    draws = dict.fromkeys(chosen_entries(sample, request.labels, request.seed, part) for part in PARTS)
    plan = plan_for(request)
    for entries, rung in product(draws, reversed(range(len(plan.rungs)))):
        book = ProbeBook(zoo.home, Gallery(sample, entries, sample.classes).key)
        keys = {lr: book.key(card, plan.trial(lr, rung)) for lr in plan.rates}
        ended = [
            (result.val_loss, lr, state)
            for lr, key in keys.items()
            if (result := book.result(key)) and (state := book.state(key))
        ]
        if ended:
            _, lr, state = min(ended, key=lambda one: one[0])
            return lr, state
    return None


def rates_of(zoo: Zoo, sample: Sample, card: ModelCard, request: Request) -> tuple[float, ...]:
    """The rates that the probes of a card tried, the best first; by the first rung, which all have."""
    draws = dict.fromkeys(chosen_entries(sample, request.labels, request.seed, part) for part in PARTS)
    plan = plan_for(request)
    for entries in draws:
        book = ProbeBook(zoo.home, Gallery(sample, entries, sample.classes).key)
        found = [(lr, book.result(book.key(card, plan.trial(lr, 0)))) for lr in plan.rates]
        tried = [(one.level, lr) for lr, one in found if one is not None and "diverged" not in one.marks]
        if tried:
            return tuple(lr for _, lr in sorted(tried))
    return ()


def looked_at(sample: Sample, request: Request) -> list[Gallery]:
    """What a recommendation looked at, or would have with less time; the largest first."""
    draws = dict.fromkeys(chosen_entries(sample, request.labels, request.seed, part) for part in PARTS)
    return [Gallery(sample, entries, sample.classes) for entries in draws]


def plan_for(request: Request) -> ProbePlan:
    return ProbePlan(seed=request.seed, device=request.device)

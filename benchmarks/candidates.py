"""How long does it take to choose candidates from a large zoo, once the sample has been embedded?

    python -m benchmarks.candidates [--cards 2000] [--outcomes 10000] [--json FILE]

A made-up catalogue and a made-up history of that size; every step of the choice that does not look at images.
"""

import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks.report import Table, arguments, publish
from headhunt.vocabulary import Domain, Measured, ModelCard, Outcome
from recommender.candidates import promising, within_limits
from recommender.contamination import Seen, have_seen
from recommender.outcomes import outcomes_of
from recommender.prior import history_prior
from recommender.ranking import judge
from recommender.signals import card_signals, ladder
from zoo.repository import Zoo

DOMAINS, NETWORKS, DATASETS = 40, 90, 50
REPEATS = 5


def main(given: list[str] | None = None) -> int:
    parser = arguments((__doc__ or "").partition("\n")[0])
    parser.add_argument("--cards", type=int, default=2000, metavar="N")
    parser.add_argument("--outcomes", type=int, default=10_000, metavar="N")
    asked = parser.parse_args(given)
    with tempfile.TemporaryDirectory() as home:
        zoo = filled(Path(home), asked.cards)
        history = outcomes(asked.cards, asked.outcomes, asked.seed)
        runs = [timed(zoo, history, asked.seed) for _ in range(REPEATS)]
    table = Table(f"{asked.cards:,} cards, {asked.outcomes:,} outcomes: seconds", ["step", "median"])
    for step in runs[0]:
        table.add(step, round(median(run[step] for run in runs), 4))
    table.add("all", round(median(sum(run.values()) for run in runs), 4))
    publish("candidates", [table], seed=asked.seed, keep=asked.json)
    return 0


def filled(home: Path, count: int) -> Zoo:
    zoo = Zoo(home)
    with zoo.catalogue.change() as draft:
        for i in range(DOMAINS):
            draft.ensure_domain(Domain(name=f"domain-{i}"))
        for i in range(count):
            draft.add_card(made_up(i))
    return zoo


def made_up(i: int) -> ModelCard:
    return ModelCard(
        id=f"domain-{i % DOMAINS}/model-{i}",
        network=f"network-{i % NETWORKS}",
        domain=f"domain-{i % DOMAINS}",
        origin="train",
        input_size=224,
        mean=(0.5,) * 3,
        std=(0.25,) * 3,
        params=10_000 * (i + 1),
        macs=10**6 * (i + 1),
        measured=Measured(latency_ms=1.0, peak_bytes=1, device="cpu"),
    )


def outcomes(cards: int, count: int, seed: int) -> list[Outcome]:
    rng = np.random.default_rng(seed)
    models, datasets = rng.integers(cards, size=count), rng.integers(DATASETS, size=count)
    accuracy = rng.uniform(0.3, 0.9, size=count)
    return [
        Outcome(model=made_up(int(model)).id, dataset=f"dataset-{dataset}", accuracy=float(value))
        for model, dataset, value in zip(models, datasets, accuracy, strict=True)
    ]


def timed(zoo: Zoo, history: list[Outcome], seed: int) -> dict[str, float]:
    """Seconds of each step."""
    seconds: dict[str, float] = {}
    rng = np.random.default_rng(seed)
    with step(seconds, "limits"):
        cards, _ = within_limits(zoo, {"max_params": "1G"})
    with step(seconds, "who has seen the images"):
        have_seen(zoo, Seen({"domain-3": 0.5}))
    with step(seconds, "history"):
        near = {f"dataset-{i}": float(rng.uniform()) for i in range(DATASETS)}
        prior = history_prior(outcomes_of(history), [card.id for card in cards], near)
    with step(seconds, "what is expected of them"):
        effects = zip(cards, prior.effect.tolist(), strict=True)
        signals = [card_signals(card, {}) | {"near": 0.1, "history": effect} for card, effect in effects]
        judged = judge([], signals, ladder(signals), 0.1)
    with step(seconds, "order"):
        promising(cards, judged.mean, np.hypot(judged.within, prior.spread), rng)
    return seconds


@contextmanager
def step(seconds: dict[str, float], name: str) -> Iterator[None]:
    began = time.perf_counter()
    yield
    seconds[name] = time.perf_counter() - began


if __name__ == "__main__":
    sys.exit(main())

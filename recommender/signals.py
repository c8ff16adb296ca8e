"""The signals that the ranking model reads: what each stage says of a candidate, in units in which more is better.

    shares (accuracies)   as logits, counted on as many images as they were
    losses                as -ln(loss)

The ranking model reads few of them (PRIOR, SEEN, TRAINED): on targets that were left out, sums of more were no better
(docs/ranking.md). The others are told as evidence, since they are what a plain baseline would have said.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from threadpoolctl import threadpool_limits

from discriminator.gap import Features
from headhunt.vocabulary import ModelCard
from recommender.contender import ProbeResult, level
from recommender.ranking import logit
from recommender.scores.given import Labels
from recommender.scores.linear import ridge_path, ridge_path_stages
from recommender.scores.neighbours import knn_stages

CARD = ("size",)
PRIOR = ("history", "architecture", "near", *CARD)
SEEN = ("stages",)
TRAINED = ("probe",)
LEVEL = "stages"
NEIGHBOURS = 5
LEAST_LOSS = 1e-3


def card_signals(card: ModelCard, networks: Mapping[str, float] | None = None) -> dict[str, float]:
    """`size`: log10 of the parameters; `architecture`: what its architecture did elsewhere, where that is asked for."""
    size = {"size": math.log10(max(card.params, 1))}
    return size if networks is None else size | {"architecture": networks.get(card.network, 0.0)}


def feature_signals(features: Features, labels: Labels, seed: int = 0) -> dict[str, float]:
    """What frozen features say: linear probes on the head's input and on all stages, and the nearest neighbours.

    On one thread: matrices of this size gain nothing from a second, and lose tenfold where others use its core.
    """
    rng = np.random.default_rng(seed)
    with threadpool_limits(1, "blas"):
        head = ridge_path(features.head, labels, rng)
        stages = ridge_path_stages([*features.stages, features.head], labels, rng)
        near = knn_stages([*features.stages, features.head], labels, NEIGHBOURS, rng)
    return {
        "head": logit(head.accuracy, head.n),
        "head_loss": ease(head.loss),
        "stages": logit(stages.accuracy, stages.n),
        "stages_loss": ease(stages.loss),
        "neighbours": logit(near, stages.n),
    }


def probe_signals(result: ProbeResult) -> dict[str, float]:
    """The level at the end of the first rung: all contenders have as many steps behind them there.

    Where a curve is going depends on who else runs, and how far they got: it decides who goes on, but what is learned
    from past targets has to mean the same on the next one. Later rungs made the order no better on targets that were
    left out (docs/ranking.md).
    """
    cut = result.rungs == 1 and "cut" in result.marks
    return {} if cut or len(result.curve) < 2 else {"probe": ease(level(result.curve[1]))}


def ladder(signals: Sequence[Mapping[str, float]]) -> list[tuple[tuple[str, ...], str | None]]:
    """Models of more and more signals, for `ranking.judge`. What no stage could say of all candidates is left out."""
    everywhere = [name for name in PRIOR if all(name in one for one in signals)]
    rungs: list[tuple[tuple[str, ...], str | None]] = [(tuple(everywhere), None)]
    for more in (SEEN, TRAINED):
        rungs.append(((*rungs[-1][0], *more), LEVEL))
    return rungs


def ease(loss: float) -> float:
    """-ln(loss): halving a loss counts the same wherever it stands."""
    return -math.log(max(loss, LEAST_LOSS)) if math.isfinite(loss) else -math.log(10.0)


def share_of_largest(labels: Labels) -> float:
    """What naming the largest class would give."""
    known = labels[labels >= 0]
    return float(np.bincount(known).max() / len(known)) if len(known) else math.nan

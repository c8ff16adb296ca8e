"""From signals and what they are worth to an answer that a person can read and check."""

from dataclasses import dataclass

import numpy as np

from discriminator.domains import Resemblance
from headhunt.vocabulary import Evidence, ModelCard, Ranked, Ranking, Refusal, Stage
from recommender.contender import ProbeResult
from recommender.dissimilarity import Views
from recommender.ranking import Judged
from zoo.catalogue.quantities import write_count, write_share
from zoo.images.samples import Sample

TIED = 0.8
"""Who is worse than the first of a group with less than this probability stands in the group with it."""
HARDLY = 0.01
"""Candidates whose expected accuracies differ by less than this make no difference to anybody."""
STAGE_OF: dict[str, Stage] = {
    "near": "domain",
    "history": "history",
    "architecture": "history",
    "size": "history",
    "head": "features",
    "head_loss": "features",
    "stages": "features",
    "stages_loss": "features",
    "neighbours": "features",
    "probe": "training",
}
POINTS = 100.0


@dataclass(frozen=True)
class Seen:
    """One candidate with all that was seen of it. known: the share of the sample that it was already trained on."""

    card: ModelCard
    signals: dict[str, float]
    probe: ProbeResult | None
    known: float
    views: Views | None = None


@dataclass(frozen=True)
class Found:
    """All that a hunt found, before it is put in order."""

    sample: Sample
    candidates: tuple[Seen, ...]
    images: int
    majority: float | None
    resembles: Resemblance | None
    spent: dict[str, float]
    budget: float
    warnings: tuple[str, ...]
    refused: tuple[Refusal, ...]
    settled: bool
    allow_seen: bool


def ranking_of(found: Found, judged: Judged) -> Ranking:
    order = places(found, judged)
    groups = tie_groups(order, judged, found)
    labelled = found.majority is not None
    low, high = judged.interval()
    ranked = tuple(
        Ranked(
            rank=rank + 1,
            model=found.candidates[i].card.id,
            expected_accuracy=round(float(judged.accuracy[i]), 4) if labelled else None,
            interval=(round(float(low[i]), 4), round(float(high[i]), 4)) if labelled else None,
            tie_group=groups[rank],
            why=why(found.candidates[i], moved(judged, i)),
            evidence=evidence(found.candidates[i], found),
            moved=moved(judged, i),
            card=found.candidates[i].card,
            signals={name: round(value, 5) for name, value in found.candidates[i].signals.items()},
            flags=flags(found.candidates[i], labelled),
        )
        for rank, i in enumerate(order)
    )
    resembles = found.resembles
    return Ranking(
        sample=found.sample.name,
        version=found.sample.version.id,
        images=found.images,
        classes=found.sample.classes,
        candidates=ranked,
        spent={stage: round(seconds, 3) for stage, seconds in found.spent.items()},
        budget=found.budget,
        warnings=(*found.warnings, *warned(found)),
        refused=found.refused,
        advice=advice(ranked, found),
        resembles={name: round(share, 4) for name, share in resembles.shares.items()} if resembles else {},
        out_of_domain=resembles.none_of_these if resembles and resembles.shares else None,
        majority=found.majority,
        settled=found.settled,
    )


def places(found: Found, judged: Judged) -> list[int]:
    """The best first; who has seen the images comes after all others, unless that is allowed."""
    barred = [one.known > 0 and not found.allow_seen for one in found.candidates]
    return sorted(range(len(barred)), key=lambda i: (barred[i], -judged.mean[i], found.candidates[i].card.id))


def tie_groups(order: list[int], judged: Judged, found: Found) -> list[int]:
    """For each place: 1 while nobody is surely worse than the first, and so on. Who is barred ties with nobody else."""
    groups: list[int] = []
    leader, barred = order[0], False
    for i in order:
        bar = found.candidates[i].known > 0 and not found.allow_seen
        if groups and (judged.better(leader, i) >= TIED or bar != barred):
            leader = i
            groups.append(groups[-1] + 1)
        else:
            groups.append(groups[-1] if groups else 1)
        barred = bar
    return groups


def moved(judged: Judged, i: int) -> dict[str, float]:
    """Points of expected accuracy that each stage adds, against the average candidate."""
    slope = float(judged.accuracy[i] * (1 - judged.accuracy[i])) * POINTS
    stages: dict[str, float] = {}
    for name, value in judged.moved[i].items():
        stages[STAGE_OF[name]] = stages.get(STAGE_OF[name], 0.0) + slope * value
    return {stage: round(points, 2) for stage, points in stages.items()}


# --- Words --------------------------------------------------------------------------------------------------------


def evidence(one: Seen, found: Found) -> tuple[Evidence, ...]:
    """What each stage said of it, in the order of the stages."""
    signals, said = one.signals, list[Evidence]()
    if found.resembles and one.card.domain in found.resembles.shares:
        share = found.resembles.shares[one.card.domain]
        said.append(
            Evidence(
                stage="domain", name="share", value=share, words=near_words(one, share, found.resembles.none_of_these)
            )
        )
    if "history" in signals:
        words = f"{signals['history']:+.2f} against the mean model on other data, in logits"
        said.append(Evidence(stage="history", name="effect", value=signals["history"], words=words))
    if signals.get("architecture"):
        words = f"{signals['architecture']:+.2f} for its architecture on other data, in logits"
        said.append(Evidence(stage="history", name="architecture", value=signals["architecture"], words=words))
    said.append(
        Evidence(
            stage="history", name="params", value=one.card.params, words=f"{write_count(one.card.params)} parameters"
        )
    )
    for name, words in (
        ("head", "a linear classifier on what goes into its head"),
        ("stages", "a linear classifier on all its stages"),
        ("neighbours", "the 5 nearest images, by all its stages"),
    ):
        if name in signals:
            accuracy = share_of(signals[name])
            said.append(
                Evidence(stage="features", name=name, value=accuracy, words=f"{words}: {write_share(accuracy)}")
            )
    if one.views:
        said += view_evidence(one.views)
    if one.probe:
        said += probe_evidence(one.probe)
    return tuple(said)


def view_evidence(views: Views) -> list[Evidence]:
    best = int(np.nanargmax(views.depths)) if not np.isnan(views.depths).all() else 0
    depth = f"tells the classes apart best at stage {best + 1} of {len(views.depths)}"
    value, like = round(views.depths[best], 4), round(views.agreement, 4)
    return [
        Evidence(stage="features", name="depth", value=value, words=f"{depth} (agreement {value:.2f})"),
        Evidence(
            stage="features", name="alike", value=like, words=f"sees them most like {views.like} (agreement {like:.2f})"
        ),
    ]


def probe_evidence(probe: ProbeResult) -> list[Evidence]:
    words = f"after {probe.steps} steps: held-out loss {probe.val_loss:.3f}, on its way to {probe.expected:.3f}"
    accuracy = f"after {probe.steps} steps: {write_share(probe.val_accuracy)} of the held-out images"
    return [
        Evidence(stage="training", name="loss", value=probe.val_loss, words=words),
        Evidence(stage="training", name="accuracy", value=probe.val_accuracy, words=accuracy),
        Evidence(stage="training", name="rate", value=probe.lr, words=f"best rate {probe.lr:g}"),
    ]


def near_words(one: Seen, share: float, stranger: bool) -> str:
    if stranger:
        return (
            f"{write_share(share)} of the sample is nearer to {one.card.domain} than to other domains, though not of it"
        )
    return f"{write_share(share)} of the sample looks like {one.card.domain}, which it was trained on"


def share_of(value: float) -> float:
    return round(float(1 / (1 + np.exp(-value))), 4)


def why(one: Seen, stages: dict[str, float]) -> str:
    """The shortest true reason: what speaks most for it, or against it where all in all more does."""
    if one.known:
        return f"already trained on {write_share(one.known)} of these images: what it says of them is memory"
    if not stages:
        return "nothing tells it from the others"
    choose = max if sum(stages.values()) >= 0 else min
    stage, points = choose(stages.items(), key=lambda pair: pair[1])
    reasons = {
        "domain": "its domain is near" if points >= 0 else "its domain is far",
        "history": "did well on other data" if points >= 0 else "did worse on other data, or is small",
        "features": "separates the classes as it is" if points >= 0 else "separates the classes badly as it is",
        "training": "learns them fast" if points >= 0 else "learns them slowly",
    }
    return f"{reasons[stage]} ({points:+.1f} points)"


def flags(one: Seen, labelled: bool) -> tuple[str, ...]:
    found = []
    if one.known:
        found.append("seen-images")
    if labelled and "stages" not in one.signals:
        found.append("not-looked-at")
    if one.probe:
        found += [mark for mark in one.probe.marks if mark in ("diverged", "cut")]
    return tuple(found)


def warned(found: Found) -> list[str]:
    """What the user has to know about how far the answer reaches."""
    said = []
    if found.majority is not None:
        blind = sum("stages" not in one.signals for one in found.candidates)
        if blind:
            said.append(
                f"{blind} of {len(found.candidates)} models were not looked at: the time was too short for them"
            )
    barred = sum(one.known > 0 for one in found.candidates)
    if barred and not found.allow_seen:
        they = "1 model was" if barred == 1 else f"{barred} models were"
        said.append(f"{they} already trained on these images and stand last")
    return said


def advice(ranked: tuple[Ranked, ...], found: Found) -> tuple[str, ...]:
    """What follows, in words."""
    said = []
    if found.majority is not None and all("stages" not in one.signals for one in found.candidates):
        said.append("No model was looked at in this time: accuracies are what is usual elsewhere, not here.")
    if found.resembles and found.resembles.shares and found.resembles.none_of_these:
        trust = "trust the probes" if found.majority is not None else "labels would let the models be tried"
        said.append(f"The sample resembles none of the domains: nearness says little here, {trust}.")
    first = [one for one in ranked if one.tie_group == 1 and one.expected_accuracy is not None]
    if len(first) > 1:
        gap = max(one.expected_accuracy or 0.0 for one in first) - min(one.expected_accuracy or 0.0 for one in first)
        if gap < HARDLY:
            said.append(f"The choice among the first {len(first)} hardly matters: take the smallest or the fastest.")
        else:
            said.append(f"The first {len(first)} cannot be told apart for certain: any of them is a good start.")
    return tuple(said)

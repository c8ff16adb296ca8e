"""From truths and signals to cases: what each target's methods may see, with the target itself left out everywhere.

The ranking model is fitted on lessons. Those of the other targets are made here; their own history signal comes from
the targets that are neither theirs nor the one that is ranked for, so that nothing of its truth comes back by that way.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.ranking_methods import Case, best_rate
from benchmarks.ranking_signals import FEATURES, SIGNALS, Signal, gallery_of, nearness
from benchmarks.ranking_truth import Row, name_of
from headhunt.vocabulary import ModelCard, Outcome
from recommender.experience import SHIPPED, Lesson, read_lessons
from recommender.knowledge import Known
from recommender.outcomes import outcomes_of
from recommender.prior import history_prior
from recommender.signals import share_of_largest
from zoo.repository import Zoo


@dataclass(frozen=True)
class Measured:
    """All that was measured with one zoo: of each target the truths, and the signals by model and name."""

    home: Path
    archives: Sequence[Path]
    images: int
    rows: Mapping[str, Sequence[Row]]
    signals: Mapping[str, Mapping[tuple[str, str], Signal]]

    def nearness(self, target: str) -> dict[str, float]:
        archive = next(one for one in self.archives if name_of(one) == target)
        return nearness(self.home, archive, self.images)


def case_of(measured: Measured, archive: Path, cards: Mapping[str, ModelCard]) -> Case:
    target = name_of(archive)
    outcomes = history_without(measured, {target})
    models = sorted({row.model for row in measured.rows[target]})
    return Case(
        home=measured.home,
        archive=archive,
        images=measured.images,
        cards=[cards[model] for model in models],
        rows=measured.rows[target],
        signals=measured.signals[target],
        outcomes=outcomes_of(outcomes),
        nearness=measured.nearness(target),
        known=Known(lessons_without(measured, target), outcomes),
    )


def lessons_without(measured: Measured, target: str) -> list[Lesson]:
    """Of the other targets of this run, and those that come with the package of targets that are not in this run."""
    run = {name_of(archive) for archive in measured.archives}
    shipped = [lesson for lesson in read_lessons(SHIPPED) if lesson.target not in run]
    own = [one for archive in measured.archives for one in lessons_of(measured, archive, {target, name_of(archive)})]
    return [*shipped, *(lesson for lesson in own if lesson.target != target)]


def lessons_of(measured: Measured, archive: Path, hidden: set[str]) -> list[Lesson]:
    """What one target teaches; `hidden`: targets whose truth may not enter the history signal."""
    target, gallery = name_of(archive), gallery_of(archive, measured.images)
    truth = truth_of(measured.rows[target])
    models, outcomes = sorted(truth), outcomes_of(history_without(measured, hidden))
    cards, known = Zoo(measured.home).catalogue.read().cards, set(outcomes.models)
    effect = history_prior(outcomes, models, measured.nearness(target)).effect if known & set(models) else None
    return [
        Lesson(
            group=f"{measured.home.name} {target}",
            target=target,
            version=gallery.sample.version.id,
            model=model,
            network=cards[model].network,
            chance=share_of_largest(gallery.labels),
            accuracy=truth[model],
            signals=ours(measured.signals[target], model) | ({} if effect is None else {"history": float(effect[i])}),
        )
        for i, model in enumerate(models)
    ]


def ours(signals: Mapping[tuple[str, str], Signal], model: str) -> dict[str, float]:
    """Those that the ranking model reads: no published score, no cost."""
    named = {name: one.value for (owner, name), one in signals.items() if owner == model}
    return {name: value for name, value in named.items() if ":" not in name and name not in (FEATURES, SIGNALS)}


def truth_of(rows: Sequence[Row]) -> dict[str, float]:
    """Of each model the accuracy at the best rate, the mean over seeds."""
    seeds = sorted({row.seed for row in rows})
    return {model: float(np.mean(best_rate(rows, model, seeds))) for model in {row.model for row in rows}}


def history_without(measured: Measured, hidden: set[str]) -> list[Outcome]:
    """The truths of the other targets, as a history would hold them."""
    return [
        Outcome(model=model, dataset=target, accuracy=accuracy, source="benchmark")
        for target, rows in measured.rows.items()
        if target not in hidden
        for model, accuracy in sorted(truth_of(rows).items())
    ]

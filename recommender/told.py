"""A recommendation tells of itself: one run, with a run within it for each model and rate that was tried.

A probe is told of when it has ended, by the process that asked for it, wherever it was trained; its next rung goes on
with the same run. What the book knew already was not trained, and is not told.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import msgspec

from headhunt.errors import Diverged, HeadhuntError
from headhunt.vocabulary import Ranking
from recommender.contender import ProbeResult
from recommender.request import Request
from zoo.images.samples import Sample
from zoo.telling import SILENT, About, Diary, Entry

EXPERIMENT = "suggest"


def about(sample: Sample, request: Request) -> About:
    limits = {f"limits.{name}": str(value) for name, value in request.limits.items()}
    return About(
        experiment=EXPERIMENT,
        name=f"recommendation for {sample.name}",
        identity=f"recommendation\0{sample.version.id}\0{request}",
        dataset=sample.version.id,
        params={
            "budget": request.budget,
            "labels": request.labels,
            "allow_seen": request.allow_seen,
            "seed": request.seed,
            **limits,
        },
        tags=("recommendation",),
    )


def summary_of(ranking: Ranking) -> Mapping[str, Any]:
    best = ranking.candidates[0] if ranking.candidates else None
    return {
        "best": best and best.model,
        "expected_accuracy": best and best.expected_accuracy,
        "candidates": len(ranking.candidates),
        "settled": ranking.settled,
        "warnings": list(ranking.warnings[:50]),
        "seconds": dict(ranking.spent),
    }


@dataclass
class Tries:
    """Who hears of the probes of one recommendation. parent: its run."""

    diary: Diary = SILENT
    parent: Entry = field(default_factory=lambda: SILENT.begin(About("", "")))
    dataset: str | None = None
    failed: set[str] = field(default_factory=set)

    def trained(self, result: ProbeResult) -> None:
        if not self.diary.listens:
            return
        with suppress(Diverged), self.diary.begin(self._about(result)) as entry:
            tell(entry, result)
            if "diverged" in result.marks:
                raise Diverged(f"The short training of {result.model} diverged at a rate of {result.lr:.2g}.")

    def cannot(self, model: str, error: HeadhuntError) -> None:
        """Once for each model, however many rungs say it."""
        if not self.diary.listens or model in self.failed:
            return
        self.failed.add(model)
        with suppress(HeadhuntError), self.diary.begin(self._of(model, model, {})):
            raise error

    def _about(self, result: ProbeResult) -> About:
        made = {"lr": result.lr, "batch_size": result.batch_size}
        return self._of(result.model, f"{result.model} at {result.lr:g}", made, ago=result.curve[-1].seconds)

    def _of(self, model: str, name: str, params: Mapping[str, Any], ago: float = 0.0) -> About:
        return About(
            experiment=EXPERIMENT,
            name=f"probe of {name}",
            identity=f"probe\0{self.parent.id}\0{name}",
            resumed=True,
            dataset=self.dataset,
            model=model,
            parent=self.parent.id,
            params={"model": model, **params},
            tags=("probe",),
            ago=ago,
        )


def tell(entry: Entry, result: ProbeResult) -> None:
    """The newest rung."""
    before = result.steps - len(result.step_losses)
    for point in result.curve if before == 0 else result.curve[-1:]:
        values = {"train_loss": point.train_loss, "val_loss": point.val_loss, "val_accuracy": point.val_accuracy}
        entry.numbers(point.step, {name: value for name, value in values.items() if value is not None})
    for number, loss in enumerate(result.step_losses, before + 1):
        entry.numbers(number, {"loss": loss})
    made = msgspec.structs.asdict(result)
    told = {name: made[name] for name in ("val_loss", "val_accuracy", "expected", "seconds", "steps", "rungs")}
    entry.note("summary", {**told, **dict.fromkeys(result.marks, True)})

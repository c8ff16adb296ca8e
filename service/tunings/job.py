"""The job of a tuning, in a child of a worker: the search, as `rec.tune` does it, and what came of it.

After a kill the next attempt goes on with the study; at most the trial that was running is run again. The seconds that
were asked for count over all attempts, without those in which the job was paused.
"""

import os
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from typing import Any

import msgspec

from headhunt.errors import HeadhuntError
from headhunt.progress import Progress
from headhunt.studies.tuned import StudyPlan, TuningAsked, TuningDone
from headhunt.studies.wire import BestTrial
from headhunt.tuned import wish_of
from headhunt.vocabulary import Refusal, Struct
from headhunt.wire import RecommendationAsked
from recommender.fan import Away, Fan
from recommender.fan_pool import Pool
from recommender.request import Request, looked_at, rates_of
from service.job_runs import diary_of
from service.jobs.places import VISIBLE
from service.jobs.worker import PASSING, Work
from service.recommending import fan_of
from service.stored import dataset_sample, zoo_of
from service.studies.small import shown
from service.studies.store import Maker
from service.tunings.keeping import AtService, still_ours
from tuning.bench import Model
from tuning.remembering import tune
from tuning.tune import Tuned, Wish
from zoo.images.samples import Sample
from zoo.repository import Zoo

LEAST_S = 0.1
CORES_A_LANE, MOST_LANES = 4, 8
"""Torch itself uses a few cores well for one small training, and more of them hardly."""


class Expected(Struct, frozen=True):
    """What a recommendation says of a model."""

    model: str
    accuracy: float | None = None
    interval: tuple[float, float] | None = None


class Spec(msgspec.Struct, frozen=True):
    """What a job is to do. recommended: what the recommendation was asked, where there is one; owner: of the study."""

    asked: TuningAsked
    version: str
    name: str
    models: tuple[Expected, ...]
    by: str
    owner: str
    recommended: RecommendationAsked | None = None


class Step(msgspec.Struct, frozen=True):
    """What a later attempt finds: the seconds that were used, and whether the study was opened."""

    used: float = 0.0
    opened: bool = False


def run(work: Work) -> TuningDone:
    spec = msgspec.convert(work.spec, Spec)
    step = Step() if work.step is None else msgspec.convert(work.step, Step)
    keeper = AtService(work, Maker(work.project, spec.by, spec.owner), fresh=not step.opened)
    watch = Teller(work, keeper, step)
    watch(Progress("trials", 0, spec.asked.trials or 0, "reading the images"))
    with (
        kept_in_order(keeper),
        zoo_of(work, changing=True) as zoo,
        dataset_sample(work) as sample,
        diary_of(work) as zoo.diary,
    ):
        request = request_of(spec.recommended)
        models = models_of(zoo, sample, spec, request)
        with fan_for(work) as fan:
            wish = replace(wish_for(spec.asked, watch.used()), keeper=keeper, fan=fan)
            found = tune(zoo, sample, models, wish, watch, looked_at(sample, request))
            keeper.ended("done")
        return done(found, keeper, (*sample.warnings, *(fan.warnings if fan is not None else ())), sample.refused)


def fan_for(work: Work) -> AbstractContextManager[Fan | None]:
    """A cluster, where the service has one; processes beside this one, where the machine has cores for several."""
    if work.ray is not None:
        return fan_of(work.ray)
    lanes, threads = lanes_on(len(os.sched_getaffinity(0)), bool(os.environ.get(VISIBLE)))
    return nullcontext() if lanes < 2 else Away(Pool(lanes, threads))


def lanes_on(cores: int, gpu: bool) -> tuple[int, int]:
    """How many trials at once, and the threads of each. A GPU is one trial's."""
    lanes = 1 if gpu else max(1, min(MOST_LANES, cores // CORES_A_LANE))
    return lanes, max(1, cores // lanes)


@contextmanager
def kept_in_order(keeper: AtService) -> Iterator[None]:
    """An error that would come again ends the study with the job."""
    try:
        yield
    except PASSING:
        raise
    except HeadhuntError as error:
        keeper.ended("failed", str(error))
        raise
    finally:
        keeper.close()


def wish_for(asked: TuningAsked, used: float) -> Wish:
    names = ("space", "aims", "limits", "algo", "seed", "study", "curtail", "part")
    wish = wish_of(asked.trials, asked.seconds, {name: getattr(asked, name) for name in names})
    return wish if wish.seconds is None else replace(wish, seconds=max(LEAST_S, wish.seconds - used))


def request_of(before: RecommendationAsked | None) -> Request:
    if before is None:
        return Request()
    return Request(limits=before.limits, labels=before.labels, allow_seen=before.allow_seen)


def models_of(zoo: Zoo, sample: Sample, spec: Spec, request: Request) -> list[Model]:
    """Where each is tried first hangs on its probes."""
    cards = [(zoo.card(one.model), one) for one in spec.models]
    return [Model(card, one.accuracy, one.interval, rates_of(zoo, sample, card, request)) for card, one in cards]


class Teller:
    """Tells the queue how far it is, the best so far with it."""

    def __init__(self, work: Work, keeper: AtService, step: Step) -> None:
        self.work, self.keeper, self.step, self.began = work, keeper, step, time.monotonic()

    def used(self) -> float:
        return self.step.used + time.monotonic() - self.began

    def __call__(self, progress: Progress) -> None:
        body = {"stage": progress.stage, "done": progress.done, "total": progress.total, "words": progress.words}
        with still_ours():
            self.work.tell(
                {**body, **self.study()}, step=Step(self.used(), self.step.opened or self.keeper.made is not None)
            )

    def study(self) -> dict[str, Any]:
        made = self.keeper.made
        if made is None:
            return {"study": None, "best": None}
        row = made.row()
        best = None if row.best is None else msgspec.json.decode(row.best, type=BestTrial)
        return {"study": row.name, "best": best}


# --- What came of it --------------------------------------------------------------------------------------------------


def done(found: Tuned, keeper: AtService, warnings: tuple[str, ...], refused: tuple[Refusal, ...]) -> TuningDone:
    assert found.card is not None and keeper.made is not None  # noqa: S101,PT018 - nobody presses Ctrl-C here
    about = found.study.about
    plan = StudyPlan(
        space=dict(found.study.space),
        algo=about.algo,
        direction=about.direction,
        seed=about.seed,
        warm_up=about.warm_up,
        curtail=about.curtail,
        start=about.start,
        aims=about.aims,
        limits=about.limits,
    )
    return TuningDone(
        study=keeper.made.id,
        name=found.name,
        models=found.models,
        aims=found.goals.aims,
        limits=dict(found.goals.limits),
        plan=plan,
        trials=[shown(one, None) for one in found.study.trials()],
        best=found.best.number,
        front=[one.number for one in found.study.front()],
        recommended=msgspec.to_builtins(found.recommended),
        card=found.card,
        learned=found.learned,
        refused=refused,
        warnings=warnings,
    )

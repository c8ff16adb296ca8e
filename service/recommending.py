"""The job of a recommendation: the engine's own, on a dataset of the server, in a child of a worker."""

import time
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import msgspec

from headhunt.durations import seconds_of
from headhunt.wire import RecommendationAsked
from recommender.clock import Deadline
from recommender.fan import Fan
from recommender.recommend import recommend
from recommender.request import Leaders, Progress, Request
from service.job_runs import diary_of
from service.jobs.worker import Work
from service.stored import dataset_sample, zoo_of

EVERY_S = 0.2
"""Progress is told so often at most; the beginning of a stage and a change of the first five always."""


def run(work: Work) -> Any:
    """`spec`: what was asked, and the version and name of the dataset that it was asked of."""
    asked = msgspec.convert(work.spec["asked"], RecommendationAsked)
    request = Request(
        budget=seconds_of(asked.budget), limits=asked.limits, labels=asked.labels, allow_seen=asked.allow_seen
    )
    with (
        zoo_of(work) as zoo,
        diary_of(work) as zoo.diary,
        dataset_sample(work) as sample,
    ):  # what is brought from a store costs no budget
        clock = None if request.budget is None else Deadline(request.budget)
        with fan_of(work.ray) as fan:
            return recommend(zoo, sample, request, clock=clock, watch=Teller(work), fan=fan)


def fan_of(ray: str | None) -> AbstractContextManager[Fan | None]:
    """Ray is asked for where it is wanted, and loaded nowhere else."""
    if ray is None:
        return nullcontext()
    from recommender.fan_ray import ray_fan

    return ray_fan(ray)


class Teller:
    """Tells the queue how far it is."""

    def __init__(self, work: Work) -> None:
        self.work, self.stage, self.told = work, "", 0.0
        self.leaders: Leaders = ()

    def __call__(self, progress: Progress) -> None:
        now = time.monotonic()
        news = progress.stage != self.stage or progress.leaders != self.leaders
        if news or now - self.told > EVERY_S:
            self.stage, self.told, self.leaders = progress.stage, now, progress.leaders
            self.work.tell(told(progress))


def told(progress: Progress) -> dict[str, Any]:
    leaders = [{"model": model, "expected_accuracy": accuracy} for model, accuracy in progress.leaders]
    return {
        "stage": progress.stage,
        "done": progress.done,
        "total": progress.total,
        "words": progress.words,
        "leaders": leaders,
    }

"""The job of a recommendation: the engine's own, on a dataset of the server, in a child of a worker."""

import time
from typing import Any

import msgspec

from headhunt.durations import seconds_of
from headhunt.wire import RecommendationAsked
from recommender.clock import Deadline
from recommender.recommend import recommend
from recommender.request import Progress, Request
from service.jobs.worker import Work
from zoo.images.samples import stored_sample
from zoo.repository import Zoo

EVERY_S = 0.2
"""Progress is told so often at most; the beginning of a stage always."""


def run(work: Work) -> Any:
    """`spec`: what was asked, and the version and name of the dataset that it was asked of."""
    asked = msgspec.convert(work.spec["asked"], RecommendationAsked)
    request = Request(
        budget=seconds_of(asked.budget), limits=asked.limits, labels=asked.labels, allow_seen=asked.allow_seen
    )
    clock = None if request.budget is None else Deadline(request.budget)
    zoo = Zoo(work.home)
    with stored_sample(work.spec["version"], work.home) as sample:
        sample.name = work.spec["name"]
        return recommend(zoo, sample, request, clock=clock, watch=Teller(work))


class Teller:
    """Tells the queue how far it is."""

    def __init__(self, work: Work) -> None:
        self.work, self.stage, self.told = work, "", 0.0

    def __call__(self, progress: Progress) -> None:
        now = time.monotonic()
        if progress.stage != self.stage or now - self.told > EVERY_S:
            self.stage, self.told = progress.stage, now
            self.work.tell(
                {"stage": progress.stage, "done": progress.done, "total": progress.total, "words": progress.words}
            )

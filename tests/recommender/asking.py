"""The same question asked of several fans: a little zoo, a sample, brief probes, and what is left of each answer."""

from functools import cache
from pathlib import Path

import pytest

from headhunt.vocabulary import Ranking
from recommender.fan import Fan
from recommender.knowledge import Known
from recommender.probe_plan import ProbePlan
from recommender.recommend import recommend
from recommender.request import Request, Watch
from tests.recommender.little_zoo import REFERENCE, lessons, little_zoo, stripes
from zoo.images.samples import open_sample

BRIEF = ProbePlan(rungs=(3, 6), rates=(2e-3, 5e-3), device="cpu")


class Asked:
    """`answer`: with features and probes in a folder of that name, so that nothing is known from another."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        patch.setenv("HEADHUNT_REFERENCE", REFERENCE)
        patch.setattr("recommender.recommend.plan_for", lambda _: BRIEF)
        self.folder, self.zoo, self.images = folder, little_zoo(folder / "home"), stripes(folder / "stripes")
        self.answer = cache(self._answer)

    def _answer(self, name: str, fan: Fan | None, watch: Watch | None = None) -> Ranking:
        with open_sample(self.images) as sample:
            request, known = Request(budget=3600.0, device="cpu"), Known(lessons(), [])
            return recommend(self.zoo, sample, request, known=known, watch=watch, scratch=self.folder / name, fan=fan)

    def probes(self, name: str) -> list[str]:
        """Of the book: which results there are, and which weights, each named by what it is."""
        return sorted(path.name for path in (self.folder / name / "probes").rglob("*") if path.is_file())


def told(ranking: Ranking) -> list[object]:
    """All of an answer but what it took; the warnings first."""
    candidates = [
        (one.model, one.rank, one.expected_accuracy, one.interval, one.tie_group, one.signals, one.moved, one.flags)
        for one in ranking.candidates
    ]
    return [ranking.warnings, ranking.settled, ranking.refused, ranking.resembles, *candidates]

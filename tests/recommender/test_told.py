"""A recommendation is a run, and what it tried are runs within it."""

from collections.abc import Iterator

import pytest

from headhunt.errors import TrainingFailed
from headhunt.track.diary import Journals
from headhunt.track.wire import Run
from recommender.told import Tries
from service.here import runs_here
from service.settings import Settings
from tests.recommender.asking import BRIEF, Asked
from zoo.telling import About


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    with pytest.MonkeyPatch.context() as patch:
        made = Asked(tmp_path_factory.mktemp("told"), patch)
        made.zoo.diary = Journals(made.zoo.home)
        made.answer("first", None)
        yield made


def runs(asked: Asked, tag: str) -> list[Run]:
    with runs_here(Settings(home=asked.zoo.home)) as here:
        return [run for run in here.tracking.find(here.project) if tag in run.tags]


def test_every_model_and_rate_that_was_tried_is_a_run_within_the_recommendation(asked: Asked) -> None:
    first, ranking = runs(asked, "recommendation")[-1], asked.answer("first", None)
    probes = [run for run in runs(asked, "probe") if run.parent == first.id]
    assert (first.state, first.summary["best"]) == ("finished", ranking.candidates[0].model)
    assert {run.model for run in probes} == {one.model for one in ranking.candidates if one.signals.get("probe")}
    assert {run.params["lr"] for run in probes} == set(BRIEF.rates)
    assert {run.dataset for run in probes} == {first.dataset} == {ranking.version}


def test_the_next_rung_of_a_probe_goes_on_with_its_run(asked: Asked) -> None:
    steps = {run.summary["steps"]: run for run in runs(asked, "probe")}
    assert set(steps) == {BRIEF.rungs[0], sum(BRIEF.rungs)}
    longest = steps[sum(BRIEF.rungs)]
    with runs_here(Settings(home=asked.zoo.home)) as here:
        counts = {one.name: one.count for one in here.tracking.metrics(here.project, longest.id)}
    assert counts["loss"] == sum(BRIEF.rungs)
    assert counts["val_accuracy"] == 1 + len(BRIEF.rungs)


def test_what_the_book_knows_was_not_trained_and_is_told_by_no_run(asked: Asked) -> None:
    before = len(runs(asked, "probe"))
    asked._answer("first", None)
    assert len(runs(asked, "probe")) == before
    assert len({run.id for run in runs(asked, "recommendation")}) == 2


def test_a_model_that_cannot_be_tried_has_failed_once_and_says_why(asked: Asked) -> None:
    diary = asked.zoo.diary
    with diary.begin(About("suggest", "another")) as parent:
        tries = Tries(diary, parent)
        for _ in range(2):
            tries.cannot("a/model", TrainingFailed("It does not fit into memory."))
    (run,) = [run for run in runs(asked, "probe") if run.parent == parent.id]
    assert (run.state, run.model) == ("failed", "a/model")
    assert "does not fit into memory" in (run.error or "")

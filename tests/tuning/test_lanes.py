"""Trials beside each other: what comes of a point does not hang on where it was tried, whatever dies."""

import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import headhunt
from headhunt.progress import Progress
from headhunt.track.diary import Journals
from headhunt.track.places import places_in
from recommender.fan import Away, Here
from recommender.fan_pool import Pool
from tests.tuning.little_models import little_models, photos
from tuning.bench import Model
from tuning.curtailing import BestFifth
from tuning.finetuning import said
from tuning.lanes import Fan
from tuning.study import Wanted, opened
from tuning.tune import Tuned, Wish, tune
from zoo.images.samples import open_sample
from zoo.repository import Zoo

SPACE = {
    "lr": headhunt.choice(1e-3, 5e-3, 2e-2),
    "epochs": headhunt.choice(2, 3),
    "batch_size": 16,
    "augment": "shift",
    "weight_decay": 0.05,
    "label_smoothing": 0.0,
    "layer_decay": 1.0,
    "head_first": 0.0,
}


@pytest.fixture(scope="module")
def zoo(tmp_path_factory: pytest.TempPathFactory) -> Zoo:
    found = little_models(tmp_path_factory.mktemp("home"), ("test_resnet",))
    found.diary = Journals(found.home)
    return found


@pytest.fixture(scope="module")
def images(zoo: Zoo) -> Path:
    return photos(zoo.home.parent)


@pytest.fixture
def pool() -> Iterator[Away]:
    with Away(Pool(2)) as fan:
        yield fan


def tuned(zoo: Zoo, images: Path, name: str, fan: Fan | None, **more: object) -> Tuned:
    wish = Wish(trials=6, space=SPACE, algo="grid", name=name, fan=fan)
    with open_sample(images) as sample:
        return tune(zoo, sample, [Model(zoo.card("blank/test_resnet"))], replace(wish, **more))  # type: ignore[arg-type]


def values(one: Tuned) -> dict[str, float | None]:
    return {str(sorted(trial.params.items(), key=str)): trial.value for trial in one.study.trials()}


def test_two_processes_find_what_one_finds(zoo: Zoo, images: Path, pool: Away) -> None:
    alone = tuned(zoo, images, "alone", None)
    both = tuned(zoo, images, "both", pool)
    assert len(values(alone)) == 6
    assert values(both) == values(alone), "to the last bit"
    assert both.best.params == alone.best.params
    assert (both.card and both.card.accuracy) == (alone.card and alone.card.accuracy)
    assert both.recommended.accuracy == pytest.approx(alone.recommended.accuracy)
    assert pool.warnings == []


def test_each_trial_is_a_run_with_its_curve_wherever_it_was_done(zoo: Zoo, images: Path, pool: Away) -> None:
    one = tuned(zoo, images, "told", pool, trials=2)
    runs = [place.begun() for place in places_in(zoo.home)]
    mine = {run.asked.name: run for run in runs if run is not None and "of told" in (run.asked.name or "")}
    assert set(mine) == {"trial 0 of told", "trial 1 of told"}
    for trial in one.study.trials():
        assert said(zoo.home / "studies" / "told", trial.number) is not None
        assert trial.readings


def test_without_anybody_elsewhere_trials_are_done_here(zoo: Zoo, images: Path) -> None:
    assert values(tuned(zoo, images, "here", Here(), trials=2))


def test_a_process_that_is_killed_costs_no_trial(zoo: Zoo, images: Path, pool: Away) -> None:
    killed: list[int] = []

    def watch(progress: Progress) -> None:
        hands = pool.field._hands if isinstance(pool.field, Pool) else []
        if progress.done == 2 and hands and not killed:
            killed.append(int(hands[0].process.pid or 0))
            os.kill(killed[0], signal.SIGKILL)

    wish = Wish(trials=6, space=SPACE, algo="grid", name="killed", fan=pool)
    with open_sample(images) as sample:
        one = tune(zoo, sample, [Model(zoo.card("blank/test_resnet"))], wish, watch)
    assert killed
    assert values(one) == values(tuned(zoo, images, "alone", None))


def test_a_trial_that_diverges_elsewhere_is_a_failed_one(zoo: Zoo, images: Path, pool: Away) -> None:
    wild = {**SPACE, "lr": headhunt.choice(1e-3, 1e25), "epochs": 2}
    one = tuned(zoo, images, "wild", pool, space=wild)
    assert {trial.state for trial in one.study.trials()} == {"complete", "failed"}
    assert {trial.params["lr"] for trial in one.study.trials() if "diverged" in trial.reason} == {1e25}


def test_the_bar_is_the_rule_as_it_stood_when_a_trial_was_sent(tmp_path: Path) -> None:
    study = opened(tmp_path, Wanted(space={"x": headhunt.double(0, 1)}, algo="random", seed=0, name="bars", warm_up=1))
    assert study.bar() == {}
    for number in range(12):
        asked = study.ask()
        assert asked is not None
        for step in (20, 60):
            study.report(asked, step, number + 100 / step)
        study.tell_value(asked, float(number))
    bar = study.bar()
    last = study.ask()
    assert last is not None
    assert isinstance(study.inner.pruner, BestFifth)
    assert min(bar) == 20
    for loss in (bar[20] - 1e-6, bar[20] + 1e-6):
        assert (study.report(last, 20, loss) is not None) == (loss > bar[20])

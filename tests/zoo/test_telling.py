"""Trainings tell of themselves: runs of the home, that go on where a kill broke them off, and cost next to nothing."""

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from headhunt.errors import Diverged, Interrupted
from headhunt.track.diary import MOST_CLASSES, Journals, matrix_of
from headhunt.track.journal import Points, frames_in
from headhunt.track.places import ENVIRONMENT, places_in
from headhunt.track.things import confusion, counted
from headhunt.track.wire import Metric, Run
from headhunt.vocabulary import Protocol
from service.here import runs_here
from service.settings import Settings
from tests.sdk.servers import until
from tests.zoo.images import folder_of, many
from zoo.cells import Filled, Plan, Watch, train_cell
from zoo.images.samples import open_sample
from zoo.repository import Zoo
from zoo.telling import About
from zoo.training.trainer import Step

STEPS = 12
PROTOCOL = Protocol(steps=STEPS, batch_size=4, evaluate_every=2.0, input_size=32)


@pytest.fixture
def zoo(tmp_path: Path) -> Zoo:
    zoo = Zoo(tmp_path / "home")
    zoo.diary = Journals(zoo.home)
    return zoo


def trained(zoo: Zoo, protocol: Protocol = PROTOCOL, watch: Watch | None = None, name: str | None = None) -> Filled:
    place = zoo.home.parent / "photos"
    with open_sample(place if place.exists() else folder_of(many(8), place)) as sample:
        return train_cell(zoo, sample, Plan("photos", protocol, "test_vit", name=name), watch)


def told(zoo: Zoo) -> list[tuple[Run, dict[str, Metric]]]:
    """The oldest first."""
    with runs_here(Settings(home=zoo.home)) as here:
        found = [here.tracking.get(here.project, run.id) for run in here.tracking.find(here.project)]
        numbers = {run.id: {one.name: one for one in here.tracking.metrics(here.project, run.id)} for run in found}
    return sorted(((run, numbers[run.id]) for run in found), key=lambda pair: pair[0].started)


def test_a_training_is_a_run_with_all_that_made_it_and_came_of_it(zoo: Zoo) -> None:
    card = trained(zoo).card
    ((run, metrics),) = told(zoo)
    assert (run.state, run.experiment, run.name) == ("finished", "photos", card.id)
    assert run.dataset == card.version
    assert run.params["batch_size"] == 4
    assert run.params["network"] == "test_vit"
    assert (run.summary["card"], run.summary["weights"]) == (card.id, card.weights)
    assert run.summary["test_accuracy"] == card.accuracy
    assert (metrics["loss"].count, metrics["loss"].last_step) == (STEPS, STEPS)
    assert metrics["val_accuracy"].last_step == STEPS
    assert run.marks == ()


def test_the_evaluation_is_kept_with_what_is_right_of_each_class(zoo: Zoo) -> None:
    card = trained(zoo).card
    with runs_here(Settings(home=zoo.home)) as here:
        (run,) = here.tracking.find(here.project)
        (file,) = here.tracking.files(here.project, run.id)
    assert file.kind == "confusion"
    assert file.facts["classes"] == list(card.classes or ())
    assert file.facts["accuracy"] == card.accuracy


def test_every_seed_is_a_run_and_the_best_one_names_its_card(zoo: Zoo) -> None:
    done = trained(zoo, Protocol(steps=2, batch_size=4, input_size=32, seeds=(0, 1)))
    runs = [run for run, _ in told(zoo)]
    assert {run.params["seed"] for run in runs} == {0, 1}
    assert [run.params["seed"] for run in runs if "card" in run.summary] == [done.card.seed]


def test_a_training_that_was_stopped_goes_on_with_its_run_and_tells_no_step_twice(zoo: Zoo) -> None:
    def stop(_: int, step: Step) -> None:
        if step.step == 5:
            raise KeyboardInterrupt

    with pytest.raises(Interrupted):
        trained(zoo, watch=stop)
    ((stopped, metrics),) = told(zoo)
    assert (stopped.state, metrics["loss"].count) == ("failed", 5)
    assert "Stopped after step 5" in (stopped.error or "")
    trained(zoo)
    ((run, metrics),) = told(zoo)
    assert (run.id, run.state, run.error) == (stopped.id, "finished", None)
    assert metrics["loss"].count == STEPS


def test_the_same_training_begun_anew_is_another_run(zoo: Zoo) -> None:
    for _ in range(2):
        zoo.remove([trained(zoo).card.id])
    (first, _), (second, metrics) = told(zoo)
    assert first.id != second.id
    assert metrics["loss"].count == STEPS


def test_a_training_that_diverges_has_failed_and_says_why(zoo: Zoo) -> None:
    with pytest.raises(Diverged):
        trained(zoo, Protocol(steps=STEPS, batch_size=4, input_size=32, lr=1e30, clip=0.0, optimiser="sgd"))
    ((run, _),) = told(zoo)
    assert run.state == "failed"
    assert "A lower lr would do" in (run.error or "")


def test_a_home_in_which_no_run_can_be_kept_trains_all_the_same(zoo: Zoo) -> None:
    zoo.home.mkdir(parents=True, exist_ok=True)
    (zoo.home / "runs").write_text("in the way")
    assert trained(zoo).card.accuracy is not None


def test_what_is_trained_is_the_same_with_a_diary_and_without(zoo: Zoo) -> None:
    heard = trained(zoo, name="heard").card
    zoo.diary = Zoo(zoo.home).diary
    assert trained(zoo, name="unheard").card.weights == heard.weights
    assert len(told(zoo)) == 1


def test_a_training_within_a_users_run_is_a_part_of_it(zoo: Zoo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENVIRONMENT, str(zoo.home / "runs" / ("b" * 32)))
    trained(zoo)
    assert told(zoo)[0][0].parent == "b" * 32


def test_no_file_is_held_open_by_a_run_that_has_ended(zoo: Zoo) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(20):
        with zoo.diary.begin(About("many", "one")) as entry:
            entry.numbers(0, {"loss": 1.0})
    assert len(list(Path("/proc/self/fd").iterdir())) <= before + 1


def test_of_many_classes_a_table_says_what_the_matrix_would() -> None:
    names = [f"class {number}" for number in range(MOST_CLASSES + 1)]
    truth = [number % len(names) for number in range(500)]
    predicted = [(number * 7) % len(names) for number in range(500)]
    few, many_ = confusion(*counted(truth, predicted, names)), matrix_of(truth, predicted, names)
    rows = msgspec.json.decode(many_.data)
    whole = [dict(zip(rows["columns"], row, strict=True)) for row in rows["rows"]]
    assert whole == msgspec.json.decode(few.data)["per_class"]


def command(zoo: Zoo, photos: Path) -> "subprocess.Popen[bytes]":
    words = ["zoo", "train", str(photos), "--network", "test_vit", "--domain", "photos", "--epochs", "60"]
    call = f"import sys; from headhunt.cli.main import main; sys.exit(main({[*words, '--batch-size', '4']!r}))"
    surroundings = {**os.environ, "HEADHUNT_HOME": str(zoo.home)}
    return subprocess.Popen([sys.executable, "-c", call], env=surroundings, stdout=subprocess.DEVNULL)


def steps_told(zoo: Zoo) -> list[int]:
    """Of the only run there is."""
    places = list(places_in(zoo.home))
    assert len(places) <= 1
    paths = [path for place in places for path in place.journals().values()]
    records = [one for path in paths for _, one in frames_in(path.read_bytes())]
    return [one.step for one in records if isinstance(one, Points) and "loss" in one.values]


def test_a_command_that_was_killed_goes_on_with_its_run_when_it_is_given_again(zoo: Zoo) -> None:
    photos = folder_of(many(8), zoo.home.parent / "photos")
    victim = command(zoo, photos)
    until(lambda: len(steps_told(zoo)) > 20)
    victim.kill()
    victim.wait(240)
    before = len(steps_told(zoo))
    assert command(zoo, photos).wait(240) == 0
    steps = steps_told(zoo)
    assert len(steps) > before
    assert steps == list(range(1, steps[-1] + 1)), "no step is missing, and none was told twice"
    assert [run.state for run, _ in told(zoo)] == ["finished"]

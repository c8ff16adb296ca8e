"""A fine-tuning tuned, from images to a model of the zoo; with networks so small that a trial takes a blink."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import headhunt
from headhunt.errors import BadSpace, BadValue, Interrupted, NoBest, NoModelMeets, OutOfTime
from headhunt.studies.shelves import Local
from headhunt.track.diary import Journals
from headhunt.track.places import places_in
from headhunt.trials import Trial
from headhunt.tuned import TunedStudy, wish_of
from recommender.request import Request, rates_of
from tests.tuning.little_models import BRIEF, little_models, photos, tuned
from tuning.bench import in_three
from tuning.finetuning import said
from tuning.goals import Goals, goals
from tuning.keeping import AtHome
from tuning.study import Wanted, begun, known
from tuning.tune import Wish
from zoo.images.samples import open_sample
from zoo.judging import view_of
from zoo.parts import Parts, divide
from zoo.repository import Zoo


@pytest.fixture(scope="module")
def zoo(tmp_path_factory: pytest.TempPathFactory) -> Zoo:
    """With a diary, as the commands have it."""
    found = little_models(tmp_path_factory.mktemp("home"))
    found.diary = Journals(found.home)
    return found


@pytest.fixture(scope="module")
def images(zoo: Zoo) -> Path:
    return photos(zoo.home.parent)


def test_three_trials_end_with_a_model_its_outcome_and_a_table(zoo: Zoo, images: Path) -> None:
    one = tuned(zoo, images, Wish(trials=3, space=BRIEF))
    assert [trial.state for trial in one.study.trials()] == ["complete"] * 3
    assert one.card is not None
    assert zoo.card(one.card.id) == one.card
    assert (one.card.parent, one.card.domain) == ("blank/test_resnet", "photos")
    outcome = zoo.history.rows()[-1]
    assert (outcome.accuracy, outcome.lr) == (one.card.accuracy, one.best.params["lr"])
    study = TunedStudy(one, zoo)
    table = str(study)
    assert f"{one.card.id}: " in table
    assert "expected accuracy" in table
    assert all(name in table for name in study.best.params)
    network, transform = study.best.load()
    assert network(transform(next(images.rglob("*.png")))[None]).shape == (1, 3)
    assert study.recommended.params == study.best.params == one.best.params


def test_the_best_trained_again_is_what_its_trial_was(zoo: Zoo, images: Path) -> None:
    one = tuned(zoo, images, Wish(trials=2, space=BRIEF, name="again"))
    outcome = zoo.history.rows()[-1]
    assert outcome.curve[-1].val_loss == pytest.approx(one.best.value, rel=1e-4)


def test_the_same_call_runs_nothing_and_more_trials_go_on(zoo: Zoo, images: Path) -> None:
    first = tuned(zoo, images, Wish(trials=2, space=BRIEF, seed=1))
    tried, rows = [one.params for one in first.study.trials()], len(zoo.history.rows())
    again = tuned(zoo, images, Wish(trials=2, space=BRIEF, seed=1))
    assert again.card == first.card
    assert [one.params for one in again.study.trials()] == tried
    assert len(zoo.history.rows()) == rows, "nothing was trained"
    more = tuned(zoo, images, Wish(trials=3, space=BRIEF, seed=1))
    assert [one.params for one in more.study.trials()][:2] == tried
    assert len(more.study.trials()) == 3
    assert (more.best.number == first.best.number) == (more.card == first.card)


def test_every_trial_is_a_run_within_the_run_of_the_study(zoo: Zoo, images: Path) -> None:
    one = tuned(zoo, images, Wish(trials=2, space=BRIEF, name="told"))
    runs = [place.begun() for place in places_in(zoo.home)]
    mine = {run.asked.name: run for run in runs if run is not None and "told" in (run.asked.name or "")}
    study = mine.pop("study told")
    assert set(mine) == {"trial 0 of told", "trial 1 of told"}
    assert {run.asked.parent for run in mine.values()} == {study.id}
    assert one.card is not None
    made = [run for run in runs if run is not None and run.asked.name == one.card.id]
    assert [run.asked.parent for run in made] == [study.id]


def test_a_trial_that_diverges_is_marked_and_the_search_goes_on(zoo: Zoo, images: Path) -> None:
    wish = Wish(trials=4, space={**BRIEF, "lr": headhunt.choice(1e-3, 1e25), "head_first": 0.0}, algo="random")
    one = tuned(zoo, images, wish)
    wild = [trial for trial in one.study.trials() if trial.params["lr"] == 1e25]
    assert wild
    assert {trial.state for trial in wild} == {"failed"}
    assert all("diverged" in trial.reason for trial in wild)
    assert one.best.params["lr"] == 1e-3


def test_what_was_said_of_each_validation_image_is_kept(zoo: Zoo, images: Path) -> None:
    one = tuned(zoo, images, Wish(trials=2, space=BRIEF, name="kept"))
    for trial in one.study.trials():
        rows = said(zoo.home / "studies" / "kept", trial.number)
        assert rows is not None
        assert rows[0].mean() == pytest.approx(trial.value, rel=1e-4)
        assert set(np.unique(rows[1])) <= {0.0, 1.0}
    assert one.recommended.accuracy is not None
    assert one.recommended.interval is not None
    low, high = one.recommended.interval
    assert low <= one.recommended.accuracy <= high


def test_readings_stand_at_percent_of_the_training(zoo: Zoo, images: Path) -> None:
    one = tuned(zoo, images, Wish(trials=1, space={**BRIEF, "epochs": 4}, name="percent"))
    assert list(one.study.trials()[0].readings) == [25, 50, 75]


SCRIPT = """
import sys
from pathlib import Path
import headhunt
from tests.tuning.little_models import BRIEF, tuned
from tuning.tune import Wish
from zoo.repository import Zoo
one = tuned(Zoo(Path(sys.argv[1])), Path(sys.argv[2]), Wish(trials=5, space=BRIEF, name="killed"))
print(len(one.study.trials()), sum(trial.state == "complete" for trial in one.study.trials()), one.card.id)
"""


def test_a_tuning_that_is_killed_goes_on_and_loses_no_trial(tmp_path: Path) -> None:
    zoo = little_models(tmp_path / "home", ("test_resnet",))
    command = [sys.executable, "-c", SCRIPT, str(zoo.home), str(photos(tmp_path))]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    ended: list[Trial] = []
    while process.poll() is None and len(ended) < 2:
        time.sleep(0.01)
        if begun(zoo.home, "killed"):
            ended = [one for one in known(zoo.home, "killed").trials() if one.state == "complete"]
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    told, _ = subprocess.Popen(command, stdout=subprocess.PIPE, text=True).communicate(timeout=240)
    assert told.split()[:2] == ["5", "5"]
    after = {one.number: one.params for one in known(zoo.home, "killed").trials()}
    assert all(after[one.number] == one.params for one in ended)
    assert told.split()[2] in zoo.catalogue.read().cards


def test_a_sample_without_a_test_part_gets_one_that_nobody_chose_by(zoo: Zoo, images: Path) -> None:
    with open_sample(images / "train") as sample:
        whole = divide(sample, view_of(zoo.card("blank/test_resnet")))
        parts = in_three(whole)
    assert whole.test is whole.val
    assert parts.val is whole.val
    assert len(parts.train.images) + len(parts.test.images) == len(whole.train.images)
    assert set(parts.test.labels.tolist()) == set(parts.train.labels.tolist()) == {0, 1, 2}


# --- several models, several aims -------------------------------------------------------------------------------------


def test_model_and_parameters_are_searched_together(zoo: Zoo, images: Path) -> None:
    one = tuned(zoo, images, Wish(trials=4, space=BRIEF), ("test_resnet", "test_vit"))
    tried = [trial.params["model"] for trial in one.study.trials()]
    assert tried[:2] == ["blank/test_resnet", "blank/test_vit"], "each once, in the order of the recommendation"
    for trial in one.study.trials():
        assert ("lr.layernorm" in trial.params) == (trial.params["model"] == "blank/test_vit")
    assert one.card is not None
    assert one.card.parent == one.best.params["model"]


def test_accuracy_is_weighed_against_measured_latency(zoo: Zoo, images: Path) -> None:
    both = ("test_resnet", "test_efficientnet")
    wish = Wish(trials=4, space=BRIEF, goals=goals(("accuracy", "latency"), None), name="two aims")
    one = tuned(zoo, images, wish, both)
    trials = one.study.trials()
    latencies = {str(trial.params["model"]): trial.values["latency"] for trial in trials}
    assert len({(trial.params["model"], trial.values["latency"]) for trial in trials}) == 2, "measured once each"
    assert all(0 < ms < 1000 for ms in latencies.values())
    front = one.study.front()
    assert one.best.number == front[0].number
    for trial in trials:
        assert trial in front or any(
            other.values["accuracy"] >= trial.values["accuracy"] and other.values["latency"] <= trial.values["latency"]
            for other in front
        )
    assert "front" in str(TunedStudy(one, zoo))


def test_a_model_beyond_a_limit_is_not_searched_and_without_any_the_error_says_why(zoo: Zoo, images: Path) -> None:
    sizes = {name: zoo.card(f"blank/{name}").params for name in ("test_resnet", "test_efficientnet")}
    between = sum(sizes.values()) // 2
    wish = Wish(trials=1, space=BRIEF, goals=Goals(limits={"params": between}))
    assert tuned(zoo, images, wish, ("test_resnet", "test_efficientnet")).models == ("blank/test_efficientnet",)
    with pytest.raises(NoModelMeets, match=r"its params of .* is above 10"):
        tuned(zoo, images, Wish(trials=1, goals=Goals(limits={"params": 10})))


def test_sizes_of_images_that_cost_too_much_are_marked_without_training(zoo: Zoo, images: Path) -> None:
    space = {**BRIEF, "input_size": headhunt.choice(32, 64)}
    wish = Wish(trials=4, space=space, goals=Goals(("loss", "macs"), {"macs": 2 * zoo.card("blank/test_resnet").macs}))
    one = tuned(zoo, images, wish)
    large = [trial for trial in one.study.trials() if trial.params["input_size"] == 64]
    assert all(trial.state == "failed" and "not trained: its macs" in trial.reason for trial in large)
    assert one.best.params["input_size"] == 32
    assert one.card is not None
    assert one.card.input_size == 32


def test_an_accuracy_that_no_trial_reaches_is_an_error_with_what_was_seen(zoo: Zoo, images: Path) -> None:
    wish = Wish(trials=1, space={**BRIEF, "lr": 1e-7, "epochs": 1}, goals=Goals(limits={"accuracy": 0.99}))
    with pytest.raises(NoBest, match=r"keeps the limits: error 0\.01"):
        tuned(zoo, images, wish)


def test_trials_on_a_part_end_with_the_best_few_trained_on_all(zoo: Zoo, images: Path) -> None:
    taken: list[int] = []

    def half(parts: Parts) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
        taken.append(len(parts.train.images))
        return np.arange(0, len(parts.train.images), 2)

    one = tuned(zoo, images, Wish(trials=3, space=BRIEF, part=half, name="part"))
    assert one.card is not None
    names = [run.asked.name for place in places_in(zoo.home) if (run := place.begun()) is not None]
    assert names.count("trial of part on all images") == 3
    assert one.learned == (len(range(0, taken[0], 2)), taken[0])
    again = tuned(zoo, images, Wish(trials=3, space=BRIEF, part=half, name="part"))
    assert (again.card, again.learned, len(taken)) == (one.card, one.learned, 1), "chosen once"
    made = zoo.history.rows()[-1]
    steps = made.curve[-1].step
    assert steps == round(float(one.best.params["epochs"] or 0) * taken[0] / 16)


# --- bad input --------------------------------------------------------------------------------------------------------

GOOD = {"space": None, "aims": ("loss",), "limits": None, "algo": "auto", "seed": 0, "study": None, "curtail": True}
BAD = [
    ({"trials": 0}, "trials is 0"),
    ({"trials": 2.5}, "trials is 2.5"),
    ({"seconds": "soon"}, "'soon' cannot be kept"),
    ({"seconds": 0}, "cannot be kept"),
    ({"space": [1]}, "space is"),
    ({"aims": ("speed",)}, "speed"),
    ({"aims": ()}, "Name one or more"),
    ({"aims": ("latency",)}, "Nothing but costs"),
    ({"aims": ("loss", "accuracy")}, "say the same"),
    ({"aims": ("loss", "loss")}, "each once"),
    ({"aims": 3}, "aims are 3"),
    ({"limits": {"latency": "fast"}}, "'fast' is not a time"),
    ({"limits": {"latency": None}}, "limit of latency is None"),
    ({"limits": {"loss": 1}}, "limits nothing"),
    ({"limits": {"weight": 1}}, "weight"),
    ({"limits": [1]}, "The limits are"),
    ({"limits": {"accuracy": 90}}, "more than everything"),
    ({"curtail": "no"}, "curtail"),
    ({"part": 0}, "part is 0"),
    ({"part": 1.5}, r"part is 1\.5"),
    ({"part": float("nan")}, "part is nan"),
    ({"part": "half"}, "part is 'half'"),
    ({"seed": -1}, "seed is -1"),
]


@pytest.mark.parametrize(("asked", "said"), BAD)
def test_what_cannot_be_asked_is_refused(asked: dict[str, object], said: str) -> None:
    with pytest.raises(BadValue, match=said):
        wish_of(asked.get("trials"), asked.get("seconds"), {**GOOD, **asked})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        (Wish(space={"learning_rate": 0.1}), "learning_rate"),
        (Wish(space={"optimiser": headhunt.choice("adam", "sgd")}), "'adam' is nothing to train with"),
        (Wish(space={"lr": headhunt.double(-1, 1)}), "lr: -1 is nothing"),
        (Wish(space={"epochs": 0}), "epochs: 0"),
        (Wish(space={"batch_size": headhunt.double(8, 16)}), "batch_size"),
        (Wish(space={"seeds": 3}), "seeds"),
        (Wish(space={"model": "x"}), "model"),
        (Wish(name="../up"), "named"),
        (Wish(goals=Goals(("loss", "latency"))), "the same for all trials"),
        (Wish(algo="best"), "best"),
    ],
)
def test_what_cannot_be_searched_is_refused_before_any_trial(zoo: Zoo, images: Path, wish: Wish, said: str) -> None:
    before = len(list((zoo.home / "studies").glob("*/journal.log")))
    with pytest.raises((BadSpace, BadValue), match=said):
        tuned(zoo, images, wish)
    assert len(list((zoo.home / "studies").glob("*/journal.log"))) == before


@pytest.mark.parametrize("last", ["replace_file", "opened"])
def test_a_tuning_that_is_killed_as_it_begins_is_begun_by_the_same_call(
    last: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper, wanted = AtHome(tmp_path), Wanted(space={"lr": headhunt.double(0, 1)}, name="s", trials=1)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(f"tuning.keeping.{last}", killed)
        with pytest.raises(KeyboardInterrupt):
            keeper.opened(wanted, "which?")
    assert keeper.question("s") is None, "nobody's yet"
    keeper.opened(wanted, "which?").close()
    assert keeper.question("s") == "which?"


def test_a_name_that_searched_something_else_is_refused(zoo: Zoo, images: Path) -> None:
    tuned(zoo, images, Wish(trials=1, space=BRIEF, name="mine"))
    with pytest.raises(BadValue, match="searched something else"):
        tuned(zoo, images, Wish(trials=2, space={**BRIEF, "lr": 1e-3}, name="mine"))
    headhunt.fmin(lambda p: 1.0, {"x": headhunt.double(0, 1)}, trials=1, study="theirs", home=zoo.home)
    with pytest.raises(BadValue, match="searched something else"):
        tuned(zoo, images, Wish(trials=1, name="theirs"))


def test_a_time_that_no_trial_fits_into_is_an_error_and_one_that_fits_is_kept(zoo: Zoo, images: Path) -> None:
    with pytest.raises(OutOfTime, match="No trial ended within"):
        tuned(zoo, images, Wish(trials=None, seconds=0.05, space={**BRIEF, "epochs": 400}))
    one = tuned(zoo, images, Wish(trials=None, seconds=9.0, space={**BRIEF, "epochs": 2}))
    assert len(one.study.trials()) >= 1
    assert one.card is not None
    assert Local(zoo.home).get(one.name).state == "done"


def test_without_probes_there_are_no_rates(zoo: Zoo, images: Path) -> None:
    with open_sample(images) as sample:
        assert rates_of(zoo, sample, zoo.card("blank/test_resnet"), Request()) == ()


INTERRUPTED = """
import sys
from pathlib import Path
import headhunt
from headhunt.tuned import TunedStudy
from tests.tuning.little_models import BRIEF, tuned
from tuning.tune import Wish
from zoo.repository import Zoo
zoo = Zoo(Path(sys.argv[1]))
space = {**BRIEF, "epochs": headhunt.choice(2, 400)}
one = tuned(zoo, Path(sys.argv[2]), Wish(trials=3, space=space, name="stopped", algo="random"))
print(len(one.study.trials()), TunedStudy(one, zoo).interrupted)
"""


def test_ctrl_c_ends_with_what_is_there_and_keeps_nothing_half_done(tmp_path: Path) -> None:
    zoo = little_models(tmp_path / "home", ("test_resnet",))
    images = photos(tmp_path)
    command = [sys.executable, "-c", INTERRUPTED, str(zoo.home), str(images)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    trials: list[Trial] = []
    while process.poll() is None and not any(one.params.get("epochs") == 400 and one.readings for one in trials):
        time.sleep(0.05)
        trials = known(zoo.home, "stopped").trials() if begun(zoo.home, "stopped") else []
    ended = [one for one in trials if one.state == "complete"]
    process.send_signal(signal.SIGINT)
    told, _ = process.communicate(timeout=240)
    assert told.split() == ([str(len(ended)), "True"] if ended else [])
    assert not [one for one in zoo.catalogue.read().cards if one.startswith("photos/")]


@pytest.mark.parametrize("how", [KeyboardInterrupt, Interrupted])
def test_ctrl_c_while_the_best_is_trained_leaves_what_is_there_and_the_same_call_trains_it(
    how: type[BaseException], zoo: Zoo, images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: object, **__: object) -> None:
        raise how

    wish = Wish(trials=2, space=BRIEF, name=how.__name__)
    with monkeypatch.context() as patched:
        patched.setattr("tuning.tune.train_cell", stopped)
        one = tuned(zoo, images, wish)
    assert one.card is None
    assert "It was interrupted" in str(TunedStudy(one, zoo))
    again = tuned(zoo, images, wish)
    assert again.card is not None
    assert again.best == one.best


def test_points_from_elsewhere_are_tried_after_the_first_and_are_asked_for_the_space(zoo: Zoo, images: Path) -> None:
    spaces: list[list[str]] = []
    asked: list[list[str]] = []

    def elsewhere(space: dict[str, object], models: list[str]) -> list[dict[str, float]]:
        spaces.append(list(space))
        asked.append(models)
        return [{"lr": 4e-3}]

    one = tuned(zoo, images, Wish(trials=6, space=BRIEF, seed=7, elsewhere=elsewhere))
    assert [trial.params["lr"] for trial in one.study.trials()[:2]] == [2e-3, 4e-3]
    assert "lr" in spaces[0]
    assert asked == [["blank/test_resnet"]]

"""A tuning begins with what earlier ones found on other images, and leaves what it found to the next."""

from pathlib import Path

import pytest

import headhunt
from headhunt.track.diary import Journals
from headhunt.vocabulary import Protocol
from recommender.request import Request, looked_at
from tests.recommender.little_zoo import stripes
from tests.tuning.little_models import BRIEF, little_models, photos
from tuning.bench import Model
from tuning.defaults import Facts, joint_space
from tuning.goals import Goals
from tuning.neighbours import FILE, remembered
from tuning.past import LEAST, Past, dealt, in_space
from tuning.remembering import tune
from tuning.tune import Tuned, Wish
from zoo.images.samples import open_sample
from zoo.repository import Zoo

EYES = "blank/test_resnet"
CONV, VIT = Facts("batchnorm", 200, 32), Facts("layernorm", 200, 32)


@pytest.fixture
def zoo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Zoo:
    monkeypatch.setenv("HEADHUNT_REFERENCE", EYES)
    found = little_models(tmp_path / "home", ("test_resnet", "test_vit"))
    found.diary = Journals(found.home)
    return found


def tuned(zoo: Zoo, images: Path, wish: Wish, networks: tuple[str, ...] = ("test_resnet",)) -> Tuned:
    with open_sample(images) as sample:
        models = [Model(zoo.card(f"blank/{name}")) for name in networks]
        return tune(zoo, sample, models, wish, lambda _: None, looked_at(sample, Request()))


def others(zoo: Zoo) -> Path:
    return stripes(zoo.home.parent / "others", classes=4, count=6)


def lines(zoo: Zoo) -> list[bytes]:
    path = zoo.home / "studies" / FILE
    return path.read_bytes().splitlines() if path.exists() else []


def test_a_tuning_on_other_images_tries_what_was_best_before_as_its_second_point(zoo: Zoo) -> None:
    first = tuned(zoo, photos(zoo.home.parent), Wish(trials=6, space=BRIEF))
    second = tuned(zoo, others(zoo), Wish(trials=6, space=BRIEF))
    usual, start = (trial.params for trial in second.study.trials()[:2])
    assert usual["lr"] == 2e-3
    assert start == first.best.params
    assert len(lines(zoo)) == 2


def test_the_same_images_learn_nothing_from_themselves_and_the_same_call_adds_no_line(zoo: Zoo) -> None:
    images = photos(zoo.home.parent)
    first = tuned(zoo, images, Wish(trials=6, space=BRIEF))
    assert len(lines(zoo)) == 1
    tuned(zoo, images, Wish(trials=6, space=BRIEF))
    assert len(lines(zoo)) == 1
    again = tuned(zoo, images, Wish(trials=6, space=BRIEF, seed=1))
    assert first.best.params not in [trial.params for trial in again.study.trials()[1:2]]


def test_a_joint_search_takes_each_familys_own_under_the_names_it_has_there(zoo: Zoo) -> None:
    first = tuned(zoo, photos(zoo.home.parent), Wish(trials=LEAST, space=BRIEF))
    both = tuned(zoo, others(zoo), Wish(trials=9, space=BRIEF), ("test_vit", "test_resnet"))
    points = [trial.params for trial in both.study.trials()[:3]]
    assert [one["model"] for one in points] == ["blank/test_vit", "blank/test_resnet", "blank/test_resnet"]
    assert points[2]["lr.batchnorm"] == first.best.params["lr"]


def test_another_family_learns_nothing(zoo: Zoo) -> None:
    tuned(zoo, photos(zoo.home.parent), Wish(trials=LEAST, space=BRIEF))
    with open_sample(others(zoo)) as sample:
        past = Past(zoo, sample, [Model(zoo.card("blank/test_vit"))], Wish().goals)
        assert past.starts(joint_space({"blank/test_vit": VIT}, {}), ["blank/test_vit"]) == []


def test_a_study_of_few_trials_is_not_remembered(zoo: Zoo) -> None:
    tuned(zoo, photos(zoo.home.parent), Wish(trials=LEAST - 1, space=BRIEF))
    assert lines(zoo) == []


def test_of_accuracies_the_highest_is_remembered_as_the_best(zoo: Zoo) -> None:
    goals = Goals(("accuracy",))
    images = photos(zoo.home.parent)
    one = tuned(zoo, images, Wish(trials=LEAST, space=BRIEF, goals=goals))
    with open_sample(images) as sample:
        eyes = Past(zoo, sample, [], goals).discriminator.eyes
    kept = remembered(zoo.home / "studies", eyes, "batchnorm")[0]
    assert -kept.settings[0].loss == one.best.value


@pytest.mark.parametrize("damage", [b"{", b"\xff\xfe\n", b"null\n", b'{"images": 3}\n', b"[" * 5000, b"\0" * 100])
def test_past_studies_that_are_damaged_harm_no_search(zoo: Zoo, damage: bytes) -> None:
    (zoo.home / "studies").mkdir()
    (zoo.home / "studies" / FILE).write_bytes(damage)
    with open_sample(others(zoo)) as sample:
        past = Past(zoo, sample, [Model(zoo.card(EYES))], Wish().goals)
        assert past.starts(joint_space({EYES: CONV}, {}), [EYES]) == []


def test_a_place_that_cannot_be_written_costs_nobody_the_search(zoo: Zoo) -> None:
    (zoo.home / "studies" / FILE).mkdir(parents=True)
    assert tuned(zoo, photos(zoo.home.parent), Wish(trials=LEAST, space=BRIEF)).card is not None


def test_where_no_network_looks_at_all_data_nothing_is_taken_or_left(zoo: Zoo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HEADHUNT_REFERENCE")
    assert tuned(zoo, photos(zoo.home.parent), Wish(trials=LEAST, space=BRIEF)).card is not None
    assert lines(zoo) == []


# --- settings in another space ----------------------------------------------------------------------------------------


def test_a_setting_gets_the_names_of_the_space() -> None:
    space = joint_space({"a": CONV, "v": VIT}, {})
    assert in_space({"lr": 1e-3, "epochs": 20}, "v", space) == {"model": "v", "lr.layernorm": 1e-3, "epochs": 20}
    assert in_space({"lr": 1e-3, "epochs": 999}, "a", space) == {"model": "a", "lr.batchnorm": 1e-3}


def test_a_setting_of_another_optimiser_is_none() -> None:
    alone, both = joint_space({"a": CONV}, {}), joint_space({"a": CONV}, {"optimiser": headhunt.choice("adamw", "sgd")})
    assert Protocol().optimiser == "adamw"
    assert in_space({"lr": 1e-2, "optimiser": "sgd"}, "a", alone) == {}
    assert in_space({"lr": 1e-2}, "a", joint_space({"a": CONV}, {"optimiser": "sgd"})) == {}
    assert in_space({"lr": 1e-2, "optimiser": "sgd"}, "a", both) == {"optimiser": "sgd", "lr.sgd": 1e-2}
    assert in_space({"lr": 1e-2}, "a", both) == {"optimiser": "adamw", "lr": 1e-2}


def test_families_take_turns() -> None:
    assert dealt([[{"a": 1}, {"a": 2}, {"a": 3}], [{"b": 1}]]) == [{"a": 1}, {"b": 1}, {"a": 2}, {"a": 3}]
    assert dealt([]) == []

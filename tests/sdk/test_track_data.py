"""A run names the version of its data that it saw, however its training named it. Trainings and couriers are real."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from headhunt.track.calls import data_named
from headhunt.track.journal import Known
from headhunt.track.places import Place
from headhunt.track.wire import Run
from service.here import runs_here
from service.settings import Settings
from tests.sdk.servers import until
from tests.sdk.trainings import home, records, the_place, trained
from tracking.versions import Shelf, version_at

__all__ = ["home"]


@pytest.fixture
def photos(home: Path) -> Path:
    """Beside the home, where the trainings run."""
    folder = home.parent / "photos"
    for name in ("cat", "dog"):
        (folder / name).mkdir(parents=True)
        (folder / name / "1.txt").write_text(name)
    return folder


def noted(home: Path) -> dict[str, str]:
    """By the courier, which may outlive the training."""
    until(lambda: bool(seen(home)))
    return seen(home)


def seen(home: Path) -> dict[str, str]:
    facts = knowns(the_place(home))
    return next((found["data"] for found in facts if "data" in found), {})


def knowns(place: Place) -> list[dict[str, Any]]:
    return [one.facts for one in records(place) if isinstance(one, Known)]


def gathered(home: Path) -> Run:
    with runs_here(Settings(home=home)) as here:
        return here.tracking.get(here.project, the_place(home).id)


def test_a_folder_is_read_and_the_run_names_the_version_that_it_was(photos: Path, home: Path) -> None:
    version = version_at(photos).id
    trained("headhunt.init(dataset='photos')", home)
    assert noted(home) == {"given": "photos", "version": version}
    (photos / "cat" / "2.txt").write_text("came later")
    found = gathered(home)
    assert (found.dataset, found.facts["data"]["given"]) == (version, "photos")


def test_a_folder_is_looked_for_where_the_run_began_and_not_where_its_courier_did(photos: Path, home: Path) -> None:
    trained("headhunt.init(); os.chdir('photos'); headhunt.init(dataset='cat', id='a' * 32)", home)
    until(lambda: any("data" in one for one in knowns(Place(home / "runs" / ("a" * 32)))))
    with runs_here(Settings(home=home)) as here:
        assert here.tracking.get(here.project, "a" * 32).dataset == version_at(photos / "cat").id


def test_a_name_and_the_beginning_of_an_id_are_the_version_kept_here(photos: Path, home: Path) -> None:
    added = Shelf(home).add(photos, name="animals")
    trained("headhunt.init(dataset='animals')", home)
    assert noted(home)["version"] == added.version
    assert gathered(home).dataset == added.version


def test_words_that_nothing_is_known_of_stay_as_they_are(home: Path) -> None:
    trained("headhunt.init(dataset='the blue ones')", home)
    until(lambda: (the_place(home).folder / "known").exists())
    assert gathered(home).dataset == "the blue ones"
    assert not seen(home)


def test_a_large_folder_is_read_to_its_end_though_the_training_is_over(photos: Path, home: Path) -> None:
    with open(photos / "large", "wb") as large:
        large.truncate(400_000_000)
    trained("headhunt.init(dataset='photos').finish(wait=False)", home, HEADHUNT_LINGER="60")
    assert noted(home)["version"] == version_at(photos).id


@pytest.mark.parametrize(
    "given",
    [
        "abc.dir",
        SimpleNamespace(id="abc.dir"),
        SimpleNamespace(version="abc.dir"),
        SimpleNamespace(name="photos", version=SimpleNamespace(id="abc.dir")),
        Path("abc.dir"),
    ],
)
def test_what_is_given_is_named_by_its_id(given: object) -> None:
    assert data_named(given) == "abc.dir"


def test_data_that_changed_before_the_run_went_on_is_marked(photos: Path, home: Path) -> None:
    first = version_at(photos).id
    run = "a" * 32
    trained(f"headhunt.init(id='{run}', dataset='photos')", home)
    noted(home)
    (photos / "cat" / "1.txt").write_text("another")
    trained(f"headhunt.init(id='{run}', resume=True)", home)
    until(lambda: sum("data" in one for one in knowns(the_place(home))) == 2)
    found = gathered(home)
    assert found.dataset == first
    assert [mark for mark in found.marks if version_at(photos).id in mark]

"""Filling a cell: one process at a time, whatever the others do at that moment."""

import fcntl
from pathlib import Path

import pytest

from headhunt.errors import HomeLocked
from headhunt.vocabulary import Protocol
from tests.zoo.images import folder_of, many
from zoo.cells import Job, Plan, train_cell
from zoo.images.samples import open_sample
from zoo.repository import Zoo


def test_who_waited_for_the_lock_of_a_training_that_ended_shuts_out_the_next_one(tmp_path: Path) -> None:
    with open_sample(folder_of(many(4), tmp_path / "photos")) as sample:
        job = Job(Zoo(tmp_path / "home"), sample, Plan("photos", Protocol(), "test_vit"))
        with job.alone():
            waiting = next((tmp_path / "home" / "checkpoints").glob("*.lock")).open("rb")
        with waiting:
            fcntl.flock(waiting, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with pytest.raises(HomeLocked, match="is training photos/test_vit at this moment"), job.alone():
                pass


def test_another_lock_that_is_held_is_not_taken_for_the_trainings_own(tmp_path: Path) -> None:
    with open_sample(folder_of(many(4), tmp_path / "photos")) as sample:
        job = Job(Zoo(tmp_path / "home"), sample, Plan("photos", Protocol(), "test_vit"))
        with pytest.raises(HomeLocked, match="catalogue"), job.alone():
            raise HomeLocked("the catalogue is held")


def test_killed_between_the_history_and_the_card_a_training_ends_with_one_of_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    zoo = Zoo(tmp_path / "home")
    plan = Plan("photos", Protocol(steps=2, batch_size=4), "test_vit")
    with open_sample(folder_of(many(8), tmp_path / "photos")) as sample:
        with monkeypatch.context() as patch:
            patch.setattr(zoo, "add", interrupt)
            with pytest.raises(KeyboardInterrupt):
                train_cell(zoo, sample, plan)
        card = train_cell(zoo, sample, plan).card
    assert [row.network for row in zoo.history.rows()] == ["test_vit"]
    assert list(zoo.catalogue.read().cards) == [card.id]


def interrupt(*_: object) -> None:
    raise KeyboardInterrupt

"""Lessons on the disk: what is written is read back, what is broken is named, the same question has one answer."""

from dataclasses import replace
from pathlib import Path

import pytest

from headhunt.errors import BadTable
from recommender.experience import SHIPPED, append_lesson, as_csv, read_lessons
from recommender.kin import with_networks
from tests.recommender.little_zoo import lessons


def test_lessons_are_read_as_they_were_written(tmp_path: Path) -> None:
    told = with_networks(lessons())
    (tmp_path / "some.csv").write_text(as_csv(told))
    back = read_lessons(tmp_path / "some.csv")
    assert [(one.group, one.model, one.network) for one in back] == [
        (one.group, one.model, one.network) for one in told
    ]
    for one, other in zip(back, told, strict=True):
        assert one.signals == pytest.approx(other.signals, rel=1e-4)
        assert one.accuracy == pytest.approx(other.accuracy, abs=1e-5)


def test_the_lessons_that_come_along_are_there_and_fit_the_signals() -> None:
    shipped = read_lessons(SHIPPED)
    assert len({one.target for one in shipped}) >= 6
    assert all({"stages", "probe", "size", "near"} <= one.signals.keys() for one in shipped)
    assert all(0 <= one.accuracy <= 1 and 0 < one.chance < 1 for one in shipped)


def test_no_file_is_no_lesson(tmp_path: Path) -> None:
    assert read_lessons(tmp_path / "none.csv") == []


@pytest.mark.parametrize(
    "text",
    [
        b"\xff\xfe broken",
        b"group,target,version,model,network,chance,accuracy\ng,t,v,m,n,0.5,much\n",
        b"group,target,version,model,network,chance,accuracy\ng,t,v,m,n,0.5,nan\n",
        b"group,target\ng,t\n",
    ],
)
def test_a_table_that_cannot_be_read_is_named(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "bad.csv").write_bytes(text)
    with pytest.raises(BadTable, match=r"bad\.csv"):
        read_lessons(tmp_path / "bad.csv")


def test_a_lesson_of_the_same_model_and_images_is_replaced(tmp_path: Path) -> None:
    first, second = lessons()[:2]
    for one in (first, second, replace(first, accuracy=0.5)):
        append_lesson(tmp_path / "own.csv", one)
    assert [(one.model, one.accuracy) for one in read_lessons(tmp_path / "own.csv")] == [
        (second.model, pytest.approx(second.accuracy, abs=1e-5)),
        (first.model, 0.5),
    ]

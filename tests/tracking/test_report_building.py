"""The facts of a run as a report has them: from what was told to the tracker."""

import math

import pytest

from headhunt.track.journal import Ended, Kept, Known, Noted, Points
from headhunt.track.things import confusion
from tests.tracking.telling import PROJECT, journal
from tracking.reports.building import Told, report_of
from tracking.store import Tracking

AT = 1e9


def tell(tracking: Tracking, run: str, *records: object) -> None:
    tracking.append(PROJECT, run, "w", tracking.journal(PROJECT, run).get("w", 0), journal(*records))  # type: ignore[arg-type]


def points(count: int, seconds: float = 60.0, **more: float) -> list[Points]:
    return [Points(AT + seconds * i, i, {"val_loss": abs(i - 4) + 1.0, **more}) for i in range(count)]


def test_a_report_has_the_newest_and_the_best_of_what_was_told(tracking: Tracking, run: str) -> None:
    code = {"commit": "3f9a1c2d4e5f60718293", "dirty": True, "command": ["python", "train.py"]}
    load = Points(AT, 0, {"system/cpu": 0.5, "broken": math.nan})
    tell(
        tracking,
        run,
        Noted(AT, "param", {"lr": 0.1}),
        Known(AT, {"code": code, "environment": {"cores": 2, "memory": 3 << 29}}),
        load,
        *points(10),
    )
    report = report_of(tracking, PROJECT, run, Told(AT + 600, "asked for"))
    shown = {one.name: (one.value, one.best, one.best_step) for one in report.metrics}
    assert shown == {"val_loss": (6.0, 1.0, 4), "broken": ("nan", None, None)}
    assert report.code == "commit 3f9a1c2d4e5f, with changes · python train.py"
    assert report.environment == "cores 2 · memory 1.5 GiB"
    assert (report.params, report.why, report.state) == ({"lr": 0.1}, "asked for", "running")


@pytest.mark.parametrize(
    ("params", "done", "left"),
    [({"epochs": 20}, 0.5, 600.0), ({"max_steps": 40}, 0.25, 1800.0), ({}, None, None), ({"epochs": "20"}, None, None),
     ({"epochs": 5}, None, None), ({"epochs": True}, None, None), ({"epochs": 0}, None, None)],
)  # fmt: skip
def test_the_time_that_is_left_follows_from_the_pace_where_the_length_was_announced(
    tracking: Tracking, run: str, params: dict[str, object], done: float | None, left: float | None
) -> None:
    tell(tracking, run, Noted(AT, "param", params), *points(10))
    report = report_of(tracking, PROJECT, run, Told(AT + 600))
    assert (report.done, report.left) == (done, left)


def test_epochs_that_are_told_count_before_steps(tracking: Tracking, run: str) -> None:
    told = [Points(AT + i, 100 * i, {"loss": 1.0, "epoch": float(i)}) for i in range(5)]
    tell(tracking, run, Noted(AT, "param", {"epochs": 10}), *told)
    report = report_of(tracking, PROJECT, run, Told(AT + 5))
    assert report.done == 0.5
    assert report.left == pytest.approx(4.0, abs=0.1)


def test_a_run_that_has_ended_has_nothing_left_and_tells_its_error(tracking: Tracking, run: str) -> None:
    tell(tracking, run, Noted(AT, "param", {"epochs": 20}), *points(10), Ended(AT + 540, "failed", "x" * 9000))
    report = report_of(tracking, PROJECT, run, Told(AT + 9999))
    assert (report.state, report.left) == ("failed", None)
    assert report.error is not None
    assert 0 < len(report.error) <= 3000


def test_a_run_of_which_nothing_is_known_is_reported_all_the_same(tracking: Tracking, run: str) -> None:
    report = report_of(tracking, PROJECT, run, Told(AT))
    assert (report.metrics, report.curves, report.advice, report.title) == ((), (), (), f"run {run[:8]}")


def test_the_newest_evaluation_of_each_name_and_the_tags_of_people_are_in_a_report(
    tracking: Tracking, run: str
) -> None:
    def kept(step: int, hits: int, path: str = "evaluation/val.json") -> Kept:
        thing = confusion([[hits, 1], [0, 9]], ["cat", "dog"])
        return Kept(AT + step, path, "0" * 64, 10, thing.kind, step, thing.facts)

    tags = Noted(AT, "tag", {"baseline": "", "mlflow.user": "ana", "team": "vision"})
    tell(tracking, run, tags, *(kept(step, step) for step in range(100)), kept(3, 3, "evaluation/test.json"))
    tell(tracking, run, Kept(AT, "images/x.png", "1" * 64, 10, "image"))
    report = report_of(tracking, PROJECT, run, Told(AT + 600))
    assert report.tags == {"baseline": "", "team": "vision"}
    assert (report.evaluations[0].name, report.evaluations[0].step) == ("val", 99)
    assert report.evaluations[0].matrix == ((99, 1), (0, 9))
    assert [row.name for row in report.evaluations[0].per_class] == ["cat", "dog"]

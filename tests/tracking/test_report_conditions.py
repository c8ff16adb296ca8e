"""Conditions in words: exactly these, and each occasion has one name."""

import math

import pytest

from headhunt.errors import BadCondition
from tracking.reports.conditions import Points, condition_of
from tracking.reports.facts import goal_of


def points(values: list[float], every: int = 1, epochs: tuple[list[int], list[float]] | None = None) -> Points:
    steps = [i * every for i in range(len(values))]
    return Points(steps, [1000.0 + 60.0 * i for i in range(len(values))], values, epochs)


FALLING_THEN_STILL = [1.0, 0.8, 0.5, 0.6, 0.55, 0.52, 0.51, 0.50]


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("val_loss has not improved for 5 epochs", True),
        ("val_loss has not improved for 6 epochs", False),
        ("val_loss  has not improved for 1 point", True),
        ("val_loss has not fallen for 50 steps", True),
        ("val_loss has not fallen for 51 steps", False),
        ("val_loss has not improved for 5 minutes", True),
        ("val_loss has not improved for 1 hour", False),
        ("val_loss has not risen for 7 points", True),
        ("`val_loss` is below 0.505", True),
        ("val_loss < 0.5", False),
        ("val_loss <= 0.5", True),
        ('"val_loss" > 4e-1', True),
        ("val_loss is above .6", False),
        ("val_loss is not a number", False),
    ],
)
def test_a_condition_says_of_the_points_what_its_words_say(text: str, holds: bool) -> None:
    assert (condition_of(text).event(points(FALLING_THEN_STILL, every=10)) is not None) is holds


def test_epochs_are_counted_by_the_metric_of_that_name_where_there_is_one() -> None:
    told = ([0, 40, 80], [0.0, 1.0, 2.0])
    still = points(FALLING_THEN_STILL, every=10, epochs=told)
    assert condition_of("val_loss has not improved for 1 epoch").event(still) is not None
    assert condition_of("val_loss has not improved for 2 epochs").event(still) is None


def test_an_occasion_keeps_its_name_until_it_is_over() -> None:
    asked = condition_of("val_loss has not improved for 3 epochs")
    values = [1.0, 0.5, 0.6, 0.6, 0.6, 0.6, 0.4, 0.5, 0.5, 0.5]
    events = [asked.event(points(values[:i])) for i in range(1, len(values) + 1)]
    assert events == [None] * 4 + ["still since 1"] * 2 + [None] * 3 + ["still since 6"]
    beyond = condition_of("loss > 1")
    values = [0.0, 2.0, 3.0, 0.0, 2.0]
    assert [beyond.event(points(values[:i])) for i in range(1, 6)] == [None, "since 1", "since 1", None, "since 4"]


def test_what_is_no_number_is_noticed_and_is_never_the_best() -> None:
    broken = [1.0, math.nan, math.inf]
    assert condition_of("loss is nan").event(points(broken)) == "since 1"
    assert condition_of("loss has not improved for 2 points").event(points(broken)) == "still since 0"
    assert condition_of("loss has not improved for 2 points").event(points([math.nan] * 5)) is None
    assert condition_of("loss > 1").event(points([])) is None


@pytest.mark.parametrize(
    "text",
    ["", "loss", "loss is high", "val_loss has not improved for five epochs", "val_loss has not improved for 0 epochs",
     "loss > 1 and loss < 2", "loss > nan", "my loss > 1", "loss is above 1; DROP TABLE", "x" * 400 + " > 1",
     "grad_norm has not improved for 5 epochs"],
)  # fmt: skip
def test_what_is_not_understood_is_refused_with_what_would_do(text: str) -> None:
    with pytest.raises(BadCondition, match="has not"):
        condition_of(text)


def test_a_condition_that_is_long_and_hostile_is_answered_at_once() -> None:
    for text in ("`" * 300, "a " * 150, "loss" + " " * 10_000 + "> 1", "'" + "a" * 298):
        try:
            condition_of(text)
        except BadCondition:
            continue


@pytest.mark.parametrize(
    ("name", "goal"),
    [("val_loss", "low"), ("train/loss", "low"), ("top1", "high"), ("val_accuracy", "high"), ("mAP50", "high"),
     ("lr", None), ("glossary", None), ("Error", "low"), ("epoch", None)],
)  # fmt: skip
def test_which_way_is_better_stands_in_the_name(name: str, goal: str | None) -> None:
    assert goal_of(name) == goal

"""The benchmark of the starter zoo: its targets are new, and its table says what the results say."""

import pytest

from benchmarks.starter import SCRATCH, Result, accuracies, gains
from benchmarks.starter_targets import Target, targets
from zoo.starter.domains import Counts, starter_domains

KNOWN = {domain.name: domain.draw(Counts(1, 1))["train"].classes for domain in starter_domains()}


def test_every_drawn_domain_has_one_neighbour_among_the_targets() -> None:
    assert sorted(target.near for target in targets()) == sorted(set(KNOWN) - {"digits"})


@pytest.mark.parametrize("target", [target for target in targets() if target.near != "glyphs"], ids=lambda t: t.near)
def test_no_class_of_a_target_is_in_the_zoo(target: Target) -> None:
    assert not set(target.family.classes) & {name for classes in KNOWN.values() for name in classes}


def results() -> list[Result]:
    of_seed = {0: {"a": 0.9, "b": 0.5, "c": 0.3, SCRATCH: 0.2}, 1: {"a": 0.7, "b": 0.8, "c": 0.4, SCRATCH: 0.1}}
    return [Result("t", "a", name, seed, value) for seed, row in of_seed.items() for name, value in row.items()]


def test_the_table_shows_means_and_marks_the_neighbour() -> None:
    (row,) = accuracies("test_vit", results()).rows
    assert row == {"target": "t", "a": "80.0*", "b": "65.0 ", "c": "35.0 ", SCRATCH: "15.0 "}


def test_the_gain_is_the_neighbour_less_the_mean_of_the_others_seed_by_seed() -> None:
    own, everything = gains(results()).rows
    assert (own["near - far"], own["±"]) == ("+30.0", "28.3")  # 90 - 40 = 50 and 70 - 60 = 10
    assert (own["near - scratch"], own["± "]) == ("+65.0", "7.1")  # 70 and 60
    assert own["place of the neighbour"] == 1
    assert everything["near - far"] == "+30.0"

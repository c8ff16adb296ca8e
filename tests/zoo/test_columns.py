"""Columns stand below each other, whatever the script."""

from headhunt.cli.render import table
from zoo.catalogue.columns import text_width


def test_numbers_stand_to_the_right_and_names_to_the_left() -> None:
    assert table(("model", "n"), [("a", "10"), ("b/long", "5")], numbers=(1,)).splitlines() == [
        "model    n",
        "a       10",
        "b/long   5",
    ]


def test_letters_that_take_two_places_do_not_push_a_column_aside() -> None:
    lines = table(("model", "n"), [("손글씨/모델", "1"), ("digits/a", "22")], numbers=(1,)).splitlines()
    assert len({text_width(line) for line in lines}) == 1

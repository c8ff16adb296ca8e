"""The recommended models: all of them exist, and the documentation says what the table says."""

import pytest
import timm

from zoo.sources.curated import DOCUMENT, RECOMMENDED, recommended, row, table
from zoo.sources.timm_hub import card_of


def test_every_recommended_tag_is_one_of_timms() -> None:
    known = set(timm.list_pretrained())
    assert [choice.tag for choice in RECOMMENDED if choice.tag not in known] == []
    assert len({choice.tag for choice in RECOMMENDED}) == len(RECOMMENDED)
    assert 40 <= len(RECOMMENDED) <= 50


def test_the_documentation_gives_every_recommended_tag_with_its_reason_in_the_order_of_the_table() -> None:
    rows = [line for line in DOCUMENT.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    assert [line.split("`")[1] for line in rows] == [choice.tag for choice in RECOMMENDED]
    assert [line.split("|")[-2].strip() for line in rows] == [choice.reason for choice in RECOMMENDED]
    costs = [float(line.split("|")[5]) for line in rows]
    assert costs == sorted(costs)


@pytest.mark.parametrize("choice", RECOMMENDED[::9], ids=lambda choice: choice.tag)
def test_the_facts_in_the_documentation_are_those_that_are_computed(choice: object) -> None:
    from zoo.sources.curated import Choice

    assert isinstance(choice, Choice)
    assert row(choice, card_of(choice.tag)) in DOCUMENT.read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_whole_table_in_the_documentation_is_that_which_is_computed() -> None:
    assert DOCUMENT.read_text(encoding="utf-8").endswith(table())


def test_they_come_one_by_one_without_weights() -> None:
    first = next(recommended())
    assert (first.card.origin, first.state) == (f"timm:{RECOMMENDED[0].tag}", None)


@pytest.mark.slow
def test_they_differ_in_kind_size_and_source() -> None:
    cards = [found.card for found in recommended()]
    assert len({card.network.split("_")[0] for card in cards}) >= 15
    assert len({card.domain for card in cards}) >= 5
    assert max(card.macs for card in cards) > 1000 * min(card.macs for card in cards)

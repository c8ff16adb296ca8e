"""The catalogue's file: names of classes stand in it once, older formats are read, and it stays small."""

from pathlib import Path

import msgspec
import pytest

from headhunt.errors import (
    CatalogueBroken,
)
from headhunt.vocabulary import Domain
from tests.zoo.cards import card
from zoo.catalogue.store import Catalogue

SYNSETS = tuple(f"n{i:08d}" for i in range(1000))


def with_shared_names(home: Path, count: int) -> Catalogue:
    catalogue = Catalogue(home)
    with catalogue.change() as draft:
        draft.add_domain(Domain(name="digits"))
        for i in range(count):
            draft.add_card(card(f"digits/network{i}", head=1000, classes=tuple(map(str, SYNSETS))))
    return catalogue


def test_names_that_cards_share_stand_in_the_file_once_and_on_every_card_that_is_read(tmp_path: Path) -> None:
    path = with_shared_names(tmp_path, 3).path
    with Catalogue(tmp_path).change() as draft:
        draft.add_card(card("digits/own", head=2, classes=("a", "b")))
        draft.add_card(card("digits/unnamed", head=2))
    assert path.read_bytes().count(b"n00000007") == 1
    cards = Catalogue(tmp_path).read().cards
    assert [cards[f"digits/network{i}"].classes for i in range(3)] == [SYNSETS] * 3
    assert cards["digits/own"].classes == ("a", "b")
    assert cards["digits/unnamed"].classes == ()


def test_names_go_back_to_the_last_card_that_has_them(tmp_path: Path) -> None:
    catalogue = with_shared_names(tmp_path, 2)
    with catalogue.change() as draft:
        draft.remove_card("digits/network0")
    assert b'"class_names":[\n\n]' in catalogue.path.read_bytes()
    assert Catalogue(tmp_path).read().card("digits/network1").classes == SYNSETS


def test_a_file_of_the_first_format_is_read_and_becomes_one_of_the_newest(tmp_path: Path) -> None:
    one, two = (card(f"digits/{name}", head=2, classes=("a", "b")) for name in ("one", "two"))
    old = {"format": 1, "domains": [Domain(name="digits")], "cards": [one, two]}
    (tmp_path / "catalogue.json").write_bytes(msgspec.json.encode(old))
    assert dict(Catalogue(tmp_path).read().cards) == {"digits/one": one, "digits/two": two}
    with Catalogue(tmp_path).change() as draft:
        draft.add_card(card("digits/three"))
    assert msgspec.json.decode((tmp_path / "catalogue.json").read_bytes())["format"] == 2
    assert Catalogue(tmp_path).read().card("digits/two") == two


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (b'["digits/network0"', b'["digits/gone"', "digits/gone has names of classes and no card"),
        (b'["digits/network0"', b'["digits/network1"', "digits/network1 are named twice"),
        (b'"n00000000",', b"", "another number of classes"),
    ],
)
def test_names_of_classes_that_fit_no_card_are_a_broken_file(
    tmp_path: Path, old: bytes, new: bytes, words: str
) -> None:
    path = with_shared_names(tmp_path, 2).path
    path.write_bytes(path.read_bytes().replace(old, new))
    with pytest.raises(CatalogueBroken, match=words):
        Catalogue(tmp_path).read()


def test_two_thousand_imagenet_cards_are_a_small_file_and_hold_their_names_once(tmp_path: Path) -> None:
    path = with_shared_names(tmp_path, 2000).path
    cards = Catalogue(tmp_path).read().cards.values()
    assert path.stat().st_size < 1_500_000
    assert len(cards) == 2000
    assert len({id(card.classes) for card in cards}) == 1

"""The Zoo joins cards and weights: none points at what is not there, whoever else writes."""

import os
from pathlib import Path

import pytest
import torch

from headhunt.errors import HomeLocked
from headhunt.vocabulary import ModelCard
from zoo.catalogue.store import Catalogue
from zoo.repository import Zoo
from zoo.sources import Found

STATE = {"weight": torch.ones(3)}


def found(name: str) -> Found:
    card = ModelCard(
        id=f"digits/{name}",
        network="n",
        domain="digits",
        origin="train",
        input_size=32,
        mean=(0.5,) * 3,
        std=(0.25,) * 3,
        params=3,
        macs=1,
    )
    return Found(card, STATE)


def test_equal_weights_are_kept_until_the_last_card_that_has_them_goes(tmp_path: Path) -> None:
    zoo = Zoo(tmp_path)
    one, two = zoo.add(found("one")), zoo.add(found("two"))
    assert one.weights == two.weights
    zoo.remove([one.id])
    assert torch.equal(zoo.state(two)["weight"], STATE["weight"])
    zoo.remove([two.id])
    assert not list((tmp_path / "weights").iterdir())


def test_weights_can_be_read_by_whom_the_umask_lets(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        zoo = Zoo(tmp_path)
        zoo.add(found("one"))
    finally:
        os.umask(before)
    assert [path.stat().st_mode & 0o777 for path in (tmp_path / "weights").iterdir()] == [0o640]


def test_weights_that_another_process_removes_before_their_new_card_is_there_are_kept_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    zoo = Zoo(tmp_path)
    zoo.add(found("one"))
    keep = zoo.weights.add

    def keep_while_the_other_card_goes(state: dict[str, torch.Tensor]) -> tuple[str, int]:
        kept = keep(state)
        monkeypatch.undo()
        Zoo(tmp_path).remove(["digits/one"])
        return kept

    monkeypatch.setattr(zoo.weights, "add", keep_while_the_other_card_goes)
    card = zoo.add(found("two"))
    assert torch.equal(zoo.state(card)["weight"], STATE["weight"])


def test_weights_go_while_nobody_can_add_a_card_that_has_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    zoo = Zoo(tmp_path)
    card = zoo.add(found("one"))
    unlink, gone = Path.unlink, []

    def watched(path: Path, missing_ok: bool = False) -> None:
        if path.suffix == ".safetensors":
            with pytest.raises(HomeLocked), Catalogue(tmp_path).change(patience=0.01):
                pass
            gone.append(path.stem)
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", watched)
    zoo.remove([card.id])
    assert gone == [card.weights]

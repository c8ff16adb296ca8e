"""The network that looks at all data: the one that is named, else a broad one that is here, else one taught here."""

import functools
import threading
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from discriminator import reference as module
from discriminator.reference import AFFORDABLE, BROAD, CHOICE, reference
from headhunt.errors import UnknownModel
from headhunt.vocabulary import Domain, Protocol
from tests.zoo.cards import card
from zoo.repository import Zoo
from zoo.sources import Found
from zoo.starter import reference as starter
from zoo.starter.reference import Recipe, lessons, starter_reference

SMALL = Recipe(per_class=2, protocol=Protocol(steps=2, batch_size=16, precision="fp32", input_size=32))
FEW = {"weight": torch.ones(2, 2)}


@pytest.fixture(autouse=True)
def nothing_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(CHOICE, raising=False)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "starter_reference", functools.partial(starter_reference, recipe=SMALL))


def with_card(zoo: Zoo, model: str, **facts: object) -> None:
    """A card with weights, which nobody looks into here."""
    state = {"weight": torch.full((2, 2), float(len(model)))}
    zoo.add(Found(card(model, **facts), state), Domain(name=model.partition("/")[0]))


def timm(head: int = 1000, macs: int = 10**8, **facts: object) -> dict[str, object]:
    return {"origin": "timm:x", "head": head, "macs": macs, **facts}


def test_the_network_that_is_named_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    zoo = Zoo(tmp_path)
    with_card(zoo, "imagenet/large", **timm())
    with_card(zoo, "digits/mine")
    monkeypatch.setenv(CHOICE, "digits/mine")
    assert reference(zoo).name == "digits/mine"


def test_a_name_that_nobody_has_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    zoo = Zoo(tmp_path)
    with_card(zoo, "digits/mine")
    monkeypatch.setenv(CHOICE, "digits/mime")
    with pytest.raises(UnknownModel, match="digits/mine"):
        reference(zoo)


def test_the_broadest_then_the_most_accurate_backbone_is_taken(tmp_path: Path) -> None:
    zoo = Zoo(tmp_path)
    with_card(zoo, "imagenet/poor", **timm(accuracy=0.6, params=9))
    assert reference(zoo).name == "imagenet/poor"
    with_card(zoo, "imagenet/good", **timm(accuracy=0.8, params=5))
    assert reference(zoo).name == "imagenet/good"
    with_card(zoo, "imagenet22k/broad", **timm(head=21841))
    assert reference(zoo).name == "imagenet22k/broad"


@pytest.mark.parametrize(
    "unfit",
    [timm(head=BROAD - 1), timm(macs=int(AFFORDABLE) + 1), {**timm(), "origin": "train"}],
    ids=["narrow", "dear", "not of timm"],
)
@pytest.mark.usefixtures("quick")
def test_what_is_narrow_or_dear_or_of_unknown_origin_is_not_chosen(tmp_path: Path, unfit: dict[str, object]) -> None:
    zoo = Zoo(tmp_path)
    with_card(zoo, "some/model", **unfit)
    assert reference(zoo).name == "starter reference"


@pytest.mark.usefixtures("quick")
def test_weights_that_are_not_here_are_not_fetched_for_it(tmp_path: Path) -> None:
    zoo = Zoo(tmp_path)
    zoo.add(Found(card("imagenet/elsewhere", **timm()), None))
    assert reference(zoo).name == "starter reference"


@pytest.mark.usefixtures("quick")
def test_the_taught_network_is_no_card_and_sees_32_pixels(tmp_path: Path) -> None:
    zoo = Zoo(tmp_path)
    backbone = reference(zoo)
    network = backbone.build()
    assert not zoo.catalogue.read().cards
    assert backbone.view.size == 32
    assert not network.training
    with torch.inference_mode():
        assert network(torch.zeros(2, 3, 32, 32)).shape == (2, 96)


def test_the_same_network_is_taught_in_every_home_whatever_the_threads_and_generators(tmp_path: Path) -> None:
    first = starter_reference(tmp_path / "one", SMALL)
    torch.manual_seed(5)
    torch.set_num_threads(2)
    before = torch.get_rng_state()
    try:
        second = starter_reference(tmp_path / "two", SMALL)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(1)
    assert first.digest == second.digest
    assert torch.equal(before, torch.get_rng_state())


def test_it_is_taught_once_for_a_home_though_two_ask_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taught: list[Recipe] = []

    def counted(recipe: Recipe) -> dict[str, torch.Tensor]:
        taught.append(recipe)
        return FEW

    monkeypatch.setattr(starter, "trained", counted)
    asking = [threading.Thread(target=starter_reference, args=(tmp_path, SMALL)) for _ in range(4)]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join()
    assert len(taught) == 1


def test_a_damaged_file_is_taught_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(starter, "trained", lambda recipe: FEW)
    path = starter_reference(tmp_path, SMALL).path
    path.write_bytes(path.read_bytes()[:-4])
    assert torch.equal(load_file(starter_reference(tmp_path, SMALL).path)["weight"], FEW["weight"])


def test_another_recipe_is_another_file() -> None:
    longer = Recipe(SMALL.network, SMALL.per_class, msgspec.structs.replace(SMALL.protocol, steps=3))
    assert len({SMALL.key, longer.key, Recipe().key}) == 3


def test_it_learns_all_classes_of_all_domains_as_one_problem() -> None:
    lesson = lessons(2)
    domains = {name.partition("/")[0] for name in lesson.classes}
    assert len(domains) == 8
    assert len(lesson.classes) == len(set(lesson.classes)) == 69
    counts = np.bincount(lesson.labels.numpy(), minlength=69)
    assert (counts >= 2).all()
    assert lesson.classes[lesson.labels[-1]].startswith("spectrograms/")


@pytest.mark.slow
def test_the_whole_recipe_tells_the_starter_classes_apart(tmp_path: Path) -> None:
    """On pictures drawn anew: by the nearest class mean of its features, 69 classes."""
    network = starter_reference(tmp_path).build()
    known, fresh = lessons(20), lessons(40)

    def seen(images: torch.Tensor) -> torch.Tensor:
        with torch.inference_mode():
            return network((images.float() / 255 - 0.5) / 0.25)

    means = torch.stack([seen(known.images[known.labels == k]).mean(0) for k in range(len(known.classes))])
    right = torch.cdist(seen(fresh.images), means).argmin(1) == fresh.labels
    assert right.float().mean() > 0.5

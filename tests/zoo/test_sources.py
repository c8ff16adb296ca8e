"""The contract of every source of cards: a card is true of its state, and all that is needed to use the model.

A source joins by one more entry in SOURCES: a function that, given a folder of its own and a hub on loopback, yields
what the source yields.
"""

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest
import timm
import torch
from safetensors.torch import save, save_file
from torch import Tensor

from examples.cifar_resnet import resnet20
from headhunt.vocabulary import ModelCard, Protocol
from tests.zoo.hub_stand_in import Hub, serving
from zoo.cells import Plan, train_cell
from zoo.images.samples import open_sample
from zoo.networks.building import build_network
from zoo.networks.measure import count_macs, count_params, measure
from zoo.networks.weights import WeightStore
from zoo.repository import Zoo
from zoo.sources import Found
from zoo.sources.checkpoint import Checkpoint, from_checkpoint
from zoo.sources.curated import RECOMMENDED, recommended
from zoo.sources.timm_hub import fetch, from_timm
from zoo.starter.build import StarterPlan, build_starter
from zoo.starter.domains import Counts
from zoo.starter.networks import StarterNetwork
from zoo.starter.packing import pack

Source = Callable[[Path, Hub], Iterator[Found]]
QUICK = Protocol(steps=3, batch_size=16, precision="fp32", input_size=32)
FEW = Counts(train=8, test=4)
TINY = ("test_resnet.r160_in1k", "test_vit.r160_in1k", "test_efficientnet.r160_in1k", "test_convnext.r160_in1k")


def timm_tags(folder: Path, hub: Hub) -> Iterator[Found]:
    for tag in TINY:
        yield from from_timm(f"timm:{tag}")


def timm_pattern(folder: Path, hub: Hub) -> Iterator[Found]:
    yield from from_timm("timm:test_[rv][ei][st]*.r160_in1k")


def curated_list(folder: Path, hub: Hub) -> Iterator[Found]:
    cheapest = next(recommended())
    offer(hub, RECOMMENDED[0].tag)
    yield cheapest


def own_checkpoint(folder: Path, hub: Hub) -> Iterator[Found]:
    torch.manual_seed(1)
    torch.save({"state_dict": resnet20(6).state_dict()}, folder / "own.pth")
    own = "examples.cifar_resnet:resnet20"
    yield from_checkpoint(Checkpoint(folder / "own.pth", own, "shapes", input_size=32, classes=tuple("abcdef")))


def timm_checkpoint(folder: Path, hub: Hub) -> Iterator[Found]:
    for name, classes, size in (("test_vit", 5, 64), ("test_resnet", 3, 32), ("test_convnext", 0, 48)):
        network = build_network(name, classes=classes, input_size=size)
        save_file(network.state_dict(), folder / f"{name}.safetensors")
        yield from_checkpoint(Checkpoint(folder / f"{name}.safetensors", name, "tiny", input_size=size))


def starter_zoo(folder: Path, hub: Hub) -> Iterator[Found]:
    networks = (StarterNetwork("test_resnet", "", QUICK), StarterNetwork("test_vit", "", QUICK))
    yield from build_starter(folder, plan=StarterPlan(("glyphs",), networks, FEW), process_count=1)


def own_training(folder: Path, hub: Hub) -> Iterator[Found]:
    """From nothing, and from what came of that; told as it is before the weights are kept."""
    zoo = Zoo(folder / "home")
    with open_sample(pack("glyphs", folder, FEW)) as sample:
        first = train_cell(zoo, sample, Plan("letters", QUICK, network="test_convnext")).card
        second = train_cell(zoo, sample, Plan("letters", QUICK, parent=first.id, name="again")).card
    for card in (first, second):
        yield Found(msgspec.structs.replace(card, weights=None, weights_bytes=None), zoo.state(card))


SOURCES: dict[str, Source] = {
    "timm tags": timm_tags,
    "timm pattern": timm_pattern,
    "recommended": curated_list,
    "own checkpoint": own_checkpoint,
    "timm checkpoint": timm_checkpoint,
    "starter zoo": starter_zoo,
    "own training": own_training,
}


def offer(hub: Hub, tag: str) -> None:
    torch.manual_seed(4)
    state = timm.create_model(tag, pretrained=False).state_dict()
    hub.repositories[f"timm/{tag}"] = {"model.safetensors": save(state)}


@dataclass(frozen=True)
class Taken:
    """A model as a user of the zoo has it: the card as it is read back, and its weights however they came."""

    offered: Found
    card: ModelCard
    state: dict[str, Tensor]


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    with pytest.MonkeyPatch.context() as patch, serving(Hub()) as running:
        for name in [name for name in os.environ if name.startswith(("HF_", "HUGGINGFACE_"))]:
            patch.delenv(name)
        patch.setenv("HF_ENDPOINT", running.endpoint)
        patch.setenv("HF_HOME", str(tmp_path_factory.mktemp("hf")))
        for tag in (*TINY, "test_vit2.r160_in1k", "test_vit3.r160_in1k"):
            offer(running, tag)
        yield running


@pytest.fixture(scope="module", params=SOURCES)
def taken(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, hub: Hub) -> list[Taken]:
    store = WeightStore(tmp_path_factory.mktemp("store"))
    models = []
    for found in SOURCES[request.param](tmp_path_factory.mktemp("source"), hub):
        card = msgspec.json.decode(msgspec.json.encode(found.card), type=ModelCard)
        state = fetch(card) if found.state is None else found.state
        models.append(Taken(found, card, store.load(store.add(state)[0])))
    assert models
    return models


def test_a_card_reads_back_as_it_was_written(taken: list[Taken]) -> None:
    assert [model.card for model in taken] == [model.offered.card for model in taken]


def test_an_id_is_the_domain_and_a_name(taken: list[Taken]) -> None:
    for model in taken:
        assert re.fullmatch(r"[\w.-]+/[\w.-]+", model.card.id)
        assert model.card.id.startswith(f"{model.card.domain}/")
    assert len({model.card.id for model in taken}) == len(taken)


def test_the_network_of_a_card_loads_its_state_strictly(taken: list[Taken]) -> None:
    for model in taken:
        network = network_of(model)
        assert count_params(network) == model.card.params
        assert all(torch.equal(value, model.state[key]) for key, value in network.state_dict().items())


def test_the_head_has_as_many_outputs_as_the_card_says(taken: list[Taken]) -> None:
    for model in taken:
        outputs = network_of(model).eval()(
            torch.zeros(2, model.card.channels, model.card.input_size, model.card.input_size)
        )
        assert outputs.shape[0] == 2
        assert outputs.ndim == 2
        assert not model.card.head or outputs.shape[1] == model.card.head
        assert len(model.card.classes) in {0, model.card.head}


def test_every_weight_is_finite(taken: list[Taken]) -> None:
    for model in taken:
        assert all(bool(torch.isfinite(value).all()) for value in model.state.values() if value.is_floating_point())


def test_the_costs_on_a_card_are_those_of_its_network(taken: list[Taken]) -> None:
    for model in taken:
        assert count_macs(network_of(model), input_size=model.card.input_size) == model.card.macs > 0
    measured = measure(network_of(taken[0]), input_size=taken[0].card.input_size)
    assert measured.peak_bytes > 4 * taken[0].card.params


def test_the_input_of_a_card_can_be_normalised(taken: list[Taken]) -> None:
    for model in taken:
        card = model.card
        assert len(card.mean) == len(card.std) == card.channels
        assert all(value > 0 for value in card.std)
        assert 0 < card.crop <= 1.5


def test_weights_are_left_out_only_where_they_can_be_fetched(taken: list[Taken]) -> None:
    for model in taken:
        assert model.offered.state is not None or model.card.origin.startswith("timm:")
        assert model.card.weights is None


def network_of(model: Taken) -> torch.nn.Module:
    network = build_network(model.card.network, classes=model.card.head, input_size=model.card.input_size)
    network.load_state_dict(model.state)
    return network

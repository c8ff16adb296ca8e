"""One cell of the starter zoo, in a process of its own: read the packed sample, train, judge, and write the card."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save

from headhunt.vocabulary import ModelCard, Protocol
from zoo.images.pixels import Pixels, View, load_pixels
from zoo.images.samples import open_sample
from zoo.networks.building import build_network
from zoo.networks.measure import count_macs, count_params, measure
from zoo.starter.domains import Counts, starter_domain
from zoo.starter.drawing import SIZE
from zoo.starter.networks import MEAN, STD
from zoo.starter.packing import pack
from zoo.training.evaluation import evaluate
from zoo.training.trainer import Step, TrainingData, train

SEED = 0


@dataclass(frozen=True)
class Cell:
    """A cell that is to be filled: everything its worker has to know."""

    domain: str
    network: str
    protocol: Protocol
    counts: Counts
    folder: Path

    @property
    def id(self) -> str:
        return f"{self.domain}/{self.network}"

    @property
    def steps(self) -> int:
        return self.protocol.steps or 0


@dataclass(frozen=True)
class Loaded:
    """A packed domain, decoded."""

    version: str
    train: Pixels
    test: Pixels


@functools.cache
def loaded(domain: str, folder: Path, counts: Counts) -> Loaded:
    """Every worker reads a domain once: all eight are 50 MB."""
    with open_sample(pack(domain, folder, counts)) as sample:
        train_part, test_part = (
            load_pixels(sample, View(size=SIZE), split, sample.classes) for split in ("train", "test")
        )
        return Loaded(sample.version.id, train_part, test_part)


def fill(cell: Cell, on_step: Callable[[Step], None]) -> tuple[ModelCard, bytes]:
    """The card and the weights as safetensors, which cross to the other process as plain bytes."""
    data = loaded(cell.domain, cell.folder, cell.counts)
    classes = data.train.classes
    with torch.random.fork_rng([]):
        torch.manual_seed(SEED)
        network = build_network(cell.network, classes=len(classes), input_size=SIZE)
    wanted = TrainingData(data.train, None, MEAN, STD)
    train(network, wanted, cell.protocol, seed=SEED, device="cpu", on_step=on_step)
    card = ModelCard(
        id=cell.id,
        network=cell.network,
        domain=cell.domain,
        origin="starter",
        input_size=SIZE,
        mean=MEAN,
        std=STD,
        params=count_params(network),
        macs=count_macs(network, input_size=SIZE),
        head=len(classes),
        classes=classes,
        measured=measure(network, input_size=SIZE),
        accuracy=evaluate(network, data.test, MEAN, STD, device="cpu").accuracy,
        license=starter_domain(cell.domain).license,
        protocol=cell.protocol,
        seed=SEED,
        version=data.version,
    )
    return card, save({name: tensor.contiguous() for name, tensor in network.state_dict().items()})

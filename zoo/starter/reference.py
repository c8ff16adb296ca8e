"""The network that looks at all data where no broader one is at hand: it learned all starter domains at once.

    starter_reference(home) -> Taught     trained at first use, then read from HOME/reference/

One small network learns all classes of all eight domains as one problem, on pictures that are drawn for it alone: the
pictures that are kept as the domains' samples stay fresh to it, so what is measured on them holds for a user's images,
too. (The digits cannot be drawn; it learns from their test part, and the domain is described by the other.) It is no
card: nobody is meant to start from it.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import torch
from safetensors.torch import save
from torch import nn

from headhunt.errors import WeightsRefused
from headhunt.vocabulary import Protocol
from zoo.files import replace_file, writer_lock
from zoo.images.pixels import Pixels
from zoo.networks.building import build_network, with_new_head
from zoo.networks.matching import load_strictly
from zoo.networks.weights import State, digest_of, read_state, separate
from zoo.starter.domains import Counts, Pictures, StarterDomain, chance_of, starter_domains
from zoo.starter.drawing import SIZE
from zoo.starter.networks import MEAN, STD, taught
from zoo.starter.packing import EDITION
from zoo.training.trainer import TrainingData, train

SEED = 0
WAIT_S = 300.0
"""How long another process may need for the training that this one waits for."""


@dataclass(frozen=True)
class Recipe:
    """How it is taught. 13 seconds of one core with the whole of it, 2 of them for drawing."""

    network: str = "test_resnet"
    per_class: int = 150
    protocol: Protocol = taught(250, 4e-3)  # noqa: RUF009 - frozen

    @property
    def key(self) -> str:
        return hashlib.sha256(msgspec.json.encode((EDITION, self.network, self.per_class, self.protocol))).hexdigest()


WHOLE = Recipe()


@dataclass(frozen=True)
class Taught:
    """The network as it lies on the disk. Only what it sees on the way is used; its own outputs are not kept."""

    path: Path
    digest: str
    network: str

    def build(self) -> nn.Module:
        """With its weights and without a head, in evaluation mode."""
        network = build_network(self.network, classes=0, input_size=SIZE)
        load_strictly(network, read_state(self.path), self.network, "the reference network")
        return network.eval()


def place(home: Path, recipe: Recipe = WHOLE) -> Path:
    """Where the reference network of a home lies, once it is taught."""
    return home / "reference" / f"{recipe.key[:32]}.safetensors"


def starter_reference(home: Path, recipe: Recipe = WHOLE) -> Taught:
    """The reference network of a home: trained where it is not there yet, by one process while others wait."""
    path = place(home, recipe)
    if not readable(path):
        with writer_lock(path.with_suffix(".lock"), patience=WAIT_S):
            if not readable(path):
                replace_file(path, save(trained(recipe)))
    return Taught(path, digest_of(path), recipe.network)


def readable(path: Path) -> bool:
    """A file that is damaged is trained again."""
    try:
        return path.is_file() and bool(read_state(path))
    except WeightsRefused:
        return False


def trained(recipe: Recipe) -> State:
    """On one thread: the number of threads changes the order of sums. Machines of a kind make the same weights."""
    lesson = lessons(recipe.per_class)
    with one_thread(), torch.random.fork_rng([]):
        torch.manual_seed(SEED)
        network = build_network(recipe.network, classes=len(lesson.classes), input_size=SIZE)
        train(network, TrainingData(lesson, None, MEAN, STD), recipe.protocol, seed=SEED, device="cpu")
    return separate(with_new_head(network, 0).state_dict())


def lessons(per_class: int) -> Pixels:
    """All domains' pictures as one problem: a class is `<domain>/<class>`, and none is shared."""
    domains = [(domain, pictures_of(domain, per_class)) for domain in starter_domains()]
    names = tuple(f"{domain.name}/{label}" for domain, pictures in domains for label in pictures.classes)
    starts = np.cumsum([0, *(len(pictures.classes) for _, pictures in domains)])
    images = np.concatenate([pictures.images for _, pictures in domains])
    labels = np.concatenate([start + pictures.labels for start, (_, pictures) in zip(starts, domains, strict=False)])
    return Pixels(torch.from_numpy(images), torch.from_numpy(labels), names)


def pictures_of(domain: StarterDomain, per_class: int) -> Pictures:
    """Pictures that are in no sample, where more can be drawn; else the part that is kept for tests."""
    if domain.family is None:
        return domain.draw(Counts(train=per_class, test=per_class))["test"]
    drawn = domain.family.draw(chance_of(domain.name, "reference"), per_class)
    return Pictures(*drawn, domain.family.classes)


@contextmanager
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)

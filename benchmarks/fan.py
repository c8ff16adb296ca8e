"""Whether processes beside this one pay: looking through eight networks, here and in a pool.

    python -m benchmarks.fan [--repeats N] [--json FILE]

Here, torch takes as many threads as it gains from; the pool has a process a core, with one thread each. Both take
turns, each with features nobody knows yet. The pool starts with the first question, as it does for a job; `warm` is
what the next question would take. Networks have random weights, which cost the same.
"""

import math
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
import torch

from benchmarks.images import jpeg, picture
from benchmarks.report import Table, arguments, publish, spread
from discriminator.features import FeatureStore
from discriminator.gallery import Gallery
from headhunt.vocabulary import ModelCard
from recommender.clock import Deadline
from recommender.fan import Away, Fan, Here
from recommender.fan_pool import Pool
from recommender.looking import Looking, LookThrough
from recommender.threads import fitting_threads
from zoo.images.samples import open_sample
from zoo.machine import usable_cores
from zoo.networks.building import build_network
from zoo.repository import Zoo
from zoo.sources import Found
from zoo.starter.networks import MEAN, STD, starter_networks

IMAGES, CLASSES = 400, 10


@dataclass(frozen=True)
class Case:
    """Eight models of these networks, and the size they see."""

    name: str
    networks: tuple[str, ...]
    size: int
    mean: tuple[float, ...] = MEAN
    std: tuple[float, ...] = STD


CASES = (
    Case("starter, 32 px", tuple(one.name for one in starter_networks()) * 2, 32),
    Case("resnet18 and mobilenetv3, 128 px", ("resnet18", "mobilenetv3_small_100") * 4, 128),
)


def main() -> None:
    parser = arguments(__doc__ or "")
    parser.add_argument("--repeats", type=int, default=3)
    asked = parser.parse_args()
    table = Table(
        f"Looking through 8 networks at {IMAGES} images: seconds",
        ("case", "here", "pool", "warm", "here / pool", "+-", "here / warm"),
    )
    for case in CASES:
        table.add(case.name, *compared(case, asked.repeats, asked.seed))
    publish("fan", [table], seed=asked.seed, keep=asked.json)


def compared(case: Case, repeats: int, seed: int) -> tuple[float, ...]:
    with tempfile.TemporaryDirectory() as folder:
        zoo, photos = Zoo(Path(folder) / "home"), Path(folder) / "photos"
        cards = [added(zoo, f"photos/{network}-{i}", network, case) for i, network in enumerate(case.networks)]
        draw(photos, seed)
        here, pool, warm = list[float](), list[float](), list[float]()
        for _ in range(repeats):
            here.append(seconds(zoo, cards, photos, Here()))
            began = time.perf_counter()
            with Away(Pool(usable_cores())) as fan:
                starting = time.perf_counter() - began
                pool.append(starting + seconds(zoo, cards, photos, fan))
                warm.append(seconds(zoo, cards, photos, fan))
    ratio, half = spread([a / b for a, b in zip(here, pool, strict=True)])
    gained = median(a / b for a, b in zip(here, warm, strict=True))
    return median(here), median(pool), median(warm), ratio, half, gained


def seconds(zoo: Zoo, cards: list[ModelCard], photos: Path, fan: Fan) -> float:
    """Of looking alone: the images are decoded before."""
    with tempfile.TemporaryDirectory() as scratch, open_sample(photos) as sample, fitting_threads():
        gallery = Gallery(sample, sample.entries())
        looking = Looking(zoo, gallery, FeatureStore(Path(scratch)), 0.0, 0, "cpu")
        errands = [LookThrough(looking, card.id, i, i) for i, card in enumerate(cards)]
        looking.packed(cards[0])
        began = time.perf_counter()
        for _, outcome in fan.run(errands, Deadline(math.inf)):
            outcome.get()
        return time.perf_counter() - began


def added(zoo: Zoo, name: str, network: str, case: Case) -> ModelCard:
    torch.manual_seed(len(name))
    built = build_network(network, classes=CLASSES, input_size=case.size)
    card = ModelCard(
        id=name,
        network=network,
        domain="photos",
        origin="train",
        head=CLASSES,
        input_size=case.size,
        mean=case.mean,
        std=case.std,
        params=sum(parameter.numel() for parameter in built.parameters()),
        macs=1,
    )
    return zoo.add(Found(card, built.state_dict()))


def draw(folder: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    for i in range(IMAGES):
        place = folder / f"class-{i % CLASSES}"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{i}.jpg").write_bytes(jpeg(picture(rng, (160, 120))))


if __name__ == "__main__":
    main()

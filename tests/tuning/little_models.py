"""Models of the zoo that nobody has taught, and a sample of stripes: what a tuning needs, in a moment."""

from pathlib import Path

import torch

import headhunt
from headhunt.vocabulary import ModelCard
from tests.recommender.little_zoo import stripes
from tests.zoo.cards import card
from tuning.bench import Model
from tuning.tune import Tuned, Wish, tune
from zoo.images.samples import open_sample
from zoo.networks.building import build_network
from zoo.networks.measure import count_macs, count_params
from zoo.repository import Zoo
from zoo.sources import Found

BRIEF = {"epochs": headhunt.integer(2, 4), "batch_size": 16, "augment": "none"}
NETWORKS = ("test_resnet", "test_efficientnet", "test_vit")


def little_models(home: Path, networks: tuple[str, ...] = NETWORKS) -> Zoo:
    """`blank/NETWORK`, each with random weights."""
    zoo = Zoo(home)
    for name in networks:
        torch.manual_seed(0)
        network = build_network(name, classes=4, input_size=32)
        facts: ModelCard = card(
            f"blank/{name}",
            network=name,
            origin="file:x",
            head=4,
            params=count_params(network),
            macs=count_macs(network, input_size=32),
        )
        zoo.add(Found(facts, network.state_dict()))
    return zoo


def photos(folder: Path) -> Path:
    return stripes(folder / "photos", count=12)


def tuned(zoo: Zoo, images: Path, wish: Wish, networks: tuple[str, ...] = ("test_resnet",)) -> Tuned:
    with open_sample(images) as sample:
        return tune(zoo, sample, [Model(zoo.card(f"blank/{name}")) for name in networks], wish)

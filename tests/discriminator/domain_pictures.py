"""Domains for tests: pictures of kinds that any network can tell apart, and a network to look through."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from discriminator.backbone import Backbone
from headhunt.vocabulary import Domain
from tests.zoo.images import encode, folder_of
from zoo.images.pixels import View
from zoo.images.samples import Sample, open_sample
from zoo.networks.building import build_network
from zoo.repository import Zoo

SIDE = 32
HALF = (0.5, 0.5, 0.5)


def noise(rng: np.random.Generator, label: int) -> NDArray[np.float64]:
    """Grey grain, coarse or fine."""
    grain = rng.random((SIDE, SIDE, 1)) * (120 + 60 * label) + 30
    return grain.repeat(3, axis=2)


def stripes(rng: np.random.Generator, label: int) -> NDArray[np.float64]:
    """Red bars, upright or lying."""
    wave = 110 + 100 * np.sin(np.arange(SIDE) * rng.uniform(0.5, 0.9) + rng.uniform(0, 6))
    bars = np.broadcast_to(wave[:, None] if label else wave[None], (SIDE, SIDE))
    return np.stack([bars, bars * 0.3, bars * 0.2], axis=2) + rng.normal(0, 6, (SIDE, SIDE, 3))


def discs(rng: np.random.Generator, label: int) -> NDArray[np.float64]:
    """One bright disc, large or small, on a blue ground."""
    y, x = np.mgrid[:SIDE, :SIDE]
    inside = np.hypot(y - rng.uniform(10, 22), x - rng.uniform(10, 22)) < (9 if label else 5) + rng.uniform(-1, 1)
    ground = np.array([20.0, 30.0, 150.0]) + rng.normal(0, 8, 3)
    return np.where(inside[..., None], 220.0, ground) + rng.normal(0, 4, (SIDE, SIDE, 3))


def checks(rng: np.random.Generator, label: int) -> NDArray[np.float64]:
    """A green board: a kind that no domain of the tests shows."""
    board = (np.add.outer(np.arange(SIDE), np.arange(SIDE)) // (2 + label) % 2) * rng.uniform(150, 220)
    return np.stack([board * 0.1, board, board * 0.4], axis=2) + rng.normal(0, 6, (SIDE, SIDE, 3))


KINDS: dict[str, Callable[[np.random.Generator, int], NDArray[np.float64]]] = {
    "noise": noise,
    "stripes": stripes,
    "discs": discs,
    "checks": checks,
}


def pictures(kind: str, count: int, seed: int = 0, labelled: bool = True) -> dict[str, bytes]:
    """So many PNGs of a kind, in two classes; always others with another seed."""
    rng = np.random.default_rng([seed, len(kind)])
    drawn = [np.clip(KINDS[kind](rng, i % 2), 0, 255).astype(np.uint8) for i in range(count)]
    places = ["ab"[i % 2] + "/" if labelled else "" for i in range(count)]
    return {
        f"{place}{i:03}.png": encode(Image.fromarray(image))
        for i, (place, image) in enumerate(zip(places, drawn, strict=True))
    }


def sample_of(files: dict[str, bytes], folder: Path) -> Sample:
    return open_sample(folder_of(files, folder))


def add_domain(zoo: Zoo, name: str, files: dict[str, bytes], folder: Path) -> Domain:
    with sample_of(files, folder) as sample:
        return zoo.add_domain(Domain(name=name), sample)


def eyes(seed: int = 0) -> Backbone:
    """A small network with random weights: what it sees is not learned, but different for different pictures."""

    def build() -> torch.nn.Module:
        with torch.random.fork_rng([]):
            torch.manual_seed(seed)
            return build_network("test_resnet", classes=0, input_size=SIDE).eval()

    return Backbone("eyes", f"{seed:064}", View(size=SIDE), HALF, HALF, build)

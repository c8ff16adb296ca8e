"""A zoo of four models over two domains, taught for a moment, and a sample that none of them has seen."""

import os
import shutil
from pathlib import Path

import numpy as np
from PIL import Image

from headhunt.vocabulary import Protocol
from recommender.experience import Lesson
from tests.sharing import made_once
from zoo.images.samples import open_sample
from zoo.repository import Zoo
from zoo.starter.build import StarterPlan
from zoo.starter.domains import Counts
from zoo.starter.filling import fill_starter
from zoo.starter.networks import StarterNetwork

BRIEF = Protocol(steps=30, batch_size=32, lr=3e-3, precision="fp32", input_size=32)
FEW = Counts(train=12, test=4)
REFERENCE = "solids/test_resnet"
"""It looks at all data, so that no test waits until the reference network is taught."""


def little_zoo(home: Path) -> Zoo:
    """A copy: it is taught once in a run of the tests."""
    shutil.copytree(made_once("little-zoo", taught), home, dirs_exist_ok=True)
    os.environ["HEADHUNT_REFERENCE"] = REFERENCE
    return Zoo(home)


def taught(home: Path) -> None:
    networks = (StarterNetwork("test_resnet", "", BRIEF), StarterNetwork("test_efficientnet", "", BRIEF))
    fill_starter(Zoo(home), plan=StarterPlan(("glyphs", "solids"), networks, FEW), process_count=1)


def stripes(folder: Path, classes: int = 3, count: int = 20, splits: tuple[str, ...] = ("train", "test")) -> Path:
    """Stripes of different width in noise: `<split>/<class>/<number>.png`, 32 px."""
    chance = np.random.default_rng(classes)
    for split in splits:
        for kind in range(classes):
            place = folder / split / f"width-{kind}" if split else folder / f"width-{kind}"
            place.mkdir(parents=True, exist_ok=True)
            for i in range(count):
                wave = (np.arange(32) // (2 + 3 * kind) % 2 * 130).astype(np.uint8)
                pixels = chance.integers(0, 100, (32, 32, 3), dtype=np.uint8) + wave[:, None]
                Image.fromarray(pixels).save(place / f"{i}.png")
    return folder


def lessons(targets: int = 5, models: int = 8, seed: int = 0) -> list[Lesson]:
    """Past targets on which the linear probe on all stages was right, and the size told nothing."""
    rng = np.random.default_rng(seed)
    found = []
    for t in range(targets):
        level = rng.normal(1.0, 0.8)
        for m in range(models):
            worth = rng.normal(0, 0.7)
            stages = level + worth + rng.normal(0, 0.15) - 0.4
            signals = {
                "size": float(rng.normal(5.5, 0.4)),
                "near": float(rng.uniform()),
                "head": float(stages + rng.normal(0, 0.5)),
                "head_loss": float(stages / 2 + rng.normal(0, 0.3)),
                "stages": float(stages),
                "stages_loss": float(stages / 2 + rng.normal(0, 0.2)),
                "neighbours": float(stages + rng.normal(0, 0.4)),
                "probe": float(stages / 2 + rng.normal(0, 0.1)),
            }
            accuracy = float(1 / (1 + np.exp(-(level + worth))))
            found.append(Lesson(f"zoo t{t}", f"t{t}", f"v{t}", f"m{m}", f"n{m % 3}", 0.2, accuracy, signals))
    return found


def entries_of(path: Path) -> int:
    with open_sample(path) as sample:
        return len(sample.version.entries)

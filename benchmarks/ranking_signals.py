"""What every stage and every published score says of each (model, target), and what it took to find out.

One row of the csv is one signal; `seconds` is what it cost beyond the features, which have a row of their own. The
target's training images are all that is looked at.
"""

import csv
import math
import multiprocessing
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, fields
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from benchmarks.ranking_truth import Task, name_of, training_part
from discriminator.backbone import backbone_of
from discriminator.domains import Discriminator
from discriminator.extraction import extract
from discriminator.features import FeatureStore
from discriminator.gallery import Gallery
from headhunt.vocabulary import ModelCard
from recommender.clock import Deadline
from recommender.contender import Contender, probing_data
from recommender.halving import halving
from recommender.probe_book import ProbeBook
from recommender.probe_plan import ProbePlan
from recommender.scores.given import given
from recommender.scores.table import scores
from recommender.signals import card_signals, feature_signals, probe_signals
from zoo.images.samples import open_sample
from zoo.judging import view_of
from zoo.repository import Zoo
from zoo.training.trainer import TrainingData

FEATURES, SIGNALS, NEAR = "features", "signals", "near"


@dataclass(frozen=True)
class Signal:
    """One number that was taken of a model on a target."""

    target: str
    model: str
    name: str
    value: float
    seconds: float


def signals_of(tasks: Sequence[Task], out: Path, workers: int) -> list[Signal]:
    """Of each model on each target; from the file where they are there."""
    known = {(one.target, one.model, one.name) for one in read_signals(out)}
    missing = [task for task in tasks if (*task.key[:2], NEAR) not in known]
    unprobed = [task for task in tasks if (*task.key[:2], "probe") not in known]
    targets = {task.archive: task for task in unprobed}
    if missing or unprobed:
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(workers, context, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            futures = [pool.submit(take, task) for task in missing]
            for archive, task in targets.items():
                models = [other.model for other in unprobed if other.archive == archive]
                futures.append(pool.submit(probe_target, task, models))
            for future in tqdm(as_completed(futures), "signals", len(futures), disable=None):
                append(out, future.result())
    wanted = {task.key[:2] for task in tasks}
    return [one for one in read_signals(out) if (one.target, one.model) in wanted]


def take(task: Task) -> list[Signal]:
    zoo = Zoo(task.home)
    card, gallery = zoo.card(task.model), gallery_of(task.archive, task.images)
    gallery.pixels(view_of(card))  # decoded once for all models of a view, by whoever comes first
    began = time.process_time()
    features = extract(backbone_of(zoo, card), gallery, task.device)
    found = [(FEATURES, math.nan, time.process_time() - began)]
    labels = gallery.labels
    data = given(features.head, labels, features.outputs)
    for name, score in scores().items():
        began = time.process_time()
        value = score(data, np.random.default_rng(0))
        found.append((f"score:{name}", value, time.process_time() - began))
    began = time.process_time()
    ours = feature_signals(features, labels)
    found += [(name, value, 0.0) for name, value in ours.items()]
    found.append((SIGNALS, math.nan, time.process_time() - began))
    found += [(name, value, 0.0) for name, value in card_signals(card).items()]
    found.append((NEAR, nearness(task.home, task.archive, task.images).get(card.domain, 0.0), 0.0))
    return [Signal(name_of(task.archive), card.id, name, value, seconds) for name, value, seconds in found]


def probe_target(task: Task, models: Sequence[str]) -> list[Signal]:
    """The first rung of the product's own probes, all models together; each bears its share of the cost."""
    zoo, gallery = Zoo(task.home), gallery_of(task.archive, task.images)
    plan = ProbePlan(rungs=ProbePlan().rungs[:1], device=task.device)
    contenders = [contender(zoo, zoo.card(model), gallery) for model in models]
    with tempfile.TemporaryDirectory() as folder:
        began = time.process_time()
        (results,) = halving(contenders, plan, Deadline(math.inf), ProbeBook(Path(folder), gallery.key))
        each = (time.process_time() - began) / len(models)
    target = name_of(task.archive)
    return [
        Signal(target, result.model, name, value, each)
        for result in results
        for name, value in probe_signals(result).items()
    ]


def contender(zoo: Zoo, card: ModelCard, gallery: Gallery) -> Contender:
    @lru_cache(maxsize=1)
    def data() -> TrainingData:
        return probing_data(gallery.pixels(view_of(card)), card.mean, card.std)

    return Contender(card, data, lambda: zoo.load(card.id, classes=len(gallery.classes)))


@lru_cache(maxsize=16)
def gallery_of(archive: Path, images: int) -> Gallery:
    sample = open_sample(archive)
    return Gallery(sample, training_part(sample, images), sample.classes)


@lru_cache(maxsize=16)
def nearness(home: Path, archive: Path, images: int) -> dict[str, float]:
    zoo = Zoo(home)
    return Discriminator(zoo, FeatureStore(home)).resembles(gallery_of(archive, images)).nearness


def append(out: Path, found: Sequence[Signal]) -> None:
    """All of a model on a target at once; NEAR comes last, so a cut write is seen."""
    new = not out.exists()
    with out.open("a", newline="") as file:
        table = csv.DictWriter(file, [field.name for field in fields(Signal)], lineterminator="\n")
        if new:
            table.writeheader()
        table.writerows(asdict(one) | {"value": f"{one.value:.6g}", "seconds": f"{one.seconds:.4f}"} for one in found)


def read_signals(out: Path) -> list[Signal]:
    if not out.exists():
        return []
    with out.open(newline="") as file:
        rows = [
            Signal(cells["target"], cells["model"], cells["name"], float(cells["value"]), float(cells["seconds"]))
            for cells in csv.DictReader(file)
            if cells.get("seconds")
        ]
    return list({(one.target, one.model, one.name): one for one in rows}.values())

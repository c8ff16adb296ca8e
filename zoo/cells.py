"""Filling one cell of the matrix: train a network on a sample and keep the best as a card.

    sample --parts--> train | val | test --trainer, once a seed--> the best on val --> card, weights, outcomes

The choice between seeds is made on val; the accuracy on the card comes from test where the sample has one, so no number
on a card was chosen on the images that it was measured on, unless there are no others.
"""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import msgspec
import torch
from timm.data import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD
from torch import nn

from headhunt.errors import BadValue, HomeLocked, NeedTwoClasses, NotWritten, first_few
from headhunt.vocabulary import CurvePoint, Domain, ModelCard, Outcome, Protocol, Refusal
from zoo.catalogue.checks import check_name
from zoo.clock import now
from zoo.files import unwritten, writer_lock
from zoo.history.lineage import trained_on
from zoo.images.pixels import Pixels, View
from zoo.images.samples import Sample
from zoo.networks.building import build_network
from zoo.networks.matching import load_strictly
from zoo.networks.measure import count_macs, count_params, evaluated, forward, measure
from zoo.networks.weights import State
from zoo.parts import Parts, divide
from zoo.repository import Zoo
from zoo.sizing import fitting_size
from zoo.sources import Found
from zoo.telling import About, Entry
from zoo.training.evaluation import Scores, evaluate
from zoo.training.trainer import Step, Trained, TrainingData, train

SCRATCH = "scratch"
"""Outcomes of trainings that began with random weights are told as those of `scratch/NETWORK`."""

Watch = Callable[[int, Step], None]
"""Called after every step, with the seed and the step."""


@dataclass(frozen=True)
class Plan:
    """What is asked for: which network on which domain, how, and from where."""

    domain: str
    protocol: Protocol
    network: str | None = None
    parent: str | None = None
    name: str | None = None
    start: State | None = None
    """Weights of the network, head and all, that go on from the parent's; as a probe left them."""
    within: str | None = None
    """The run that this training is a part of."""


@dataclass(frozen=True)
class Attempt:
    """One seed's training: the network as it came out, and two accuracies."""

    seed: int
    network: nn.Module
    trained: Trained
    accuracy: float
    """On the test part."""
    guess: float
    """What naming the largest class of the test part would have given."""
    told: Entry

    @property
    def chosen_by(self) -> float:
        """On the part that seeds are compared on."""
        return self.trained.accuracy or 0.0


class Filled(NamedTuple):
    """What came of it. `refused`: images that turned out broken when they were decoded, and were left out."""

    card: ModelCard
    outcomes: tuple[Outcome, ...]
    refused: tuple[Refusal, ...]


def train_cell(zoo: Zoo, sample: Sample, plan: Plan, watch: Watch | None = None, parts: Parts | None = None) -> Filled:
    """Train, once a seed, and keep the best. Called again after a stop, it goes on where it was.

    parts: the sample divided for the parent's view, where somebody decoded it already.
    """
    check_classes(sample)
    job = Job(zoo, sample, plan)
    with job.alone():
        return fill(job, watch, parts)


def check_classes(sample: Sample) -> None:
    if len(sample.classes) < 2:
        raise NeedTwoClasses(
            f"{sample.name} has {said_of(sample.classes)}, and a classifier needs two. Make a folder for each class."
        )


def said_of(classes: tuple[str, ...]) -> str:
    return f"one class, {classes[0]!r}" if classes else "no labels"


def largest_share(pixels: Pixels) -> float:
    """The share of the largest class among the labelled images."""
    labels = pixels.labels[pixels.labels >= 0]
    return float(labels.bincount().max() / len(labels))


def fill(job: "Job", watch: Watch | None, parts: Parts | None = None) -> Filled:
    zoo, sample, plan = job.zoo, job.sample, job.plan
    zoo.catalogue.read().check_free(job.id)
    job.check_view()
    parts = parts or divide(sample, job.view)
    attempts = [job.attempt(parts, seed, watch) for seed in plan.protocol.seeds]
    version = sample.store(zoo.blobs).id
    best = max(attempts, key=lambda attempt: attempt.chosen_by)
    rows = tuple(job.outcome(attempt, version) for attempt in attempts)
    zoo.history.append_unseen(rows)  # before the card: killed between the two, the next call comes here again
    card = zoo.add(Found(job.card(best, parts, version), best.network.state_dict()), job.domain(version))
    best.told.note("summary", {"card": card.id, "weights": card.weights})
    for seed in plan.protocol.seeds:
        job.checkpoint(seed).unlink(missing_ok=True)
    return Filled(card, rows, parts.refused)


def ears(
    told: Entry, on_step: Callable[[Step], None] | None, listens: bool
) -> tuple[Callable[[Step], None] | None, Callable[[CurvePoint], None] | None]:
    """Who is called after every step, and at every point of the curve: the diary first, since a watch may stop all."""
    if not listens:
        return on_step, None

    def step(one: Step) -> None:
        told.numbers(one.step, {"loss": one.loss, "accuracy": one.accuracy, "rate": one.rate})
        if on_step:
            on_step(one)

    def point(one: CurvePoint) -> None:
        values = {"train_loss": one.train_loss, "val_loss": one.val_loss, "val_accuracy": one.val_accuracy}
        told.numbers(one.step, {name: value for name, value in values.items() if value is not None})
        told.numbers(one.step, {"epoch": one.epoch})

    return step, point


def tell_result(told: Entry, trained: Trained, scores: Scores, test: Pixels) -> None:
    known = test.labels.cpu() >= 0
    told.confusion(test.labels.cpu()[known].tolist(), scores.predictions[known].tolist(), test.classes)
    told.note(
        "summary",
        {
            "test_accuracy": scores.accuracy,
            "test_loss": scores.loss,
            "val_accuracy": trained.accuracy,
            "seconds": trained.seconds,
            "steps": trained.steps,
        },
    )


class Job:
    """A plan made definite: the network's name, its parent, its view of images, and where its checkpoints lie."""

    def __init__(self, zoo: Zoo, sample: Sample, plan: Plan) -> None:
        self.zoo, self.sample, self.plan = zoo, sample, plan
        check_name(plan.domain, "domain")
        self.parent = None if plan.parent is None else zoo.card(plan.parent)
        self.network = plan.network or (self.parent.network if self.parent else "")
        if not self.network:
            raise BadValue("A training needs a network to start with: --network NAME or --parent MODEL.")
        if self.parent and self.network != self.parent.network:
            raise BadValue(
                f"--parent {self.parent.id} is a {self.parent.network}, not a {self.network}: weights fit only"
                " their own network. Leave --network out."
            )
        self.id = f"{plan.domain}/{self.network.rpartition(':')[2] if plan.name is None else plan.name}"
        self.mean = self.parent.mean if self.parent else IMAGENET_DEFAULT_MEAN
        self.std = self.parent.std if self.parent else IMAGENET_DEFAULT_STD
        self.view = self._view()
        self.row = zoo.catalogue.read().domains.get(plan.domain)
        if self.row and self.row.classes and self.row.classes != sample.classes:
            raise BadValue(
                f"The domain {plan.domain!r} has the classes {first_few(self.row.classes)}; {sample.name} has"
                f" {first_few(sample.classes)}. Models of one row are compared: give another --domain."
            )

    def _view(self) -> View:
        asked = self.plan.protocol.input_size
        if self.parent is None:
            return View(size=asked or fitting_size(self.sample))
        return View(
            size=asked or self.parent.input_size, crop=self.parent.crop, interpolation=self.parent.interpolation
        )

    def fresh(self) -> nn.Module:
        """The network before training: random, or the parent's with a new head."""
        classes = len(self.sample.classes)
        if self.parent is None:
            return build_network(self.network, classes=classes, input_size=self.view.size)
        network = self.zoo.load(self.parent.id, classes=classes, input_size=self.view.size)
        if self.plan.start is not None:
            load_strictly(network, self.plan.start, self.network, f"what {self.parent.id} goes on from")
        return network

    def check_view(self) -> None:
        """One image of zeros, so that a size that does not fit is refused before any image is read."""
        with torch.random.fork_rng([]):
            network, size = self.fresh(), self.view.size
        with evaluated(network), torch.inference_mode():
            forward(network, torch.zeros(1, 3, size, size))

    @contextmanager
    def alone(self) -> Iterator[None]:
        """One process at a time trains a cell: two would write one checkpoint, and the later one's work is lost."""
        lock = self.folder() / f"{hashlib.sha256(self.id.encode()).hexdigest()[:32]}.lock"
        with ExitStack() as held:
            try:
                held.enter_context(writer_lock(lock, patience=0.0))
            except HomeLocked as error:
                raise HomeLocked(
                    f"Another process is training {self.id} at this moment. Wait for it, or give another --name."
                ) from error
            yield  # the file stays: whoever had opened a removed one would lock what nobody else sees

    def folder(self) -> Path:
        folder = self.zoo.home / "checkpoints"
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise NotWritten(unwritten(folder, error)) from error
        return folder

    def attempt(self, parts: Parts, seed: int, watch: Watch | None) -> Attempt:
        with torch.random.fork_rng([]):
            torch.manual_seed(seed)
            network = self.fresh()
        data, checkpoint = TrainingData(parts.train, parts.val, self.mean, self.std), self.checkpoint(seed)
        with self.zoo.diary.begin(self.about(parts, seed)) as told:
            on_step, on_point = ears(told, None if watch is None else partial(watch, seed), self.zoo.diary.listens)
            trained = train(
                network,
                data,
                self.plan.protocol,
                seed=seed,
                checkpoint=checkpoint,
                on_step=on_step,
                on_point=on_point,
            )
            scores = evaluate(network, parts.test, self.mean, self.std)
            tell_result(told, trained, scores, parts.test)
        return Attempt(seed, network, trained, scores.accuracy, largest_share(parts.test), told)

    def about(self, parts: Parts, seed: int) -> About:
        """The checkpoint's name is what the training is; where there is one, it goes on."""
        checkpoint, several = self.checkpoint(seed), len(self.plan.protocol.seeds) > 1
        made = {name: value for name, value in msgspec.structs.asdict(self.plan.protocol).items() if name != "seeds"}
        return About(
            experiment=self.plan.domain,
            name=f"{self.id} seed {seed}" if several else self.id,
            identity=checkpoint.stem,
            resumed=checkpoint.exists(),
            dataset=self.sample.version.id,
            model=self.plan.parent,
            parent=self.plan.within,
            params={
                **made,
                "seed": seed,
                "network": self.network,
                "domain": self.plan.domain,
                "input_size": self.view.size,
                "classes": len(parts.train.classes),
                "images": len(parts.train.images),
            },
            tags=("training",),
        )

    def checkpoint(self, seed: int) -> Path:
        """One file for each seed of one job: the same question finds it again, another never does."""
        asked = msgspec.json.encode(
            (self.id, self.network, self.plan.parent, self.view.size, self.plan.protocol, self.sample.version.id, seed)
        )
        return self.folder() / f"{hashlib.sha256(asked).hexdigest()[:32]}.pt"

    def card(self, attempt: Attempt, parts: Parts, version: str) -> ModelCard:
        size = self.view.size
        return ModelCard(
            id=self.id,
            network=self.network,
            domain=self.plan.domain,
            origin="train",
            input_size=size,
            mean=self.mean,
            std=self.std,
            params=count_params(attempt.network),
            macs=count_macs(attempt.network, input_size=size),
            crop=self.view.crop,
            interpolation=self.view.interpolation,
            head=len(parts.train.classes),
            classes=parts.train.classes,
            measured=measure(attempt.network, input_size=size),
            accuracy=attempt.accuracy,
            protocol=self.plan.protocol,
            seed=attempt.seed,
            version=version,
            license=self.row.license if self.row else None,
            parent=self.plan.parent,
        )

    def domain(self, version: str) -> Domain:
        return Domain(
            name=self.plan.domain,
            description=f"from {self.sample.name}",
            version=version,
            classes=self.sample.classes,
            images=len(self.sample.version.entries),
            created=now(),
        )

    def flags(self, attempt: Attempt, version: str) -> tuple[str, ...]:
        """What keeps an outcome from being compared with others."""
        shelf = self.zoo.catalogue.read()
        known = trained_on(shelf).get(self.parent.id, frozenset()) if self.parent else frozenset[str]()
        seen = any(shelf.domains[name].version == version for name in known if name in shelf.domains)
        found = {"diverged": attempt.accuracy <= attempt.guess, "seen-target": seen or self.plan.domain in known}
        return tuple(name for name, holds in found.items() if holds)

    def outcome(self, attempt: Attempt, version: str) -> Outcome:
        protocol = self.plan.protocol
        return Outcome(
            model=self.plan.parent or f"{SCRATCH}/{self.network}",
            dataset=self.plan.domain,
            accuracy=attempt.accuracy,
            network=self.network,
            version=version,
            protocol=protocol,
            seed=attempt.seed,
            val_accuracy=attempt.trained.accuracy,
            seconds=attempt.trained.seconds,
            lr=protocol.lr,
            epochs=attempt.trained.curve[-1].epoch,
            batch_size=protocol.batch_size,
            curve=attempt.trained.curve,
            flags=self.flags(attempt, version),
            created=now(),
        )

"""The truth that rankings are measured by: every model fine-tuned on every target, at every rate, with every seed.

    target --a balanced draw of its training part--> images --> fine-tuned from each model --> accuracy on its test part

One row of the csv is one training. Rows are written as they come, so that a run that was stopped goes on where it
was. Seconds are those that the processor worked (one thread a training), which other work on the machine does not
stretch; on a GPU, where nothing else runs, those on the clock.
"""

import csv
import multiprocessing
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from headhunt.errors import BadValue, Diverged
from headhunt.vocabulary import CurvePoint, Entry, ModelCard, Protocol
from recommender.drawing import balanced
from zoo.history.lineage import trained_on
from zoo.images.pixels import Pixels, View, load_entries
from zoo.images.samples import Facts, Sample, open_sample
from zoo.images.versions import version_of
from zoo.judging import view_of
from zoo.parts import pick
from zoo.repository import Zoo
from zoo.training.evaluation import evaluate
from zoo.training.trainer import TrainingData, train

RATES = (5e-4, 1.5e-3, 5e-3)
EPOCHS, BATCH = 12, 32
TEST = 1000
"""At most so many test images judge; 1,000 leave 1.3 points of chance at 80 %."""
WATCHED = 200
"""Of them, so many are looked at for the curve while training: as many as somebody would who fine-tunes."""


@dataclass(frozen=True)
class Row:
    """One training. curve: `step:train loss:test loss:test accuracy`, points separated by blanks."""

    target: str
    model: str
    seed: int
    lr: float
    images: int
    epochs: float
    batch_size: int
    accuracy: float
    loss: float
    seconds: float
    curve: str

    @property
    def key(self) -> tuple[str, str, int]:
        return (self.target, self.model, self.seed)


@dataclass(frozen=True)
class Task:
    """One model on one target with one seed, at every rate."""

    home: Path
    archive: Path
    model: str
    images: int
    seed: int
    device: str

    @property
    def key(self) -> tuple[str, str, int]:
        return (name_of(self.archive), self.model, self.seed)


def name_of(archive: Path) -> str:
    return archive.name.split(".")[0]


def protocol(lr: float) -> Protocol:
    return Protocol(epochs=EPOCHS, batch_size=BATCH, lr=lr, evaluate_every=3, precision="fp32")


# --- What is trained on what ------------------------------------------------------------------------------------------


def training_part(sample: Sample, images: int) -> tuple[Entry, ...]:
    return balanced(sample.entries("train"), images)


def test_part(sample: Sample) -> tuple[Entry, ...]:
    return balanced(sample.entries("test"), TEST)


def check_target(sample: Sample) -> None:
    missing = {"train", "test"} - set(sample.splits)
    if missing:
        raise BadValue(f"{sample.name} has no part {min(missing)!r}; a target needs NAME/{{train,test}}/CLASS/IMAGE.")


def strangers(zoo: Zoo, sample: Sample, name: str) -> list[ModelCard]:
    """The models that have not been trained on the target, nor has what they started from: others know the answer."""
    shelf = zoo.catalogue.read()
    same = {domain.name for domain in shelf.domains.values() if domain.version == sample.version.id} | {name}
    domains = trained_on(shelf)
    return [card for card in shelf.cards.values() if not same & domains[card.id]]


@contextmanager
def open_target(archive: Path, images: int) -> Iterator[Sample]:
    """The target as a user would bring it: the images that may be learned from, and those that judge, and no others."""
    with open_sample(archive) as whole:
        check_target(whole)
        version = version_of((*training_part(whole, images), *test_part(whole)))
        yield Sample(Facts(name=name_of(archive)), version, whole.read, lambda: None)


# --- Training ---------------------------------------------------------------------------------------------------------


def fine_tune_all(tasks: Sequence[Task], out: Path, workers: int) -> list[Row]:
    """All rows of the tasks, from the file where they are there, else trained now."""
    rows = read_rows(out)
    done = {row.key for row in rows if sum(other.key == row.key for other in rows) == len(RATES)}
    missing = [task for task in tasks if task.key not in done]
    if missing:
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(workers, context, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            futures = [pool.submit(fine_tune, task) for task in missing]
            for future in tqdm(as_completed(futures), "fine-tunings", len(futures), disable=None):
                append(out, future.result())
    wanted = {task.key for task in tasks}
    return [row for row in read_rows(out) if row.key in wanted]


def fine_tune(task: Task) -> list[Row]:
    zoo = Zoo(task.home)
    card = zoo.card(task.model)
    data, test = loaded(task.archive, task.images, view_of(card))
    return [fine_tune_at(zoo, card, task, (data, test), lr) for lr in RATES]


def fine_tune_at(zoo: Zoo, card: ModelCard, task: Task, parts: tuple[Pixels, Pixels], lr: float) -> Row:
    data, test = parts
    torch.manual_seed(task.seed)
    network = zoo.load(card.id, classes=len(data.classes))
    began = clock(task.device)
    curve: tuple[CurvePoint, ...] = ()
    accuracy, loss = 1 / len(data.classes), float("inf")
    try:
        watched = pick(test, np.arange(0, len(test.images), max(1, len(test.images) // WATCHED)))
        wanted = TrainingData(data, watched, card.mean, card.std)
        curve = train(network, wanted, protocol(lr), seed=task.seed, device=task.device).curve
        seconds = clock(task.device) - began
        scores = evaluate(network, test, card.mean, card.std, device=task.device)
        accuracy, loss = scores.accuracy, scores.loss
    except Diverged:
        seconds = clock(task.device) - began
    return Row(
        target=name_of(task.archive),
        model=card.id,
        seed=task.seed,
        lr=lr,
        images=len(data.images),
        epochs=EPOCHS,
        batch_size=BATCH,
        accuracy=round(accuracy, 5),
        loss=round(loss, 5),
        seconds=round(seconds, 3),
        curve=written(curve),
    )


def clock(device: str) -> float:
    return time.process_time() if device == "cpu" else time.perf_counter()


def written(curve: Iterable[CurvePoint]) -> str:
    points = ((p.step, p.train_loss, p.val_loss or 0.0, p.val_accuracy or 0.0) for p in curve)
    return " ".join(f"{step}:{loss:.4f}:{test:.4f}:{accuracy:.4f}" for step, loss, test, accuracy in points)


@lru_cache(maxsize=16)
def loaded(archive: Path, images: int, view: View) -> tuple[Pixels, Pixels]:
    with open_sample(archive) as sample:
        check_target(sample)
        return (
            load_entries(sample, training_part(sample, images), view, sample.classes),
            load_entries(sample, test_part(sample), view, sample.classes),
        )


# --- The file ---------------------------------------------------------------------------------------------------------


def append(out: Path, rows: Iterable[Row]) -> None:
    """Whole tasks at a time; a line that was cut by a kill is left out when read, and its task is done again."""
    new = not out.exists()
    with out.open("a", newline="") as file:
        table = csv.DictWriter(file, [field.name for field in fields(Row)], lineterminator="\n")
        if new:
            table.writeheader()
        table.writerows(asdict(row) for row in rows)


def read_rows(out: Path) -> list[Row]:
    if not out.exists():
        return []
    with out.open(newline="") as file:
        rows = [row_of(cells) for cells in csv.DictReader(file) if cells.get("curve") is not None]
    return list({(*row.key, row.lr): row for row in rows}.values())


def row_of(cells: dict[str, str]) -> Row:
    return Row(**{field.name: field.type(cells[field.name]) for field in fields(Row)})  # type: ignore[operator]

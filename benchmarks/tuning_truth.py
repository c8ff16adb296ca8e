"""The table of real trainings that `python -m benchmarks.tuning` replays searches over.

    python -m benchmarks.tuning_truth --home HOME --images FOLDER [--out FILE]

One small network of the starter zoo (HOME, from `headhunt zoo starter`), six real image sets, 64 quasi-random points of
a space of six hyper-parameters: each point is trained on each set, on all of its images, on the representative part
and on a random part as large, and its loss on held-out images is kept after each epoch. Rows are written as they come;
a run that was stopped goes on. About 25 minutes of one core, if nobody else uses it.
"""

import csv
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import qmc
from tqdm import tqdm

from benchmarks.report import arguments
from discriminator.domains import reference
from discriminator.embedding import embedded
from discriminator.features import FeatureStore
from discriminator.gallery import Gallery
from headhunt.errors import Diverged
from headhunt.spaces import Choice, Double, Space, Value, choice, double
from headhunt.vocabulary import CurvePoint, Protocol
from recommender.drawing import balanced
from tuning.part import representative
from tuning.spaces import between
from zoo.images.pixels import Pixels, load_entries
from zoo.images.samples import open_sample
from zoo.judging import view_of
from zoo.parts import pick
from zoo.repository import Zoo
from zoo.training.trainer import TrainingData, train

TRUTH = Path(__file__).parent / "truths" / "tuning.csv"
MODEL = "solids/test_efficientnet"
POINTS, IMAGES, HELD_OUT, EPOCHS = 64, 400, 200, 6
SHARE = 0.25
PARTS = ("whole", "part", "random")
SPACE: Space = {
    "lr": double(2e-4, 3e-2, log=True),
    "weight_decay": double(1e-3, 0.3, log=True),
    "batch": choice(16, 32, 64),
    "smoothing": double(0.0, 0.2),
    "layer_decay": double(0.3, 1.0),
    "augment": choice("none", "shift", "shift-flip"),
}


@dataclass(frozen=True)
class Row:
    """One training. losses: on the held-out images, after each epoch, separated by blanks; few where it diverged."""

    target: str
    part: str
    images: int
    point: int
    lr: float
    weight_decay: float
    batch: int
    smoothing: float
    layer_decay: float
    augment: str
    seconds: float
    losses: str

    @property
    def key(self) -> tuple[str, str, int]:
        return (self.target, self.part, self.point)

    @property
    def params(self) -> dict[str, Value]:
        return {name: getattr(self, name) for name in SPACE}

    @property
    def curve(self) -> list[float]:
        return [float(loss) for loss in self.losses.split()]


class Place(msgspec.Struct):
    """Where an image set lies in the embedding space, and how alike its representative part is to it."""

    target: str
    embedding: list[float]
    classes: int
    auc: float


@dataclass(frozen=True)
class Target:
    name: str
    whole: Pixels
    held_out: Pixels
    parts: dict[str, NDArray[np.int64]]
    place: Place


def main(given: Sequence[str] | None = None) -> int:
    parser = arguments((__doc__ or "").partition("\n")[0])
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--images", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--out", type=Path, default=TRUTH)
    parser.add_argument("--only", nargs="*", default=PARTS, choices=PARTS)
    parser.add_argument("--targets", nargs="*", metavar="NAME", help="these alone")
    asked = parser.parse_args(given)
    torch.set_num_threads(1)
    zoo = Zoo(asked.home)
    archives = [one for one in sorted(asked.images.glob("*.zip")) if not asked.targets or one.stem in asked.targets]
    targets = [target_of(zoo, archive) for archive in archives]
    places = [target.place for target in targets]
    asked.out.with_suffix(".places.json").write_bytes(msgspec.json.format(msgspec.json.encode(places), indent=0))
    done = {row.key for row in read_rows(asked.out)}
    wanted = [(target, part, i) for part in asked.only for target in targets for i in range(POINTS)]
    missing = [one for one in wanted if (one[0].name, one[1], one[2]) not in done]
    for target, part, i in tqdm(missing, "trainings", disable=None):
        append(asked.out, trained(zoo, target, part, i))
    return 0


def target_of(zoo: Zoo, archive: Path) -> Target:
    card = zoo.card(MODEL)
    with open_sample(archive) as sample:
        entries = balanced(sample.entries("train"), IMAGES)
        whole = load_entries(sample, entries, view_of(card), sample.classes)
        test = balanced(sample.entries("test"), HELD_OUT)
        held_out = load_entries(sample, test, view_of(card), sample.classes)
        vectors = embedded(FeatureStore(zoo.home).features(reference(zoo), Gallery(sample, entries)))
    part = representative(vectors, whole.labels.numpy(), SHARE)
    chance = np.random.default_rng(1).permutation(len(vectors))[: len(part.indices)]
    parts = {"whole": np.arange(len(vectors)), "part": part.indices, "random": np.sort(chance)}
    centre = [round(float(value), 5) for value in vectors.mean(axis=0)]
    return Target(archive.stem, whole, held_out, parts, Place(archive.stem, centre, len(whole.classes), part.auc))


def points(count: int = POINTS) -> list[dict[str, Value]]:
    """The first points of a Sobol sequence over the space."""
    drawn = qmc.Sobol(len(SPACE), seed=0).random(1 << (count - 1).bit_length())[:count]
    return [{name: at(name, float(share)) for name, share in zip(SPACE, row, strict=True)} for row in drawn]


def at(name: str, share: float) -> Value:
    one = SPACE[name]
    if isinstance(one, Choice):
        return one.values[min(len(one.values) - 1, int(share * len(one.values)))]
    assert isinstance(one, Double)  # there is nothing else in this space
    return float(f"{between(one, share):.4g}")


def trained(zoo: Zoo, target: Target, part: str, i: int) -> Row:
    card, params = zoo.card(MODEL), points()[i]
    torch.manual_seed(0)
    network = zoo.load(MODEL, classes=len(target.whole.classes))
    data = TrainingData(pick(target.whole, target.parts[part]), target.held_out, card.mean, card.std)
    curve: list[CurvePoint] = []
    began = time.process_time()
    with suppress(Diverged):
        train(network, data, protocol(params), device="cpu", on_point=curve.append)
    losses = " ".join(f"{point.val_loss:.4f}" for point in curve)
    seconds = round(time.process_time() - began, 2)
    return Row(target.name, part, len(data.train.images), i, **params, seconds=seconds, losses=losses)  # type: ignore[arg-type]


def protocol(params: dict[str, Any]) -> Protocol:
    return Protocol(
        epochs=EPOCHS,
        batch_size=params["batch"],
        lr=params["lr"],
        weight_decay=params["weight_decay"],
        label_smoothing=params["smoothing"],
        layer_decay=params["layer_decay"],
        augment=params["augment"],
        precision="fp32",
    )


# --- The file ---------------------------------------------------------------------------------------------------------


def append(out: Path, row: Row) -> None:
    new = not out.exists()
    with out.open("a", newline="") as file:
        table = csv.DictWriter(file, [field.name for field in fields(Row)], lineterminator="\n")
        if new:
            table.writeheader()
        table.writerow(asdict(row))


def read_rows(out: Path) -> list[Row]:
    """A line that was cut by a kill is left out."""
    return list(rows_of(out)) if out.exists() else []


def rows_of(out: Path) -> Iterator[Row]:
    with out.open(newline="") as file:
        for cells in csv.DictReader(file):
            if cells.get("losses") is not None:
                yield Row(**{field.name: field.type(cells[field.name]) for field in fields(Row)})  # type: ignore[operator]


def read_places(out: Path) -> list[Place]:
    return msgspec.json.decode(out.with_suffix(".places.json").read_bytes(), type=list[Place])


if __name__ == "__main__":
    raise SystemExit(main())

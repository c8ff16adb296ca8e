"""Does a model from a near domain beat one from a far domain, after the same short fine-tuning?

    python -m benchmarks.starter [--network test_resnet] [--seeds 3] [--json FILE]

Every domain of the starter zoo gives one model of the same network. Each is fine-tuned on each target, which no model
has seen: a few images of each class, a few steps, several seeds (images, their order and the new head). The last column
starts from random weights. `near - far` is the neighbour's accuracy less the mean of all other sources'.
"""

import statistics
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from benchmarks.report import Table, arguments, publish
from benchmarks.starter_targets import Target, targets
from headhunt.vocabulary import Protocol
from zoo.images.pixels import Pixels
from zoo.networks.building import build_network, with_new_head
from zoo.sources import Found
from zoo.starter.build import StarterPlan, build_starter, whole_plan
from zoo.starter.drawing import SIZE
from zoo.starter.networks import MEAN, STD, starter_networks
from zoo.training.evaluation import evaluate
from zoo.training.trainer import TrainingData, train

SCRATCH = "(scratch)"
PER_CLASS, TEST_PER_CLASS = 10, 60
PROTOCOL = Protocol(
    steps=60, batch_size=32, lr=1e-3, layer_decay=0.5, augment="shift", precision="fp32", input_size=SIZE
)
"""As one fine-tunes with few images: what lies near the input moves less."""


@dataclass(frozen=True)
class Result:
    """One fine-tuning."""

    target: str
    near: str
    source: str
    seed: int
    accuracy: float


def main(given: list[str] | None = None) -> int:
    parser = arguments((__doc__ or "").partition("\n")[0])
    parser.add_argument("--network", default="test_resnet", choices=[network.name for network in starter_networks()])
    parser.add_argument("--seeds", type=int, default=3, metavar="N")
    asked = parser.parse_args(given)
    torch.set_num_threads(1)
    sources = trained_sources(asked.network)
    seeds = range(asked.seed, asked.seed + asked.seeds)
    count = len(targets()) * len(seeds) * (len(sources) + 1)
    results = list(tqdm(fine_tunings(sources, seeds), "fine-tunings", count, disable=None))
    publish("starter", [accuracies(asked.network, results), gains(results)], seed=asked.seed, keep=asked.json)
    return 0


def trained_sources(network: str) -> dict[str, Found]:
    """One model of every domain, trained as the starter zoo trains it."""
    whole = whole_plan()
    plan = StarterPlan(whole.domains, tuple(column for column in whole.networks if column.name == network))
    with tempfile.TemporaryDirectory() as folder:
        found = {one.card.domain: one for one in build_starter(Path(folder), plan=plan)}
    return {domain: found[domain] for domain in whole.domains}


def fine_tunings(sources: dict[str, Found], seeds: range) -> Iterator[Result]:
    network = next(iter(sources.values())).card.network
    for target in targets():
        test = drawn(target, TEST_PER_CLASS, seed=1000)
        for seed in seeds:
            few = drawn(target, PER_CLASS, seed)
            for name, found in [*sources.items(), (SCRATCH, None)]:
                accuracy = fine_tuned(network, found, few, test, seed)
                yield Result(target.family.name, target.near, name, seed, accuracy)


def drawn(target: Target, per_class: int, seed: int) -> Pixels:
    images, labels = target.family.draw(np.random.default_rng([17, seed]), per_class)
    return Pixels(torch.from_numpy(images), torch.from_numpy(labels), target.family.classes)


def fine_tuned(network: str, found: Found | None, few: Pixels, test: Pixels, seed: int) -> float:
    """Accuracy on `test` after the short training on `few`, from the model's weights and a new head."""
    torch.manual_seed(seed)
    model = build_network(network, classes=len(few.classes) if found is None else found.card.head, input_size=SIZE)
    if found is not None and found.state is not None:
        model.load_state_dict(found.state)
        model = with_new_head(model, len(few.classes))
    train(model, TrainingData(few, None, MEAN, STD), PROTOCOL, seed=seed, device="cpu")
    return evaluate(model, test, MEAN, STD, device="cpu").accuracy


def accuracies(network: str, results: list[Result]) -> Table:
    """Rows: targets. Columns: sources. The mean over the seeds in per cent, the neighbour's with a star."""
    columns = list(dict.fromkeys(result.source for result in results))
    title = (
        f"{network}: accuracy in % after {PROTOCOL.steps} steps on {PER_CLASS} images of each class; * the neighbour"
    )
    table = Table(title, ["target", *columns])
    for target, own in by_target(results).items():
        means = mean_by_source(own)
        stars = ["*" if column == own[0].near else " " for column in columns]
        table.add(target, *(f"{means[name]:.1f}{star}" for name, star in zip(columns, stars, strict=True)))
    return table


def gains(results: list[Result]) -> Table:
    """What the neighbour is worth: mean and standard deviation over the seeds, and its place among all columns."""
    table = Table(
        "what the neighbour is worth, in points",
        ["target", "near - far", "±", "near - scratch", "± ", "place of the neighbour"],
    )
    total: list[tuple[float, float]] = []
    for target, own in by_target(results).items():
        pairs = [gain_of_seed(own, seed) for seed in sorted({result.seed for result in own})]
        means = mean_by_source(own)
        place = 1 + sum(means[name] > means[own[0].near] for name in means)
        table.add(target, *summary(pairs), place)
        total += pairs
    table.add("all", *summary(total), None)
    return table


def by_target(results: list[Result]) -> dict[str, list[Result]]:
    names = dict.fromkeys(result.target for result in results)
    return {name: [result for result in results if result.target == name] for name in names}


def mean_by_source(own: list[Result]) -> dict[str, float]:
    """In per cent."""
    names = dict.fromkeys(result.source for result in own)
    return {name: 100 * statistics.mean(one.accuracy for one in own if one.source == name) for name in names}


def gain_of_seed(own: list[Result], seed: int) -> tuple[float, float]:
    """The neighbour less the mean of the other sources, and less the start from nothing, in points."""
    at = {result.source: 100 * result.accuracy for result in own if result.seed == seed}
    near, scratch = at.pop(own[0].near), at.pop(SCRATCH)
    return near - statistics.mean(at.values()), near - scratch


def summary(pairs: list[tuple[float, float]]) -> list[str]:
    """Mean and standard deviation of both."""
    shown = []
    for values in zip(*pairs, strict=True):
        deviation = f"{statistics.stdev(values):.1f}" if len(values) > 1 else "-"
        shown += [f"{statistics.mean(values):+.1f}", deviation]
    return shown


if __name__ == "__main__":
    sys.exit(main())

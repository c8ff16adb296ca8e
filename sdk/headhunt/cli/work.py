"""Commands that work: they load torch, and show how far they are."""

import argparse
import sys

import msgspec
from tqdm import tqdm

from headhunt.cli.opening import refused_lines, sample_named, warn
from headhunt.cli.render import as_json, table, told
from headhunt.cli.values import protocol
from headhunt.track.diary import Journals
from headhunt.vocabulary import Evaluation
from zoo.catalogue.quantities import write_share
from zoo.cells import Plan, train_cell
from zoo.judging import judge
from zoo.repository import Zoo
from zoo.training.trainer import Step


def evaluate_model(asked: argparse.Namespace) -> None:
    zoo = Zoo()
    card = zoo.card(asked.model)
    with sample_named(zoo, asked.sample) as sample:
        named = asked.sample.encode(errors="backslashreplace").decode()  # a path need not be Unicode, JSON must
        result = msgspec.structs.replace(judge(zoo, asked.model, sample, asked.split), sample=named)
        warn(*refused_lines(result.refused[len(sample.refused) :]))
        if result.split == "all" and card.version == sample.version.id:
            warn(f"most of these images are those that {card.id} was trained on; its card has the held-out accuracy.")
    print(as_json(result) if asked.json else report(result))


def report(result: Evaluation) -> str:
    where = f"{result.model} on {result.sample} ({result.split})"
    head = f"{where}: {write_share(result.accuracy)} of {result.n} images, {result.seconds:.1f} s"
    rows = [(name, write_share(value)) for name, value in sorted(result.per_class.items(), key=lambda pair: pair[1])]
    return f"{head}\n\n{table(('class', 'accuracy'), rows, numbers=(1,))}"


def train_model(asked: argparse.Namespace) -> None:
    zoo = Zoo()
    zoo.diary = Journals(zoo.home)
    plan = Plan(asked.domain, protocol(asked), asked.network, asked.parent, asked.name)
    with sample_named(zoo, asked.sample) as sample, Bar() as bar:
        card, outcomes, refused = train_cell(zoo, sample, plan, bar.watch)
    warn(*refused_lines(refused))
    if asked.json:
        print(as_json({"card": card, "outcomes": outcomes}))
        return
    rows = [
        (str(row.seed), told(row.val_accuracy, write_share), write_share(row.accuracy), f"{row.seconds or 0:.1f}")
        for row in outcomes
    ]
    print(table(("seed", "val", "accuracy", "seconds"), rows, numbers=(0, 1, 2, 3)))
    print(f"\n{card.id}: {told(card.accuracy, write_share)}. See 'headhunt zoo show {card.id}'.")


class Bar:
    """A progress bar over the steps of each seed; silent where standard error is no terminal."""

    def __init__(self) -> None:
        self.seed: int | None = None
        self.bar: tqdm[None] = tqdm(disable=True)

    def __enter__(self) -> "Bar":
        return self

    def __exit__(self, *fault: object) -> None:
        self.bar.close()

    def watch(self, seed: int, step: Step) -> None:
        if seed != self.seed:
            self.bar.close()
            self.seed = seed
            self.bar = tqdm(
                total=step.steps, desc=f"seed {seed}", unit="step", disable=None, file=sys.stderr, initial=step.step - 1
            )
        self.bar.update(1)
        self.bar.set_postfix_str(f"loss {step.loss:.3f}", refresh=False)

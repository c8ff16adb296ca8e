"""Commands that fill the repository and empty it: models from every source, domains, outcomes of others."""

import argparse
import functools
import sys
from collections.abc import Iterator
from pathlib import Path

from tqdm import tqdm

from headhunt.cli.opening import sample_named
from headhunt.cli.render import as_json
from headhunt.cli.values import names, numbers, whole
from headhunt.errors import BadSpec, NameTaken
from headhunt.vocabulary import Domain, ModelCard
from zoo.catalogue.quantities import write_bytes, write_count, write_milliseconds
from zoo.history.store import History
from zoo.repository import Zoo
from zoo.sources import Found
from zoo.sources.checkpoint import Checkpoint, from_checkpoint
from zoo.sources.curated import recommended
from zoo.sources.timm_hub import from_timm
from zoo.starter.build import Progress
from zoo.starter.filling import fill_starter

RECOMMENDED = "recommended"
FILE_ONLY = ("network", "input", "mean", "std", "classes", "license")


def add_models(asked: argparse.Namespace) -> None:
    zoo, several = Zoo(), is_several(asked.source)
    if several and asked.name:
        raise BadSpec(f"--name {asked.name!r} is for one model, and {asked.source!r} may be many. Leave it out.")
    there = 0
    for found in found_by(asked):
        try:
            card = zoo.add(found)
        except NameTaken:
            if not several:
                raise
            there += 1
            continue
        if asked.fetch:
            zoo.state(card)
        print(f"added {told(card if several else zoo.measure([card.id])[0])}")
    if there:
        print(f"{there} were there already.")
    if several:
        print("Latency and memory on this machine: headhunt zoo measure")


def told(card: ModelCard) -> str:
    facts = [card.network, f"{write_count(card.params)} parameters", f"{write_count(card.macs)} multiply-adds"]
    if card.measured:
        facts.append(f"{write_milliseconds(card.measured.latency_ms)} and {write_bytes(card.measured.peak_bytes)} here")
    if card.weights is None:
        facts.append("weights come at first use")
    return f"{card.id}: {', '.join(facts)}"


def is_several(source: str) -> bool:
    return source == RECOMMENDED or (source.startswith("timm:") and any(sign in source for sign in "*?["))


def found_by(asked: argparse.Namespace) -> Iterator[Found]:
    """The source that the user's words mean."""
    if asked.source == RECOMMENDED or asked.source.startswith("timm:"):
        given = [name for name in FILE_ONLY if getattr(asked, name) is not None]
        if given:
            raise BadSpec(f"--{given[0]} is for a weights file; {asked.source!r} brings its own. Leave it out.")
        return recommended(asked.domain) if asked.source == RECOMMENDED else from_timm(asked.source, asked.domain)
    return iter([found_in_file(asked)])


def found_in_file(asked: argparse.Namespace) -> Found:
    missing = [f"--{name}" for name in ("network", "domain", "input") if getattr(asked, name) is None]
    if missing:
        raise BadSpec(
            f"A weights file does not tell its own facts: {asked.source!r} needs {', '.join(missing)}."
            " Models of timm are written timm:TAG."
        )
    return from_checkpoint(
        Checkpoint(
            path=Path(asked.source),
            network=asked.network,
            domain=asked.domain,
            input_size=whole("input", asked.input),
            mean=numbers("mean", asked.mean),
            std=numbers("std", asked.std),
            classes=names("classes", asked.classes),
            license=asked.license,
            name=asked.name,
        )
    )


def remove_models(asked: argparse.Namespace) -> None:
    zoo = Zoo()
    cards = zoo.matching(asked.models)
    zoo.remove([card.id for card in cards])
    for card in cards:
        print(f"removed {card.id}")
    left = {card.domain for card in zoo.catalogue.read().cards.values()}
    for domain in sorted({card.domain for card in cards} - left):
        print(f"No model of {domain} is left. Its row stays: headhunt zoo domain remove {domain}")


def build_starter(asked: argparse.Namespace) -> None:
    zoo = Zoo()
    workers = None if asked.workers is None else whole("workers", asked.workers)
    with tqdm(total=0, desc="starter zoo", unit="step", disable=None, file=sys.stderr) as bar:
        built = fill_starter(zoo, process_count=workers, on_progress=functools.partial(show, bar))
    print(f"{built} models built." if built else "The starter zoo is built already: 'headhunt zoo matrix' shows it.")


def show(bar: "tqdm[None]", progress: Progress) -> None:
    bar.total = progress.all_steps
    bar.set_postfix_str(f"{progress.models}/{progress.all_models} models", refresh=False)
    bar.update(progress.steps - bar.n)


def measure_models(asked: argparse.Namespace) -> None:
    zoo = Zoo()
    cards = zoo.matching(asked.models or ["*"])
    wanted = [card.id for card in cards if asked.models or card.measured is None]
    for card in zoo.measure(tqdm(wanted, unit="model", disable=None, file=sys.stderr)):
        print(told(card))
    if not wanted:
        print("All models are measured. Name some to measure them again.")


def import_history(asked: argparse.Namespace) -> None:
    report = History(Zoo().home).import_csv(Path(asked.file))
    print(as_json(report) if asked.json else report.told())


def add_domain(asked: argparse.Namespace) -> None:
    zoo = Zoo()
    with sample_named(zoo, asked.sample) as sample:
        row = Domain(name=asked.name, description=asked.description, license=asked.license)
        domain = zoo.add_domain(row, sample)
    print(f"{domain.name}: {domain.images} images, {len(domain.classes)} classes, version {str(domain.version)[:12]}")


def remove_domain(asked: argparse.Namespace) -> None:
    with Zoo().catalogue.change() as draft:
        draft.remove_domain(asked.name)
    print(f"removed {asked.name}")

"""The command `headhunt health`: what is wrong with a sample, before anything is trained on it."""

import argparse
import sys
from types import TracebackType

import msgspec
from tqdm import tqdm

from discriminator.features import FeatureStore
from discriminator.health import examine
from discriminator.reference import reference
from headhunt.cli.opening import sample_named
from headhunt.cli.render import as_json, table
from headhunt.errors import printable
from headhunt.vocabulary import Finding, Health
from zoo.catalogue.quantities import write_share
from zoo.repository import Zoo

SHOWN = 4
"""Files, groups and classes of a kind that are written out."""
SMALLEST = 10
"""Classes that are listed."""


def examine_sample(asked: argparse.Namespace) -> None:
    zoo = Zoo()
    with sample_named(zoo, asked.sample) as sample, Line() as line:
        line.watch("reference network")
        found = examine(sample, FeatureStore(zoo.home), reference(zoo), line.watch)
    named = asked.sample.encode(errors="backslashreplace").decode()  # a path need not be Unicode, JSON must
    found = msgspec.structs.replace(found, sample=named)
    print(as_json(found) if asked.json else report(found))


def report(health: Health) -> str:
    counts = {level: sum(finding.severity == level for finding in health.findings) for level in ("serious", "warning")}
    told = [f"{count} {level}" for level, count in counts.items() if count]
    head = (
        f"{printable(health.sample)}: {health.images:,} images, {len(health.classes)} classes, {health.seconds:.1f} s"
    )
    parts = [head, baselines(health), *map(shown, health.findings)]
    if len(health.classes):
        parts.append(classes(health))
    verdict = f"{len(health.findings)} findings ({', '.join(told)})." if told else "Nothing serious was found."
    return "\n\n".join([part for part in parts if part] + [verdict])


def baselines(health: Health) -> str:
    words = {"majority": "naming the largest class", "linear": "a linear classifier on reference features"}
    return ", ".join(f"{words.get(name, name)}: {write_share(value)}" for name, value in health.baselines.items())


def shown(finding: Finding) -> str:
    """Severity, code and words; below them some of the files, groups together."""
    head = f"{finding.severity.upper()} {finding.code}: {printable(finding.words, 2000)}"
    rows = [" = ".join(some(group)) for group in finding.groups] if finding.groups else list(finding.files)
    return "\n".join([head, *(f"    {row}" for row in some(rows))])


def some(rows: "list[str] | tuple[str, ...]") -> list[str]:
    more = len(rows) - SHOWN
    few = [row if row.startswith("... and ") else printable(row, 2000) for row in rows[:SHOWN]]
    return [*few, *([f"... and {more:,} more"] if more > 0 else [])]


def classes(health: Health) -> str:
    """The smallest classes, which are the ones to look at."""
    rows = sorted(health.classes.items(), key=lambda pair: pair[1])
    more = len(rows) - SMALLEST
    listed = table(("class", "images"), [(name, f"{count:,}") for name, count in rows[:SMALLEST]], numbers=(1,))
    return listed + (f"\n... and {more:,} larger" if more > 0 else "")


class Line:
    """What is being looked at, on one line that is gone at the end; silent where standard error is no terminal."""

    def __init__(self) -> None:
        self._bar: tqdm[None] = tqdm(disable=None, file=sys.stderr, bar_format="{desc}", leave=False)

    def __enter__(self) -> "Line":
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None) -> None:
        self._bar.close()

    def watch(self, what: str) -> None:
        self._bar.set_description_str(f"looking at: {what}")

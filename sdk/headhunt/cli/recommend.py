"""Commands that recommend: `suggest` for the user's images, `demo` for images that come along."""

import argparse
import sys
import time

from tqdm import tqdm

from headhunt.cli.conditions import NUMBER_CONDITIONS, TEXT_CONDITIONS, key
from headhunt.cli.fill import build_starter
from headhunt.cli.opening import refused_lines, warn
from headhunt.cli.render import as_json
from headhunt.cli.values import whole
from headhunt.local import suggest
from headhunt.recommendation import Recommendation, as_table
from recommender.request import Progress
from zoo.repository import Zoo
from zoo.starter.build import starter_ids
from zoo.starter.visitor import visiting_sample

DEMO_BUDGET = "45s"
TOP = 10


def suggest_model(asked: argparse.Namespace) -> None:
    top = whole("top", asked.top)
    limits = {key(name): getattr(asked, key(name)) for name, _ in (*TEXT_CONDITIONS, *NUMBER_CONDITIONS)}
    limits["text"] = asked.text
    wanted = {
        "budget": asked.budget,
        "limits": {name: value for name, value in limits.items() if value is not None}
        | ({"here": True} if asked.here else {}),
        "labels": not asked.no_labels,
        "allow_seen": asked.allow_seen,
    }
    with Stages() as stages:
        rec = suggest(Zoo(), asked.sample, wanted, began=asked.began, progress=stages.show)
    told(rec, top, asked.json)


def told(rec: Recommendation, top: int, whole_json: bool) -> None:
    warn(*refused_lines(rec.facts.refused), *rec.warnings)
    if whole_json:
        print(as_json(rec.facts))
    else:
        print(as_table(rec.facts, top))


def demo(asked: argparse.Namespace) -> None:
    """The starter zoo, if it is not built yet; then a recommendation for an alphabet that none of its models knows."""
    zoo, start = Zoo(), asked.began
    if not set(starter_ids()) <= zoo.catalogue.read().cards.keys():
        build_starter(asked)
        start = time.monotonic()
    sample = visiting_sample(zoo.home / "demo")
    with Stages() as stages:
        rec = suggest(zoo, sample, {"budget": DEMO_BUDGET}, began=start, progress=stages.show)
    told(rec, TOP, whole_json=False)
    print(f"\n{rec.explain(0)}\n\nThe images: {sample}. Try your own: headhunt suggest FOLDER")


class Stages:
    """A progress bar for each stage; silent where standard error is no terminal."""

    def __init__(self) -> None:
        self.stage = ""
        self.bar: tqdm[None] = tqdm(disable=True)

    def __enter__(self) -> "Stages":
        return self

    def __exit__(self, *fault: object) -> None:
        self.bar.close()

    def show(self, progress: Progress) -> None:
        if progress.stage != self.stage:
            self.bar.close()
            self.stage = progress.stage
            self.bar = tqdm(desc=progress.stage, disable=None, file=sys.stderr)
        self.bar.total, self.bar.n = progress.total, progress.done
        self.bar.set_postfix_str(progress.words, refresh=True)

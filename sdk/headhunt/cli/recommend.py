"""Commands that recommend in this process: `suggest` for the user's images, `demo` for images that come along."""

import argparse
import time

from headhunt.cli.fill import build_starter
from headhunt.cli.telling import Stages, told, wanted
from headhunt.cli.values import whole
from headhunt.local import suggest
from zoo.repository import Zoo
from zoo.starter.build import starter_ids
from zoo.starter.visitor import visiting_sample

DEMO_BUDGET = "45s"
TOP = 10


def suggest_model(asked: argparse.Namespace) -> None:
    with Stages() as stages:
        rec = suggest(Zoo(), asked.sample, wanted(asked), began=asked.began, progress=stages.show)
    told(rec, whole("top", asked.top), asked.json)


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

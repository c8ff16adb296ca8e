"""What a recommendation looks like while it is made and when it is there, whoever makes it."""

import argparse
import sys
from typing import Any

from tqdm import tqdm

from headhunt.cli.conditions import NUMBER_CONDITIONS, TEXT_CONDITIONS, key
from headhunt.cli.opening import refused_lines, warn
from headhunt.cli.render import as_json
from headhunt.progress import Progress
from headhunt.recommendation import Recommendation, as_table


def wanted(asked: argparse.Namespace) -> dict[str, Any]:
    """What `suggest_model` is asked, of the words of the command line."""
    limits = {key(name): getattr(asked, key(name)) for name, _ in (*TEXT_CONDITIONS, *NUMBER_CONDITIONS)}
    limits["text"] = asked.text
    return {
        "budget": asked.budget,
        "limits": {name: value for name, value in limits.items() if value is not None}
        | ({"here": True} if asked.here else {}),
        "labels": not asked.no_labels,
        "allow_seen": asked.allow_seen,
    }


def told(rec: Recommendation, top: int, whole_json: bool) -> None:
    warn(*refused_lines(rec.facts.refused), *rec.warnings)
    if whole_json:
        print(as_json(rec.facts))
    else:
        print(as_table(rec.facts, top))


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

"""The command `headhunt import`: runs that other trackers kept become runs of this home."""

import argparse
from collections.abc import Iterator
from pathlib import Path

from headhunt.cli.render import as_json, table
from headhunt.errors import HeadhuntError, MissingFile, printable
from headhunt.home import home_folder
from tracking.importers import mlflow, tables, tensorboard, wandb
from tracking.importers.foreign import Foreign
from tracking.importers.writing import Imported, written

WORDS = {"new": "new", "there": "here already", "grown": "grown", "other": "here already, with other contents"}


def bring(asked: argparse.Namespace) -> None:
    """What could be read is kept, also where reading ends in a fault."""
    found: list[Imported] = []
    try:
        for run in runs_of(asked):
            found.append(written(run, home_folder()))
    except HeadhuntError:
        told(found, asked.json)
        raise
    except OSError as error:
        told(found, asked.json)
        name = printable(str(error.filename or asked.path))
        raise MissingFile(f"{name} cannot be read: {error.strerror or error}.") from error
    told(found, asked.json)


def runs_of(asked: argparse.Namespace) -> Iterator[Foreign]:
    path = Path(asked.path).expanduser()
    if asked.kind == "csv":
        return tables.runs_in(path, {"step": asked.step, "time": asked.time, "run": asked.run})
    importers = {"mlflow": mlflow.runs_in, "tensorboard": tensorboard.runs_in, "wandb": wandb.runs_in}
    return importers[asked.kind](path)


def told(found: list[Imported], whole: bool) -> None:
    if whole:
        print(as_json(found))
    elif found:
        rows = [
            (one.id[:12], one.experiment, one.name, WORDS[one.state], f"{one.records:,}", f"{one.files:,}")
            for one in found
        ]
        print(table(("run", "experiment", "name", "state", "records", "files"), rows, numbers=(4, 5)))
        for one in found:
            for words, count in one.unread.items():
                print(f"{one.id[:12]} not taken, {count:,} times: {words}")

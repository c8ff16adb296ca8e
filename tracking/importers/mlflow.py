"""MLflow's own stores: the folder `mlruns`, and `mlflow.db` (SQLite). Nothing of MLflow is needed.

Files are taken where they lie beside the store, below the folder that holds it: an `artifact_uri` that leads elsewhere
is told of, and not followed.
"""

import math
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import yaml

from headhunt.errors import BadTable, MissingFile, one_line, printable
from headhunt.track.journal import Known, Record
from headhunt.track.wire import RunBegun
from tracking.importers.foreign import LARGEST_TEXT, Attached, Foreign, ended, gathered, noted, step_of

STATES = {"FINISHED": "finished", "FAILED": "failed", "KILLED": "failed", "3": "finished", "4": "failed", "5": "failed"}
INFINITE = 1.7976931348623157e308
"""How MLflow's SQL store writes infinity."""
Number = tuple[float, int, str, float]


def runs_in(path: Path) -> Iterator[Foreign]:
    if path.is_dir() and (path / "mlflow.db").is_file() and not any(path.glob("*/meta.yaml")):
        path = path / "mlflow.db"
    if path.is_file():
        yield from runs_of_database(path)
        return
    store = path / "mlruns" if (path / "mlruns").is_dir() else path
    if not store.is_dir():
        raise MissingFile(f"{printable(str(path))} is neither a folder mlruns nor a file mlflow.db.")
    found = False
    for experiment in sorted(store.glob("*/meta.yaml")):
        found = True
        named = str(meta(experiment).get("name") or "default")
        for folder in sorted(one.parent for one in experiment.parent.glob("*/meta.yaml")):
            yield run_of_folder(folder, named, store.resolve().parent)
    if not found:
        raise BadTable(f"{printable(str(path))} holds no experiment of MLflow: none of its folders has a meta.yaml.")


def meta(path: Path) -> dict[str, Any]:
    try:
        found = yaml.safe_load(text_of(path))
    except (yaml.YAMLError, ValueError, RecursionError, OSError):
        return {}
    return found if isinstance(found, dict) else {}


def text_of(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(LARGEST_TEXT).decode(errors="replace")


def run_of_folder(folder: Path, experiment: str, around: Path) -> Foreign:
    facts = meta(folder / "meta.yaml")
    params = {name: text_of(path) for name, path in leaves(folder / "params")}
    tags = {name: text_of(path) for name, path in leaves(folder / "tags")}
    name = str(facts.get("run_id") or folder.name)
    run = Foreign(f"mlflow\0{name}", begun(experiment, str(facts.get("run_name") or ""), facts.get("start_time"), tags))
    if not facts:
        run.miss("meta.yaml cannot be read")
    numbers = [number for metric, path in leaves(folder / "metrics") for number in numbers_of(path, metric, run)]
    state = STATES.get(str(facts.get("status")), "")
    own = folder / "artifacts"
    place = own if own.is_dir() and any(own.iterdir()) else place_of(str(facts.get("artifact_uri") or ""))
    finish(run, params, tags, numbers, (state, seconds(facts.get("end_time"))))
    attach(run, place, around)
    return run


def leaves(folder: Path) -> Iterator[tuple[str, Path]]:
    """Names with slashes are folders there. Links are not followed."""
    for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
        if path.is_file() and not path.is_symlink():
            yield path.relative_to(folder).as_posix(), path


def numbers_of(path: Path, metric: str, run: Foreign) -> Iterator[Number]:
    """Lines of `milliseconds value step`."""
    with path.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            words = line.split()
            try:
                step = step_of(int(words[2])) if len(words) > 2 else 0
                yield int(words[0]) / 1000, step, metric, float(words[1])
            except (IndexError, ValueError, OverflowError):
                run.miss(f"lines of the metric {printable(metric, 80)} that are no time, value and step")


def begun(experiment: str, name: str, started: Any, tags: dict[str, str]) -> RunBegun:
    return RunBegun(
        experiment=experiment,
        name=name or tags.get("mlflow.runName", ""),
        intent=tags.get("mlflow.note.content", ""),
        started=seconds(started),
        parent=None,
    )


def seconds(milliseconds: Any) -> float | None:
    try:
        return float(milliseconds) / 1000
    except (TypeError, ValueError):
        return None


def finish(
    run: Foreign, params: dict[str, Any], tags: dict[str, str], numbers: list[Number], end: tuple[str, float | None]
) -> None:
    at = run.begun.started or 0.0
    numbers.sort(key=lambda number: (number[0], number[1]))
    told: list[Record] = [*noted("param", params, at), *noted("tag", tags, at)]
    if commit := tags.get("mlflow.source.git.commit"):
        told.append(Known(at, {"code": {"commit": commit, "command": tags.get("mlflow.source.name", "")}}))
    last = max((number[0] for number in numbers), default=at)
    state = end[0] or "lost"
    run.records = [*told, *gathered(numbers), *ended(state, end[1] or last)]


def place_of(uri: str) -> Path | None:
    try:
        parts = urlsplit(uri)
    except ValueError:  # of a bracket that is not closed
        return None
    if parts.scheme not in {"", "file"} or parts.netloc not in {"", "localhost"} or not parts.path:
        return None
    return Path(unquote(parts.path))


def attach(run: Foreign, place: Path | None, around: Path) -> None:
    if place is None:
        run.miss("its files lie on another machine")
        return
    inside = (around / place).resolve()
    if around not in inside.parents:
        run.miss("its files lie outside the folder that holds the store")
        return
    run.files = [Attached(name, path, at=run.begun.started or 0.0) for name, path in leaves(inside)]


def runs_of_database(path: Path) -> Iterator[Foreign]:
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as database:
            asked = "select run_uuid, r.name, status, start_time, end_time, artifact_uri, e.name from runs r"
            asked += " join experiments e using (experiment_id) where r.lifecycle_stage = 'active' order by 1"
            for row in database.execute(asked).fetchall():
                yield run_of_row(database, row, path.resolve().parent)
    except sqlite3.Error as error:
        raise BadTable(f"{printable(str(path))} is no store of MLflow: {one_line(error)}.") from error


def run_of_row(database: sqlite3.Connection, row: tuple[Any, ...], around: Path) -> Foreign:
    run_id, name, status, started, stopped, uri, experiment = row
    params = dict(database.execute("select key, value from params where run_uuid = ? order by 1", (run_id,)))
    tags = {
        key: value or ""
        for key, value in database.execute("select key, value from tags where run_uuid = ? order by 1", (run_id,))
    }
    run = Foreign(f"mlflow\0{run_id}", begun(str(experiment), name or "", started, tags))
    asked = "select timestamp, step, key, value, is_nan from metrics where run_uuid = ? order by timestamp, step, key"
    numbers = []
    for at, step, key, value, is_nan in database.execute(asked, (run_id,)):
        try:
            numbers.append((at / 1000, step_of(step), str(key), math.nan if is_nan else unbounded(float(value))))
        except (TypeError, ValueError, OverflowError):
            run.miss("values that are no number")
    finish(run, params, tags, numbers, (STATES.get(str(status), ""), seconds(stopped)))
    attach(run, place_of(uri or ""), around)
    return run


def unbounded(value: float) -> float:
    return math.copysign(math.inf, value) if abs(value) >= INFINITE else value

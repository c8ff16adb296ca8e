"""`headhunt runs`: list, show, compare, export, delete, resume; of this machine's home, or at a server."""

import argparse
import csv
import io
import shlex
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from headhunt.cli.render import as_json, facts, table
from headhunt.cli.run_shelves import Shelf, named, shelf
from headhunt.cli.runs_missing import why_none
from headhunt.cli.values import whole
from headhunt.errors import BadValue, printable
from headhunt.home import home_folder
from headhunt.track.wire import Changed, Curve, Run, RunsCompared
from tracking.reports.facts import goal_of
from tracking.reports.naming import is_held_out, is_of_the_machine
from zoo.catalogue.quantities import write_bytes

SHOWN_METRICS, SHORT = 3, 12
MLFLOW = "mlflow."
FORMATS = ("csv", "json")
EVERY = 1_000_000
DANGEROUS = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet would take what begins so for a formula."""


def list_runs(asked: argparse.Namespace) -> None:
    limit = whole("limit", asked.limit)
    with shelf(asked.server) as one:
        found = one.find(asked.query, asked.sort or (), asked.experiment, limit)
        nothing = "" if found or asked.json else why_none(one, asked.query, asked.experiment)
    if asked.json:
        print(as_json(found))
        return
    heads = ("id", "experiment", "name", "state", "started", "took", "metrics", "tags")
    print(table(heads, [line(run) for run in found]) if found else nothing)


def line(run: Run) -> tuple[str, ...]:
    """Without the machine's load and what MLflow's clients tag every run with: `show` has these."""
    told = sorted((name for name in run.metrics if not is_of_the_machine(name)), key=weight)
    newest = ", ".join(f"{name} {short(run.metrics[name])}" for name in told[:SHOWN_METRICS])
    more = f" +{len(told) - SHOWN_METRICS}" if len(told) > SHOWN_METRICS else ""
    tags = tags_of({name: value for name, value in run.tags.items() if not name.startswith(MLFLOW)})
    return run.id[:SHORT], run.experiment, run.name, run.state, when(run.started), took(run), newest + more, tags


def weight(name: str) -> tuple[bool, bool]:
    """What a run is judged by comes first: losses and accuracies, and of these the ones on other images."""
    return goal_of(name) is None, not is_held_out(name)


def tags_of(tags: Mapping[str, str]) -> str:
    return ", ".join(f"{name}={value}" if value else name for name, value in tags.items())


def show_run(asked: argparse.Namespace) -> None:
    with shelf(asked.server) as one:
        run = one.get(named(one, asked.run))
        metrics = sorted(one.metrics(run.id), key=lambda metric: is_of_the_machine(metric.name))
        files = one.files(run.id)
    if asked.json:
        print(as_json(run))
        return
    about = [(name, str(getattr(run, name))) for name in ("id", "name", "experiment", "state", "intent")]
    about += [("started", when(run.started)), ("took", took(run))]
    more = ("dataset", "model", "parent", "group", "by", "error")
    about += [(name, str(getattr(run, name)).rstrip()) for name in more if getattr(run, name)]
    data = run.facts.get("data")
    if isinstance(data, dict) and data.get("given") not in (None, run.dataset):
        about += [("dataset given as", printable(str(data["given"])))]
    about += [("tags", tags_of(run.tags)), *code_of(run)]
    about += [("not as told", mark) for mark in run.marks]
    print(facts([(name, value or "-") for name, value in about]))
    for title, values in (("parameters", run.params), ("summary", run.summary)):
        if values:
            print(f"\n{title}\n{facts([(name, plain(value)) for name, value in values.items()])}")
    if metrics:
        rows = [(m.name, str(m.count), str(m.last_step), short(m.last), short(m.min), short(m.max)) for m in metrics]
        print("\n" + table(("metric", "points", "last step", "last", "min", "max"), rows, (1, 2, 3, 4, 5)))
    if files:
        print("\n" + table(("file", "kind", "size"), [(f.path, f.kind, write_bytes(f.size)) for f in files], (2,)))


def code_of(run: Run) -> list[tuple[str, str]]:
    """Where it came from, as far as it is known."""
    code = run.facts.get("code")
    if not isinstance(code, dict):
        return []
    commit = (
        f"{str(code['commit'])[:SHORT]}{', with changes' if code.get('dirty') else ''}" if code.get("commit") else ""
    )
    return [(name, words) for name, words in (("commit", commit), ("command", typed(code.get("command")))) if words]


def typed(command: Any) -> str:
    """As somebody could type it again."""
    return shlex.join(map(str, command)) if isinstance(command, list) else str(command or "")


def compare_runs(asked: argparse.Namespace) -> None:
    with shelf(asked.server) as one:
        found = with_data(one.compare(named(one, asked.run), named(one, asked.other)))
    if asked.json:
        print(as_json(found))
        return
    rows = [row for part in PARTS for row in changed(part, getattr(found, part)) if not is_of_the_machine(row[1])]
    heads = ("what", "name", found.before[:SHORT], found.after[:SHORT])
    print(table(heads, rows) if rows else "The two runs are alike.")
    if found.patch:
        print("\n".join(["", "code that was not committed:", *map(printable, found.patch)]))
    if found.data is not None:
        from headhunt.cli.data import report

        print(f"\ndata: {report(found.data)}")


def with_data(found: RunsCompared) -> RunsCompared:
    """With what changed in their data, where this home keeps both versions."""
    one = next((change for change in found.about if change.name == "dataset"), None)
    if one is None or found.data is not None or not (one.before and one.after):
        return found
    from tracking.differences import diff
    from tracking.versions import Shelf as Versions

    versions = Versions(home_folder())
    ids = [versions.id_named(name) for name in (one.before, one.after)]
    if None in ids or not set(ids) <= set(versions.ids()):
        return found
    return msgspec.structs.replace(found, data=diff(*(versions.version(str(name)) for name in ids)))


SURROUNDINGS = ("code", "environment")
PARTS = ("about", "params", "tags", "summary", "metrics", "code", "environment")


def changed(part: str, changes: Sequence[Changed]) -> list[tuple[str, ...]]:
    write = typed if part == "code" else plain
    sides = [any(getattr(one, side) is not None for one in changes) for side in ("before", "after")]
    if part in SURROUNDINGS and len(changes) > 1 and not all(sides):  # a row for each package would say no more
        return [(part, "-", *("known" if side else "not known" for side in sides))]
    return [(part, one.name, *((write(value) or "-")[:60] for value in (one.before, one.after))) for one in changes]


def export_runs(asked: argparse.Namespace) -> None:
    if asked.format not in FORMATS:
        raise BadValue(f"--format {asked.format!r} is none of {', '.join(FORMATS)}.")
    with shelf(asked.server) as one:
        ids = [named(one, text) for text in asked.runs]
        if asked.points:
            text = exported_points(one, ids, asked.format)
        else:
            found = [one.get(run) for run in ids] if ids else one.find(asked.query, (), asked.experiment, EVERY)
            runs = [run if run.whole else one.get(run.id) for run in found]
            text = as_json(runs) if asked.format == "json" else as_csv(run_rows(runs))
    if asked.out is None:
        print(text, end="" if text.endswith("\n") else "\n")
    else:
        Path(asked.out).write_text(text, encoding="utf-8")


def exported_points(one: Shelf, ids: Sequence[str], form: str) -> str:
    if not ids:
        raise BadValue("--points needs a run. Give its id or its name.")
    found = {run: one.curves(run, [metric.name for metric in one.metrics(run)]) for run in ids}
    if form == "json":
        return as_json(found)
    rows = [row for run, curves in found.items() for curve in curves for row in point_rows(run, curve)]
    return as_csv([["run", "metric", "step", "time", "value"], *rows])


def point_rows(run: str, curve: Curve) -> list[list[Any]]:
    points = zip(curve.steps, curve.times, curve.values, strict=True)
    return [[run, curve.name, step, repr(at), value] for step, at, value in points]


def run_rows(runs: Sequence[Run]) -> list[list[Any]]:
    """A line for each run, and a column for each name that one of them has. A tag without a value is true."""
    about = ("id", "experiment", "name", "state", "started", "ended", "intent", "dataset", "model", "parent", "group")
    kinds = ("params", "metrics", "summary", "tags")
    names = [(kind, name) for kind in kinds for name in sorted({name for run in runs for name in getattr(run, kind)})]
    rows: list[list[Any]] = [[*about, *(f"{kind}.{name}" for kind, name in names)]]
    for run in runs:
        told = [getattr(run, kind).get(name) for kind, name in names]
        told = [True if value == "" and kind == "tags" else value for (kind, _), value in zip(names, told, strict=True)]
        rows.append([*(getattr(run, name) for name in about), *told])
    return rows


def as_csv(rows: Sequence[Sequence[Any]]) -> str:
    held = io.StringIO()
    csv.writer(held, lineterminator="\n").writerows([[cell(value) for value in row] for row in rows])
    return held.getvalue()


def cell(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, list | dict | bool):
        return plain(value)
    return f"'{value}" if isinstance(value, str) and value.startswith(DANGEROUS) and value != "-inf" else value


def delete_runs(asked: argparse.Namespace) -> None:
    with shelf(asked.server) as one:
        ids = [named(one, text) for text in asked.runs]
        for run in ids:
            one.remove(run)
            print(f"{run[:SHORT]} is removed.")


def resume_run(asked: argparse.Namespace) -> None:
    """It is running again, and what its program has to say to go on with it."""
    with shelf(asked.server) as one:
        run = one.resume(named(one, asked.run))
    command = run.facts.get("code", {}).get("command") if isinstance(run.facts.get("code"), dict) else None
    print(f"{run.id} is running again. Its program goes on with it by")
    print(f"    headhunt.init(project={run.experiment!r}, id={run.id!r}, resume=True)")
    if command:
        print(f"It was started by\n    {typed(command)}")


# --- How it is written ------------------------------------------------------------------------------------------------


def when(at: float | None) -> str:
    return "-" if at is None else time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))


def took(run: Run) -> str:
    seconds = max(0.0, (run.seen if run.ended is None else run.ended) - run.started)
    hours, rest = divmod(int(seconds), 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}"


def short(value: float | str | None) -> str:
    return "-" if value is None else value if isinstance(value, str) else f"{value:.6g}"


def plain(value: Any) -> str:
    if value is None:
        return "-"
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()

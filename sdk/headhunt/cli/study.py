"""`headhunt study`: list, show, pause, resume, stop, export, add, delete, worker; at a server, or in this home."""

import argparse
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from headhunt.cli.opening import warn
from headhunt.cli.render import as_json, facts, table
from headhunt.cli.values import bounded, space_in, whole
from headhunt.durations import seconds_of
from headhunt.errors import BadValue, NoBest, NotWritten
from headhunt.home import home_folder
from headhunt.remote.address import in_the_clear
from headhunt.remote.credentials import Chosen, chosen
from headhunt.spaces import Choice, Fixed, Parameter
from headhunt.studies.sheets import as_csv, as_json as whole_study
from headhunt.studies.shelves import Shelf, opened_for, shelf_of
from headhunt.studies.wire import MoreTrials, StudyAsked, StudyShown, StudyState

if TYPE_CHECKING:
    from tuning import running

FORMATS = ("csv", "json")
SHOWN = 10


def found(asked: argparse.Namespace) -> Chosen | None:
    one = chosen(asked.server, getattr(asked, "key", None), home_folder())
    if one is not None:
        warn(*filter(None, [in_the_clear(one.url)]))
    return one


def shelf(asked: argparse.Namespace) -> Shelf:
    return shelf_of(found(asked), home_folder())


def list_studies(asked: argparse.Namespace) -> None:
    all_of_them = shelf(asked).all()
    if asked.json:
        print(as_json(all_of_them))
    elif not all_of_them:
        print("No studies. 'headhunt study add NAME --space FILE' makes one, and so does headhunt.fmin with study=.")
    else:
        heads = ("name", "state", "trials", "of", "best", "compute", "created", "owner")
        print(table(heads, [line(one) for one in all_of_them], (2, 3, 4, 5)))


def line(one: StudyShown) -> tuple[str, ...]:
    of = "-" if one.trials is None else str(one.trials)
    best = "-" if one.best is None else f"{one.best.value:.6g}"
    created = time.strftime("%Y-%m-%d %H:%M", time.localtime(one.created)) if one.created else "-"
    return one.name, one.state, str(one.count), of, best, f"{one.spent:.1f}s", created, one.owner


def show_study(asked: argparse.Namespace) -> None:
    there = shelf(asked)
    one, trials = there.get(asked.study), there.trials(asked.study)
    if asked.json:
        print(as_json(one))
        return
    counts = ", ".join(f"{count} {state}" for state, count in one.counts.items())
    about = [("name", one.name), ("state", one.state), ("owner", one.owner), ("algorithm", one.algo)]
    ways = [f"{name} ({way})" for name, way in one.aims.items()]
    limits = [f"{name} {worst:g}" for name, worst in one.limits.items()]
    about += [("aims", ", ".join(ways)) if ways else ("direction", one.direction), ("limits", ", ".join(limits))]
    about += [("trials", f"{one.count}{' (' + counts + ')' if counts else ''}")]
    about += [("may spend", spending(one)), ("compute", f"{one.spent:.1f}s"), ("why", one.why)]
    if one.best is not None:
        about += [("best", f"{one.best.value:.6g}, trial {one.best.number}")]
        about += [(f"  {name}", shown(value)) for name, value in one.best.params.items()]
    print(facts([(name, value) for name, value in about if value]))
    print("\n" + table(("parameter", "what"), [(name, described(it)) for name, it in one.space.items()]))
    if trials:
        rows = [
            (str(it.number), it.state, "-" if it.value is None else f"{it.value:.6g}", it.reason[:60])
            for it in trials[-SHOWN:]
        ]
        print("\n" + table(("trial", "state", "value", "why"), rows, (0, 2)))


def spending(one: StudyShown) -> str:
    words = [] if one.trials is None else [f"{one.trials} trials"]
    words += [] if one.seconds is None else [f"{one.seconds:g} s"]
    return " or ".join(words)


def described(one: Parameter) -> str:
    if isinstance(one, Fixed):
        told = shown(one.value)
    elif isinstance(one, Choice):
        told = " | ".join(map(shown, one.values))
    else:
        told = f"{one.low:g} to {one.high:g}{', log' if one.log else ''}"
        told += f", step {one.step:g}" if one.step not in (None, 1) else ""
    when = " and ".join(f"{name} is {' or '.join(map(shown, values))}" for name, values in one.when.items())
    return f"{told}, where {when}" if when else told


def shown(value: object) -> str:
    return value if isinstance(value, str) else f"{value:.6g}" if isinstance(value, float) else str(value)


def pause(asked: argparse.Namespace) -> None:
    change(asked, "paused", MoreTrials())


def resume(asked: argparse.Namespace) -> None:
    trials = None if asked.trials is None else whole("trials", asked.trials)
    change(asked, "running", MoreTrials(trials=trials, seconds=seconds_of(asked.time, "A time")))


def stop(asked: argparse.Namespace) -> None:
    change(asked, "stopped", MoreTrials())


def change(asked: argparse.Namespace, state: StudyState, more: MoreTrials) -> None:
    one = shelf(asked).set_state(asked.study, state, more)
    print(f"{one.name} is {one.state}." if one.state == state else f"{one.name} is {one.state}{spent(one, state)}.")


def spent(one: StudyShown, state: StudyState) -> str:
    """Why it is not what was asked for, and what would do."""
    by_time = one.seconds is not None and one.spent >= one.seconds
    if state != "running" or not (by_time or (one.trials is not None and one.count >= one.trials)):
        return ""
    return f": what it may spend ({spending(one)}) is spent. More, in all: --trials N or --time T"


def export(asked: argparse.Namespace) -> None:
    if asked.format not in FORMATS:
        raise BadValue(f"--format {asked.format!r} is none of {', '.join(FORMATS)}.")
    there = shelf(asked)
    one, trials = there.get(asked.study), there.trials(asked.study)
    body = as_csv(one, trials) if asked.format == "csv" else whole_study(one, trials)
    if asked.out is None:
        sys.stdout.write(body.decode())
        return
    try:
        Path(asked.out).write_bytes(body)
    except OSError as error:
        raise NotWritten(f"{asked.out!r} could not be written ({error.strerror or error}).") from error


def add(asked: argparse.Namespace) -> None:
    made = shelf(asked).make(
        StudyAsked(
            name=asked.study,
            space=dict(space_in(asked.space)),
            algo=asked.algo,
            direction="maximize" if asked.maximize else "minimize",
            seed=None if asked.seed is None else whole("seed", asked.seed, 0),
            trials=None if asked.trials == "none" else whole("trials", asked.trials),
            seconds=seconds_of(asked.time, "A time"),
            curtail=asked.curtail,
            private=asked.private,
            lease_s=bounded("lease", asked.lease, float, "seconds, as in 60", lambda s: s >= 1),
        )
    )
    print(f"{made.name} is {made.state}, with {made.algo}. Workers join it by")
    print(f"    headhunt study worker {made.name} -- python train.py")


def key(asked: argparse.Namespace) -> None:
    """For scripts: the key and nothing else."""
    if found(asked) is None:
        raise BadValue("A study of this home needs no key: workers name it. Give --server for one of a server.")
    days = None if asked.days is None else bounded("days", asked.days, float, "a number above 0", lambda n: n > 0)
    print(shelf(asked).key(asked.study, days))


def delete(asked: argparse.Namespace) -> None:
    shelf(asked).remove(asked.study)
    print(f"{asked.study} is removed. The runs of its trials stay: 'headhunt runs list'.")


def worker(asked: argparse.Namespace) -> None:
    """Trial after trial, until the study has enough."""
    from headhunt.studies.command import Command
    from tuning.running import Limits, run

    seconds = seconds_of(asked.time, "A time")
    limits = Limits(seconds=seconds, workers=whole("workers", asked.workers))
    with joined(asked, limits) as (study, limits, names):
        command = Command(asked.command_line, asked.study, names, seconds_of(asked.trial_timeout, "A trial-timeout"))
        whole_run = run(study, command, limits)
    if not whole_run:
        raise KeyboardInterrupt
    tell_best(asked)


@contextmanager
def joined(
    asked: argparse.Namespace, limits: "running.Limits"
) -> "Iterator[tuple[running.Searched, running.Limits, list[str]]]":
    with opened_for(found(asked), home_folder(), asked.study, limits) as (study, limits):
        space = study.space if hasattr(study, "space") else study.shown.space
        yield study, limits, list(space)


def tell_best(asked: argparse.Namespace) -> None:
    one = shelf(asked).get(asked.study)
    if one.best is None:
        raise NoBest(f"No trial of {one.name!r} ended with a number. 'headhunt study show {one.name}' says why.")
    params = ", ".join(f"{name} {shown(value)}" for name, value in one.best.params.items())
    print(f"{one.name} is {one.state}: best {one.best.value:.6g} with {params}", file=sys.stderr)

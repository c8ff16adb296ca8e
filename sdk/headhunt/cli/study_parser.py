"""The words of `headhunt study`."""

import argparse
from collections.abc import Callable
from typing import Any

STUDY = "headhunt.cli.study:"
Command = Callable[[Any, str, str, str], argparse.ArgumentParser]


def add_study(doing: Any, command: Command) -> None:
    def named(name: str, handler: str, summary: str) -> argparse.ArgumentParser:
        parser = command(doing, name, STUDY + handler, summary)
        parser.add_argument("study", help="its name")
        return parser

    listing = command(doing, "list", STUDY + "list_studies", "the studies that you may see, the newest first")
    show = named("show", "show_study", "all that is known of one study")
    add = named("add", "add", "a study for workers to join")
    pause = named("pause", "pause", "begin no more trials; those that run go on")
    resume = named("resume", "resume", "let it go on, also where it had ended")
    stop = named("stop", "stop", "end it, and the trials that run")
    export = named("export", "export", "all trials as a table")
    key = named("key", "key", "print a new key for workers of this study at a server, and nothing else")
    delete = named("delete", "delete", "remove it for good")
    worker = named("worker", "worker", "run a program for each trial: headhunt study worker STUDY -- python train.py")
    for parser in (listing, show):
        parser.add_argument("--json", action="store_true", help="print everything as JSON")
    add_plan(add)
    resume.add_argument("--trials", metavar="N", help="with so many trials in all")
    resume.add_argument("--time", metavar="T", help="with so much time of all trials, as 10m")
    export.add_argument("--format", default="csv", help="csv or json (default csv)")
    export.add_argument("--out", metavar="FILE", help="write it there")
    key.add_argument("--days", metavar="N", help="it holds for so long")
    add_worker(worker)
    for parser in (listing, show, add, pause, resume, stop, export, key, delete, worker):
        parser.add_argument("--server", metavar="URL", help="http://host:8765, or local (default: login)")


def add_plan(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--space", required=True, metavar="FILE", help="parameters as JSON: a file, or the text itself")
    parser.add_argument(
        "--algo", default="auto", help="auto, tpe, cmaes, random, grid, qmc, basinhopping; gp only here"
    )
    parser.add_argument("--trials", default="100", metavar="N", help="default 100; none: no end")
    parser.add_argument("--time", metavar="T", help="of all trials together, as 10m")
    parser.add_argument("--maximize", action="store_true", help="the objective is a score")
    parser.add_argument("--seed", metavar="N", help="for the same trials again")
    parser.add_argument("--no-curtail", dest="curtail", action="store_false", help="end no trial early")
    parser.add_argument("--private", action="store_true", help="only you and the owners of the project see it")
    parser.add_argument("--lease", default="60", metavar="S", help="a worker silent for so long is dead (default 60)")


def add_worker(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("command_line", nargs="*", metavar="-- PROGRAM", help="with its arguments, as: python train.py")
    parser.add_argument("--key", help="of the study (default: that of your login)")
    parser.add_argument("--workers", default="1", metavar="N", help="so many trials at once (default 1)")
    parser.add_argument("--time", metavar="T", help="begin no trial after so long, as 10m")
    parser.add_argument("--trial-timeout", metavar="T", help="end a program that takes longer")

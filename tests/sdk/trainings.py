"""Trainings as real processes, and what they left behind."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from headhunt.track.journal import Marked, Points, Record, frames_in
from headhunt.track.places import Place, places_in
from tests.sdk.track_server import KEY, TrackServer

ROOT = Path(__file__).parents[2]
BEGIN = "import headhunt, os, sys, time, threading, signal\n"


def surroundings(home: Path, server: TrackServer | None = None, **others: str) -> dict[str, str]:
    """Of a training: nothing of this process's own runs, and a courier that gives up soon."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("HEADHUNT_")}
    asked = {} if server is None else {"HEADHUNT_SERVER": server.url, "HEADHUNT_API_KEY": KEY}
    path = os.pathsep.join([str(ROOT), str(ROOT / "sdk")])
    return {**plain, "HEADHUNT_HOME": str(home), "HEADHUNT_LINGER": "5", "PYTHONPATH": path, **asked, **others}


def training(code: str, home: Path, server: TrackServer | None = None, **others: str) -> "subprocess.Popen[str]":
    words = [sys.executable, "-c", BEGIN + textwrap.dedent(code)]
    pipe = subprocess.PIPE
    return subprocess.Popen(
        words,
        env=surroundings(home, server, **others),
        stdin=pipe,
        stdout=pipe,
        stderr=pipe,
        text=True,
        cwd=home.parent,
    )


def trained(
    code: str, home: Path, server: TrackServer | None = None, status: int = 0, **others: str
) -> "subprocess.CompletedProcess[str]":
    """It has ended, with this status."""
    process = training(code, home, server, **others)
    out, err = process.communicate(timeout=240)
    assert process.returncode == status, err
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def the_place(home: Path) -> Place:
    """Of the only run."""
    places = list(places_in(home))
    assert len(places) == 1, places
    return places[0]


def records(place: Place) -> list[Record]:
    return [one for path in place.journals().values() for _, one in frames_in(path.read_bytes())]


def told(found: list[Record], name: str) -> list[tuple[int, float]]:
    """Steps and values of a metric, as they came."""
    return [(one.step, one.values[name]) for one in found if isinstance(one, Points) and name in one.values]


def of_kind(found: list[Record], kind: type) -> list[Record]:
    return [one for one in found if isinstance(one, kind)]


def run_here(home: Path, code: str, **others: str) -> tuple[Place, list[Record]]:
    """What a training told, without a server."""
    trained(code, home, **others)
    place = the_place(home)
    return place, records(place)


def marks_of(found: list[Record]) -> str:
    return " | ".join(one.words for one in of_kind(found, Marked))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    return tmp_path / "home"

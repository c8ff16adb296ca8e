"""What other trackers wrote, and what an import made of it."""

import json
import zipfile
from pathlib import Path

import pytest

from headhunt.cli.main import main
from headhunt.track.journal import Points, frames_in

FIXTURES = Path(__file__).parent / "fixtures"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HEADHUNT_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def mlruns(tmp_path):
    with zipfile.ZipFile(FIXTURES / "mlruns.zip") as packed:
        packed.extractall(tmp_path / "work")
    return tmp_path / "work" / "mlruns"


@pytest.fixture
def logs(tmp_path):
    """A log folder of TensorBoard with one run."""
    folder = tmp_path / "logs" / "run1"
    folder.mkdir(parents=True)
    source = FIXTURES / "events.out.tfevents.1700000000.host"
    (folder / source.name).write_bytes(source.read_bytes())
    return tmp_path / "logs"


@pytest.fixture
def wandb(tmp_path):
    source = FIXTURES / "run-3gz57de1.wandb"
    folder = tmp_path / "wandb"
    folder.mkdir()
    (folder / source.name).write_bytes(source.read_bytes())
    return folder / source.name


def brought(capsys, *words) -> list[dict]:
    assert main(["import", *map(str, words), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def records(home, run: dict) -> list:
    data = (home / "runs" / run["id"] / "imported.journal").read_bytes()
    told = list(frames_in(data))
    assert told[-1][0] == len(data), "the journal is whole"
    return [record for _, record in told]


def curve(told: list, name: str) -> list[tuple[int, float]]:
    return [(one.step, one.values[name]) for one in told if isinstance(one, Points) and name in one.values]


def of(told: list, kind: type) -> list:
    return [one for one in told if isinstance(one, kind)]

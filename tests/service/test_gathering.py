"""The runs of a home come into its database, once. On both databases."""

import hashlib
import os
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest

from headhunt.errors import UnknownRun
from headhunt.track.journal import Began, Ended, Kept, Noted
from headhunt.track.places import Begun, new_clock, process_born
from headhunt.track.wire import RunBegun
from service.gathering import Gatherer, Gathering, forget
from service.parts import Service, service_of
from service.settings import Settings
from tests.tracking.telling import curve, journal

RUN = "c" * 32


@pytest.fixture
def service(settings: Settings) -> Service:
    return service_of(settings)


@pytest.fixture
def gathering(service: Service) -> Gathering:
    return Gathering(service.settings.home, service.tracking, service.run_files, service.projects)


def lay(home: Path, data: bytes, run: str = RUN, writer: str = "main-1") -> Path:
    """As a training leaves it."""
    folder = home / "runs" / run
    folder.mkdir(parents=True, exist_ok=True)
    begun = {"id": run, "asked": RunBegun(experiment="flowers", name="warm"), "clock": {}}
    (folder / "run.json").write_bytes(msgspec.json.encode(begun))
    with open(folder / f"{writer}.journal", "ab") as file:
        file.write(data)
    return folder


def test_what_lies_in_the_home_is_gathered_once(service: Service, gathering: Gathering, settings: Settings) -> None:
    project = service.projects.ensure("default", make=True)
    data = curve([1.0, 2.0])
    lay(settings.home, data + data[:5])
    assert gathering.gather() == len(data)
    assert gathering.gather() == 0
    folder = lay(settings.home, curve([1.0])[5:] + journal(Ended(1.0, "finished")))
    (folder / "other-2.journal").write_bytes(journal(Noted(1.0, "param", {"lr": 0.1})))
    gathering.gather()
    found = service.tracking.get(project, RUN)
    assert (found.name, found.experiment, found.state, found.params) == ("warm", "flowers", "finished", {"lr": 0.1})
    assert service.tracking.points(project, RUN, "loss").values.tolist() == [1.0, 1.0, 2.0]
    again = Gathering(settings.home, service.tracking, service.run_files, service.projects)
    assert again.gather() == 0


def test_files_come_along_if_they_are_what_they_say(service: Service, gathering: Gathering, settings: Settings) -> None:
    data = b"weights"
    digest, broken = hashlib.sha256(data).hexdigest(), "b" * 64
    folder = lay(settings.home, journal(Kept(1.0, "w", digest, 7), Kept(1.0, "b", broken, 7)))
    (folder / "files").mkdir()
    (folder / "files" / digest).write_bytes(data)
    (folder / "files" / broken).write_bytes(b"changed")
    gathering.gather()
    project = service.projects.ensure("default")
    assert service.run_files.path(project, RUN, digest).read_bytes() == data
    assert service.tracking.lacking(project, RUN) == [broken]


def test_a_run_that_goes_to_a_server_is_left_to_it(service: Service, gathering: Gathering, settings: Settings) -> None:
    folder = lay(settings.home, curve([1.0]))
    (folder / "to-0123456789ab.json").write_text("{}")
    assert gathering.gather() == 0
    forget(settings.home, RUN)
    assert folder.is_dir()


def test_a_run_of_another_project_stays_there(service: Service, gathering: Gathering, settings: Settings) -> None:
    lay(settings.home, curve([1.0]))
    service.tracking.begin("another", RUN, RunBegun())
    assert gathering.gather() == 0
    assert service.tracking.journal("another", RUN) == {}


def test_a_damaged_journal_keeps_no_other_back(service: Service, gathering: Gathering, settings: Settings) -> None:
    good = curve([1.0])
    lay(settings.home, good + b"\x01\x00\x00\x00\x00\x00\x00\x00x", run="a" * 32)
    lay(settings.home, good, run="b" * 32)
    (settings.home / "runs" / "no run").mkdir()
    (settings.home / "runs" / ("d" * 32)).mkdir()
    assert gathering.gather() == 2 * len(good)
    project = service.projects.ensure("default")
    assert [len(service.tracking.points(project, run, "loss").steps) for run in ("a" * 32, "b" * 32)] == [1, 1]
    with pytest.raises(UnknownRun):
        service.tracking.get(project, "d" * 32)


def test_a_run_that_was_silent_before_it_is_gathered_is_lost(
    service: Service, gathering: Gathering, settings: Settings
) -> None:
    folder = lay(settings.home, curve([1.0]))
    for path in folder.iterdir():
        os.utime(path, (1e9, 1e9))
    gathering.gather()
    project = service.projects.ensure("default")
    found = service.tracking.get(project, RUN)
    assert (found.state, found.seen, found.started) == ("lost", 1e9, 1e9)


def ended_process() -> tuple[int, float]:
    one = subprocess.Popen(["sleep", "60"])
    born = process_born(one.pid)
    one.kill()
    one.wait()
    return one.pid, born


def test_a_run_whose_process_was_killed_is_lost_at_once_and_one_whose_process_lives_is_not(
    service: Service, gathering: Gathering, settings: Settings
) -> None:
    project = service.projects.ensure("default", make=True)
    processes = {RUN: ended_process(), "d" * 32: (os.getpid(), process_born(os.getpid()))}
    for run, (pid, born) in processes.items():
        folder = lay(settings.home, curve([1.0]), run)
        asked, clock = RunBegun(name="warm"), new_clock()
        begun = Begun(run, asked, clock, host=os.uname().nodename, pid=pid, born=born)
        (folder / "run.json").write_bytes(msgspec.json.encode(begun))
    gathering.gather()
    assert service.tracking.get(project, RUN).state == "lost"
    assert "killed" in (service.tracking.get(project, RUN).error or "")
    assert service.tracking.get(project, "d" * 32).state == "running"
    assert gathering.gather() == 0
    (settings.home / "runs" / RUN / "again-1.journal").write_bytes(journal(Began(time.time() + 9, {})))
    gathering.gather()
    assert service.tracking.get(project, RUN).state == "lost"  # it was gone on with, and killed again


def test_a_piece_that_is_longer_than_is_read_at_once_comes_whole(
    service: Service, gathering: Gathering, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.gathering.PIECE", 100)
    data = journal(Noted(1.0, "param", {"long": "x" * 5000})) + curve([1.0] * 20)
    lay(settings.home, data)
    assert gathering.gather() == len(data)


def test_what_was_removed_is_not_gathered_again(service: Service, gathering: Gathering, settings: Settings) -> None:
    lay(settings.home, curve([1.0]))
    gathering.gather()
    service.tracking.remove(service.projects.ensure("default"), RUN)
    forget(settings.home, RUN)
    assert Gathering(settings.home, service.tracking, service.run_files, service.projects).gather() == 0
    forget(settings.home, "../..")
    assert settings.home.is_dir()


def test_a_server_gathers_by_itself(service: Service, gathering: Gathering, settings: Settings) -> None:
    came = threading.Event()
    inner = gathering.gather

    def gather() -> int:
        new = inner()
        if new:
            came.set()
        return new

    gathering.gather = gather  # type: ignore[method-assign]
    lay(settings.home, curve([1.0]))
    with Gatherer(gathering):
        assert came.wait(240)
    assert service.tracking.get(service.projects.ensure("default"), RUN).metrics == {"loss": 1.0}


def test_a_run_that_cannot_be_taken_keeps_no_other_back(
    service: Service, gathering: Gathering, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay(settings.home, curve([1.0]), "a" * 32)
    lay(settings.home, curve([1.0]))
    append = service.tracking.append

    def failing(project: str, run: str, *rest: Any, **more: Any) -> int:
        if run == "a" * 32:
            raise RuntimeError("a fault of ours")
        return append(project, run, *rest, **more)

    monkeypatch.setattr(service.tracking, "append", failing)
    gathering.gather()
    assert service.tracking.points(service.projects.ensure("default"), RUN, "loss").values.tolist() == [1.0]

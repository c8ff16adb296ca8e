"""A run that is removed while others tell of it: it is gone as a whole, and stays gone. On both databases."""

import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from headhunt.errors import UnknownRun
from headhunt.track.journal import Noted
from headhunt.track.wire import RunBegun
from service.gathering import Gathering, forget
from service.parts import Service, service_of
from service.settings import Settings
from tests.service.test_gathering import RUN, lay
from tests.tracking.telling import PROJECT, curve, journal
from tracking.columns import CHUNK
from tracking.store import Tracking
from tracking.tables import metric_chunks, run_metrics, run_values, run_writers, runs

ROUNDS = 15


@pytest.fixture
def service(settings: Settings) -> Service:
    return service_of(settings)


@pytest.fixture
def gathering(service: Service) -> Gathering:
    return Gathering(service.settings.home, service.tracking, service.run_files, service.projects)


def together(*works: Callable[[], Any]) -> None:
    barrier = threading.Barrier(len(works))

    def begin(work: Callable[[], Any]) -> None:
        barrier.wait()
        with suppress(UnknownRun):
            work()

    with ThreadPoolExecutor(len(works)) as threads:
        list(threads.map(begin, works))


def rows_of(service: Service, run: str) -> list[int]:
    with service.database.read() as connection:
        counts = [sa.select(sa.func.count()).where(table.c.run == run)
                  for table in (run_values, run_metrics, metric_chunks, run_writers)]  # fmt: skip
        head = sa.select(sa.func.count()).where(runs.c.id == run)
        return [int(connection.execute(one).scalar() or 0) for one in (head, *counts)]


def test_a_run_that_is_told_of_while_it_is_removed_is_gone_as_a_whole(service: Service) -> None:
    data = curve([1.0] * (CHUNK + 5)) + journal(Noted(1.0, "param", {"lr": 1}))
    for _ in range(ROUNDS):
        run = service.tracking.begin(PROJECT, uuid.uuid4().hex, RunBegun(tags=("t",))).id
        together(
            lambda run=run: service.tracking.append(PROJECT, run, "a", 0, data),  # type: ignore[misc]
            lambda run=run: service.tracking.append(PROJECT, run, "b", 0, data),  # type: ignore[misc]
            lambda run=run: service.tracking.remove(PROJECT, run),  # type: ignore[misc]
        )
        assert rows_of(service, run) == [0] * 5


def test_a_reader_sees_a_run_whole_or_not_at_all(service: Service) -> None:
    data = curve([1.0] * (2 * CHUNK))
    for _ in range(ROUNDS):
        run = service.tracking.begin(PROJECT, uuid.uuid4().hex, RunBegun()).id
        service.tracking.append(PROJECT, run, "a", 0, data)

        def read(run: str = run) -> None:
            while True:
                assert len(service.tracking.points(PROJECT, run, "loss").steps) == 2 * CHUNK

        together(read, lambda run=run: service.tracking.remove(PROJECT, run))  # type: ignore[misc]


def test_a_reader_misses_no_point_while_chunks_are_sealed(service: Service) -> None:
    run = service.tracking.begin(PROJECT, uuid.uuid4().hex, RunBegun()).id
    over = threading.Event()

    def write() -> None:
        kept = 0
        for first in range(0, 20 * CHUNK, 1000):
            kept = service.tracking.append(PROJECT, run, "a", kept, curve(range(first, first + 1000), first=first))
        over.set()

    def read() -> None:
        before = 0
        while not over.is_set():
            steps = service.tracking.points(PROJECT, run, "loss").steps
            assert steps.tolist() == list(range(len(steps)))
            assert len(steps) >= before
            before = len(steps)

    together(write, read)


def test_a_run_that_is_gathered_while_it_is_removed_does_not_come_back(
    service: Service, gathering: Gathering, settings: Settings
) -> None:
    project = service.projects.ensure("default", make=True)
    for _ in range(ROUNDS):
        run = uuid.uuid4().hex
        lay(settings.home, curve([1.0] * 100), run=run)
        gathering.gather()
        lay_more(settings.home, run)

        def remove(run: str = run) -> None:
            service.tracking.remove(project, run)
            forget(settings.home, run)

        together(gathering.gather, gathering.gather, remove)
        gathering.gather()
        Gathering(settings.home, service.tracking, service.run_files, service.projects).gather()
        assert rows_of(service, run) == [0] * 5


def lay_more(home: Path, run: str) -> None:
    with open(home / "runs" / run / "main-1.journal", "ab") as file:
        file.write(curve([2.0] * 100))


def test_what_a_training_tells_after_its_run_was_removed_makes_no_headless_run(
    service: Service, gathering: Gathering, settings: Settings
) -> None:
    """It goes on, and makes its folder anew; its beginning lies there no longer."""
    folder = lay(settings.home, curve([1.0]))
    gathering.gather()
    project = service.projects.ensure("default")
    service.tracking.remove(project, RUN)
    forget(settings.home, RUN)
    folder.mkdir()
    (folder / "main-1.journal").write_bytes(curve([1.0, 2.0]))
    gathering.gather()
    with pytest.raises(UnknownRun):
        service.tracking.get(project, RUN)


def test_a_run_that_is_begun_anew_is_gathered_and_one_that_is_asked_for_is_there(
    service: Service, gathering: Gathering, settings: Settings
) -> None:
    project = service.projects.ensure("default", make=True)
    for again in (lambda: gather_again(gathering, settings.home), lambda: service.tracking.begin(project, RUN, WARM)):
        lay(settings.home, curve([1.0]))
        gathering.gather()
        service.tracking.remove(project, RUN)
        forget(settings.home, RUN)
        again()
        assert service.tracking.get(project, RUN).name == "warm"
        service.tracking.remove(project, RUN)
        forget(settings.home, RUN)


WARM = RunBegun(name="warm")


def gather_again(gathering: Gathering, home: Path) -> None:
    """As an import does that is made again."""
    lay(home, curve([1.0]))
    assert gathering.gather() > 0


def test_a_run_removed_at_one_server_does_not_come_back_from_the_home_of_another(
    service: Service, gathering: Gathering, settings: Settings
) -> None:
    lay(settings.home, curve([1.0]))
    gathering.gather()
    project = service.projects.ensure("default")
    Tracking(service.database).remove(project, RUN)  # that server has no folder to forget
    Gathering(settings.home, service.tracking, service.run_files, service.projects).gather()
    with pytest.raises(UnknownRun):
        service.tracking.get(project, RUN)

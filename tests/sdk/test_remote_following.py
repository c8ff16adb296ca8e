"""A job is followed to its end, whatever is killed meanwhile: the connection, the server, the client."""

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread

import pytest

from headhunt.errors import Interrupted, ServerUnreachable, UnknownDataset
from headhunt.progress import Progress
from headhunt.remote import engine
from headhunt.remote.following import events, progress_of
from headhunt.remote.jobs import Job
from headhunt.remote.transport import Server, Waiting
from headhunt.wire import Dataset, Page
from tests.recommender.little_zoo import stripes
from tests.sdk.servers import HEADHUNT, Running, cable, running, until

LONG = {"budget": "40s"}
"""Some seconds of short trainings, with many events. Each test has a dataset of its own."""


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return stripes(tmp_path_factory.mktemp("long") / "photos", count=20)


@pytest.fixture
def mortal(taught: Path, tmp_path: Path) -> Iterator[Running]:
    """A server of this test alone."""
    with running(Path(shutil.copytree(taught, tmp_path / "mortal"))) as one:
        yield one


class Once:
    """Does something when the short trainings have begun, and remembers all progress."""

    def __init__(self, act: Callable[[], None]) -> None:
        self.act, self.told, self.done = act, list[Progress](), False

    def __call__(self, progress: Progress) -> None:
        self.told.append(progress)
        if progress.stage == "training" and not self.done:
            self.done = True
            self.act()


def asked(server: Server, home: Path, photos: Path) -> Job:
    return engine.ask(server, home, photos, LONG)[0]


def cancelled(server: Server, job: Job) -> None:
    """So that the next test need not wait for it."""
    server.ask("POST", f"/recommendations/{job.id}/cancel", Job)


def test_a_connection_that_is_cut_is_made_again_and_no_event_is_lost_or_told_twice(
    served: Running, home: Path, tmp_path: Path
) -> None:
    photos = stripes(tmp_path / "cut", count=16)
    with cable(served.port) as line, Server(line.url, served.key) as server:

        def cut_for_a_moment() -> None:
            line.cut()
            Thread(target=line.mend).start()

        watch = Once(cut_for_a_moment)
        job = asked(server, home, photos)
        rec = engine.answer(server, home, job, watch)
        assert watch.done
        assert line.connections > 1
    assert rec.facts.sample == "cut"
    with served.server() as server:
        told = [event for event in events(server, job.id, 0, Waiting(1.0)) if event.event == "progress"]
    assert [one for one in watch.told if one.stage != "waiting"] == [progress_of(event.data) for event in told]


def test_a_server_that_is_killed_and_started_again_answers_who_waited(
    mortal: Running, home: Path, photos: Path
) -> None:
    def kill_and_start() -> None:
        mortal.kill()
        Thread(target=mortal.start).start()

    watch = Once(kill_and_start)
    with mortal.server() as server:
        rec = engine.suggest(server, home, photos, LONG, watch)
        assert watch.done
        assert [one.rank for one in rec] == [1, 2, 3, 4]


def test_patience_ends_with_the_way_back_to_the_job(mortal: Running, home: Path, photos: Path) -> None:
    with mortal.server(patience=1.0) as server:
        job = asked(server, home, photos)
        with pytest.raises(ServerUnreachable, match=f"goes on there.*--job {job.id} --server {mortal.url}"):
            engine.answer(server, home, job, Once(mortal.kill))
    mortal.start()
    with mortal.server() as server:
        assert asked(server, home, photos).id == job.id


def waiting_command(served: Running, home: Path, photos: Path) -> "subprocess.Popen[str]":
    """`headhunt suggest`, whose job has begun."""
    there = {"HEADHUNT_SERVER": served.url, "HEADHUNT_API_KEY": served.key, "HEADHUNT_HOME": str(home)}
    words = [*HEADHUNT, "suggest", str(photos), "--budget", str(LONG["budget"])]
    return subprocess.Popen(
        words, env={**os.environ, **there}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def running_job(server: Server, name: str) -> Job:
    found: list[Job] = []

    def begun() -> bool:
        try:
            dataset = server.ask("GET", f"/datasets/{name}", Dataset)
        except UnknownDataset:
            return False
        jobs = server.ask("GET", "/recommendations", Page[Job]).items
        found[:] = [job for job in jobs if job.dataset == dataset.id and job.state == "running"]
        return bool(found)

    until(begun)
    return found[0]


def test_a_client_that_is_killed_finds_its_job_when_it_is_called_again(
    served: Running, home: Path, tmp_path: Path
) -> None:
    photos = stripes(tmp_path / "killed-client", count=17)
    command = waiting_command(served, home, photos)
    with served.server() as server:
        job = running_job(server, photos.name)
        command.kill()
        command.communicate()
        assert asked(server, home, photos).id == job.id
        cancelled(server, job)


def test_ctrl_c_leaves_the_job_running_and_says_how_to_find_it(served: Running, home: Path, tmp_path: Path) -> None:
    photos = stripes(tmp_path / "interrupted", count=18)
    command = waiting_command(served, home, photos)
    with served.server() as server:
        job = running_job(server, photos.name)
        command.send_signal(signal.SIGINT)
        out, err = command.communicate()
        assert (command.returncode, out) == (130, "")
        assert f"headhunt suggest --job {job.id} --server {served.url}" in err
        assert engine.find(server, job.id).state == "running"
        cancelled(server, job)


def test_who_waits_for_a_job_that_is_cancelled_is_told_so(served: Running, home: Path, photos: Path) -> None:
    with served.server() as server, served.server() as other:
        other.greet()
        job = asked(server, home, photos)
        with pytest.raises(Interrupted, match="cancelled on the server"):
            engine.answer(server, home, job, Once(lambda: cancelled(other, job)))

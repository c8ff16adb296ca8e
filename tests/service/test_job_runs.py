"""What jobs train is told as runs of the job's own project, and of no other. On both databases."""

import os
import threading
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from headhunt.errors import Interrupted, UnknownRun
from headhunt.track.wire import Run
from headhunt.vocabulary import Protocol
from headhunt.wire import CellAsked
from service import zoo_work
from service.database import Database
from service.gathering import Gathering
from service.job_runs import FOLDER, STALE_S, diary, diary_of
from service.jobs.queue import Order, Queue
from service.jobs.worker import Post, Work, work_of
from service.parts import Service, service_of
from service.settings import Settings
from tests.zoo.images import folder_of, many
from zoo.images.blobs import Blobs
from zoo.images.samples import open_sample
from zoo.telling import About, Entry

JOB, REQUEST = "7" * 32, "asked-by-somebody"
ASKED = CellAsked(domain="pets", network="test_vit", protocol=Protocol(steps=6, batch_size=4, precision="fp32"))


@pytest.fixture
def service(settings: Settings) -> Service:
    return service_of(settings)


@pytest.fixture
def theirs(service: Service) -> str:
    """A project beside the default one."""
    service.projects.ensure("default", make=True)
    return service.projects.ensure("theirs", make=True)


def work(service: Service, project: str, spec: dict[str, Any] | None = None, job: str = JOB) -> Work:
    plain = msgspec.json.decode(msgspec.json.encode(spec or {}))
    names = (service.settings.database_url, job, REQUEST)
    return Work(service.settings.home, project, plain, None, lambda *_, **__: None, None, *names)


def asked(service: Service) -> dict[str, Any]:
    home = service.settings.home
    with open_sample(folder_of(many(8), home.parent / "photos")) as sample:
        return {"asked": ASKED, "version": sample.store(Blobs(home / "blobs")).id, "name": "photos"}


def runs(service: Service, project: str) -> list[Run]:
    return [service.tracking.get(project, run.id) for run in service.tracking.find(project)]


def test_a_training_is_a_run_of_the_jobs_project_under_the_jobs_name(service: Service, theirs: str) -> None:
    done = zoo_work.train(work(service, theirs, asked(service)))
    (run,) = runs(service, theirs)
    assert (run.state, run.name, run.dataset) == ("finished", "pets/test_vit", done.card.version)
    assert (run.tags["job"], run.tags["request"]) == (JOB, REQUEST)
    assert run.metrics["loss"] == service.tracking.points(theirs, run.id, "loss").values[-1]
    (file,) = service.tracking.files(theirs, run.id)
    assert service.run_files.path(theirs, run.id, file.digest).is_file()


def test_other_projects_see_nothing_of_it(service: Service, theirs: str) -> None:
    zoo_work.train(work(service, theirs, asked(service)))
    default = service.projects.ensure("default")
    Gathering(service.settings.home, service.tracking, service.run_files, service.projects).gather()
    assert runs(service, default) == []
    with pytest.raises(UnknownRun):
        service.tracking.get(default, runs(service, theirs)[0].id)


def test_nothing_of_the_machine_is_told_and_nothing_is_left_in_its_home(service: Service, theirs: str) -> None:
    zoo_work.train(work(service, theirs, asked(service)))
    (run,) = runs(service, theirs)
    told = msgspec.json.encode(run.facts).decode()
    assert os.uname().nodename not in told.replace('"', " ").split()
    assert str(service.settings.home) not in told
    assert "command" not in told
    assert not (service.settings.home / FOLDER / theirs / JOB).exists()


def test_an_error_that_is_not_ours_is_told_without_its_words(service: Service, theirs: str) -> None:
    one = work(service, theirs)
    with pytest.raises(RuntimeError), diary_of(one) as diary, diary.begin(About("pets", "breaks")):
        raise RuntimeError("/home/secret/place")
    (run,) = runs(service, theirs)
    assert run.state == "failed"
    assert run.error
    assert "secret" not in run.error


def test_an_attempt_after_another_goes_on_with_the_same_run(service: Service, theirs: str) -> None:
    about = About("pets", "again", identity="cell")
    with pytest.raises(Interrupted), diary_of(work(service, theirs)) as diary, diary.begin(about) as entry:
        raise stopped_after(entry, 3)
    assert runs(service, theirs)[0].state == "failed"
    with diary_of(work(service, theirs)) as diary, diary.begin(about) as entry:
        for step in range(5):
            entry.numbers(step, {"loss": 1.0})
    (run,) = runs(service, theirs)
    assert run.state == "finished"
    assert service.tracking.points(theirs, run.id, "loss").steps.tolist() == [0, 1, 2, 3, 4]


def stopped_after(entry: Entry, steps: int) -> Interrupted:
    for step in range(steps):
        entry.numbers(step, {"loss": 1.0})
    return Interrupted("the worker ended")


def test_the_same_asked_by_two_jobs_is_two_runs(service: Service, theirs: str) -> None:
    for job in (JOB, "8" * 32):
        with diary_of(work(service, theirs, job=job)) as diary, diary.begin(About("pets", "one", identity="cell")):
            pass
    assert [run.tags["job"] for run in runs(service, theirs)] == ["8" * 32, JOB]


def test_what_a_job_left_that_died_is_brought_by_the_next_one(service: Service, theirs: str) -> None:
    one = work(service, theirs)
    folder = service.settings.home / FOLDER / theirs / JOB
    with (
        pytest.raises(Interrupted),
        diary(one, folder).begin(About("pets", "dies")),
    ):  # and nobody was there to bring it
        raise Interrupted("killed")
    assert runs(service, theirs) == []
    for path in folder.rglob("*"):
        os.utime(path, (path.stat().st_mtime - 2 * STALE_S,) * 2)
    default = service.projects.ensure("default")
    with diary_of(work(service, default, job="8" * 32)):
        swept()
    assert not folder.exists()
    assert [run.name for run in runs(service, theirs)] == ["dies"]


def swept() -> None:
    for thread in threading.enumerate():
        if thread.name == "sweeping":
            thread.join(240)


def test_a_database_that_is_gone_keeps_nobody_from_training(service: Service, theirs: str) -> None:
    away = replace(work(service, theirs, asked(service)), database="sqlite:////nowhere/at/all.db")
    assert zoo_work.train(away).card.id == "pets/test_vit"
    with diary_of(work(service, theirs, job="8" * 32)):
        swept()
    assert [(run.state, run.tags["job"]) for run in runs(service, theirs)] == [("finished", JOB)]


def test_a_worker_names_its_job_and_request(service: Service, database: Database, theirs: str) -> None:
    job = Queue(database).put(Order(theirs, "train", {"a": 1}, request_id=REQUEST))
    claim = Queue(database).claim("worker")
    assert claim is not None
    made = work_of(Post(service.settings.database_url, service.settings.home, {}), claim, Queue(database))
    assert (made.job, made.request, made.database) == (job.id, REQUEST, service.settings.database_url)

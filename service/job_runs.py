"""What a job trains is told as runs of the job's project, under the job's name. In a child of a worker.

    HOME/told/PROJECT/JOB/runs/RUN    journals, as trainings write them; a thread brings them into the database

A run of another project must not lie among the runs of the home, which are the default project's. The training waits
for no database: what was not brought when its job died is brought with the next job of this machine.
"""

import logging
import os
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from headhunt.track.diary import Journals, versions
from service.data.holdings import Holdings
from service.database import Database
from service.gathering import Gatherer, Gathering
from service.jobs.worker import Work, fault_of
from service.projects import Projects
from service.run_files import RunFiles
from service.store import STORE, store_of
from tracking.store import Tracking
from zoo.telling import SILENT, Diary

log = logging.getLogger("headhunt.job_runs")
FOLDER = "told"
STALE_S = 86400.0
"""So long what a dead job left is looked at again."""


@contextmanager
def diary_of(work: Work) -> Iterator[Diary]:
    """A job that succeeds leaves nothing behind; one that fails goes on with its runs when it is tried again."""
    folder = work.home / FOLDER / work.project / work.job
    gathering = opened(work, folder)
    if gathering is None:
        yield SILENT
        return
    threading.Thread(target=sweep, args=(work,), name="sweeping", daemon=True).start()
    brought = False
    try:
        with Gatherer(gathering):
            yield diary(work, folder)
    finally:
        brought = finish(gathering)
    if brought:
        shutil.rmtree(folder, ignore_errors=True)


def diary(work: Work, folder: Path) -> Diary:
    known = {name: value for name, value in versions().items() if name in ("python", "packages")}
    tags = {"job": work.job} | ({"request": work.request} if work.request else {})
    return Journals(folder, work.job, tags, {"environment": known}, words=lambda error: fault_of(error).words)


def opened(work: Work, folder: Path) -> Gathering | None:
    try:
        return gathering_of(work, Database(work.database), folder, work.project) if work.database else None
    except Exception:
        log.exception("the runs of job %s are not kept", work.job)
        return None


def gathering_of(work: Work, database: Database, folder: Path, project: str) -> Gathering:
    store, tracking = store_of(work.home, os.environ.get(STORE)), Tracking(database)
    files = RunFiles(store, Holdings(database, store, allowed=0), tracking, work.home)  # nothing is asked of it
    return Gathering(folder, tracking, files, Projects(database), project)


def finish(gathering: Gathering) -> bool:
    """What came since the last look. Whether all is there."""
    try:
        gathering.gather()
        return gathering.brought()
    except Exception:
        log.exception("the runs in %s were not brought", gathering.folder)
        return False
    finally:
        gathering.projects.database.close()


def sweep(work: Work) -> None:
    """What other jobs of this machine left, of any project."""
    for folder in sorted((work.home / FOLDER).glob("*/*")):
        try:
            if folder.name != work.job:
                bring(work, folder)
        except Exception:
            log.exception("what an earlier job left in %s was not brought", folder)


def bring(work: Work, folder: Path) -> None:
    heard = max((path.stat().st_mtime for path in folder.rglob("*")), default=0.0)
    gathering = gathering_of(work, Database(work.database or ""), folder, folder.parent.name)
    if finish(gathering) and time.time() - heard > STALE_S:
        shutil.rmtree(folder, ignore_errors=True)

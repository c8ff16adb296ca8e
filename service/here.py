"""The runs of a home without a server: its database is opened, and what lies in the home is taken in first."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from service.data.holdings import Holdings
from service.database import Database
from service.gathering import Gathering
from service.migrations import migrate
from service.projects import DEFAULT, Projects
from service.run_files import RunFiles
from service.settings import Settings
from service.store import store_of
from tracking.store import Tracking


class Here(NamedTuple):
    """project: the id of the default one. files: of runs."""

    tracking: Tracking
    project: str
    files: RunFiles
    home: Path


@contextmanager
def runs_here(settings: Settings) -> Iterator[Here]:
    settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    database = Database(settings.database_url)
    try:
        migrate(database)
        store, projects, tracking = store_of(settings.home, settings.store), Projects(database), Tracking(database)
        holdings = Holdings(database, store, settings.project_bytes, settings.least_free_bytes)
        files = RunFiles(store, holdings, tracking, settings.home)
        project = projects.ensure(DEFAULT, make=True)
        Gathering(settings.home, tracking, files, projects).gather()
        yield Here(tracking, project, files, settings.home)
    finally:
        database.close()

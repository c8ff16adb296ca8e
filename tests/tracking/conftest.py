"""Runs are kept in both kinds of databases: the fixtures of tests/service."""

import uuid

import pytest

from headhunt.track.wire import RunBegun
from service.database import Database
from tests.service.conftest import database as database, url as url
from tests.tracking.telling import PROJECT
from tracking.store import Tracking


@pytest.fixture
def tracking(database: Database) -> Tracking:
    return Tracking(database)


@pytest.fixture
def run(tracking: Tracking) -> str:
    """A run that has begun."""
    return tracking.begin(PROJECT, uuid.uuid4().hex, RunBegun(experiment="flowers")).id

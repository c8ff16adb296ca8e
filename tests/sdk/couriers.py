"""A server for the runs of trainings, and what has come to it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sdk.track_server import TrackServer, track_server
from tests.sdk.trainings import the_place, told


@pytest.fixture
def server() -> Iterator[TrackServer]:
    with track_server() as one:
        yield one


def whole(server: TrackServer, run: str) -> list[int]:
    """The steps of the loss that came in, as they came."""
    return [step for step, _ in told(server.runs.records(run), "loss")]


def same_as(server: TrackServer, home: Path) -> bool:
    """The server has of every journal just what lies here."""
    place = the_place(home)
    there = server.runs.journals.get(place.id, {})
    return {name: bytes(data) for name, data in there.items()} == {
        name: path.read_bytes() for name, path in place.journals().items()
    }

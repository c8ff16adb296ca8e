"""A little zoo that is taught once, and one server on it, for all tests of the remote half."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.recommender.little_zoo import REFERENCE, little_zoo, stripes
from tests.sdk.servers import Running, running


@pytest.fixture(scope="session")
def taught(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a little zoo; copy it, and leave it as it is."""
    home = tmp_path_factory.mktemp("taught") / "home"
    before = os.environ.get("HEADHUNT_REFERENCE")
    little_zoo(home)
    if before is None:
        del os.environ["HEADHUNT_REFERENCE"]
    return home


@pytest.fixture(scope="session")
def served(taught: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server with one worker, that nobody kills."""
    with running(Path(shutil.copytree(taught, tmp_path_factory.mktemp("served") / "home"))) as one:
        yield one


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Of a client: nothing is in it yet."""
    place = tmp_path / "client"
    monkeypatch.setenv("HEADHUNT_HOME", str(place))
    monkeypatch.setenv("HEADHUNT_REFERENCE", REFERENCE)
    return place


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return stripes(tmp_path / "photos", count=8)

"""Versions of data go to a real server and come back."""

import json

import pytest

from tests.sdk.servers import Running, said
from tests.tracking.folders import plain, put
from tracking.versions import Shelf, version_at


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    one = Running(tmp_path_factory.mktemp("server"), workers=0)
    one.start()
    yield one
    one.stop()


def done(running: Running, home, *words) -> str:
    told = said(home, "data", *words, HEADHUNT_SERVER=running.url, HEADHUNT_API_KEY=running.key)
    assert told.returncode == 0, told.stderr
    return told.stdout


def test_a_version_goes_to_a_server_and_comes_back_elsewhere(running, tmp_path):
    plain(tmp_path / "photos")
    put(tmp_path / "photos", "tab\t고양이.txt", b"")
    mine, other = tmp_path / "mine", tmp_path / "other"
    first = json.loads(done(running, mine, "add", tmp_path / "photos", "--note", "raw", "--json"))["version"]
    assert "sent" in done(running, mine, "push", "photos")
    assert "there already" in done(running, mine, "push", "photos")
    put(tmp_path / "photos", "more.txt")
    done(running, mine, "add", tmp_path / "photos")
    done(running, mine, "push", "photos")
    listed = json.loads(done(running, other, "list", "--server", running.url, "--json"))
    assert [(one["name"], one["files"], one["note"]) for one in listed] == [("photos", 4, "raw"), ("photos", 5, "")]
    done(running, other, "pull", first[:10])
    done(running, other, "checkout", first, tmp_path / "again")
    assert version_at(tmp_path / "again").id == first
    done(running, other, "pull", "photos")
    assert len(Shelf(other).log()) == 2


def test_what_a_server_does_not_have_is_told(running, tmp_path):
    told = said(tmp_path, "data", "pull", "nothing", HEADHUNT_SERVER=running.url, HEADHUNT_API_KEY=running.key)
    assert told.returncode == 2
    assert len(told.stderr.splitlines()) == 1

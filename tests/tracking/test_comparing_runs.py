"""What changed between two runs: in code that was not committed, and in data."""

import pytest

from headhunt.cli.runs import with_data
from headhunt.track.wire import Run
from tests.tracking.folders import plain, put
from tracking.comparing import compared
from tracking.versions import Shelf


def run(**facts) -> Run:
    return Run(id="0" * 32, experiment="flowers", name="one", state="finished", started=0.0, seen=0.0, **facts)


def test_code_that_was_not_committed_is_compared_line_by_line():
    diff = "--- a/train.py\n+++ b/train.py\n@@ -1 +1 @@\n-lr = 0.1\n+lr = 0.{}\n"
    before, after = (run(facts={"code": {"commit": "abc", "diff": diff.format(rate)}}) for rate in ("2", "3"))
    assert compared(before, after).patch[1:] == (" -lr = 0.1", "-+lr = 0.2", "++lr = 0.3")
    assert compared(before, before).patch == ()
    assert compared(run(facts={"code": "nonsense"}), run()).patch == ()


@pytest.fixture
def versions(tmp_path, monkeypatch):
    monkeypatch.setenv("HEADHUNT_HOME", str(tmp_path / "home"))
    shelf = Shelf(tmp_path / "home")
    plain(tmp_path / "photos")
    first = shelf.add(tmp_path / "photos").version
    put(tmp_path / "photos", "cat/1.png")
    return first, shelf.add(tmp_path / "photos").version


def test_data_is_compared_where_both_versions_are_kept(versions):
    found = with_data(compared(run(dataset=versions[0]), run(dataset=versions[1])))
    assert found.data.added == ("cat/1.png",)
    assert found.data.classes == {"cat": (0, 1)}
    assert [change.name for change in found.about] == ["dataset"]


def test_data_that_is_not_kept_here_is_only_named(versions):
    assert with_data(compared(run(dataset=versions[0]), run(dataset="unheard of"))).data is None
    assert with_data(compared(run(dataset=versions[0]), run(dataset=versions[0]))).data is None

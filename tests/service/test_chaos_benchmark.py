"""The benchmark of kills, small: it runs as written, and what it measures holds."""

import json
from pathlib import Path

import pytest

from benchmarks.chaos import main
from benchmarks.chaos_counting import CALLS
from benchmarks.chaos_stopped import awaken
from service.database import Database
from service.jobs.queue import Queue


@pytest.mark.slow
def test_jobs_survive_kills(tmp_path: Path) -> None:
    words = ["--jobs", "40", "--kills", "5", "--stops", "1", "--updates", "25"]
    assert main([*words, "--json", str(tmp_path / "chaos.json")]) == 0
    rows = json.loads((tmp_path / "chaos.json").read_text())["rows"]
    told = {row["what"]: row["measured"] for row in rows}
    assert told["jobs that were lost"] == 0
    assert told["results that differ from those undisturbed"] == 0
    assert told["jobs whose steps were each told once, in order"] == 40
    assert told["rows that they changed"] == 0
    assert [told[f"{call}: lost"] for call in CALLS] == [0] * len(CALLS)


def test_a_worker_that_wakes_up_after_its_lease_changes_nothing(database: Database, url: str, tmp_path: Path) -> None:
    found = awaken(Queue(database), tmp_path, url)
    assert (found.rows_changed, found.attempts, found.right, found.noticed) == (0, 2, True, True)


@pytest.mark.parametrize("call", CALLS)
def test_no_update_of_many_writers_is_lost(database: Database, url: str, call: str) -> None:
    lost, _ = CALLS[call](Queue(database, 3600.0), url, 4, 50)
    assert lost == 0

"""The benchmark of kills, small: it runs as written, and what it measures holds."""

import json
from pathlib import Path

import pytest

from benchmarks.chaos import main


@pytest.mark.slow
def test_jobs_survive_kills(tmp_path: Path) -> None:
    assert main(["--jobs", "40", "--kills", "5", "--json", str(tmp_path / "chaos.json")]) == 0
    rows = json.loads((tmp_path / "chaos.json").read_text())["rows"]
    told = {row["what"]: row["measured"] for row in rows}
    assert told["jobs that were lost"] == 0
    assert told["results that differ from those undisturbed"] == 0
    assert told["jobs whose steps were each told once, in order"] == 40

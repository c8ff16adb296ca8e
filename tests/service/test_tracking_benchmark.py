"""The benchmark of the tracker, small: it runs as written, with all its rows."""

import json
from pathlib import Path

import pytest

from benchmarks.tracking import main

ROWS = (
    "points a second, one client",
    "points a second, eight clients",
    "a curve of 100,000 points, 2,000 of them answered: ms",
    "a list of 1,000 runs, filtered and sorted, all answered: ms",
)


@pytest.mark.slow
def test_what_the_tracker_takes_in_is_measured_in_one_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--quick", "--json", str(tmp_path / "tracking.json")]) == 0
    rows = json.loads((tmp_path / "tracking.json").read_text())["rows"]
    told = {row["what"]: row["headhunt"] for row in rows}
    assert all(told[name] > 0 for name in ROWS)
    assert "mlflow was left out" in capsys.readouterr().out

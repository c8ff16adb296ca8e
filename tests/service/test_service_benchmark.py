"""The benchmark of the service, small: it runs as written, with all its rows and without an error."""

import json
from pathlib import Path

import pytest

from benchmarks.service import main

ROWS = (
    "idle: seconds from its start until it is ready",
    "idle: MiB resident",
    "idle: with torch in it",
    "upload, bare body: of the speed of write, fsync and SHA-256",
    "upload, form: of the speed of write, fsync and SHA-256",
    "a warm job: seconds from the request to its first word",
    "the same: ms, 99th percentile",
    "the same: errors",
    "all of these in turns: processor time, FastAPI to ours",
)


@pytest.mark.slow
def test_what_the_service_needs_is_measured_in_one_run(tmp_path: Path) -> None:
    pytest.importorskip("fastapi")
    assert main(["--quick", "--json", str(tmp_path / "service.json")]) == 0
    rows = json.loads((tmp_path / "service.json").read_text())["rows"]
    told = {row["what"]: row["measured"] for row in rows}
    assert set(ROWS) <= set(told)
    assert sum(what.startswith("upload of ") for what in told) == 2
    assert told["idle: with torch in it"] == 0
    assert told["the same: errors"] == 0

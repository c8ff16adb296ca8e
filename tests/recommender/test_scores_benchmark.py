"""The benchmark measures two ways to the same numbers."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import scores as benchmark
from recommender.scores.logme import logme_of
from recommender.scores.table import scores


@pytest.mark.parametrize(("n", "d"), [(300, 40), (50, 120)])
def test_the_usual_loop_and_ours_are_the_same(n: int, d: int) -> None:
    features, labels = benchmark.sample(np.random.default_rng(0), n, d, 7)
    targets = np.eye(7)[labels]
    assert benchmark.usual_logme(features, targets) == pytest.approx(logme_of(features, targets), abs=1e-6)


def test_it_prints_every_score_and_keeps_the_ratio(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = tmp_path / "scores.json"
    sizes = ["--images", "120", "--classes", "5", "--widths", "16", "--repeats", "1"]
    monkeypatch.setattr(sys, "argv", ["scores", *sizes, "--json", str(kept)])
    monkeypatch.setattr(benchmark, "COSTS", (40, 8, 4))
    benchmark.main()
    rows = json.loads(kept.read_text())["rows"]
    assert set(scores()) <= {row.get("what") for row in rows}
    assert rows[-1]["ratio"] > 0
    assert rows[-1]["largest difference"] < 1e-6
    assert "usual loop" in capsys.readouterr().out

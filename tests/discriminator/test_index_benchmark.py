"""The benchmark of indices measures each kind against exact search, at any size."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import index as benchmark
from discriminator.index import KINDS


def test_every_kind_is_measured_and_the_chosen_one_marked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = tmp_path / "index.json"
    sizes = ["--vectors", "900", "--dimension", "16", "--queries", "20"]
    monkeypatch.setattr(sys, "argv", ["index", *sizes, "--json", str(kept)])
    monkeypatch.setattr(benchmark, "BATCH", 300)
    benchmark.main()
    rows = {row["kind"]: row for row in json.loads(kept.read_text())["rows"]}
    assert tuple(rows) == tuple(KINDS)
    assert {kind: (row["chosen"], row["asked"]) for kind, row in rows.items()} == {
        "exact": ("yes", ">= 0.95"),
        "graph": ("", None),
        "packed": ("", None),
    }
    assert rows["exact"]["recall@10"] == 1
    assert all(row["recall@10"] > 0.9 and row["ms a query"] > 0 for row in rows.values())
    told = capsys.readouterr()
    assert "graph: 600 of 900 vectors" in told.err, "progress, after each batch"
    assert "900 vectors of 16, 20 queries" in told.out


def test_a_benchmark_of_many_vectors_holds_one_index_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """At a million vectors of 512 each is 2 GB and more."""
    alive: list[int] = []

    class Counted(benchmark.Index):
        def __init__(self, *given: object, **named: object) -> None:
            super().__init__(*given, **named)  # type: ignore[arg-type]
            alive.append(1)
            assert len(alive) == 1

        def __del__(self) -> None:
            alive.pop()

    monkeypatch.setattr(benchmark, "Index", Counted)
    asked = benchmark.argparse.Namespace(vectors=300, dimension=8, queries=3, seed=0)
    assert len(benchmark.measure(asked).rows) == len(KINDS)


def test_recall_is_the_share_of_the_true_neighbours_that_was_found() -> None:
    assert benchmark.recall([{"a", "b"}, {"c", "x"}], [{"a", "b"}, {"c", "d"}]) == 0.75


def test_the_same_seed_draws_the_same_vectors() -> None:
    first, again = (benchmark.Clusters(32, 3).draw(400) for _ in range(2))
    np.testing.assert_array_equal(first, again)

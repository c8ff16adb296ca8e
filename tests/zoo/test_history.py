"""The history: rows are added whole, survive a kill, and come back as they were."""

import math
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from headhunt.errors import BadValue, CatalogueBroken, HeadhuntError, NotWritten
from headhunt.vocabulary import CurvePoint, Outcome, Protocol
from zoo.history.store import History, best
from zoo.history.table import as_csv


def outcome(i: int = 0, **facts: object) -> Outcome:
    return msgspec.structs.replace(Outcome(model=f"digits/net{i}", dataset="glyphs", accuracy=0.5), **facts)


def test_a_history_that_is_not_there_has_no_rows(tmp_path: Path) -> None:
    assert History(tmp_path / "none").rows() == ()
    assert not (tmp_path / "none").exists()


def test_rows_come_back_as_they_were_oldest_first(tmp_path: Path) -> None:
    whole = outcome(
        protocol=Protocol(epochs=2, seeds=(3,)),
        curve=(CurvePoint(step=1, epoch=0.5, seconds=0.1, train_loss=2.5),),
        flags=("diverged",),
        seed=3,
        seconds=1.25,
        created="2026-01-01T00:00:00Z",
    )
    history = History(tmp_path)
    history.append([whole, outcome(1)])
    history.append([])
    history.append([outcome(2)])
    assert History(tmp_path).rows() == (whole, outcome(1), outcome(2))


@pytest.mark.parametrize(
    "facts", [{"accuracy": math.nan}, {"accuracy": 1.5}, {"accuracy": -0.1}, {"seconds": math.inf}, {"model": "\ud800"}]
)
def test_a_row_that_would_not_come_back_is_refused_with_all_that_came_with_it(
    tmp_path: Path, facts: dict[str, object]
) -> None:
    history = History(tmp_path)
    history.append([outcome()])
    with pytest.raises(BadValue, match="cannot be kept"):
        history.append([outcome(1), outcome(2, **facts)])
    assert history.rows() == (outcome(),)


def test_a_torn_last_line_is_ignored_and_repaired_and_nothing_else_is_lost(tmp_path: Path) -> None:
    history = History(tmp_path)
    history.append([outcome(0), outcome(1)])
    whole = history.path.read_bytes()
    first = whole.index(b"\n") + 1
    for cut in range(first, len(whole)):
        history.path.write_bytes(whole[:cut])
        kept = (outcome(0), outcome(1)) if cut == len(whole) - 1 else (outcome(0),)
        assert history.rows() == kept
        if cut % 7 == 0 or cut >= len(whole) - 2:
            history.append([outcome(9)])
            assert history.rows() == (*kept, outcome(9))


def test_a_torn_only_line_is_ignored_and_repaired(tmp_path: Path) -> None:
    history = History(tmp_path)
    history.path.write_bytes(b'{"model":')
    assert history.rows() == ()
    history.append([outcome()])
    assert history.rows() == (outcome(),)


def test_a_broken_line_in_the_middle_is_named(tmp_path: Path) -> None:
    history = History(tmp_path)
    history.append([outcome(0), outcome(1)])
    history.path.write_bytes(history.path.read_bytes().replace(b'{"model":"digits/net1"', b'{"model":7'))
    with pytest.raises(CatalogueBroken, match=r"Line 2 of .*history\.jsonl.*Delete that line"):
        history.rows()


def test_a_full_disk_takes_back_what_was_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    history = History(tmp_path)
    history.append([outcome()])
    with monkeypatch.context() as patch:
        patch.setattr("zoo.history.store.os.fsync", full)
        with pytest.raises(NotWritten, match="No space left"):
            history.append([outcome(1)])
    assert history.rows() == (outcome(),)


def test_the_table_holds_the_best_of_each_pair_and_leaves_out_what_is_blamed(tmp_path: Path) -> None:
    history = History(tmp_path)
    history.append(
        [
            outcome(0, accuracy=0.4),
            outcome(0, accuracy=0.6),
            outcome(0, accuracy=0.9, flags=("seen-target",)),
            outcome(1, accuracy=0.1, flags=("diverged",)),
        ]
    )
    assert history.table() == {("digits/net0", "glyphs"): 0.6}
    assert best(history.rows(), without=()) == {("digits/net0", "glyphs"): 0.9, ("digits/net1", "glyphs"): 0.1}


def test_a_home_that_is_a_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "home").write_bytes(b"")
    for work in (History(tmp_path / "home").rows, lambda: History(tmp_path / "home").append([outcome()])):
        with pytest.raises(HeadhuntError, match=r"Not a directory|File exists"):
            work()


WRITER = """
import sys
from pathlib import Path
from headhunt.vocabulary import Outcome
from zoo.history.store import History
history = History(Path(sys.argv[1]))
for i in range(int(sys.argv[3])):
    history.append([Outcome(model=f"{sys.argv[2]}-{i}", dataset="d" * 500, accuracy=0.5)])
    print(i, flush=True)
"""


def writer(home: Path, who: str, count: int) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-c", WRITER, str(home), who, str(count)], stdout=subprocess.PIPE)


def test_four_writers_lose_no_row(tmp_path: Path) -> None:
    for process in [writer(tmp_path, f"w{i}", 50) for i in range(4)]:
        process.communicate()
        assert process.returncode == 0
    assert {row.model for row in History(tmp_path).rows()} == {f"w{i}-{j}" for i in range(4) for j in range(50)}


def test_a_killed_writer_loses_no_row_that_was_acknowledged(tmp_path: Path) -> None:
    rng, history, promised = random.Random(1), History(tmp_path), set[str]()
    for kill in range(10):
        process = writer(tmp_path, f"k{kill}", 100_000)
        assert process.stdout is not None
        said = [process.stdout.readline()]
        time.sleep(rng.uniform(0, 0.02))
        process.send_signal(signal.SIGKILL)
        said += process.communicate()[0].splitlines(keepends=True)
        promised |= {f"k{kill}-{int(line)}" for line in said if line.endswith(b"\n")}
        history.append([outcome(kill)])
        assert promised <= {row.model for row in history.rows()}
    assert sum(row.model.startswith("digits/") for row in history.rows()) == 10


def test_a_hundred_thousand_rows_are_read_quickly(tmp_path: Path) -> None:
    history = History(tmp_path)
    history.append([outcome(i, lr=0.01, epochs=25.0, batch_size=64, seconds=1.5 * i) for i in range(100_000)])
    began = time.perf_counter()
    rows = history.rows()
    print(f"100,000 rows, {history.path.stat().st_size / 1e6:.1f} MB: {time.perf_counter() - began:.2f} s")
    assert len(rows) == 100_000


def test_rows_go_out_as_a_table_and_come_in_again_without_a_double(tmp_path: Path) -> None:
    history = History(tmp_path / "home")
    rows = (
        outcome(0, accuracy=0.1 + 0.2, lr=1e-3, protocol_name='a "b", c', seed=2**60),
        outcome(1, model="=cmd()", val_accuracy=1 / 3, seconds=2.5),
        outcome(2, protocol=Protocol(), epochs=10.0, batch_size=64, flags=("diverged",)),
    )
    history.append(rows)
    (tmp_path / "out.csv").write_text(as_csv(history.rows()), encoding="utf-8")
    assert "'=cmd()" in (tmp_path / "out.csv").read_text()
    report = history.import_csv(tmp_path / "out.csv")
    assert (report.rows, report.added, report.already) == (3, 0, 3)
    other = History(tmp_path / "other")
    assert other.import_csv(tmp_path / "out.csv").added == 3
    assert [(row.model, row.accuracy, row.seed) for row in other.rows()] == [
        (row.model, row.accuracy, row.seed) for row in rows
    ]

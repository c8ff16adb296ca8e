"""What journals say is kept, once. On both databases."""

import math
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor
from typing import get_args

import msgspec
import numpy as np
import pytest

from headhunt.errors import BadValue, BrokenJournal, UnknownRecord, UnknownRun
from headhunt.track.journal import Began, Ended, Kept, Known, Marked, Noted, Points, Record, Said, framed
from headhunt.track.wire import RunBegun
from service.database import Database
from tests.tracking.telling import OTHER, PROJECT, curve, journal, points
from tracking.columns import CHUNK
from tracking.store import Tracking

NAN = math.nan


def test_what_was_told_is_kept(tracking: Tracking, run: str) -> None:
    data = journal(
        Began(1.0, {"experiment": "flowers", "name": "warm", "pid": 7}),
        Noted(1.0, "param", {"lr": 0.1, "layers": [1, 2], "on": True, "none": None, "far": math.inf}),
        Noted(1.0, "tag", {"baseline": ""}),
        Noted(1.0, "param", {"lr": 0.2}),
        Points(2.0, 1, {"loss": 0.5, "acc": 0.25}),
        Kept(3.0, "model.safetensors", "a" * 64, 12, "model", None, {"card": 1}),
        Said(3.5, "out", "hello\n"),
        Known(3.6, {"code": {"commit": "abc"}}),
        Noted(3.7, "summary", {"best": 0.25}),
        Marked(3.8, "a value of 'x' was no number", 3),
        Ended(4.0, "finished"),
    )
    assert tracking.append(PROJECT, run, "main-1", 0, data) == len(data)
    found = tracking.get(PROJECT, run)
    assert (found.state, found.ended, found.name, found.experiment) == ("finished", 4.0, "warm", "flowers")
    assert found.params == {"lr": 0.2, "layers": [1, 2], "on": True, "none": None, "far": "inf"}
    assert (found.tags, found.summary, found.metrics) == ({"baseline": ""}, {"best": 0.25}, {"acc": 0.25, "loss": 0.5})
    assert found.facts["code"] == {"commit": "abc"}
    assert found.marks == ("a value of 'x' was no number (3 times)",)
    (file,) = tracking.files(PROJECT, run)
    assert (file.path, file.kind, file.step, file.facts) == ("model.safetensors", "model", None, {"card": 1})
    (line,) = tracking.console(PROJECT, run)
    assert (line.number, line.stream, line.text) == (1, "out", "hello\n")
    assert tracking.journal(PROJECT, run) == {"main-1": len(data)}


def test_a_run_that_is_begun_again_is_the_same(tracking: Tracking, run: str) -> None:
    again = tracking.begin(PROJECT, run, RunBegun(experiment="else", name="else"))
    assert (again.id, again.experiment, again.name) == (run, "flowers", "")
    with pytest.raises(UnknownRun):
        tracking.begin(OTHER, run, RunBegun())
    with pytest.raises(UnknownRun):
        tracking.begin(PROJECT, "../x", RunBegun())


def test_what_is_sent_twice_or_overlaps_is_taken_once_and_a_gap_not_at_all(tracking: Tracking, run: str) -> None:
    frames = [points(step, {"loss": float(step)}) for step in range(10)]
    whole, size = b"".join(frames), len(frames[0])
    assert tracking.append(PROJECT, run, "w", size, whole[size:]) == 0
    assert tracking.append(PROJECT, run, "w", 0, whole[: 4 * size]) == 4 * size
    assert tracking.append(PROJECT, run, "w", 0, whole[: 4 * size]) == 4 * size
    assert tracking.append(PROJECT, run, "w", 2 * size, whole[2 * size : 6 * size + 3]) == 6 * size
    assert tracking.append(PROJECT, run, "w", 8 * size, whole[8 * size :]) == 6 * size
    assert tracking.append(PROJECT, run, "w", 0, whole) == len(whole)
    assert tracking.points(PROJECT, run, "loss").steps.tolist() == list(range(10))


def test_a_cut_frame_waits_for_its_rest(tracking: Tracking, run: str) -> None:
    whole = curve([1.0, 2.0])
    for cut in range(len(whole)):
        kept = tracking.append(PROJECT, run, f"w{cut}", 0, whole[:cut])
        assert kept == (len(whole) // 2 if cut >= len(whole) // 2 else 0)


@pytest.mark.parametrize(
    ("wrong", "fault"),
    [
        (struct.pack("<II", 3, 0) + b"abc", BrokenJournal),
        (struct.pack("<II", 2**31, 0) + b"abc", BrokenJournal),
        (framed(["q", 1.0, "from the future"]), UnknownRecord),
        (framed(["m", "when", 1, {}]), UnknownRecord),
        (struct.pack("<II", 1, zlib.crc32(b"\xc1")) + b"\xc1", UnknownRecord),
    ],
)
def test_what_comes_before_a_fault_is_kept_and_the_fault_told_each_time(
    tracking: Tracking, run: str, wrong: bytes, fault: type[Exception]
) -> None:
    good = curve([1.0, 2.0])
    with pytest.raises(fault, match=f"byte {len(good)}"):
        tracking.append(PROJECT, run, "w", 0, good + wrong + good)
    assert tracking.journal(PROJECT, run) == {"w": len(good)}
    with pytest.raises(fault, match=f"byte {len(good)}"):
        tracking.append(PROJECT, run, "w", len(good), wrong + good)
    assert tracking.points(PROJECT, run, "loss").values.tolist() == [1.0, 2.0]


def test_four_writers_at_once_lose_nothing(tracking: Tracking, run: str) -> None:
    """Each sends its pieces twice, and all tell of the same metric."""
    each = 40

    def tell_all(writer: int) -> int:
        place = 0
        for piece in range(each):
            data = curve([float(writer)] * 50, first=piece * 50)
            now = tracking.append(PROJECT, run, f"w{writer}", place, data)
            assert tracking.append(PROJECT, run, f"w{writer}", place, data) == now == place + len(data)
            place = now
        return place

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(tell_all, range(4)))
    found = tracking.points(PROJECT, run, "loss")
    assert found.steps.tolist() == sorted(list(range(each * 50)) * 4)
    assert np.bincount(found.values.astype(int)).tolist() == [each * 50] * 4


def test_two_senders_of_one_journal_bring_it_once(tracking: Tracking, run: str) -> None:
    """A courier and whoever gathers the home."""
    frames = [points(step, {"loss": float(step)}) for step in range(400)]
    whole = b"".join(frames)

    def send(pace: int) -> None:
        kept = 0
        while kept < len(whole):
            kept = tracking.append(PROJECT, run, "w", kept, whole[kept : kept + pace])

    with ThreadPoolExecutor(3) as threads:
        list(threads.map(send, (300, 700, 1100)))
    assert tracking.points(PROJECT, run, "loss").steps.tolist() == list(range(400))


def test_numbers_come_back_bit_by_bit(tracking: Tracking, run: str) -> None:
    """NaN, infinities and the smallest among them; over several chunks; steps out of order, and repeated."""
    chance = np.random.default_rng(0)
    count = 2 * CHUNK + 100
    values = chance.normal(size=count)
    values[:6] = (NAN, math.inf, -math.inf, -0.0, 5e-324, 1.7e308)
    steps = chance.integers(-(2**62), 2**62, count)
    steps[10:20] = 7
    times = chance.uniform(1e9, 2e9, count)
    told = zip(times.tolist(), steps.tolist(), values.tolist(), strict=True)
    data = journal(*(Points(at, step, {"loss": value}) for at, step, value in told))
    place = 0
    for first in range(0, len(data), 17_001):
        place = tracking.append(PROJECT, run, "w", place, data[place : first + 17_001])
    assert tracking.append(PROJECT, run, "w", place, data[place:]) == len(data)
    order = np.argsort(steps, kind="stable")
    found = tracking.points(PROJECT, run, "loss")
    assert found.steps.tobytes() == steps[order].tobytes()
    assert found.times.tobytes() == times[order].tobytes()
    assert found.values.tobytes() == values[order].tobytes()
    (metric,) = tracking.metrics(PROJECT, run)
    assert (metric.count, metric.last_step) == (count, int(steps.max()))
    assert metric.last == values[np.flatnonzero(steps == steps.max())[-1]]
    assert (metric.min, metric.max) == (values[np.isfinite(values)].min(), 1.7e308)


def test_the_newest_number_is_that_of_the_highest_step(tracking: Tracking, run: str) -> None:
    data = points(5, {"loss": 5.0}) + points(3, {"loss": 3.0}) + points(5, {"loss": 5.5})
    kept = tracking.append(PROJECT, run, "w", 0, data)
    kept = tracking.append(PROJECT, run, "w", kept, points(4, {"loss": 4.0}))
    assert tracking.get(PROJECT, run).metrics == {"loss": 5.5}
    tracking.append(PROJECT, run, "w", kept, points(6, {"loss": NAN}))
    assert tracking.get(PROJECT, run).metrics == {"loss": "nan"}
    (metric,) = tracking.metrics(PROJECT, run)
    assert (metric.count, metric.last, metric.min, metric.max) == (5, "nan", 3.0, 5.5)


def test_a_run_that_is_silent_is_lost_and_heard_again_it_runs(tracking: Tracking, run: str, database: Database) -> None:
    def silent_for(seconds: float) -> None:
        with database.write() as connection:
            connection.exec_driver_sql(f"UPDATE runs SET seen = seen - {seconds}")

    assert tracking.get(PROJECT, run).state == "running"
    silent_for(100.0)
    assert tracking.get(PROJECT, run).state == "lost"
    assert [one.state for one in tracking.find(PROJECT)] == ["lost"]
    tracking.append(PROJECT, run, "w", 0, b"")
    assert tracking.get(PROJECT, run).state == "running"
    kept = tracking.append(PROJECT, run, "w", 0, journal(Ended(1.0, "failed", "Traceback: x")))
    silent_for(100.0)
    found = tracking.get(PROJECT, run)
    assert (found.state, found.error) == ("failed", "Traceback: x")
    tracking.append(PROJECT, run, "w", kept, journal(Began(2.0, {})))
    found = tracking.get(PROJECT, run)
    assert (found.state, found.error, found.ended) == ("running", None, None)


def test_a_run_that_was_heard_of_long_ago_is_lost_when_it_is_gathered(tracking: Tracking, run: str) -> None:
    tracking.append(PROJECT, run, "w", 0, curve([1.0]), seen=1e9)
    before = tracking.get(PROJECT, run).seen
    tracking.append(PROJECT, run, "w", 0, b"", seen=4e9)
    assert before <= tracking.get(PROJECT, run).seen < 4e9


def test_what_is_too_large_or_too_many_is_marked(tracking: Tracking, run: str) -> None:
    data = journal(
        Noted(1.0, "param", {"huge": "x" * 10_000_000, "nul": "a\x00b", "n" * 300: 1}),
        Points(1.0, 2**63, {"loss": 1.0}),
        Points(1.0, 1, {f"m{number}": 1.0 for number in range(100_000)}),
        Kept(1.0, "p" * 600, "a" * 64, 1),
        Kept(1.0, "short", "no digest", 1),
        Noted(1.0, "fancy", {"a": 1}),
    )
    assert tracking.append(PROJECT, run, "w", 0, data) == len(data)
    found = tracking.get(PROJECT, run)
    assert len(found.params["huge"]) == 1000
    assert found.params["nul"] == "a\x00b"
    assert len(found.params) == 3
    assert len(tracking.metrics(PROJECT, run)) == 10_000
    words = " ".join(found.marks)
    for one in ("'huge' is 10,000,002 bytes", "longer than 250", "no number", "(90,000 times)", "no digest", "fancy"):
        assert one in words, (one, words)


def test_names_of_metrics_that_are_cut_stay_apart(tracking: Tracking, run: str) -> None:
    tracking.append(PROJECT, run, "w", 0, points(1, {"n" * 300 + "a": 1.0, "n" * 300 + "b": 2.0, "nul\x00": 3.0}))
    assert sorted(one.last for one in tracking.metrics(PROJECT, run)) == [1.0, 2.0, 3.0]


def test_no_place_in_a_journal_is_refused(tracking: Tracking, run: str) -> None:
    for writer, offset in (("", 0), ("a/b", 0), ("w" * 65, 0), ("w", -1)):
        with pytest.raises(BadValue):
            tracking.append(PROJECT, run, writer, offset, b"")
    with pytest.raises(UnknownRun):
        tracking.append(OTHER, run, "w", 0, b"")


def test_nothing_stays_of_a_run_that_is_removed(tracking: Tracking, run: str, database: Database) -> None:
    data = curve(range(CHUNK + 5)) + journal(
        Noted(1.0, "param", {"a": 1}), Kept(1.0, "a", "a" * 64, 1), Said(1.0, "out", "x")
    )
    tracking.append(PROJECT, run, "w", 0, data)
    with pytest.raises(UnknownRun):
        tracking.remove(OTHER, run)
    tracking.remove(PROJECT, run)
    with database.read() as connection:
        for table in ("runs", "run_values", "run_metrics", "metric_chunks", "run_files", "run_console", "run_writers"):
            assert connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar() == 0, table
    with pytest.raises(UnknownRun):
        tracking.get(PROJECT, run)


def test_records_are_those_of_the_journal() -> None:
    """A kind that is added there has to be taken here."""
    kinds = {"Points", "Noted", "Kept", "Said", "Began", "Known", "Ended", "Marked"}
    assert {kind.__name__ for kind in get_args(Record)} == kinds
    assert msgspec.msgpack.decode(framed(Ended(1.0, "lost"))[8:])[0] == "e"


@pytest.mark.parametrize(
    "body",
    [
        b"\x94\xa1n\xcb" + struct.pack(">d", 1.0) + b"\xa5par\xffm\x80",
        b"\x93\xa1b\xcb" + struct.pack(">d", 1.0) + b"\x81\xa1a" + b"\x91" * 100_000,
    ],
    ids=["no UTF-8", "nested"],
)
def test_a_record_that_breaks_the_reader_ends_the_journal_and_no_more(
    tracking: Tracking, run: str, body: bytes
) -> None:
    good = curve([1.0])
    with pytest.raises(UnknownRecord):
        tracking.append(PROJECT, run, "main-1", 0, good + struct.pack("<II", len(body), zlib.crc32(body)) + body)
    assert tracking.journal(PROJECT, run) == {"main-1": len(good)}


@pytest.mark.parametrize("at", [NAN, math.inf, -math.inf, 1e300])
def test_what_comes_without_a_time_gets_one_and_is_kept(tracking: Tracking, run: str, at: float) -> None:
    now = tracking.get(PROJECT, run).seen
    told = journal(
        Kept(at, "x", "a" * 64, 1, "f\0"), Said(at, "o\0t", "hello"), Ended(at, "finished"), *[Marked(at, "m")]
    )
    assert tracking.append(PROJECT, run, "main-1", 0, told) == len(told)
    found, (file,), (line,) = (tracking.get(PROJECT, run), tracking.files(PROJECT, run), tracking.console(PROJECT, run))
    assert found.ended is not None
    assert all(abs(one - now) < 3600 for one in (found.ended, file.created, line.at))
    assert any("a time was told that is none" in mark for mark in found.marks)


def test_a_run_that_began_at_no_time_began_when_it_came(tracking: Tracking) -> None:
    found = tracking.begin(PROJECT, "d" * 32, RunBegun(started=1e300))
    assert found.started == pytest.approx(found.seen, abs=3600)

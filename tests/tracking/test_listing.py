"""What a list of runs carries: no more than it shows, and the mark that there is more. On both databases."""

import uuid
from typing import Any

import pytest
from sqlalchemy.engine import CursorResult

from headhunt.errors import BadValue
from headhunt.track.journal import Ended, Noted, Points
from headhunt.track.wire import RunBegun, RunChange
from tests.tracking.telling import PROJECT, journal
from tracking.listing import SHOWN_METRICS, SHOWN_VALUES
from tracking.query import parse, parse_order
from tracking.store import Tracking
from tracking.values import BEGINNING


@pytest.fixture
def large(tracking: Tracking, run: str) -> str:
    values = {f"p{number:04}": number for number in range(3 * SHOWN_VALUES)}
    told: list[Any] = [
        Noted(1.0, "param", {**values, "a long one": "é" * 200_000, "a list": list(range(1000)), "z": 7}),
        Noted(1.0, "tag", {"t": '"' * 300, "short": "s"}),
        Points(1.0, 1, {f"m{number:04}": float(number) for number in range(2 * SHOWN_METRICS)}),
        Ended(2.0, "failed", "x" * 30_000),
    ]
    tracking.append(PROJECT, run, "w", 0, journal(*told))
    tracking.change(PROJECT, run, RunChange(intent="i" * 100_000))
    return run


def test_a_list_carries_the_first_values_and_the_beginning_of_long_ones(tracking: Tracking, large: str) -> None:
    (found,) = tracking.find(PROJECT)
    assert not found.whole
    assert len(found.params) == SHOWN_VALUES
    assert found.params["a long one"] == "é" * (BEGINNING - 1) + "..."
    assert found.params["a list"].startswith("[0,1,2,3,")
    assert found.params["p0001"] == 1
    assert found.tags == {"short": "s", "t": '"' * ((BEGINNING - 1) // 2) + "..."}
    assert (len(found.metrics), found.metrics["m0000"]) == (SHOWN_METRICS, 0.0)
    assert found.error == "x" * BEGINNING + "..."
    assert found.intent == "i" * BEGINNING + "..."


def test_the_run_by_its_id_has_all(tracking: Tracking, large: str) -> None:
    found = tracking.get(PROJECT, large)
    assert found.whole
    assert len(found.params) == 3 * SHOWN_VALUES + 3
    assert (found.params["a long one"], len(found.params["a list"])) == ("é" * 200_000, 1000)
    assert (found.tags["t"], len(found.metrics)) == ('"' * 300, 2 * SHOWN_METRICS)
    assert found.error is not None
    assert (len(found.error), len(found.intent)) == (30_000, 100_000)


def test_what_is_asked_or_sorted_by_is_there_in_any_case(tracking: Tracking, large: str) -> None:
    last = f"m{2 * SHOWN_METRICS - 1:04}"
    query = parse(f"params.z = 7 and metrics.{last} > 1")
    (found,) = tracking.find(PROJECT, query, [parse_order("params.p0250 desc")])
    assert (found.params["z"], found.params["p0250"], found.metrics[last]) == (7, 250, 2.0 * SHOWN_METRICS - 1)
    assert "p0251" not in found.params
    whole = parse(f"params.\"a long one\" like '%{'é' * 900}'")
    assert [one.id for one in tracking.find(PROJECT, whole)] == [large], "what is cut is asked for as a whole"


def test_a_run_with_little_is_whole(tracking: Tracking, run: str) -> None:
    tracking.append(PROJECT, run, "w", 0, journal(Noted(1.0, "param", {"lr": 0.1}), Points(1.0, 1, {"loss": 1.0})))
    (found,) = tracking.find(PROJECT)
    assert found == tracking.get(PROJECT, run)


def test_the_database_sends_no_more_than_is_listed(tracking: Tracking, large: str) -> None:
    """Of 200,000 characters of a value, of an intent, of an error: their beginnings, whatever is asked for."""
    sizes: list[int] = []

    inner = CursorResult.all

    def counted(result: Any) -> Any:
        rows = inner(result)
        sizes.append(sum(len(str(value)) for row in rows for value in row))
        return rows

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CursorResult, "all", counted)
        tracking.find(PROJECT, parse("state = 'failed'"))
        tracking.find(PROJECT)
    assert sizes
    assert sum(sizes) < 60_000


def test_pages_by_their_beginning_leave_none_out_and_show_none_twice(tracking: Tracking) -> None:
    """Many that began at the same time, and what is laid aside between two pages."""
    runs = [tracking.begin(PROJECT, uuid.uuid4().hex, RunBegun(started=float(at // 4))).id for at in range(17)]
    seen: list[str] = []
    while page := tracking.find(PROJECT, None, None, seen[-1] if seen else None, 5):
        seen += [one.id for one in page]
    assert sorted(seen) == sorted(runs)
    asked = parse_order("started desc")
    assert seen == [one.id for one in tracking.find(PROJECT, None, [asked])]
    tracking.lay_aside(PROJECT, seen[4])
    with pytest.raises(BadValue, match="Begin again"):
        tracking.find(PROJECT, None, None, seen[4], 5)
    with pytest.raises(BadValue, match="Begin again"):
        tracking.find(PROJECT, None, None, "f" * 32, 5)

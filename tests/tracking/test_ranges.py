"""Parts of curves: all points, in order, without the chunks that hold none of them. On both databases."""

import numpy as np
import pytest

from headhunt.errors import UnknownRun
from tests.tracking.telling import OTHER, PROJECT, curve, points
from tracking import columns, ranges
from tracking.columns import CHUNK, Points
from tracking.store import Tracking

ORDERS = {
    "in order": range(3 * CHUNK + 100),
    "backwards": range(3 * CHUNK + 100, 0, -1),
    "the first half last": [*range(CHUNK, 3 * CHUNK), *range(CHUNK)],
    "two ranks": [step // 2 for step in range(4 * CHUNK)],
    "at chance": np.random.default_rng(0).integers(0, 2 * CHUNK, 2 * CHUNK + 7).tolist(),
    "all at one": [5] * (CHUNK + 3),
    "few": [3, 1, 2],
    "a whole chunk": range(CHUNK),
}


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many points were unpacked, at each time."""
    found: list[int] = []
    inner = columns.unpack

    def unpack(data: bytes, count: int) -> Points:
        found.append(count)
        return inner(data, count)

    monkeypatch.setattr(ranges, "unpack", unpack)
    return found


def tell(tracking: Tracking, run: str, steps: list[int]) -> None:
    data = b"".join(points(step, {"loss": float(place)}, 1e9 + place) for place, step in enumerate(steps))
    tracking.append(PROJECT, run, "w", 0, data)


@pytest.mark.parametrize("steps", [list(one) for one in ORDERS.values()], ids=list(ORDERS))
@pytest.mark.parametrize("most", [1000, CHUNK, 100_000])
def test_parts_joined_are_the_whole_by_step_and_as_it_came(
    tracking: Tracking, run: str, steps: list[int], most: int
) -> None:
    tell(tracking, run, steps)
    for ordered in (False, True):
        values: list[float] = []
        while len(values) < len(steps):
            found, count = tracking.part(PROJECT, run, "loss", len(values), most, ordered=ordered)
            assert count == len(steps)
            assert 0 < len(found.values) <= most
            values += found.values.tolist()
        wanted = sorted(enumerate(steps), key=lambda one: one[1]) if ordered else enumerate(steps)
        assert values == [float(place) for place, _ in wanted]
        assert tracking.part(PROJECT, run, "loss", len(steps), most, ordered=ordered)[0].values.tolist() == []


def test_a_part_reads_the_chunks_that_hold_it_alone(tracking: Tracking, run: str, looked: list[int]) -> None:
    tracking.append(PROJECT, run, "w", 0, curve(np.arange(8.0 * CHUNK).tolist()))
    for ordered in (False, True):
        looked.clear()
        found, _ = tracking.part(PROJECT, run, "loss", 5 * CHUNK - 10, 20, ordered=ordered)
        assert found.steps.tolist() == list(range(5 * CHUNK - 10, 5 * CHUNK + 10))
        assert looked == [CHUNK, CHUNK]


def test_places_stay_while_more_comes(tracking: Tracking, run: str) -> None:
    tell(tracking, run, list(range(100, 200)))
    first = tracking.told_part(PROJECT, run, "loss", 0, 60)
    assert (first.count, first.next, first.steps[-1]) == (100, 60, 159)
    kept = tracking.journal(PROJECT, run)["w"]
    tracking.append(PROJECT, run, "w", kept, points(0, {"loss": -1.0}))
    rest = tracking.told_part(PROJECT, run, "loss", 60, 60)
    assert (rest.steps, rest.next) == ((*range(160, 200), 0), None)


def test_the_value_at_a_step_is_the_newest_that_had_been_told(tracking: Tracking, run: str, looked: list[int]) -> None:
    steps = [10 * step for step in range(4 * CHUNK)]
    tell(tracking, run, [*steps, 50, 5])
    for step, value in ((0, 0.0), (9, float(4 * CHUNK + 1)), (50, float(4 * CHUNK)), (59, float(4 * CHUNK)),
                        (60, 6.0), (10 * CHUNK, float(CHUNK)), (10**9, float(4 * CHUNK - 1))):  # fmt: skip
        assert tracking.value_at(PROJECT, run, "loss", step) == value, step
    looked.clear()
    tracking.value_at(PROJECT, run, "loss", 10 * CHUNK + 5)
    assert len(looked) == 1
    assert tracking.value_at(PROJECT, run, "loss", -1) == 0.0
    assert tracking.value_at(PROJECT, run, "none", 0) is None


def test_of_what_is_not_there_a_part_is_empty_and_of_others_it_is_refused(tracking: Tracking, run: str) -> None:
    assert tracking.told_part(PROJECT, run, "none", 0, 10).next is None
    with pytest.raises(UnknownRun):
        tracking.part(OTHER, run, "loss", 0, 10)

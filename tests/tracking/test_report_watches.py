"""A condition over a curve that grows says what it says of the whole curve, and reads what is new."""

import math
import random

import pytest

from headhunt.track.journal import Points as Told
from tests.tracking.telling import PROJECT, curve, journal
from tracking import columns, curves, ranges
from tracking.columns import CHUNK
from tracking.reports import folding
from tracking.reports.conditions import Points, condition_of
from tracking.reports.watches import Watches
from tracking.store import Tracking

CONDITIONS = (
    "val_loss has not improved for 5 points",
    "val_loss has not fallen for 30 steps",
    "val_loss has not risen for 3 minutes",
    "val_loss has not improved for 2 epochs",
    "val_loss is above 0.7",
    "val_loss is not a number",
)


def arrivals(order: str, chance: random.Random) -> list[int]:
    """Steps, as they come."""
    steps = list(range(300))
    if order == "two ranks":
        steps = [min(299, step // 2 + chance.randint(0, 6)) for step in range(600)]
    if order == "back to a checkpoint":
        steps = [*range(200), *range(50, 300)]
    if order == "at chance":
        chance.shuffle(steps)
    return steps


@pytest.mark.parametrize("order", ["by step", "two ranks", "back to a checkpoint", "at chance"])
@pytest.mark.parametrize("waiting", [4, 512])
def test_a_watch_says_at_every_look_what_the_whole_curve_says(
    order: str, waiting: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folding, "WAITING", waiting)
    chance = random.Random(order)
    values = (0.5, 0.6, 0.7, 0.8, math.nan)
    came = [(step, 1e9 + 9 * place, chance.choice(values)) for place, step in enumerate(arrivals(order, chance))]
    for text in CONDITIONS:
        condition, place = condition_of(text), 0
        watch = folding.Watch(condition.fold(), [])
        while place < len(came):
            new = came[place : place + chance.randint(1, 9)]
            place += len(new)
            whole = sorted(came[:place], key=lambda one: one[0])
            if not watch.take(new):
                watch = folding.Watch(condition.fold(), [whole[:7], whole[7:]], min(one[0] for one in new))
            steps, times, found = zip(*whole, strict=True)
            assert watch.event(lambda _: None) == condition.event(Points(steps, times, found)), (text, place)
            assert watch.place == place


def test_who_waits_stays_few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folding, "LATE", 1000)
    points = [(step, 1e9, 1.0) for step in range(5000)]
    watch = folding.Watch(condition_of("loss > 0").fold(), [points], late=10)
    assert len(watch.waiting) == 1000
    assert watch.take([(4001, 1e9, 1.0)])
    assert not watch.take([(3, 1e9, 1.0)])


@pytest.mark.parametrize("unit", ["points", "epochs"])
def test_a_look_reads_what_is_new(tracking: Tracking, run: str, unit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten chunks of points lie there: the first look reads them, the next ones the newest at most."""
    looked: list[int] = []
    inner = columns.unpack

    def unpack(data: bytes, count: int) -> columns.Points:
        looked.append(count)
        return inner(data, count)

    for module in (ranges, curves):
        monkeypatch.setattr(module, "unpack", unpack)
    size = 10 * CHUNK
    data = curve([1.0] * 5 + [0.5] + [1.0] * (size - 6), "val_loss") + curve([s // 100 for s in range(size)], "epoch")
    tracking.append(PROJECT, run, "w", 0, data)
    condition, watches, end = condition_of(f"val_loss has not improved for 200 {unit}"), Watches(tracking), len(data)
    assert watches.event(PROJECT, "s", condition, run, size) == "still since 5"
    assert watches.event(PROJECT, "s", condition, run, size) is None
    for step in range(size, size + 3):
        looked.clear()
        new = journal(Told(1e9 + step, step, {"val_loss": 0.6, "epoch": step // 100}))
        end = tracking.append(PROJECT, run, "w", end, new)
        assert watches.event(PROJECT, "s", condition, run, step + 1) == "still since 5"
        assert len(looked) <= 2, "of ten chunks, those where the epochs of two steps are looked up"
    end = tracking.append(PROJECT, run, "w", end, journal(Told(1e9, size + 3, {"val_loss": 0.1})))
    assert watches.event(PROJECT, "s", condition, run, size + 4) is None
    end = tracking.append(PROJECT, run, "w", end, journal(Told(1e9, 2, {"val_loss": 0.05})))
    assert watches.event(PROJECT, "s", condition, run, size + 5) == "still since 2"

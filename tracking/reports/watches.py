"""The conditions that are looked at again and again: a look reads the points that are new, and no others."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tracking.reports.conditions import Condition
from tracking.reports.folding import Point, Watch
from tracking.store import Tracking

if TYPE_CHECKING:
    from tracking.curves import Series

MOST_WATCHES = 2000
"""Kept in memory; of others the whole curve is read once more."""
AT_ONCE = 50_000


class Watches:
    def __init__(self, tracking: Tracking) -> None:
        self.tracking = tracking
        self._kept: dict[tuple[str, str], Watch] = {}

    def forget(self) -> None:
        self._kept.clear()

    def event(self, project: str, schedule: str, condition: Condition, run: str, count: int) -> str | None:
        """What names the occasion, where the condition holds and something has come since the last look. count: of the
        points of the metric, as they are now."""
        watch = self._kept.pop((schedule, run), None)
        if count and (watch is None or watch.place != count):
            watch = self._grown(watch, project, condition, run, count)
            event = watch.event(lambda step: self.tracking.value_at(project, run, "epoch", step))
        else:
            event = None
        if watch is not None:
            self._kept[schedule, run] = watch  # the last that is forgotten
        while len(self._kept) > MOST_WATCHES:
            del self._kept[next(iter(self._kept))]
        return event

    def _grown(self, watch: Watch | None, project: str, condition: Condition, run: str, count: int) -> Watch:
        late: int | None = None
        if watch is not None and watch.place < count:
            found, _ = self.tracking.part(project, run, condition.name, watch.place, count - watch.place)
            new = [point for piece in pieces(found) for point in piece]
            if watch.take(new):
                return watch
            late = min((step for step, _, _ in new), default=None)
        whole = self.tracking.points(project, run, condition.name)
        return Watch(condition.fold(), pieces(whole), late)


def pieces(found: "Series") -> Iterator[list[Point]]:
    for first in range(0, len(found.steps), AT_ONCE):
        columns = (column[first : first + AT_ONCE].tolist() for column in (found.steps, found.times, found.values))
        yield list(zip(*columns, strict=True))

"""Journals come in while there is room for them: what runs told counts for their project.

What a project has left is looked up now and then, and what comes in between is taken off: a sum over all that it has
would take longer than what is told.
"""

import threading
import time
from pathlib import Path

from headhunt.track.wire import JournalKept
from service.data.holdings import Holdings, over
from service.data.room import disk_room
from tracking.store import Tracking

HELD_S = 5.0
MOST_HELD = 1000


class RunRoom:
    """holdings: of all projects. home: on whose disk the database lies, or that of the server before it."""

    def __init__(self, tracking: Tracking, holdings: Holdings, home: Path) -> None:
        self.tracking, self.holdings, self.home = tracking, holdings, home
        self._left: dict[str, tuple[float, int]] = {}
        self._lock = threading.Lock()

    def append(self, project: str, run: str, place: tuple[str, int], data: bytes) -> JournalKept:
        """place: the writer, and from where on. Raises OverQuota, InsufficientStorage; and as Tracking.append."""
        if data:
            self.check(project, len(data))
        writer, offset = place
        return JournalKept(kept=self.tracking.append(project, run, writer, offset, data))

    def check(self, project: str, size: int) -> None:
        """Before so many bytes are told of runs. Raises OverQuota, InsufficientStorage."""
        now = time.monotonic()
        with self._lock:
            until, left = self._left.get(project, (0.0, 0))
        if until < now:
            disk_room(self.home, self.holdings.least_free).check(size)
            until, left = now + HELD_S, self.holdings.left(project, announced=False)
        if size > left:
            raise over(size - left)
        with self._lock:
            if len(self._left) > MOST_HELD:
                self._left.clear()
            self._left[project] = (until, left - size)

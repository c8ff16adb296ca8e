"""The roll of workers: each signs now and then, so that others see who is there. Nothing is decided by it."""

import socket
import time
from collections.abc import Sequence

import sqlalchemy as sa

from service.database import Database
from service.jobs.places import Place
from service.tables import workers

EVERY_S = 10.0
FORGOTTEN_S = 3600.0


class Roll:
    """One worker's line."""

    def __init__(self, database: Database, name: str, places: Sequence[Place]) -> None:
        self.database, self.name = database, name
        self.row = {
            "host": socket.gethostname()[:128],
            "slots": len(places),
            "resources": ",".join(sorted({one for place in places for one in place.resources})),
        }
        self._signed: float | None = None

    def sign(self) -> None:
        """At most every ten seconds. Lines of those who have not signed for an hour go."""
        now = time.monotonic()
        if self._signed is not None and now - self._signed < EVERY_S:
            return
        seen = self.database.now
        with self.database.write() as connection:
            connection.execute(sa.delete(workers).where(workers.c.seen < seen - FORGOTTEN_S))
            mine = workers.c.id == self.name
            if not connection.execute(sa.update(workers).where(mine).values(seen=seen, **self.row)).rowcount:
                row = {"id": self.name, "started": seen, "seen": seen, **self.row}
                connection.execute(sa.insert(workers).values(row))
        self._signed = now

    def leave(self) -> None:
        with self.database.write() as connection:
            connection.execute(sa.delete(workers).where(workers.c.id == self.name))

"""Failed attempts to sign in, counted by name and by address: whoever guesses has to wait.

They are in the database, so that several servers count together and none forgets when it starts again.
"""

import threading
import time
import uuid
from collections import deque
from collections.abc import Iterable, Mapping

import sqlalchemy as sa

from headhunt.errors import TooManyTries
from service.database import Database
from service.tables import failures


class Failures:
    """Each subject has its own limit within so many seconds; then only time helps."""

    def __init__(self, database: Database, within_s: float) -> None:
        self.database, self.within_s = database, within_s

    def check(self, subjects: Mapping[str, int]) -> None:
        """How often each may have failed. Raises TooManyTries."""
        recent = failures.c.at > self.database.now - self.within_s
        wanted = (
            sa.select(
                failures.c.subject, sa.func.count(), sa.func.min(failures.c.at) + self.within_s - self.database.now
            )
            .where(failures.c.subject.in_(subjects), recent)
            .group_by(failures.c.subject)
        )
        with self.database.read() as connection:
            found = connection.execute(wanted).all()
        waits = [float(wait) for subject, count, wait in found if count >= subjects[subject]]
        if waits:
            raise TooManyTries(max(1, round(max(waits))))

    def add(self, subjects: Iterable[str]) -> None:
        """And forget those that no longer count."""
        now = self.database.now
        with self.database.write() as connection:
            connection.execute(sa.delete(failures).where(failures.c.at <= now - self.within_s))
            for subject in subjects:
                connection.execute(sa.insert(failures).values(id=uuid.uuid4().hex, subject=subject, at=now))


class Guesses:
    """Wrong keys by address, in this process. The key is looked at first: one that holds is never kept waiting."""

    MOST, WITHIN_S, ADDRESSES = 100, 10.0, 10_000

    def __init__(self) -> None:
        self._seen: dict[str, deque[float]] = {}
        self._lock = threading.Lock()

    def add(self, address: str) -> None:
        """Raises TooManyTries when there were too many."""
        now = time.monotonic()
        with self._lock:
            if len(self._seen) > self.ADDRESSES:
                self._seen = {who: times for who, times in self._seen.items() if times[-1] > now - self.WITHIN_S}
            times = self._seen.setdefault(address, deque(maxlen=self.MOST))
            times.append(now)
            wait = times[0] + self.WITHIN_S - now
            if len(times) == self.MOST and wait > 0:
                raise TooManyTries(max(1, round(wait)))

"""Failed attempts to sign in, counted by name and by address: whoever guesses has to wait.

They are in the database, so that several servers count together and none forgets when it starts again.
"""

import uuid

import sqlalchemy as sa

from headhunt.errors import TooManyTries
from service.database import Database
from service.tables import failures


class Failures:
    """At most so many within so many seconds; then only time helps."""

    def __init__(self, database: Database, most: int, within_s: float) -> None:
        self.database, self.most, self.within_s = database, most, within_s

    def check(self, *subjects: str) -> None:
        """Raises TooManyTries."""
        recent = failures.c.at > self.database.now - self.within_s
        wanted = (
            sa.select(sa.func.count(), sa.func.min(failures.c.at) + self.within_s - self.database.now)
            .where(failures.c.subject.in_(subjects), recent)
            .group_by(failures.c.subject)
        )
        with self.database.read() as connection:
            found = connection.execute(wanted).all()
        waits = [float(wait) for count, wait in found if count >= self.most]
        if waits:
            raise TooManyTries(max(1, round(max(waits))))

    def add(self, *subjects: str) -> None:
        """And forget those that no longer count."""
        now = self.database.now
        with self.database.write() as connection:
            connection.execute(sa.delete(failures).where(failures.c.at <= now - self.within_s))
            for subject in subjects:
                connection.execute(sa.insert(failures).values(id=uuid.uuid4().hex, subject=subject, at=now))

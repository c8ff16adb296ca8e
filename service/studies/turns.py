"""One at a time is at a study, on all machines that share the database.

A turn begins with what others wrote since the last one here, and ends with one transaction in which all is kept that
was done: lines of Optuna's journal, the trial's row, the study's counts. A kill in between leaves nothing of it. What
Optuna knows stays in memory from turn to turn, for the studies that were asked last.
"""

import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from headhunt.errors import ServiceUnavailable, UnknownStudy
from service.database import Database
from service.locks import in_turn
from service.tables import studies, study_lines, study_trials

if TYPE_CHECKING:
    from tuning.hosted import Hosted

MOST_SEATS = 32
"""Studies whose trials are held in memory."""


class Seat:
    """A study in this process."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.hosted: Hosted | None = None


class Turn:
    """row: the study; open: rows of trials that somebody runs, or ran when they were heard last; now: the database's
    clock."""

    def __init__(self, database: Database, row: Any, open_trials: list[Any], now: float, hosted: "Hosted") -> None:
        self.database, self.row, self.open, self.now, self.hosted = database, row, open_trials, now, hosted

    @contextmanager
    def keeping(self) -> Iterator[Connection]:
        """The transaction in which all of this turn is kept."""
        lines = self.hosted.written()
        first = self.hosted.kept - len(lines)
        with self.database.write() as connection:
            mine = (studies.c.id == self.row.id) & (studies.c.lines == first)
            moved = sa.update(studies).where(mine).values(lines=first + len(lines))
            if connection.execute(moved).rowcount != 1:
                raise ServiceUnavailable("Somebody else wrote to this study at the same moment. Try again.")
            if lines:
                rows = [{"study": self.row.id, "number": first + i, "body": line} for i, line in enumerate(lines)]
                connection.execute(sa.insert(study_lines), rows)
            yield connection
        self.hosted.begin(())


class Turns:
    def __init__(self, database: Database, folder: Path, jobs_own: bool = False) -> None:
        """jobs_own: in a job that runs the trials of its study itself. Elsewhere such studies are looked at alone."""
        self.database, self.folder, self.jobs_own = database, folder, jobs_own
        self._seats: OrderedDict[str, Seat] = OrderedDict()
        self._lock = threading.Lock()

    @contextmanager
    def of(self, study: str) -> Iterator[Turn]:
        """Raises UnknownStudy. What was not kept by the end of the turn is kept then."""
        seat = self._seat(study)
        with seat.lock, in_turn(self.database, int(study[:15], 16), self.folder / study):
            try:
                turn = self._begun(study, seat)
                yield turn
                if turn.hosted.written():
                    with turn.keeping():
                        pass
            except BaseException:
                if seat.hosted is not None and seat.hosted.written():
                    seat.hosted = None  # it knows what was not kept
                raise

    def _begun(self, study: str, seat: Seat) -> Turn:
        from tuning.hosted import Hosted, Plan  # Optuna, not before somebody asks a study

        with self.database.read() as connection:
            row = connection.execute(sa.select(studies).where(studies.c.id == study)).first()
            if row is None:
                self._forget(study)
                raise UnknownStudy(study)
            if seat.hosted is None:
                plan = msgspec.json.decode(row.plan, type=Plan)
                seat.hosted = Hosted(plan, proposes=self.jobs_own or not plan.job)
            new = (study_lines.c.study == study) & (study_lines.c.number >= seat.hosted.kept)
            lines = connection.execute(sa.select(study_lines.c.body).where(new).order_by(study_lines.c.number))
            seat.hosted.begin(list(lines.scalars()))
            mine = (study_trials.c.study == study) & study_trials.c.ended.is_(None)
            rows = list(connection.execute(sa.select(study_trials).where(mine)).all())
            now = float(connection.execute(sa.select(self.database.now)).scalar_one())
        return Turn(self.database, row, rows, now, seat.hosted)

    def _seat(self, study: str) -> Seat:
        with self._lock:
            seat = self._seats.setdefault(study, Seat())
            self._seats.move_to_end(study)
            for name in [one for one in self._seats if not self._seats[one].lock.locked()][:-1]:
                if len(self._seats) <= MOST_SEATS:
                    break
                del self._seats[name]
            return seat

    def _forget(self, study: str) -> None:
        with self._lock:
            self._seats.pop(study, None)

"""The study of a tuning, kept with all studies of the service: its job asks and tells at the desk, without HTTP.

One job runs a study, so trials that it finds open when it begins are those of an attempt that died: they are run again.
Their deaths are counted, so that a trial that kills its process is given up in the end.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, NoReturn

import msgspec

from headhunt.errors import InUse, TrialTaken, UnknownJob
from headhunt.spaces import Space
from headhunt.studies.wire import ENDED, Reading, StudyAsked, TrialAsked, TrialGiven
from headhunt.trials import Trial
from service.database import Database
from service.jobs.queue import Queue
from service.jobs.worker import Lost, Work, patiently
from service.studies.desk import Desk
from service.studies.small import STOPPED
from service.studies.store import Maker, Studies, change
from service.studies.telling import Runs
from service.studies.turns import Turns
from tracking.values import told
from tuning.copies import copied
from tuning.hosted import Ending, Plan
from tuning.outcomes import Outcome, read
from tuning.study import About, Study, Wanted, planned

FOLDER, TURNS = "tunings", "turns"
PAUSED_S = 60.0
"""A paused job is looked at so often, should nobody wake it."""
Row = Any


class OwnDesk(Desk):
    """Of one job. dead: leases of trials that an attempt before it held."""

    def __init__(self, database: Database, home: Path) -> None:
        super().__init__(database, Turns(database, home / TURNS, jobs_own=True), Runs(None))
        self.dead: set[str] = set()

    def _lives(self, turn: Any, one: Row) -> bool:  # noqa: ARG002
        return one.lease not in self.dead


class AtService:
    """A tuning.keeping.Keeper. made: the study, once it was opened."""

    def __init__(self, work: Work, maker: Maker, fresh: bool) -> None:
        """fresh: the first attempt, which goes on with what was stopped; later ones leave it as it is."""
        self.work, self.maker, self.fresh = work, maker, fresh
        self.database = Database(str(work.database))
        self.studies, self.desk = Studies(self.database), OwnDesk(self.database, work.home)
        self.made: DeskStudy | None = None

    def close(self) -> None:
        self.desk.close()
        self.database.close()

    def folder(self, name: str) -> Path:
        """Empty for a new study: one of this name may have been deleted, whose trials had the same numbers."""
        place = self.work.home / FOLDER / self.work.project / name
        if self.studies.named(self.work.project, name) is None:
            shutil.rmtree(place, ignore_errors=True)
        return place

    def past(self) -> Path:
        """The project's own: nobody learns from searches of another's images."""
        return self.work.home / FOLDER / self.work.project

    def question(self, name: str) -> str | None:
        row = self.studies.named(self.work.project, name)
        return None if row is None else str(msgspec.json.decode(row.plan).get("question", ""))

    def opened(self, wanted: Wanted, question: str) -> "DeskStudy":
        name = str(wanted.name)
        row = self.studies.named(self.work.project, name)
        if row is None:
            row = self._new(wanted, question)
        else:
            self._take_up(row, wanted.trials)
        self.made = DeskStudy(self.desk, self.studies, row.id, self.work.leave)
        return self.made

    def _new(self, wanted: Wanted, question: str) -> Row:
        plan = Plan(about=planned(wanted), start=list(wanted.start), job=self.work.job, question=question)
        asked = StudyAsked(name=str(wanted.name), space=dict(wanted.space or {}), trials=wanted.trials)
        self.studies.keep(self.maker, asked, plan)
        row = self.studies.named(self.work.project, str(wanted.name))
        assert row is not None  # noqa: S101 - it was made
        return row

    def _take_up(self, row: Row, trials: int | None) -> None:
        """Raises InUse where another job runs it."""
        plan = msgspec.json.decode(row.plan, type=Plan)
        if plan.job != self.work.job:
            self._check_idle(plan.job, row.name)
            mine = msgspec.structs.replace(plan, job=self.work.job)
            with self.database.write() as connection:
                change(connection, row.id, {"plan": msgspec.json.encode(mine).decode()})
        with self.desk.turns.of(row.id) as turn:
            self.desk.dead = {one.lease for one in turn.open}
        if self.fresh and (row.state in ENDED or row.trials != trials):
            self.desk.set_state(row.id, "paused" if row.state == "paused" else "running")
            with self.database.write() as connection:  # none: until the time is up, however many there were before
                change(connection, row.id, {"trials": trials})

    def _check_idle(self, job: str, name: str) -> None:
        try:
            state = Queue(self.database).get(job, self.work.project).state
        except UnknownJob:
            return
        if state in ("queued", "running"):
            raise InUse(f"The job {job} searches the study {name!r} already. Follow that one, or cancel it.")

    def ended(self, state: Literal["done", "failed"], why: str = "") -> None:
        """No study is left running of which nobody runs a trial: its job ends, by its time or by an error."""
        if self.made is not None and self.made.row().state not in ENDED:
            with self.desk.turns.of(self.made.id) as turn, turn.keeping() as connection:
                change(connection, self.made.id, {"state": state, "why": why})


class Passed(BaseException):
    """The job is somebody else's, or was cancelled: no fault of the trial that runs."""


@contextmanager
def still_ours() -> Iterator[None]:
    try:
        yield
    except (TrialTaken, Lost) as error:
        raise Passed from error


class Asked:
    """A trial that this job runs."""

    def __init__(self, given: TrialGiven) -> None:
        self.number, self.token, self.params = given.number, given.token, dict(given.params)


class DeskStudy:
    """A tuning.keeping.Kept. leave: ends this attempt, to be begun again after so many seconds."""

    def __init__(self, desk: Desk, studies: Studies, study: str, leave: Callable[[float], NoReturn]) -> None:
        self.desk, self.studies, self.id, self.leave = desk, studies, study, leave
        with desk.turns.of(study) as turn:
            self.about: About = turn.hosted.study.about
            self.space: Space = turn.hosted.study.space

    # --- as tuning.running has it

    def ask(self, most: int | None = None) -> Asked | None:
        given = patiently(lambda: self.desk.ask(self.id, TrialAsked(worker="job", most=most), None, ""))
        return None if given.trial is None else Asked(given.trial)

    def report(self, asked: Asked, step: int, loss: float) -> str | None:
        reading = Reading(token=asked.token, step=step, loss=told(loss))
        with still_ours():
            verdict = patiently(lambda: self.desk.hear(self.id, asked.number, reading))
        return verdict.why if verdict.stop else None

    def read(self, given: object) -> Outcome:
        return read(given, tuple(self.about.aims), tuple(self.about.limits))

    def tell(self, asked: Asked, outcome: Outcome) -> None:
        self._tell(asked, Ending(outcome=outcome))

    def tell_stopped(self, asked: Asked, reason: str) -> None:
        self._tell(asked, Ending(stopped=True, reason=reason))

    def tell_failed(self, asked: Asked, reason: str) -> None:
        self._tell(asked, Ending(reason=reason))

    def _tell(self, asked: Asked, ending: Ending) -> None:
        with still_ours():
            patiently(lambda: self.desk.settle(self.id, asked.number, asked.token, ending))

    def free(self, asked: Asked) -> None:
        self.desk.give_back(self.id, asked.number, asked.token)

    def close(self) -> None:
        """The desk stays open: it is looked at."""

    def forget(self) -> None:
        """In a forked child nothing is held."""

    def waits(self) -> bool:
        """A paused study takes no worker's place: the job goes back into the queue."""
        if patiently(self.row).state == "paused":
            self.leave(PAUSED_S)
        return False

    def ended(self, asked: Asked) -> str | None:  # noqa: ARG002 - it is one study's
        return STOPPED if self.row().state == "stopped" else None

    # --- looking

    def row(self) -> Row:
        with self.desk.turns.of(self.id) as turn:
            return turn.row

    def count(self) -> int:
        with self.desk.turns.of(self.id) as turn:
            return turn.hosted.study.count()

    def trials(self) -> list[Trial]:
        with self.desk.turns.of(self.id) as turn:
            return turn.hosted.trials()

    def bar(self) -> dict[int, float]:
        with self.desk.turns.of(self.id) as turn:
            return turn.hosted.study.bar()

    def looked(self) -> Study:
        return copied(self.about, self.space, self.trials())

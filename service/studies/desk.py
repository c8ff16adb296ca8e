"""Trials are given to workers, heard of, and ended.

    given --result--> ended           told twice is told once
      |  ^                            a worker of whom nothing was heard for the length of the lease is dead: whoever
      v  | heard                      asks next gets its parameters, as another trial; the number of trials stays right
    silent --asked--> lost --result--> taken after all, as long as nobody else was given the parameters

After this server was away, workers have a whole lease to be heard again.
"""

import asyncio
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from headhunt.errors import BadValue, HasEnded, KeyReused, UnknownTrial, printable
from headhunt.studies.wire import (
    ENDED,
    BestTrial,
    Given,
    MoreTrials,
    Reading,
    StudyState,
    TrialAsked,
    TrialGiven,
    TrialResult,
    TrialShown,
    Verdict,
    number_of,
)
from headhunt.trials import Trial, as_loss, as_step
from service.database import Database
from service.studies.small import (
    STOPPED,
    better,
    counted,
    counts_of,
    enough,
    job_of,
    least,
    outcome_of,
    shown,
    spent_all,
    taken,
)
from service.studies.store import change, check_spending
from service.studies.telling import Runs, metric_of, run_of
from service.studies.turns import Turn, Turns
from service.tables import studies, study_trials

if TYPE_CHECKING:
    from tuning.hosted import Ending

PAUSED_S, BUSY_S = 5.0, 2.0
"""After which one who got no trial asks again."""
THREADS = 2
"""That propose: whoever searches does not keep all others waiting."""
LAST_STEP = 2**53
OUT_OF_TIME = "The time of the study was up."
Row = Any
T = TypeVar("T")


class Desk:
    def __init__(self, database: Database, turns: Turns, runs: Runs) -> None:
        self.database, self.turns, self.runs = database, turns, runs
        self.threads = ThreadPoolExecutor(THREADS, "studies")
        self.lookers = ThreadPoolExecutor(1, "looks at studies")
        self.since: float | None = None
        """When this server first looked: what it did not hear before, it may not have been there to hear."""

    def runs_of(self, row: Row) -> Runs:
        """Runs are for all readers of the project, so a private study has none; a tuning tells its own."""
        return Runs(None) if row.private or job_of(row) else self.runs

    async def apart(self, work: Callable[..., T], *words: Any) -> T:
        """In a thread of those that propose: a search must not keep all other requests waiting."""
        return await asyncio.get_running_loop().run_in_executor(self.threads, partial(work, *words))

    async def aside(self, work: Callable[..., T], *words: Any) -> T:
        """In a thread of its own, one after the other: what takes seconds and serves nobody but who asks for it."""
        return await asyncio.get_running_loop().run_in_executor(self.lookers, partial(work, *words))

    def close(self) -> None:
        for one in (self.threads, self.lookers):
            one.shutdown(wait=True, cancel_futures=True)

    # --- asking

    def ask(self, study: str, asked: TrialAsked, key: str | None, by: str) -> Given:
        with self.turns.of(study) as turn:
            row = turn.row
            if (given := self._given_before(study, row, key)) is not None:
                return given
            if row.state != "running":
                return Given(
                    state=row.state, trial=None, retry_s=PAUSED_S if row.state == "paused" else None, why=row.why
                )
            given = self._next(turn, asked, key)
        if given.trial is not None:
            one = given.trial
            self.runs_of(row).trial_begun(row.project, one.run, (row.id, row.name), one.number, one.params, by)
        return given

    def _given_before(self, study: str, row: Row, key: str | None) -> Given | None:
        """Of whoever asks again because the answer was lost."""
        if key is None:
            return None
        same = (study_trials.c.study == study) & (study_trials.c.key == key)
        with self.database.read() as connection:
            held = connection.execute(sa.select(study_trials).where(same)).first()
        if held is None:
            return None
        if held.ended is not None:
            raise KeyReused(f"This Idempotency-Key is that of the trial {held.number}, which has ended. Take another.")
        with self.database.write() as connection:
            connection.execute(sa.update(study_trials).where(same).values(seen=self.database.now))
        params = msgspec.json.decode(held.params)
        trial = TrialGiven(number=held.number, params=params, token=held.token, run=held.run, lease_s=row.lease_s)
        return Given(state=row.state, trial=trial, retry_s=None, why="")

    def _next(self, turn: Turn, asked: TrialAsked, key: str | None) -> Given:
        row, hosted = turn.row, turn.hosted
        living = [one for one in turn.open if self._lives(turn, one)]
        dead = [one for one in turn.open if one not in living]
        leases = {one.lease for one in living}
        lease, held = secrets.token_hex(8), None
        if spent_all(row):
            hosted.free_dead(leases)
        else:
            held = hosted.ask(lease, leases, least(row.trials, asked.most))
        with turn.keeping() as connection:
            spent = row.spent + sum(one.seen - one.given for one in dead)
            self._lose(connection, row.id, dead)
            given = None
            if held is not None:
                given = self._give(connection, turn, held.number, held.params, (lease, key, asked.worker))
            state, why = self._settled(turn, len(living) + (held is not None), spent)
            facts = {"counts": counted(turn), "spent": spent, "state": state, "why": why}
            change(connection, row.id, facts)
        for one in dead:
            self.runs_of(row).trial_ended(
                row.project, one.run, "lost", {}, f"Its worker was silent for {row.lease_s:g} s."
            )
        self._tell_end(row, state, why)
        if given is not None:
            return Given(state=state, trial=given, retry_s=None, why="")
        over = state in ENDED or (enough(turn, asked.most) and not living)
        busy = "" if over else "All trials are given to workers; one that dies frees its own."
        return Given(state=state, trial=None, retry_s=None if over else BUSY_S, why=why or busy)

    def _give(
        self, connection: Connection, turn: Turn, number: int, params: Any, whose: tuple[str, str | None, str]
    ) -> TrialGiven:
        lease, key, worker = whose
        silent = turn.row.private or job_of(turn.row)
        token, run = secrets.token_urlsafe(24), "" if silent else run_of(turn.row.id, lease)
        row = {
            "study": turn.row.id,
            "number": number,
            "lease": lease,
            "token": token,
            "key": key,
            "worker": printable(worker, 160),
            "run": run,
            "params": msgspec.json.encode(params).decode(),
            "given": self.database.now,
            "seen": self.database.now,
            "lost": False,
        }
        connection.execute(sa.insert(study_trials).values(row))
        return TrialGiven(number=number, params=params, token=token, run=run, lease_s=turn.row.lease_s)

    def _lives(self, turn: Turn, one: Row) -> bool:
        if self.since is None:
            self.since = turn.now
        return bool(turn.now - max(one.seen, self.since) <= turn.row.lease_s)

    def _lose(self, connection: Connection, study: str, rows: list[Row]) -> None:
        gone = sa.update(study_trials).where(
            study_trials.c.study == study, study_trials.c.number.in_([one.number for one in rows])
        )
        if rows:
            connection.execute(gone.values(ended=self.database.now, lost=True, key=None))

    # --- hearing

    def hear(self, study: str, number: int, reading: Reading) -> Verdict:
        if (reading.step is None) != (reading.loss is None):
            raise BadValue("A reading has a step and a loss, or neither, when it only says that its worker lives.")
        if reading.step is None:
            return self._beat(study, number, reading.token)
        step, loss = as_step(reading.step), as_loss(number_of(reading.loss))
        if step > LAST_STEP:
            raise BadValue(f"The step is {step}. Give a whole number from 0 to {LAST_STEP:,}.")
        with self.turns.of(study) as turn:
            row, held = turn.row, self._held(study, number, reading.token)
            if held.ended is not None:
                return Verdict(stop=True, why=f"Trial {number} has ended.")
            why = turn.hosted.report(number, step, loss) or self._over(turn.row, turn.now - held.given)
            with turn.keeping() as connection:
                self._seen(connection, study, number)
        self.runs_of(row).reading(row.project, held.run, step, {metric_of(turn.hosted.study.about.direction): loss})
        return Verdict(stop=why is not None, why=why or "")

    def _beat(self, study: str, number: int, token: str) -> Verdict:
        """A sign of life asks nothing of Optuna."""
        held = self._held(study, number, token)
        with self.database.write() as connection:
            self._seen(connection, study, number)
            row = connection.execute(sa.select(studies).where(studies.c.id == study)).one()
            now = float(connection.execute(sa.select(self.database.now)).scalar_one())
        if held.ended is not None:
            return Verdict(stop=True, why=f"Trial {number} has ended.")
        self.runs_of(row).heard(row.project, held.run)
        why = self._over(row, now - held.given)
        return Verdict(stop=why is not None, why=why or "")

    def _seen(self, connection: Connection, study: str, number: int) -> None:
        mine = (study_trials.c.study == study) & (study_trials.c.number == number) & study_trials.c.ended.is_(None)
        connection.execute(sa.update(study_trials).where(mine).values(seen=self.database.now))

    def _over(self, row: Row, took: float) -> str | None:
        if row.state == "stopped":
            return STOPPED
        return OUT_OF_TIME if row.seconds is not None and row.spent + took >= row.seconds else None

    def _held(self, study: str, number: int, token: str) -> Row:
        """The row of a trial that this worker runs, or ran to its end. Raises UnknownTrial, TrialTaken."""
        mine = (study_trials.c.study == study) & (study_trials.c.number == number)
        with self.database.read() as connection:
            row = connection.execute(sa.select(study_trials).where(mine)).first()
        if row is None:
            raise UnknownTrial(str(number))
        if not secrets.compare_digest(row.token.encode(), token.encode("utf-8", "surrogatepass")) or row.lost:
            raise taken(number)
        return row

    # --- ending

    def tell(self, study: str, number: int, result: TrialResult) -> TrialShown:
        from tuning.hosted import Ending

        value, why = outcome_of(result)
        ending = Ending(value=value, stopped=result.status == "stopped", reason=why)
        return self.settle(study, number, result.token, ending)

    def settle(self, study: str, number: int, token: str, ending: "Ending") -> TrialShown:
        """A trial has ended."""
        with self.turns.of(study) as turn:
            held = self._row_for(study, number, token)
            if held.ended is not None and not held.lost:
                return shown(turn.hosted.trial(held.number), held)
            now_is = held.number
            if held.lost:
                late = turn.hosted.tell_late(number, ending)
                if late is None:
                    raise taken(number)
                now_is = late
            else:
                turn.hosted.tell(number, ending)
            ended = turn.hosted.trial(now_is)
            best, state, why = self._keep_end(turn, held, ended)
            trial = shown(ended, held)
        self._tell_of(turn.row, held, trial, best)
        self._tell_end(turn.row, state, why)
        return trial

    def _row_for(self, study: str, number: int, token: str) -> Row:
        """As `_held`, and of a trial that was lost, too; of one that was told late, the row that stands in for it."""
        mine = study_trials.c.study == study
        with self.database.read() as connection:
            rows = connection.execute(sa.select(study_trials).where(mine, study_trials.c.token == token)).all()
            there = connection.execute(sa.select(study_trials.c.number).where(mine, study_trials.c.number == number))
            known = there.first() is not None
        if not rows or not any(one.number == number for one in rows):
            raise taken(number) if known else UnknownTrial(str(number))
        return min(rows, key=lambda one: one.lost)

    def _keep_end(self, turn: Turn, held: Row, ended: Trial) -> tuple[BestTrial | None, StudyState, str]:
        row = turn.row
        spent = row.spent + (0.0 if held.lost else turn.now - held.given)
        best = better(row, turn, ended)
        running = sum(one.number != held.number for one in turn.open)  # those of the dead, too: they come again
        state, why = self._settled(turn, running, spent)
        values: dict[str, Any] = {"spent": spent, "counts": counted(turn), "state": state, "why": why}
        if best is not None:
            values["best"] = msgspec.json.encode(best).decode()
        with turn.keeping() as connection:
            if ended.number == held.number:
                same = (study_trials.c.study == row.id) & (study_trials.c.number == held.number)
                facts = {"ended": self.database.now, "seen": self.database.now}
                connection.execute(sa.update(study_trials).where(same).values(facts))
            else:
                again = {**held._mapping, "number": ended.number, "key": None, "lost": False}
                connection.execute(sa.insert(study_trials).values({**again, "ended": self.database.now}))
            change(connection, row.id, values)
        return best, state, why

    def _tell_of(self, row: Row, held: Row, trial: TrialShown, best: BestTrial | None) -> None:
        metric = metric_of(msgspec.json.decode(row.plan)["about"]["direction"])
        facts: dict[str, Any] = {} if trial.value is None else {metric: trial.value}
        if trial.state == "stopped":
            facts["stopped"] = trial.reason
        self.runs_of(row).trial_ended(row.project, held.run, trial.state, facts, trial.reason)
        if best is not None:
            self.runs_of(row).best(row.project, row.id, best.number, best.value, metric)

    def give_back(self, study: str, number: int, token: str) -> None:
        with self.turns.of(study) as turn:
            held = self._row_for(study, number, token)
            if held.ended is not None:
                return
            turn.hosted.free(number)
            with turn.keeping() as connection:
                self._lose(connection, study, [held])
                spent = turn.row.spent + turn.now - held.given
                change(connection, study, {"counts": counted(turn), "spent": spent})
        self.runs_of(turn.row).trial_ended(turn.row.project, held.run, "lost", {}, "Its worker gave it back.")

    # --- the study

    def set_state(self, study: str, state: StudyState, more: MoreTrials | None = None) -> None:
        """paused, stopped, or running again. Raises HasEnded where that cannot be."""
        more = more or MoreTrials()
        check_spending(more.trials, more.seconds)
        with self.turns.of(study) as turn:
            before = turn.row.state
            if state == "paused" and before in ENDED:
                raise HasEnded(f"The study {turn.row.name!r} is {before}. 'resume' lets it go on.")
            if state == "stopped" and before in ("done", "failed"):
                return
            values = {name: one for name in ("trials", "seconds") if (one := getattr(more, name)) is not None}
            with turn.keeping() as connection:
                change(connection, study, {"state": state, "why": STOPPED if state == "stopped" else "", **values})
        if state == "stopped":
            self.runs_of(turn.row).study_ended(turn.row.project, study, state, "")
        elif state == "running" and before in ENDED:
            self.runs_of(turn.row).study_goes_on(turn.row.project, study)

    def end(self, row: Row) -> None:
        """It is about to be removed."""
        if row.state not in ENDED:
            self.runs_of(row).study_ended(row.project, row.id, "stopped", "")

    def _settled(self, turn: Turn, running: int, spent: float) -> tuple[StudyState, str]:
        """Whether that was all."""
        row, study = turn.row, turn.hosted.study
        state: StudyState = row.state
        if state not in ("running", "paused") or running:
            return state, row.why
        by_time = row.seconds is not None and spent >= row.seconds
        if not by_time and not enough(turn, row.trials) and not study.used_up():
            return state, row.why
        if counts_of(turn)["complete"]:
            return "done", ""
        return "failed", "No trial ended with a number."

    def _tell_end(self, row: Row, state: StudyState, why: str) -> None:
        if state in ENDED and row.state not in ENDED:
            self.runs_of(row).study_ended(row.project, row.id, state, why)

    # --- looking

    def trials(self, study: str, after: int, limit: int) -> list[TrialShown]:
        """By number."""
        with self.turns.of(study) as turn:
            found = [one for one in turn.hosted.trials() if one.number > after][:limit]
        if not found:  # none yet, or none behind this one
            return []
        numbers = [one.number for one in found]
        mine = (study_trials.c.study == study) & study_trials.c.number.between(*(min(numbers), max(numbers)))
        with self.database.read() as connection:
            rows = {row.number: row for row in connection.execute(sa.select(study_trials).where(mine))}
        return [shown(one, rows.get(one.number)) for one in found]

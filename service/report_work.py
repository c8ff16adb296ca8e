"""What a worker does for reports, every few seconds: looks what is due, draws it in a child process, mails it.

A broken mail server, a broken template or a run that is gone touch nobody but the mail itself.
"""

import logging
import math
from collections.abc import Iterator
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from headhunt.errors import (
    BadCondition,
    BadValue,
    HeadhuntError,
    MailFailed,
    ServiceUnavailable,
    UnknownRun,
    one_line,
)
from service.database import Database
from service.mailing import Mailing, MailPartly, MailUnsure
from service.reporting import DAY_S, HOUR_S, Claim, Reports, Wanted, page_of_run
from service.tables import reports
from tracking.listing import state_of
from tracking.reports.building import Told, report_of
from tracking.reports.conditions import Condition, condition_of
from tracking.reports.facts import RunReport
from tracking.reports.letter import Envelope, letter
from tracking.reports.rendering import drawn
from tracking.reports.watches import Watches
from tracking.store import Tracking
from tracking.tables import experiments, run_metrics, runs

log = logging.getLogger("headhunt.reports")
AT_ONCE = 20
"""Mails of one look: then the others have their turn."""
MOST_RUNS = 500
REASONS = {"now": "asked for", "finished": "it has ended", "failed": "it has failed", "lost": "nothing is heard of it"}


class Reporting:
    """`tick()` is all: it may be called by any number of processes at once. mailing None: others send."""

    def __init__(self, database: Database, mailing: Mailing | None) -> None:
        self.database, self.mailing = database, mailing
        self.reports, self.tracking = Reports(database), Tracking(database)
        self._watches = Watches(self.tracking)

    def tick(self) -> int:
        """How many mails went out."""
        if self.mailing is None:
            return 0
        self.look()
        count = 0
        for _ in range(AT_ONCE):
            claim = self.reports.claim()
            if claim is None:
                break
            count += self.send(claim, self.mailing)
        return count

    # --- what is due ---

    def look(self) -> None:
        """A mail is put down for whatever has come about."""
        with self.database.read() as connection:
            schedules = connection.execute(sa.select(reports).where(reports.c.over.is_(None))).all()
        for schedule in schedules:
            try:
                self._look_at(schedule)
            except (BadValue, UnknownRun) as error:
                log.warning("a schedule of reports is passed over: %s", one_line(error))
            except BaseException:
                self._watches.forget()  # what was looked at may not have been put down
                raise

    def _look_at(self, schedule: Row[Any]) -> None:
        wanted = msgspec.json.decode(schedule.asked, type=Wanted)
        with self.database.read() as connection:
            found = self._runs_of(connection, schedule)
        events = [(run.id, event) for run in found for event in self._events(schedule, wanted, run)]
        over = schedule.run is not None and all(is_over(run) for run in found)
        if events or over:
            with self.database.write() as connection:
                mine = (reports.c.id == schedule.id) & reports.c.over.is_(None)
                there = connection.execute(sa.select(reports).where(mine).with_for_update()).first()
                for run, event in events if there is not None else ():
                    self.reports.put(connection, schedule, run, event)
                if over:
                    connection.execute(sa.update(reports).where(mine).values(over=self.database.now))

    def _runs_of(self, connection: Connection, schedule: Row[Any]) -> list[Row[Any]]:
        """Those that run, and those that ended not long ago, since the schedule is there."""
        now = self.database.now
        shown = state_of(now).label("told")
        wanted = sa.select(runs.c.id, runs.c.created, runs.c.ended, runs.c.seen, shown, now.label("now"))
        wanted = wanted.where(runs.c.project == schedule.project, runs.c.deleted.is_(None))
        if schedule.run is not None:
            return list(connection.execute(wanted.where(runs.c.id == schedule.run)).all())
        mine = (experiments.c.id == runs.c.experiment) & (experiments.c.name == schedule.experiment)
        fresh = (runs.c.seen > schedule.created) & (runs.c.seen > now - DAY_S)
        joined = wanted.join(experiments, mine).where(fresh).order_by(runs.c.seen.desc()).limit(MOST_RUNS)
        return list(connection.execute(joined).all())

    def _events(self, schedule: Row[Any], wanted: Wanted, run: Row[Any]) -> Iterator[str]:
        """What has come about, by names that stay the same however often one looks."""
        late = schedule.run is None and run.seen <= schedule.created  # of an experiment: only what ends from now on
        if run.told == "finished" and wanted.end and not late:
            yield f"finished {run.ended or 0.0:.0f}"
        if run.told == "failed" and wanted.failure and not late:
            yield f"failed {run.ended or 0.0:.0f}"
        if run.told == "lost" and wanted.failure:
            yield "lost"
        if run.told != "running":
            return
        if wanted.every_s is not None:
            slot = math.floor((run.now - max(schedule.created, run.created)) / wanted.every_s)
            if slot >= 1:
                yield f"every {slot}"
        if wanted.when is not None and (event := self._condition(schedule, condition_of(wanted.when), run.id)):
            yield event

    def _condition(self, schedule: Row[Any], condition: Condition, run: str) -> str | None:
        """Looked at only where points have come since the last look, and at these alone."""
        mine = (run_metrics.c.run == run) & (run_metrics.c.name == condition.name)
        with self.database.read() as connection:
            count = connection.execute(sa.select(run_metrics.c.count).where(mine)).scalar() or 0
        event = self._watches.event(schedule.project, schedule.id, condition, run, count)
        return None if event is None else f"when {event}"

    # --- what goes out ---

    def send(self, claim: Claim, mailing: Mailing) -> bool:
        """Whether it went out; whatever kept it from that is written beside it."""
        try:
            report = self._report(claim)
            made = drawn(report, "mail", claim.wanted.template)
            mail = letter(report, made, Envelope(mailing.sender, claim.wanted.to, claim.id))
        except ServiceUnavailable:
            raise
        except HeadhuntError as error:
            final = isinstance(error, BadValue | UnknownRun | BadCondition)
            self.reports.failed(claim, str(error), again=not final)
            return False
        if not self.reports.hand(claim):
            return False
        try:
            mailing.send(mail)
        except (MailPartly, MailUnsure) as error:
            self.reports.sent(claim, "unsure" if isinstance(error, MailUnsure) else "partly", str(error))
            return isinstance(error, MailPartly)
        except MailFailed as error:
            log.warning("a report was not sent: %s", one_line(error))
            self.reports.failed(claim, str(error))
            return False
        return self.reports.sent(claim)

    def _report(self, claim: Claim) -> RunReport:
        with self.database.read() as connection:
            now = float(connection.execute(sa.select(self.database.now)).scalar_one())
        link = claim.wanted.site and page_of_run(claim.wanted.site, claim.project, claim.run)
        return report_of(self.tracking, claim.project, claim.run, Told(now, why_of(claim), link))


def why_of(claim: Claim) -> str:
    kind = claim.event.partition(" ")[0]
    if kind == "every" and claim.wanted.every_s is not None:
        return f"every {claim.wanted.every_s / 60:g} min"
    if kind == "when":
        return claim.wanted.when or ""
    return REASONS.get(kind, "")


def is_over(run: Row[Any]) -> bool:
    """It ended so long ago that it will hardly go on."""
    return run.told != "running" and bool(
        run.seen < run.now - (HOUR_S if run.told in ("finished", "failed") else DAY_S)
    )

"""Which reports are mailed to whom: schedules, and the mails that come of them, in the database.

    due --claim--> preparing --drawn--> handing --the mail server said yes--> sent
     ^                 | lapsed            | lapsed, or the mail server went away
     |<----------------+                   +--> unsure: it may have arrived, and is not sent again
     |<-- the mail server is broken: tried again later and later, for a day; then given_up

A mail is named by (schedule, run, event), so that no occasion has two however many servers look. A claim leases it
under the database's clock; what is said of it afterwards carries the attempt, as with jobs (service/jobs/queue.py).
"""

import hashlib
import uuid
from dataclasses import dataclass
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from headhunt.durations import seconds_of
from headhunt.errors import BadValue, TooManyMails, UnknownReport
from headhunt.track.wire import Report, ReportAsked, ReportMail, ReportMailAsked
from headhunt.vocabulary import Struct
from service.database import Database
from service.tables import report_mails, reports
from tracking.reports.addresses import addresses
from tracking.reports.conditions import condition_of
from tracking.reports.rendering import LONGEST_TEMPLATE
from tracking.sql import adding

LEAST_EVERY_S = 60.0
MOST_SCHEDULES = 200
MOST_AN_HOUR = 60
"""Mails of one project. Nobody uses the server to send what nobody asked for."""
HOUR_S, DAY_S, MONTH_S = 3600.0, 86400.0, 30 * 86400.0
LEASE_S, HANDING_S = 120.0, 300.0
BACKOFF_S = (60.0, 300.0, 900.0, 1800.0, 3600.0)
TOLD_S = 300.0
"""Until a mail that is one too many within the hour is looked at again."""
GONE_OUT = ("handing", "sent", "partly", "unsure")
LAPSED = "The process that sent it ended in the middle: it may have arrived, and is not sent again."


class Wanted(Struct, frozen=True, omit_defaults=False):
    """What is kept of what was asked. site: where the server's pages are."""

    to: tuple[str, ...]
    every_s: float | None = None
    when: str | None = None
    end: bool = True
    failure: bool = True
    template: str | None = None
    site: str | None = None


@dataclass(frozen=True)
class Claim:
    """A mail that this process has leased."""

    id: str
    attempt: int
    project: str
    run: str
    event: str
    wanted: Wanted


class Reports:
    """The schedules and mails of a database. Every method is one transaction."""

    def __init__(self, database: Database, most_an_hour: int = MOST_AN_HOUR) -> None:
        self.database, self.most_an_hour = database, most_an_hour
        self.now = database.now

    # --- schedules ---

    def add(self, project: str, asked: ReportAsked, by: str | None = None, site: str | None = None) -> Report:
        """A new one, or the one of which the same was asked before. Raises BadValue, TooManyMails."""
        if (asked.run is None) == (asked.experiment is None):
            raise BadValue("A report is of a run or of an experiment. Give one of the two.")
        wanted = wanted_of(asked, site)
        plain = msgspec.json.encode((asked.run, asked.experiment, wanted))
        row = {
            "id": uuid.uuid4().hex,
            "project": project,
            "run": asked.run,
            "experiment": asked.experiment,
            "same": hashlib.sha256(plain).hexdigest(),
            "asked": msgspec.json.encode(wanted).decode(),
            "by": by and by[:160],
            "created": self.now,
        }
        with self.database.write() as connection:
            mine = (reports.c.project == project) & (reports.c.same == row["same"])
            there = sa.select(reports.c.id).where(mine)
            if (known := connection.execute(there).scalar()) is None:
                self._check_schedules(connection, project)
                connection.execute(adding(connection, reports).on_conflict_do_nothing().values(row))
                known = connection.execute(there).scalar_one()
            else:
                connection.execute(sa.update(reports).where(mine).values(over=None))
            return self._read(connection, project, known)

    def _check_schedules(self, connection: Connection, project: str) -> None:
        count = sa.select(sa.func.count()).where(reports.c.project == project, reports.c.over.is_(None))
        if connection.execute(count).scalar_one() >= MOST_SCHEDULES:
            raise TooManyMails(f"This project has {MOST_SCHEDULES} schedules of reports already. Remove some first.")

    def get(self, project: str, report: str) -> Report:
        """Raises UnknownReport."""
        with self.database.read() as connection:
            return self._read(connection, project, report)

    def all(
        self, project: str, before: tuple[float, str] | None = None, limit: int = 100, run: str | None = None
    ) -> list[Report]:
        """The newest first; before: the time and id of the last one that was seen."""
        wanted = sa.select(reports).where(reports.c.project == project)
        if run is not None:
            wanted = wanted.where(reports.c.run == run)
        if before is not None:
            at, name = before
            wanted = wanted.where((reports.c.created < at) | ((reports.c.created == at) & (reports.c.id < name)))
        with self.database.read() as connection:
            rows = connection.execute(wanted.order_by(reports.c.created.desc(), reports.c.id.desc()).limit(limit)).all()
            return [report_of_row(connection, row) for row in rows]

    def remove(self, project: str, report: str) -> None:
        """With the mails that wait. Raises UnknownReport."""
        mine = (reports.c.project == project) & (reports.c.id == report)
        with self.database.write() as connection:
            if not connection.execute(sa.delete(reports).where(mine)).rowcount:
                raise UnknownReport(report)

    def _read(self, connection: Connection, project: str, report: str) -> Report:
        mine = (reports.c.project == project) & (reports.c.id == report)
        row = connection.execute(sa.select(reports).where(mine)).first()
        if row is None:
            raise UnknownReport(report)
        return report_of_row(connection, row)

    # --- mails ---

    def mail_now(self, project: str, run: str, asked: ReportMailAsked, site: str | None = None) -> ReportMail:
        """Of a run that is there. Raises BadValue, TooManyMails."""
        wanted = Wanted(addresses(asked.to), template=checked_template(asked.template), site=site)
        with self.database.write() as connection:
            waiting = report_mails.c.state.in_(("due", "preparing")) & report_mails.c.report.is_(None)
            if self._gone_out(connection, project, waiting) >= self.most_an_hour:
                raise TooManyMails(self._too_many())
            row = self._mail(project, None, (run, "now"), wanted)
            connection.execute(sa.insert(report_mails).values(row))
            return mail_of(connection.execute(sa.select(report_mails).where(report_mails.c.id == row["id"])).one())

    def mails(self, project: str, run: str, limit: int = 100) -> list[ReportMail]:
        """Of a run, the newest first."""
        mine = (report_mails.c.project == project) & (report_mails.c.run == run)
        newest = (report_mails.c.created.desc(), report_mails.c.id.desc())
        with self.database.read() as connection:
            rows = connection.execute(sa.select(report_mails).where(mine).order_by(*newest).limit(limit)).all()
        return [mail_of(row) for row in rows]

    def put(self, connection: Connection, schedule: Row[Any], run: str, event: str) -> None:
        """A mail of this occasion, unless it has one. What a newer one of the same interval says is not said twice."""
        wanted = msgspec.json.decode(schedule.asked, type=Wanted)
        row = self._mail(schedule.project, schedule.id, (run, event), wanted)
        made = connection.execute(adding(connection, report_mails).on_conflict_do_nothing().values(row)).rowcount
        if made and event.startswith("every "):
            older = (
                (report_mails.c.report == schedule.id) & (report_mails.c.run == run) & (report_mails.c.state == "due")
            )
            regular = report_mails.c.event.like("every %") & (report_mails.c.id != row["id"])
            passed = {"state": "passed", "ended": self.now}
            connection.execute(sa.update(report_mails).where(older, regular).values(passed))

    def _mail(self, project: str, report: str | None, about: tuple[str, str], wanted: Wanted) -> dict[str, Any]:
        run, event = about
        named = uuid.uuid4().hex if report is None else f"{report} {run} {event}"
        return {
            "id": hashlib.sha256(named.encode()).hexdigest(),
            "report": report,
            "project": project,
            "run": run,
            "event": event,
            "asked": msgspec.json.encode(wanted).decode(),
            "state": "due",
            "attempt": 0,
            "created": self.now,
            "due": self.now,
        }

    # --- those who send ---

    def claim(self) -> Claim | None:
        """The mail that has been due for longest."""
        ready = (report_mails.c.state == "due") & (report_mails.c.due <= self.now)
        wanted = sa.select(report_mails).where(ready).order_by(report_mails.c.due, report_mails.c.id).limit(1)
        with self.database.write() as connection:
            self._lapse(connection)
            while (row := connection.execute(wanted.with_for_update(skip_locked=True)).first()) is not None:
                if self._gone_out(connection, row.project) < self.most_an_hour:
                    break
                later = {"due": self.now + TOLD_S, "error": self._too_many()}
                connection.execute(sa.update(report_mails).where(report_mails.c.id == row.id).values(later))
            if row is None:
                return None
            leased = {"state": "preparing", "attempt": row.attempt + 1, "lease_until": self.now + LEASE_S}
            connection.execute(sa.update(report_mails).where(report_mails.c.id == row.id).values(leased))
        wanted_now = msgspec.json.decode(row.asked, type=Wanted)
        return Claim(row.id, row.attempt + 1, row.project, row.run, row.event, wanted_now)

    def hand(self, claim: Claim) -> bool:
        """From now on it may arrive. False where it is ours no longer."""
        values = {"state": "handing", "lease_until": self.now + HANDING_S, "ended": self.now}
        return self._say(claim, ("preparing",), values)

    def sent(self, claim: Claim, state: str = "sent", error: str | None = None) -> bool:
        return self._say(claim, ("handing", "unsure"), {"state": state, "ended": self.now, "error": error})

    def failed(self, claim: Claim, error: str, again: bool = True) -> bool:
        """again: it may go better later; after a day nobody waits for it any more."""
        wait = BACKOFF_S[min(claim.attempt, len(BACKOFF_S)) - 1]
        old = report_mails.c.created < self.now - DAY_S if again else sa.true()
        values = {
            "state": sa.case((old, "given_up"), else_="due"),
            "ended": sa.case((old, self.now), else_=None),
            "due": self.now + wait,
            "error": error[:500],
        }
        return self._say(claim, ("preparing", "handing"), values)

    def _say(self, claim: Claim, states: tuple[str, ...], values: dict[str, Any]) -> bool:
        ours = (report_mails.c.id == claim.id) & (report_mails.c.attempt == claim.attempt)
        with self.database.write() as connection:
            there = sa.update(report_mails).where(ours, report_mails.c.state.in_(states))
            return bool(connection.execute(there.values(values)).rowcount)

    def _lapse(self, connection: Connection) -> None:
        """What was held by a process that is gone; and what nobody asks for any more goes."""
        late = report_mails.c.lease_until < self.now
        again = (report_mails.c.state == "preparing") & late
        connection.execute(sa.update(report_mails).where(again).values(state="due"))
        open_ones = (report_mails.c.state == "handing") & late
        unsure = {"state": "unsure", "ended": self.now, "error": LAPSED}
        connection.execute(sa.update(report_mails).where(open_ones).values(unsure))
        over = sa.select(reports.c.id).where(reports.c.over.is_not(None))
        of_none = report_mails.c.report.is_(None) | report_mails.c.report.in_(
            over
        )  # else its name keeps a second one away
        old = report_mails.c.ended < self.now - MONTH_S
        connection.execute(sa.delete(report_mails).where(of_none, old))

    def _gone_out(self, connection: Connection, project: str, more: sa.ColumnElement[bool] | None = None) -> int:
        """Mails of this project within the hour."""
        recent = report_mails.c.state.in_(GONE_OUT) & (report_mails.c.ended > self.now - HOUR_S)
        counted = recent if more is None else recent | more
        count = sa.select(sa.func.count()).where(report_mails.c.project == project, counted)
        return int(connection.execute(count).scalar_one())

    def _too_many(self) -> str:
        return f"This project has mailed {self.most_an_hour} reports within an hour. Mail fewer, or wait."


def page_of_run(site: str, project: str, run: str) -> str:
    """Its report as it stands when it is looked at, for whoever is signed in (routes/reports.py)."""
    return f"{site}/projects/{project}/runs/{run}"


def wanted_of(asked: ReportAsked, site: str | None) -> Wanted:
    every = seconds_of(asked.every, "An interval")
    if every is not None and every < LEAST_EVERY_S:
        raise BadValue(f"A report every {every:g} s is too often. Give 60 s or more, as 5m.")
    when = None if asked.when is None else condition_of(asked.when).text
    if every is None and when is None and not asked.end and not asked.failure:
        raise BadValue("Nothing would ever be sent. Give every=, when=, end or failure.")
    template = checked_template(asked.template)
    return Wanted(addresses(asked.to), every, when, asked.end, asked.failure, template, site)


def checked_template(template: str | None) -> str | None:
    """Only its length: whether it can be filled is tried in a child process (service/routes/reports.py)."""
    if template is not None and len(template) > LONGEST_TEMPLATE:
        raise BadValue(f"The template has {len(template):,} characters, and may have {LONGEST_TEMPLATE:,}.")
    return template


def report_of_row(connection: Connection, row: Row[Any]) -> Report:
    wanted = msgspec.json.decode(row.asked, type=Wanted)
    mine = report_mails.c.report == row.id
    sent = mine & report_mails.c.state.in_(("sent", "partly"))
    count, last = connection.execute(sa.select(sa.func.count(), sa.func.max(report_mails.c.ended)).where(sent)).one()
    touched = sa.func.coalesce(report_mails.c.ended, report_mails.c.created)
    newest = sa.select(report_mails).where(mine).order_by(touched.desc(), report_mails.c.id).limit(1)
    mail = connection.execute(newest).first()
    waits = mail is not None and mail.state == "due" and mail.error is not None
    return Report(
        id=row.id,
        to=wanted.to,
        run=row.run,
        experiment=row.experiment,
        every_s=wanted.every_s,
        when=wanted.when,
        end=wanted.end,
        failure=wanted.failure,
        template=wanted.template is not None,
        created=row.created,
        by=row.by,
        over=row.over,
        sent=count,
        last_sent=last,
        error=None if mail is None else mail.error,
        next_try=mail.due if mail is not None and waits else None,
    )


def mail_of(row: Row[Any]) -> ReportMail:
    to = msgspec.json.decode(row.asked, type=Wanted).to
    columns = ("id", "run", "event", "state", "created", "due", "attempt", "ended", "error", "report")
    return ReportMail(to=to, **{name: getattr(row, name) for name in columns})

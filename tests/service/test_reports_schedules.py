"""Schedules: what is due is mailed once, by whoever is there; a broken mail server is told, and touches nothing else.

Time is moved by moving what is written in the database: its own clock is the only one that counts.
"""

import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa

from headhunt.errors import BadAddress, BadCondition, BadValue, TooManyMails, UnknownReport
from headhunt.track.journal import Ended, Points
from headhunt.track.wire import Report, ReportAsked, ReportMailAsked, RunBegun
from service import reporting
from service.database import Database
from service.mailing import SENDER, SMTP, Mailing, mailing_of
from service.projects import Projects
from service.report_work import Reporting
from service.reporting import LAPSED, Reports
from service.tables import report_mails, reports
from tests.service.mail_server import USER, Box, mail_server
from tests.tracking.telling import journal
from tracking.reports import rendering
from tracking.reports.facts import RunReport
from tracking.reports.rendering import Drawn
from tracking.store import Tracking
from tracking.tables import runs

ME = ("me@example.org",)
AT = 1e9


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is drawn is tested elsewhere, and takes seconds."""

    def drawn(report: RunReport, wanted: str, template: str | None = None) -> Drawn:
        return Drawn(f"<p>{report.name} {report.why}</p>", f"{report.name}: {report.why}", {}, b"%PDF-1.7")

    monkeypatch.setattr("service.report_work.drawn", drawn)


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    with mail_server(tmp_path, "smtp") as made:
        yield made


@pytest.fixture
def mailing(box: Box) -> Mailing:
    return mailing_of({SMTP: f"smtp://127.0.0.1:{box.port}", SENDER: USER})


@pytest.fixture
def project(database: Database) -> str:
    return Projects(database).ensure("default", make=True)


@pytest.fixture
def run(database: Database, project: str) -> str:
    return begun(database, project)


def begun(database: Database, project: str, name: str = "warm") -> str:
    return Tracking(database).begin(project, uuid.uuid4().hex, RunBegun(experiment="flowers", name=name)).id


def tell(database: Database, project: str, run: str, *records: object) -> None:
    tracking = Tracking(database)
    kept = tracking.journal(project, run).get("w", 0)
    tracking.append(project, run, "w", kept, journal(*records))  # type: ignore[arg-type]


def values(*losses: float, first: int = 0) -> list[Points]:
    return [Points(AT + 60 * step, step, {"val_loss": loss}) for step, loss in enumerate(losses, first)]


def earlier(database: Database, table: sa.Table, seconds: float, *columns: str) -> None:
    """As if so much time had passed since."""
    with database.write() as connection:
        connection.execute(sa.update(table).values({name: table.c[name] - seconds for name in columns}))


def later(database: Database, seconds: float) -> None:
    earlier(database, reports, seconds, "created")
    earlier(database, runs, seconds, "created", "started")
    earlier(database, report_mails, seconds, "created", "due", "lease_until", "ended")


def words(box: Box) -> list[str]:
    return [str(mail.get_body(("plain",)).get_content()).strip() for mail in box.mails]  # type: ignore[union-attr]


def states(database: Database) -> list[tuple[str, str]]:
    wanted = sa.select(report_mails.c.event, report_mails.c.state).order_by(
        report_mails.c.created, report_mails.c.event
    )
    with database.read() as connection:
        return [(event, state) for event, state in connection.execute(wanted)]


def test_a_report_comes_at_every_interval_and_at_the_end_and_never_twice(
    database: Database, project: str, run: str, mailing: Mailing, box: Box, quick: None
) -> None:
    Reports(database).add(project, ReportAsked(ME, run=run, every="30m"))
    work = Reporting(database, mailing)
    counts = [work.tick()]
    for _ in range(3):
        later(database, 1000.0)
        counts += [work.tick(), work.tick(), Reporting(database, mailing).tick()]
    assert counts == [0, 0, 0, 0, 1, 0, 0, 0, 0, 0]
    later(database, 6 * 3600.0)
    assert work.tick() == 1  # those that were missed are not caught up with
    tell(database, project, run, Ended(AT, "finished"))
    assert (work.tick(), work.tick()) == (1, 0)
    assert words(box) == ["warm: every 30 min", "warm: every 30 min", "warm: it has ended"]
    assert len({mail["Message-ID"] for mail in box.mails}) == 3
    (told,) = Reports(database).all(project)
    assert (told.sent, told.error, told.every_s) == (3, None, 1800.0)


def test_several_servers_of_one_database_send_each_report_once(
    database: Database, url: str, project: str, mailing: Mailing, box: Box, quick: None
) -> None:
    for i in range(12):
        one = begun(database, project, f"run {i}")
        Reports(database).add(project, ReportAsked(ME, run=one, every="1m"))
    later(database, 90.0)
    together = threading.Barrier(4)

    def server(_: int) -> int:
        own = Database(url)
        try:
            work = Reporting(own, mailing)
            together.wait()
            return sum(work.tick() for _ in range(3))
        finally:
            own.close()

    with ThreadPoolExecutor(4) as servers:
        assert sum(servers.map(server, range(4))) == 12
    assert sorted(words(box)) == sorted(f"run {i}: every 1 min" for i in range(12))


def test_a_failure_is_told_and_an_end_only_where_it_was_asked_for(
    database: Database, project: str, mailing: Mailing, box: Box, quick: None
) -> None:
    fails, ends = begun(database, project, "fails"), begun(database, project, "ends")
    for one in (fails, ends):
        Reports(database).add(project, ReportAsked(ME, run=one, end=False))
    tell(database, project, fails, Ended(AT, "failed", "ValueError: x"))
    tell(database, project, ends, Ended(AT, "finished"))
    assert Reporting(database, mailing).tick() == 1
    assert words(box) == ["fails: it has failed"]


def test_a_run_of_which_nothing_is_heard_is_told_once(
    database: Database, project: str, run: str, mailing: Mailing, box: Box, quick: None
) -> None:
    Reports(database).add(project, ReportAsked(ME, run=run, every="30m"))
    earlier(database, runs, 600.0, "seen")
    assert (Reporting(database, mailing).tick(), Reporting(database, mailing).tick()) == (1, 0)
    assert words(box) == ["warm: nothing is heard of it"]


def test_a_condition_is_told_when_it_comes_true_and_again_after_it_was_untrue(
    database: Database, project: str, run: str, mailing: Mailing, box: Box, quick: None
) -> None:
    when = "val_loss has not improved for 3 points"
    Reports(database).add(project, ReportAsked(ME, run=run, when=when, end=False, failure=False))
    counts = []
    told = [(1.0, 0.5, 0.6), (0.6,), (0.7,), (0.7,), (0.4,), (0.5, 0.5, 0.5)]
    step = 0
    for more in told:
        tell(database, project, run, *values(*more, first=step))
        step += len(more)
        counts.append(Reporting(database, mailing).tick() + Reporting(database, mailing).tick())
    assert counts == [0, 0, 1, 0, 0, 1]
    assert words(box) == [f"warm: {when}"] * 2


def test_of_an_experiment_every_run_is_told_that_ends_from_now_on(
    database: Database, project: str, mailing: Mailing, box: Box, quick: None
) -> None:
    old, new, other = (begun(database, project, name) for name in ("old", "new", "other"))
    tell(database, project, old, Ended(AT, "finished"))
    earlier(database, runs, 60.0, "seen")
    Tracking(database).begin(project, uuid.uuid4().hex, RunBegun(experiment="else", name="else"))
    Reports(database).add(project, ReportAsked(ME, experiment="flowers"))
    for one in (new, other):
        tell(database, project, one, Ended(AT, "finished"))
    work = Reporting(database, mailing)
    assert (work.tick(), work.tick()) == (2, 0)
    assert sorted(words(box)) == ["new: it has ended", "other: it has ended"]


def test_a_broken_mail_server_is_told_and_tried_again_later_and_later(
    database: Database, project: str, run: str, mailing: Mailing, box: Box, quick: None
) -> None:
    kept = Reports(database)
    made = kept.add(project, ReportAsked(ME, run=run))
    box.answer = "451 try later"
    tell(database, project, run, Ended(AT, "finished"))
    work = Reporting(database, mailing)
    assert (work.tick(), work.tick()) == (0, 0)
    first = kept.get(project, made.id)
    assert "451 try later" in str(first.error)
    assert first.next_try is not None
    later(database, 61.0)
    assert work.tick() == 0
    assert second_wait(kept.mails(project, run)[0].due, database) > 200.0
    later(database, 301.0)
    box.answer = "250 OK"
    assert work.tick() == 1
    after = kept.get(project, made.id)
    assert (after.sent, after.error, after.next_try) == (1, None, None)


def second_wait(due: float, database: Database) -> float:
    with database.read() as connection:
        return due - float(connection.execute(sa.select(database.now)).scalar_one())


def test_a_mail_is_given_up_after_a_day_and_a_newer_one_of_its_interval_takes_its_place(
    database: Database, project: str, run: str, mailing: Mailing, box: Box, quick: None
) -> None:
    Reports(database).add(project, ReportAsked(ME, run=run, every="30m"))
    box.answer = "554 never"
    work = Reporting(database, mailing)
    for _ in range(3):
        later(database, 1801.0)
        work.tick()
    assert [state for _, state in states(database)] == ["passed", "passed", "due"]
    tell(database, project, run, Ended(AT, "finished"))
    work.tick()
    earlier(database, report_mails, 90_000.0, "created", "due")
    work.tick()
    assert [state for _, state in states(database)][-2:] == ["given_up", "given_up"]
    assert box.mails == []


def test_what_a_dead_process_was_drawing_is_drawn_again_and_what_it_was_handing_over_is_not(
    database: Database, project: str, run: str, mailing: Mailing, box: Box, quick: None
) -> None:
    kept = Reports(database)
    kept.mail_now(project, run, ReportMailAsked(ME))
    dead = kept.claim()
    assert dead is not None
    assert kept.claim() is None  # it is leased
    later(database, 10_000.0)
    again = kept.claim()
    assert again is not None
    assert again.attempt == 2
    assert not kept.hand(dead)  # it wakes up, and may no longer send
    assert kept.hand(again)
    later(database, 10_000.0)
    assert Reporting(database, mailing).tick() == 0
    (mail,) = kept.mails(project, run)
    assert (mail.state, mail.error) == ("unsure", LAPSED)
    assert kept.sent(again)  # it was only slow
    assert kept.mails(project, run)[0].state == "sent"
    assert box.mails == []


def test_a_mail_that_may_have_arrived_is_not_sent_again(
    database: Database, project: str, run: str, mailing: Mailing, box: Box, quick: None
) -> None:
    kept = Reports(database)
    box.refused = {"gone@example.org"}
    kept.mail_now(project, run, ReportMailAsked((*ME, "gone@example.org")))
    work = Reporting(database, mailing)
    assert (work.tick(), work.tick()) == (1, 0)
    (mail,) = kept.mails(project, run)
    assert mail.state == "partly"
    assert "gone@example.org" in str(mail.error)


def test_a_template_that_fails_is_told_and_keeps_nobody_else_waiting(
    database: Database, project: str, run: str, mailing: Mailing, box: Box
) -> None:
    kept = Reports(database)
    kept.mail_now(project, run, ReportMailAsked(ME, template="{{ metrics[0].name }}"))
    kept.mail_now(project, run, ReportMailAsked(ME, template="<p>{{ name }} of {{ experiment }}</p>"))
    assert Reporting(database, mailing).tick() == 1
    assert sorted(mail.state for mail in kept.mails(project, run)) == ["given_up", "sent"]
    html = box.mails[0].get_body(("html",)).get_content()  # type: ignore[union-attr]
    assert html.strip() == "<p>warm of flowers</p>"


def test_a_project_mails_so_many_an_hour_and_no_more(
    database: Database, project: str, run: str, mailing: Mailing, box: Box, quick: None
) -> None:
    few, other = Reports(database, most_an_hour=2), Projects(database).ensure("other", make=True)
    for _ in range(2):
        few.mail_now(project, run, ReportMailAsked(ME))
    with pytest.raises(TooManyMails, match="2 reports within an hour"):
        few.mail_now(project, run, ReportMailAsked(ME))
    few.add(project, ReportAsked(ME, run=run, every="1m"))
    theirs = begun(database, other, "theirs")
    few.mail_now(other, theirs, ReportMailAsked(ME))
    later(database, 70.0)
    work = Reporting(database, mailing)
    work.reports = few
    assert work.tick() == 3
    assert sorted(words(box)) == ["theirs: asked for", "warm: asked for", "warm: asked for"]
    assert "within an hour" in str(few.all(project)[0].error)
    later(database, 4000.0)
    assert work.tick() == 1


def test_the_same_asked_twice_is_one_schedule(database: Database, project: str, run: str) -> None:
    kept = Reports(database)
    first = kept.add(project, ReportAsked(ME, run=run, every="30m"))
    assert kept.add(project, ReportAsked(ME, run=run, every=1800)) == first
    assert kept.add(project, ReportAsked(ME, run=run, every="1h")).id != first.id
    kept.remove(project, first.id)
    with pytest.raises(UnknownReport):
        kept.get(project, first.id)
    with pytest.raises(UnknownReport):
        kept.remove(Projects(database).ensure("other", make=True), kept.all(project)[0].id)
    assert len(kept.all(project)) == 1


@pytest.mark.parametrize(
    ("asked", "fault"),
    [(ReportAsked(ME, every="30m"), BadValue), (ReportAsked(ME, run="a" * 32, experiment="x"), BadValue),
     (ReportAsked((), run="a" * 32), BadAddress), (ReportAsked(ME, run="a" * 32, every="5s"), BadValue),
     (ReportAsked(ME, run="a" * 32, every="often"), BadValue),
     (ReportAsked(ME, run="a" * 32, when="loss is bad"), BadCondition),
     (ReportAsked(ME, run="a" * 32, end=False, failure=False), BadValue),
     (ReportAsked(ME, run="a" * 32, template="x" * 300_000), BadValue)],
)  # fmt: skip
def test_what_cannot_be_scheduled_is_refused(
    database: Database, project: str, asked: ReportAsked, fault: type[Exception]
) -> None:
    with pytest.raises(fault):
        Reports(database).add(project, asked)


def test_schedules_are_bounded_and_end_with_their_run(
    database: Database, project: str, run: str, mailing: Mailing, monkeypatch: pytest.MonkeyPatch, quick: None
) -> None:
    monkeypatch.setattr(reporting, "MOST_SCHEDULES", 1)
    kept = Reports(database)
    kept.add(project, ReportAsked(ME, run=run))
    with pytest.raises(TooManyMails, match="Remove some"):
        kept.add(project, ReportAsked(ME, run=run, every="1h"))
    tell(database, project, run, Ended(AT, "finished"))
    earlier(database, runs, 4000.0, "seen")
    assert Reporting(database, mailing).tick() == 1
    (told,) = kept.all(project)
    assert told.over is not None
    assert isinstance(kept.add(project, ReportAsked(ME, run=run, every="1h")), Report)


def test_a_run_that_is_gone_ends_its_schedule_and_its_mails(
    database: Database, project: str, run: str, mailing: Mailing, quick: None
) -> None:
    kept = Reports(database)
    kept.add(project, ReportAsked(ME, run=run))
    kept.mail_now(project, run, ReportMailAsked(ME))
    Tracking(database).remove(project, run)
    assert Reporting(database, mailing).tick() == 0
    assert kept.all(project)[0].over is not None
    assert kept.mails(project, run)[0].state == "given_up"


def test_old_mails_go_but_those_whose_names_keep_a_second_one_away(
    database: Database, project: str, run: str, mailing: Mailing, box: Box, quick: None
) -> None:
    kept = Reports(database)
    kept.mail_now(project, run, ReportMailAsked(ME))
    kept.add(project, ReportAsked(ME, run=run, when="val_loss > 1"))
    tell(database, project, run, *values(2.0))
    assert Reporting(database, mailing).tick() == 2
    earlier(database, report_mails, 40 * 86_400.0, "created", "ended")
    assert Reporting(database, mailing).tick() == 0
    assert [mail.event for mail in kept.mails(project, run)] == ["when since 0"]


def test_whoever_knows_no_mail_server_leaves_the_mails_to_others(database: Database, project: str, run: str) -> None:
    Reports(database).mail_now(project, run, ReportMailAsked(ME))
    assert Reporting(database, None).tick() == 0
    assert Reports(database).mails(project, run)[0].attempt == 0


def test_the_module_that_draws_is_not_loaded_by_whoever_sends() -> None:
    assert not any(name in vars(rendering) for name in ("FPDF", "Image", "page"))

"""Reports of runs: mailed now, mailed by schedule, or looked at. They are drawn in a child process (tracking/reports)
and mailed by a worker; this process loads nothing that draws."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Literal

import sqlalchemy as sa
from litestar import Response, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter

from headhunt.errors import BadValue, NoMailServer, ServiceUnavailable
from headhunt.track.wire import Report, ReportAsked, ReportMail, ReportMailAsked
from headhunt.wire import Page
from service.access import Caller
from service.mailing import SMTP
from service.paging import Paging, page_of
from service.parts import Service
from service.reporting import Reports, page_of_run
from tracking.reports.building import Told, report_of
from tracking.reports.facts import RunReport
from tracking.reports.rendering import drawn

TAGS = ["reports"]
As = Annotated[Literal["html", "pdf"], QueryParameter(name="as", description="html (with its pictures inside) or pdf.")]
NO_RIGHTS = (
    "sandbox; default-src 'none'; img-src data:; font-src data:; style-src 'unsafe-inline'; frame-ancestors 'none'"
)
"""What a page may that holds the words of whoever wrote the run: nothing."""
ROOM = threading.BoundedSemaphore(2)
"""Reports that are drawn at once; each takes a processor for a second or two, and one of the few request threads."""


@post("/reports", status_code=201, sync_to_thread=True, who="member", tags=TAGS)
def add_report(
    service: NamedDependency[Service], caller: NamedDependency[Caller], data: JSONBody[ReportAsked]
) -> Response[Report]:
    """A schedule: of a run, or of every run of an experiment. Asked for again, it is the same one."""
    return added(service, caller, data)


@post("/runs/{run:str}/schedules", status_code=201, sync_to_thread=True, who="member", tags=TAGS)
def add_report_of_run(
    service: NamedDependency[Service],
    caller: NamedDependency[Caller],
    data: JSONBody[ReportAsked],
    run: FromPath[str],
) -> Response[Report]:
    """A schedule of this run, as `headhunt.watch_report` asks for it."""
    if data.run not in (None, run) or data.experiment is not None:
        raise BadValue("The path names the run already. Leave out run and experiment.")
    whole = ReportAsked(data.to, run, None, data.every, data.when, data.end, data.failure, data.template)
    service.tracking.get(caller.project, run)
    return added(service, caller, whole)


@get("/reports", sync_to_thread=True, who="reader", tags=TAGS)
def list_reports(
    service: NamedDependency[Service],
    caller: NamedDependency[Caller],
    paging: NamedDependency[Paging],
    run: Annotated[str | None, QueryParameter(max_length=32, description="Only of this run.")] = None,
) -> Page[Report]:
    """The newest first. `error` says what keeps the newest mail of each from going out."""
    found = Reports(service.database).all(caller.project, paging.cursor(float, str), paging.limit + 1, run)
    return page_of(found, paging.limit, lambda one: (one.created, one.id))


@get("/reports/{report:str}", sync_to_thread=True, who="reader", tags=TAGS)
def get_report(service: NamedDependency[Service], caller: NamedDependency[Caller], report: FromPath[str]) -> Report:
    """A schedule, and how its newest mail fares."""
    return Reports(service.database).get(caller.project, report)


@delete("/reports/{report:str}", status_code=204, sync_to_thread=True, who="member", tags=TAGS)
def remove_report(service: NamedDependency[Service], caller: NamedDependency[Caller], report: FromPath[str]) -> None:
    """With its mails that wait."""
    Reports(service.database).remove(caller.project, report)


@post("/runs/{run:str}/report", status_code=202, sync_to_thread=True, who="member", tags=TAGS)
def mail_report(
    service: NamedDependency[Service],
    caller: NamedDependency[Caller],
    data: JSONBody[ReportMailAsked],
    run: FromPath[str],
) -> Response[ReportMail]:
    """A report, mailed within seconds: GET /runs/{run}/mails tells how it fares."""
    report = facts_of(service, caller, run)
    check_mails(service)
    check_template(report, data.template)
    made = Reports(service.database).mail_now(caller.project, run, data, service.settings.address)
    return Response(made, status_code=202, headers={"Location": f"/api/v1/runs/{run}/mails"})


@get("/runs/{run:str}/mails", sync_to_thread=True, who="reader", tags=TAGS)
def list_mails(
    service: NamedDependency[Service], caller: NamedDependency[Caller], run: FromPath[str]
) -> Page[ReportMail]:
    """The newest hundred reports of a run, and how each fares."""
    service.tracking.get(caller.project, run)
    return Page(items=tuple(Reports(service.database).mails(caller.project, run)))


@get("/runs/{run:str}/report", sync_to_thread=True, who="reader", tags=TAGS, media_type="text/html")
def show_report(
    service: NamedDependency[Service],
    caller: NamedDependency[Caller],
    run: FromPath[str],
    kind: As = "html",
) -> Response[bytes]:
    """As it stands now."""
    return drawn_now(service, caller, run, kind)


@get("/projects/{project:str}/runs/{run:str}", sync_to_thread=True, who="reader", include_in_schema=False)
def show_page(
    service: NamedDependency[Service],
    caller: NamedDependency[Caller],
    project: FromPath[str],
    run: FromPath[str],
) -> Response[bytes]:
    """Where mails lead to: a browser that is signed in names no project but in the path, of which the caller is."""
    return drawn_now(service, caller, run, "html")


# --- what they have in common -----------------------------------------------------------------------------------------


def drawn_now(service: Service, caller: Caller, run: str, kind: Literal["html", "pdf"]) -> Response[bytes]:
    report = facts_of(service, caller, run)
    with room():
        made = drawn(report, kind)
    if kind == "pdf":
        name = f"run-{report.run[:8]}.pdf"
        headers = {"Content-Disposition": f'inline; filename="{name}"', "Content-Security-Policy": NO_RIGHTS}
        return Response(made.pdf, media_type="application/pdf", headers=headers)
    headers = {"Content-Security-Policy": NO_RIGHTS}
    return Response(made.html.encode(), media_type="text/html", headers=headers)


def added(service: Service, caller: Caller, asked: ReportAsked) -> Response[Report]:
    check_mails(service)
    report = EXAMPLE if asked.run is None else facts_of(service, caller, asked.run)
    check_template(report, asked.template)
    made = Reports(service.database).add(caller.project, asked, caller.who, service.settings.address)
    return Response(made, status_code=201, headers={"Location": f"/api/v1/reports/{made.id}"})


def facts_of(service: Service, caller: Caller, run: str) -> RunReport:
    """Raises UnknownRun."""
    with service.database.read() as connection:
        now = float(connection.execute(sa.select(service.database.now)).scalar_one())
    link = page_of_run(service.settings.address, caller.project, run)
    return report_of(service.tracking, caller.project, run, Told(now, link=link))


def check_mails(service: Service) -> None:
    if not service.settings.mails:
        raise NoMailServer(f"This server knows no mail server. Whoever runs it sets {SMTP}.")


def check_template(report: RunReport, template: str | None) -> None:
    """Whether it can be filled. Raises BadTemplate."""
    if template is not None:
        with room():
            drawn(report, "check", template)


@contextmanager
def room() -> Iterator[None]:
    if not ROOM.acquire(blocking=False):
        raise ServiceUnavailable("Other reports are drawn at this moment. Try again in a few seconds.")
    try:
        yield
    finally:
        ROOM.release()


EXAMPLE = RunReport(run="0" * 32, name="example", state="running", made=0.0, started=0.0)
ROUTES = (
    add_report,
    add_report_of_run,
    list_reports,
    get_report,
    remove_report,
    mail_report,
    list_mails,
    show_report,
)

"""`headhunt report RUN`: a report as a page, as a PDF, or by mail; of a run at home, or on the server that is asked."""

import argparse
import os
import re
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from headhunt.errors import BadValue, MissingFile, NotWritten, UnknownRun, printable
from headhunt.home import home_folder
from headhunt.remote.credentials import Chosen, chosen
from headhunt.track.wire import ReportMail, ReportMailAsked
from service.mailing import mailing_of
from service.parts import service_of
from service.projects import DEFAULT
from service.settings import Settings
from tracking.reports.building import Told, report_of
from tracking.reports.letter import Envelope, addresses, letter
from tracking.reports.rendering import drawn
from tracking.store import Tracking

AN_ID = re.compile(r"[0-9a-f]{32}")
LARGEST_TEMPLATE = 1 << 20


def report(asked: argparse.Namespace) -> None:
    if not (asked.html or asked.pdf or asked.mail):
        raise BadValue("Say where the report is to go: --html FILE, --pdf FILE or --mail ADDRESS.")
    template = None if asked.template is None else template_in(Path(asked.template))
    found = chosen(asked.server, None, home_folder())
    if found is None:
        from_home(asked, template)
    else:
        from_server(asked, template, found)


def from_home(asked: argparse.Namespace, template: str | None) -> None:
    """Drawn and mailed by this machine; the mail server stands in HEADHUNT_SMTP."""
    to = addresses(asked.mail) if asked.mail else ()
    mailing = mailing_of(os.environ) if to else None
    with runs_here() as (tracking, project):
        facts = report_of(tracking, project, run_named(tracking, project, asked.run), Told(time.time()))
    if asked.html:
        write(Path(asked.html), drawn(facts, "html", template).html.encode())
    if asked.pdf or to:
        made = drawn(facts, "mail" if to else "pdf", template)
        if asked.pdf:
            write(Path(asked.pdf), made.pdf)
        if mailing is not None:
            mailing.send(letter(facts, made, Envelope(mailing.sender, to, uuid.uuid4().hex)))
            print(f"mailed to {', '.join(to)}")


def from_server(asked: argparse.Namespace, template: str | None, found: Chosen) -> None:
    from headhunt.remote.reading import LARGEST_ANSWER, read
    from headhunt.remote.transport import Server

    if not AN_ID.fullmatch(asked.run):
        raise BadValue(f"{printable(asked.run, 60)!r} is no id of a run. On a server a run is named by its id.")
    if template is not None and (asked.html or asked.pdf):
        raise BadValue("A server fills its own template into pages. Give --template with --mail, or --server local.")
    with Server(found.url, found.key) as server:
        for kind, path in (("html", asked.html), ("pdf", asked.pdf)):
            if path:
                with server.opened("GET", f"/runs/{asked.run}/report", params={"as": kind}) as response:
                    write(Path(path), read(server.url, response, LARGEST_ANSWER))
        if asked.mail:
            wanted = ReportMailAsked(tuple(asked.mail), template)
            mail = server.ask("POST", f"/runs/{asked.run}/report", ReportMail, body=wanted)
            print(f"{found.url} mails it to {', '.join(mail.to)}")


# --- the home ---------------------------------------------------------------------------------------------------------


@contextmanager
def runs_here() -> Iterator[tuple[Tracking, str]]:
    """The runs that this home keeps, and the project that they are in."""
    service = service_of(Settings(home=home_folder()))
    try:
        yield Tracking(service.database), service.projects.ensure(DEFAULT, make=True)
    finally:
        service.database.close()
        service.door.close()


def run_named(tracking: Tracking, project: str, named: str) -> str:
    """By its id, the beginning of one, or its name: the newest of that name. Raises UnknownRun."""
    if AN_ID.fullmatch(named):
        return named
    there = tracking.find(project, limit=1000)
    fitting = [one.id for one in there if one.name == named] or [
        one.id for one in there if len(named) >= 4 and one.id.startswith(named)
    ]
    if not fitting:
        raise UnknownRun(named, [one.name for one in there if one.name])
    return fitting[0]


def template_in(path: Path) -> str:
    try:
        if path.stat().st_size > LARGEST_TEMPLATE:
            raise BadValue(f"{path} is no template: it has more than {LARGEST_TEMPLATE:,} bytes.")
        return path.read_text("utf-8")
    except FileNotFoundError as error:
        raise MissingFile(f"There is no file {str(path)!r}. Give the path of a template.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise MissingFile(f"{str(path)!r} cannot be read as text. Give a template in UTF-8.") from error


def write(path: Path, data: bytes) -> None:
    """As a whole: nobody finds half of it."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.write_bytes(data)
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise NotWritten(f"{str(path)!r} could not be written ({error.strerror or error}).") from error
    print(path)

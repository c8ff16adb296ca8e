"""`headhunt report RUN`: a report as a page, as a PDF, or by mail; of a run at home, or on the server that is asked."""

import argparse
import os
import time
import uuid
from pathlib import Path

from headhunt.cli.run_shelves import Local, Remote, named, shelf
from headhunt.errors import BadValue, MissingFile, NotWritten
from headhunt.remote.reading import LARGEST_ANSWER, read
from headhunt.remote.transport import Server
from headhunt.track.wire import ReportMail, ReportMailAsked

LARGEST_TEMPLATE = 1 << 20


def report(asked: argparse.Namespace) -> None:
    if not (asked.html or asked.pdf or asked.mail):
        raise BadValue("Say where the report is to go: --html FILE, --pdf FILE or --mail ADDRESS.")
    template = None if asked.template is None else template_in(Path(asked.template))
    with shelf(asked.server) as one:
        run = named(one, asked.run)
        if isinstance(one, Remote):
            from_server(asked, template, one.server, run)
        elif isinstance(one, Local):
            from_home(asked, template, one, run)


def from_home(asked: argparse.Namespace, template: str | None, here: Local, run: str) -> None:
    """Drawn and mailed by this machine; the mail server stands in HEADHUNT_SMTP."""
    from service.mailing import mailing_of  # the service's half of the package, as in run_shelves
    from tracking.reports.addresses import addresses
    from tracking.reports.building import Told, report_of
    from tracking.reports.letter import Envelope, letter
    from tracking.reports.rendering import drawn

    to = addresses(asked.mail) if asked.mail else ()
    mailing = mailing_of(os.environ) if to else None
    facts = report_of(here.tracking, here.project, run, Told(time.time()))
    if asked.html:
        write(Path(asked.html), drawn(facts, "html", template).html.encode())
    if asked.pdf or to:
        made = drawn(facts, "mail" if to else "pdf", template)
        if asked.pdf:
            write(Path(asked.pdf), made.pdf)
        if mailing is not None:
            mailing.send(letter(facts, made, Envelope(mailing.sender, to, uuid.uuid4().hex)))
            print(f"mailed to {', '.join(to)}")


def from_server(asked: argparse.Namespace, template: str | None, server: Server, run: str) -> None:
    if template is not None and (asked.html or asked.pdf):
        raise BadValue("A server fills its own template into pages. Give --template with --mail, or --server local.")
    for kind, path in (("html", asked.html), ("pdf", asked.pdf)):
        if path:
            with server.opened("GET", f"/runs/{run}/report", params={"as": kind}) as response:
                write(Path(path), read(server.url, response, LARGEST_ANSWER))
    if asked.mail:
        wanted = ReportMailAsked(tuple(asked.mail), template)
        mail = server.ask("POST", f"/runs/{run}/report", ReportMail, body=wanted)
        print(f"{server.url} mails it to {', '.join(mail.to)}")


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

"""The mail: HTML with its pictures inside, the same as plain text, the PDF attached. Nothing of a run reaches a header
unless it is one line of printable text."""

import re
import unicodedata
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import NamedTuple

from tracking.reports.facts import RunReport
from tracking.reports.rendering import Drawn
from tracking.reports.words import number

LONGEST_SUBJECT = 150
STATES = {"running": "is running", "finished": "has finished", "failed": "has failed", "lost": "is lost"}


class Envelope(NamedTuple):
    """key: names this very mail; the same key gives the same Message-ID, by which mail programs know a double."""

    sender: str
    to: tuple[str, ...]
    key: str


def letter(report: RunReport, drawn: Drawn, envelope: Envelope) -> EmailMessage:
    made = EmailMessage(policy=SMTP.clone(max_line_length=200, cte_type="7bit"))
    made["From"] = Address("headhunt", addr_spec=envelope.sender)
    made["To"] = tuple(Address(addr_spec=one) for one in envelope.to)
    made["Subject"] = subject(report)
    made["Date"] = format_datetime(moment(report.made))
    made["Message-ID"] = f"<{envelope.key}@{envelope.sender.rpartition('@')[2]}>"
    made["Auto-Submitted"] = "auto-generated"
    made.set_content(drawn.text)
    made.add_alternative(drawn.html, subtype="html")
    page = made.get_body(("html",))
    if page is None:
        raise TypeError("a letter without a page")
    for name, picture in drawn.pictures.items():
        page.add_related(picture, "image", "png", cid=f"<{name}>", disposition="inline", filename=f"{name}.png")
    made.add_attachment(drawn.pdf, "application", "pdf", filename=f"{file_name(report)}.pdf")
    return made


def subject(report: RunReport) -> str:
    newest = [f"{one.name} {number(one.value)}" for one in report.metrics if one.goal][:2]
    words = f"{report.title} {STATES.get(report.state, report.state)}"
    return one_line(": ".join(one for one in (words, ", ".join(newest)) if one))


def one_line(text: str) -> str:
    """Without any character that ends a line, controls, or turns the direction of text."""
    kept = "".join(" " if c.isspace() else c for c in text if c.isspace() or unicodedata.category(c)[0] != "C")
    line = " ".join(kept.split())
    return line if len(line) <= LONGEST_SUBJECT else line[: LONGEST_SUBJECT - 1] + "…"


def file_name(report: RunReport) -> str:
    """Letters and digits of any script, and dashes."""
    name = re.sub(r"[^\w.-]+", "-", report.title).strip("-.")[:60]
    return name or f"run-{report.run[:8]}"


def moment(at: float) -> datetime:
    try:
        return datetime.fromtimestamp(at, UTC)
    except (ValueError, OverflowError, OSError):
        return datetime.now(UTC)

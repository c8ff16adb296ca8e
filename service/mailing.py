"""Which mail server takes our mails, and handing one to it. The address holds a password, so it comes by environment
and is never shown: HEADHUNT_SMTP

    smtps://user:password@mail.example.org:465           TLS from the first byte
    smtp+starttls://user:password@mail.example.org:587   TLS before anything is said
    smtp://127.0.0.1:25                                  in the clear, without signing in, or on this machine

HEADHUNT_SMTP_FROM is who writes; HEADHUNT_SMTP_CA a file of certificates to trust instead of the system's.
"""

import os
import smtplib
import socket
import ssl
from collections.abc import Mapping
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit

from headhunt.errors import BadAddress, BadValue, MailFailed, MissingFile, NoMailServer, printable
from tracking.reports.addresses import address

SMTP, SENDER, CA = "HEADHUNT_SMTP", "HEADHUNT_SMTP_FROM", "HEADHUNT_SMTP_CA"
PORTS = {"smtps": 465, "smtp+starttls": 587, "smtp": 25}
HERE = ("127.0.0.1", "::1", "localhost")
PATIENCE_S = 20.0
"""For each answer of the mail server."""
WOULD_DO = "Give it as smtps://user:password@mail.example.org:465 or smtp+starttls://..."


class Mailing:
    """A mail server, and who writes."""

    def __init__(self, kind: str, host: str, port: int, sender: str) -> None:
        self.kind, self.host, self.port, self.sender = kind, host, port, sender
        self.user, self.password = "", ""
        self.ca: str | None = None
        self.patience_s = PATIENCE_S

    def __repr__(self) -> str:
        return f"Mailing({self.kind}://{self.host}:{self.port})"

    def send(self, mail: EmailMessage) -> None:
        """To all of its addresses. Raises MailFailed where nobody has it, MailPartly where some lack it, MailUnsure
        where the mail server went away before it said whether it has it; nothing of the password is in them."""
        to = [one.addr_spec for one in mail["To"].addresses]
        try:
            with self._connected() as server:
                if self.user:
                    server.login(self.user, self.password)
                refused = self._hand(server, mail, to)
        except smtplib.SMTPAuthenticationError as error:
            raise MailFailed(f"{self} does not let us sign in ({error.smtp_code}). Check {SMTP}.") from None
        except smtplib.SMTPResponseException as error:
            told = self._clear(error.smtp_error)
            raise MailFailed(f"{self} does not take the mail ({error.smtp_code} {told}).") from None
        except (smtplib.SMTPException, OSError, ValueError) as error:
            told = self._clear(str(error) or type(error).__name__)
            raise MailFailed(f"{self} cannot be reached ({told}).") from None
        if refused:
            raise MailPartly(f"{self} does not take some of the addresses ({self._said(refused)}).")

    def _hand(self, server: smtplib.SMTP, mail: EmailMessage, to: list[str]) -> dict[str, tuple[int, bytes]]:
        """The addresses that were refused, where not all were."""
        server.ehlo_or_helo_if_needed()
        code, words = server.mail(self.sender)
        if code != 250:
            raise smtplib.SMTPSenderRefused(code, words, self.sender)
        said = {one: server.rcpt(one) for one in to}
        refused = {one: answer for one, answer in said.items() if answer[0] not in (250, 251)}
        if len(refused) == len(to):
            raise MailFailed(f"{self} takes none of the addresses ({self._said(refused)}).")
        try:
            code, words = server.data(mail.as_bytes())
        except smtplib.SMTPDataError:
            raise
        except (smtplib.SMTPServerDisconnected, OSError) as error:
            raise MailUnsure(f"{self} went away before it said whether it has the mail.") from error
        if code != 250:
            raise smtplib.SMTPDataError(code, words)
        return refused

    def __str__(self) -> str:
        return f"The mail server {self.host}:{self.port}"

    def _connected(self) -> smtplib.SMTP:
        if self.kind == "smtps":
            return smtplib.SMTP_SSL(self.host, self.port, timeout=self.patience_s, context=self._trust())
        server = smtplib.SMTP(self.host, self.port, timeout=self.patience_s)
        try:
            if self.kind == "smtp+starttls":
                server.starttls(context=self._trust())
        except BaseException:
            server.close()
            raise
        return server

    def _trust(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self.ca)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return context

    def _said(self, refused: Mapping[str, tuple[int, bytes]]) -> str:
        return "; ".join(f"{who}: {code} {self._clear(words)}" for who, (code, words) in list(refused.items())[:3])

    def _clear(self, said: str | bytes) -> str:
        """What a mail server says may quote what it was sent."""
        text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
        text = " ".join(text.split())
        for secret in (self.password, self.user):
            if len(secret) > 3:
                text = text.replace(secret, "***")
        return printable(text, 200)


class MailPartly(MailFailed):
    """Some have it, others not: it is not sent again."""


class MailUnsure(MailFailed):
    """It may have arrived: it is not sent again."""


def mailing_of(surroundings: Mapping[str, str] = os.environ) -> Mailing:
    """Raises NoMailServer where none is named, BadValue where it is wrong; neither shows what it says."""
    url = surroundings.get(SMTP, "").strip()
    if not url:
        raise NoMailServer(f"No mail server is named to send by: set {SMTP} where this runs. {WOULD_DO}")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or PORTS.get(parts.scheme, 0)
    except ValueError:
        host, port, parts = "", 0, urlsplit("")
    if parts.scheme not in PORTS or not host or parts.path.strip("/") or parts.query or parts.fragment:
        raise BadValue(f"{SMTP} is no address of a mail server. {WOULD_DO}")
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if parts.scheme == "smtp" and user and host not in HERE:
        raise BadValue(f"{SMTP} would send its password in the clear. Use smtps:// or smtp+starttls://.")
    made = Mailing(parts.scheme, host, port, sender_of(surroundings, user, host))
    made.user, made.password, made.ca = user, password, surroundings.get(CA) or None
    if made.ca is not None and not os.path.isfile(made.ca):  # noqa: PTH113
        raise MissingFile(f"{CA} names {made.ca!r}, which is no file. Give a file of certificates in PEM.")
    return made


def sender_of(surroundings: Mapping[str, str], user: str, host: str) -> str:
    """HEADHUNT_SMTP_FROM, or the one who signs in, or headhunt at this machine."""
    if given := surroundings.get(SENDER, "").strip():
        return address(given)
    for guess in (user, f"headhunt@{socket.getfqdn()}", f"headhunt@{host}"):
        try:
            return address(guess)
        except BadAddress:
            continue
    return "headhunt@localhost"

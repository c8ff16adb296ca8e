"""Mail, by a real server on loopback: TLS, signing in, and what is told when it goes wrong."""

import socket
import threading
from pathlib import Path
from urllib.parse import quote

import pytest

from headhunt.errors import BadAddress, BadValue, HeadhuntError, MailFailed, MissingFile, NoMailServer
from service.mailing import CA, SENDER, SMTP, Mailing, MailPartly, MailUnsure, mailing_of
from tests.service.mail_server import PASSWORD, USER, Box, mail_server
from tests.tracking.report_cases import KOREAN, a_report
from tracking.reports.letter import Envelope, letter
from tracking.reports.rendering import Drawn, drawn

PLAIN = Drawn("<p>page</p>", "words", {}, b"%PDF-1.7")


def mailing_to(box: Box, kind: str, password: str = PASSWORD) -> Mailing:
    who = "" if kind == "smtp" else f"{quote(USER, safe='')}:{quote(password, safe='')}@"
    return mailing_of({SMTP: f"{kind}://{who}127.0.0.1:{box.port}", CA: str(box.ca), SENDER: USER})


def test_a_drawn_report_arrives_by_tls_and_after_signing_in(tmp_path: Path) -> None:
    report = a_report()
    with mail_server(tmp_path, "smtps") as box:
        mailing = mailing_to(box, "smtps")
        envelope = Envelope(mailing.sender, ("me@example.org", "you@example.org"), "key")
        mailing.send(letter(report, drawn(report, "mail"), envelope))
    (mail,) = box.mails
    assert (box.signed_in, box.encrypted, box.to) == ([True], [True], [["me@example.org", "you@example.org"]])
    assert mail["From"].addresses[0].addr_spec == USER
    html = mail.get_body(("html",)).get_content()  # type: ignore[union-attr]
    assert KOREAN in html
    named = [part["Content-ID"].strip("<>") for part in mail.walk() if part.get_content_type() == "image/png"]
    assert named == ["chart1", "chart2", "chart3"]
    assert all(f'src="cid:{name}"' in html for name in named)
    (paper,) = mail.iter_attachments()
    assert paper.get_content().startswith(b"%PDF")


@pytest.mark.parametrize("kind", ["smtps", "smtp+starttls"])
def test_a_mail_server_is_only_trusted_by_its_certificate(tmp_path: Path, kind: str) -> None:
    with mail_server(tmp_path, kind) as box:
        mailing = mailing_to(box, kind)
        mail = letter(a_report(), PLAIN, Envelope(USER, ("me@example.org",), "key"))
        mailing.send(mail)
        assert (box.signed_in, box.encrypted) == ([True], [True])
        mailing.ca = None
        with pytest.raises(MailFailed, match=r"certificate|self.signed"):
            mailing.send(mail)
    assert len(box.mails) == 1


def test_a_wrong_password_is_told_without_it(tmp_path: Path) -> None:
    mail = letter(a_report(), PLAIN, Envelope(USER, ("me@example.org",), "key"))
    with mail_server(tmp_path, "smtps") as box:
        mailing = mailing_to(box, "smtps", "not the password")
        with pytest.raises(MailFailed, match="sign in") as told:
            mailing.send(mail)
    assert "not the password" not in f"{told.value}{mailing!r}{mailing}{told.value.__cause__}"


def test_what_the_mail_server_answers_is_told(tmp_path: Path) -> None:
    with mail_server(tmp_path, "smtp") as box:
        mailing = mailing_to(box, "smtp")
        mail = letter(a_report(), PLAIN, Envelope(USER, ("me@example.org", "gone@example.org"), "key"))
        box.answer = "452 the disk is full"
        with pytest.raises(MailFailed, match="452 the disk is full"):
            mailing.send(mail)
        box.answer, box.refused = "250 OK", {"gone@example.org"}
        with pytest.raises(MailPartly, match="nobody of that name"):
            mailing.send(mail)
        box.refused.add("me@example.org")
        with pytest.raises(MailFailed, match="none of the addresses") as told:
            mailing.send(mail)
        assert type(told.value) is MailFailed
    assert box.to == [["me@example.org"]]
    with pytest.raises(MailFailed, match="cannot be reached"):
        mailing.send(mail)


def test_a_server_that_goes_away_before_it_answers_may_have_the_mail() -> None:
    """It takes all that is said, and hangs up at the end of the mail."""

    def talk(place: socket.socket) -> None:
        one, _ = place.accept()
        with one, one.makefile("rwb") as both:
            said = [b"220 x", b"250 x", b"250 ok", b"250 ok", b"354 go on"]
            for answer in said:
                both.write(answer + b"\r\n")
                both.flush()
                both.readline()
            while both.readline() not in (b".\r\n", b""):
                pass

    with socket.socket() as place:
        place.bind(("127.0.0.1", 0))
        place.listen()
        thread = threading.Thread(target=talk, args=(place,))
        thread.start()
        mailing = mailing_of({SMTP: f"smtp://127.0.0.1:{place.getsockname()[1]}", SENDER: USER})
        with pytest.raises(MailUnsure, match="before it said"):
            mailing.send(letter(a_report(), PLAIN, Envelope(USER, ("me@example.org",), "key")))
        thread.join()


def test_a_server_that_says_nothing_is_not_waited_for_without_end() -> None:
    with socket.socket() as place:
        place.bind(("127.0.0.1", 0))
        place.listen()
        mailing = mailing_of({SMTP: f"smtp://127.0.0.1:{place.getsockname()[1]}", SENDER: USER})
        mailing.patience_s = 0.3
        with pytest.raises(MailFailed, match="timed out"):
            mailing.send(letter(a_report(), PLAIN, Envelope(USER, ("me@example.org",), "key")))


@pytest.mark.parametrize(
    ("url", "fault"),
    [("", NoMailServer), ("mail.example.org", BadValue), ("https://user:hidden@mail.example.org", BadValue),
     ("smtps://user:hidden@:465", BadValue), ("smtps://user:hidden@mail.example.org:99999", BadValue),
     ("smtp://user:hidden@mail.example.org", BadValue), ("smtps://user:hidden@mail.example.org/path?x=1", BadValue)],
)  # fmt: skip
def test_a_wrong_address_of_a_mail_server_is_told_without_what_it_says(url: str, fault: type[HeadhuntError]) -> None:
    with pytest.raises(fault, match="smtps://") as told:
        mailing_of({SMTP: url})
    assert "hidden" not in str(told.value)


def test_who_writes_is_a_mailbox_and_certificates_are_a_file() -> None:
    with pytest.raises(BadAddress):
        mailing_of({SMTP: "smtp://127.0.0.1", SENDER: "me\r\nBcc: x@example.org"})
    with pytest.raises(MissingFile, match=CA):
        mailing_of({SMTP: "smtps://mail.example.org", CA: "/nowhere.pem"})
    assert mailing_of({SMTP: "smtps://me%40example.org:x@mail.example.org"}).sender == "me@example.org"
    assert mailing_of({SMTP: "smtp+starttls://mail.example.org"}).port == 587

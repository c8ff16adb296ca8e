"""Letters: no header but ours, no address but a mailbox."""

import email
from email import policy

import pytest

from headhunt.errors import BadAddress
from tests.tracking.report_cases import a_report
from tracking.reports.addresses import MOST_TO, address, addresses
from tracking.reports.letter import Envelope, letter, subject
from tracking.reports.rendering import Drawn

DRAWN = Drawn("<p>낮은</p>", "낮은", {"chart1": b"\x89PNG"}, b"%PDF-1.7")
TO = Envelope("headhunt@example.org", ("me@example.org",), "abc")


@pytest.mark.parametrize(
    "text",
    ["me@example.org\r\nBcc: you@example.org", "me@example.org\nSubject: x", "me@example.org,you@example.org",
     "me", "@example.org", "me@", "me@@example.org", "me@exa mple.org", "<me@example.org>", "me <me@example.org>",
     "me@example.org ; x", "me\x00@example.org", "me@-example.org", "me@example..org", "a" * 65 + "@example.org",
     "me@" + "a." * 130 + "org", '"a b"@example.org', "me@[127.0.0.1]", "",
     "ｍｅ@example.org", "me@example.org\u2028x"],
)  # fmt: skip
def test_what_is_no_mailbox_is_refused(text: str) -> None:
    with pytest.raises(BadAddress, match=r"as me@example\.org"):
        address(text)


def test_a_mailbox_is_taken_as_it_is_and_a_domain_of_any_script_in_plain_letters() -> None:
    assert address(" First.Last+tag@Example.ORG ") == "First.Last+tag@example.org"
    assert address("me@예시.kr") == "me@xn--vv4b11d.kr"
    assert addresses(["b@x.org", "a@x.org", "b@x.org"]) == ("b@x.org", "a@x.org")


def test_a_report_goes_to_somebody_and_not_to_everybody() -> None:
    with pytest.raises(BadAddress, match="at least one"):
        addresses([])
    with pytest.raises(BadAddress, match=f"{MOST_TO} addresses"):
        addresses([f"a{i}@example.org" for i in range(MOST_TO + 1)])


def test_what_a_run_is_called_cannot_add_a_header() -> None:
    for name in (
        "x\r\nBcc: you@example.org",
        "x\nTo: a@b.c\n\nbody",
        "x\u2028y\x85z\x0b\x00",
        "\u202egro.live",
        "=?utf-8?q?x?=",
    ):
        sent = letter(a_report(name=name), DRAWN, TO).as_bytes()
        read = email.message_from_bytes(sent, policy=policy.default)
        assert sorted(read.keys()) == sorted(
            ["From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type"]
        )
        assert read["To"] == "me@example.org"
        assert b"\nBcc" not in sent
        assert "\u202e" not in read["Subject"]


def test_a_letter_has_a_page_with_its_pictures_the_words_alone_and_the_paper() -> None:
    sent = letter(a_report(name="꽃 분류 🌸"), DRAWN, TO).as_bytes()
    assert sent.isascii()
    read = email.message_from_bytes(sent, policy=policy.default)
    kinds = [part.get_content_type() for part in read.walk()]
    assert kinds == [
        "multipart/mixed",
        "multipart/alternative",
        "text/plain",
        "multipart/related",
        "text/html",
        "image/png",
        "application/pdf",
    ]
    assert read["Subject"] == "꽃 분류 🌸 is running: loss 0.1262, val_loss 0.1262"
    assert read.get_body(("plain",)).get_content().strip() == "낮은"  # type: ignore[union-attr]
    assert read.get_body(("html",)).get_content().strip() == "<p>낮은</p>"  # type: ignore[union-attr]
    image, paper = (part for part in read.walk() if part.get_content_type() in ("image/png", "application/pdf"))
    assert (image["Content-ID"], image.get_content_disposition()) == ("<chart1>", "inline")
    assert (paper.get_filename(), paper.get_content_disposition()) == ("꽃-분류.pdf", "attachment")
    assert max(map(len, sent.split(b"\r\n"))) <= 998


def test_the_same_occasion_has_the_same_message_id() -> None:
    first, second = (letter(a_report(), DRAWN, TO)["Message-ID"] for _ in range(2))
    assert first == second == "<abc@example.org>"


def test_a_subject_is_short_and_says_how_it_stands() -> None:
    assert len(subject(a_report(name="n" * 500))) <= 150
    assert subject(a_report(name="", state="failed")).startswith("run 5f0c2a7e has failed: loss 0.1262")

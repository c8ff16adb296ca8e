"""Whom a report goes to. Addresses are checked, so that nobody adds headers or recipients by them."""

import re
from collections.abc import Sequence

from headhunt.errors import BadAddress, printable

LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
LONGEST, LONGEST_LOCAL = 254, 64
MOST_TO = 10


def address(text: str) -> str:
    """One mailbox, in the form in which it is sent. Raises BadAddress."""
    local, at, domain = text.strip().rpartition("@")
    try:
        plain = domain.encode("idna").decode("ascii").lower()
    except UnicodeError:
        plain = ""
    labels = plain.split(".")
    right = at and LOCAL.fullmatch(local) and all(LABEL.fullmatch(one) for one in labels)
    if not right or len(local) > LONGEST_LOCAL or len(local) + 1 + len(plain) > LONGEST:
        raise BadAddress(f"{printable(text, 80)!r} is no address of a mailbox. Give one as me@example.org.")
    return f"{local}@{plain}"


def addresses(given: Sequence[str]) -> tuple[str, ...]:
    """Each once, in order. Raises BadAddress."""
    found = tuple(dict.fromkeys(address(one) for one in given))
    if not found:
        raise BadAddress("A report goes to somebody. Give at least one address, as me@example.org.")
    if len(found) > MOST_TO:
        raise BadAddress(f"A report goes to {MOST_TO} addresses at most, and {len(found)} were given. Use a list.")
    return found

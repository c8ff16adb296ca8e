"""Names of members: what is refused, what is passed over, and the one form in which a path is written down.

A name never becomes a path on this machine: images are kept under their digests. The checks stand for a second reason,
that a name means the same on every system, so that a folder, its zip and its tar are one version.
"""

import re
import unicodedata

from headhunt.errors import BadName, DuplicateName, HeaderTooLarge

LONGEST = 4096
DRIVE = re.compile(r"[A-Za-z]:")
PLAIN = re.compile(r"[\w\- ()+,=@]+(?:[./][\w\- ()+,=@]+)*", re.ASCII)
"""What nearly every name looks like, with nothing in it to check: no dot at the start of a part, no empty part."""
LITTER = frozenset({"__macosx", "thumbs.db", "desktop.ini", "$recycle.bin", "@eadir"})


def clean(raw: str) -> str:
    """The name with `/` between its parts, without `.` parts, in NFC. BadName says what is wrong with it."""
    if len(raw) > LONGEST:
        raise HeaderTooLarge(f"has a name of {len(raw):,} characters; {LONGEST:,} are allowed", raw[:80])
    if PLAIN.fullmatch(raw):
        return raw
    if reason := _fault(raw):
        raise BadName(f"{reason}. Names are relative, with '/' between folders; pack the archive again", raw)
    parts = [part for part in raw.split("/") if part not in ("", ".")]
    return unicodedata.normalize("NFC", "/".join(parts))


def _fault(raw: str) -> str:
    faults = {
        "the name is empty": not raw,
        "the name has a NUL in it": "\0" in raw,
        "the name has a backslash in it": "\\" in raw,
        "the name is an absolute path": raw.startswith("/"),
        "the name begins with a drive letter": DRIVE.match(raw) is not None,
        "the name leaves the sample": ".." in raw.split("/"),
        "the name is not valid Unicode": any("\ud800" <= c <= "\udfff" for c in raw),
    }
    return next((reason for reason, is_so in faults.items() if is_so), "")


def is_litter(name: str) -> bool:
    """What systems leave in folders: hidden files, __MACOSX, Thumbs.db. Passed over, and counted."""
    lowered = name.lower()
    return any(part.startswith(".") or part in LITTER for part in lowered.split("/"))


class Names:
    """The names of one sample as they come: each checked, none twice."""

    def __init__(self) -> None:
        self.ignored = 0
        self._seen: set[str] = set()

    def take(self, raw: str) -> str | None:
        """The clean name of a file, or None for litter."""
        name = clean(raw)
        if not name:
            raise BadName("the name says nothing. Pack the archive again", raw)
        if is_litter(name):
            self.ignored += 1
            return None
        key = name.lower() if name.isascii() else unicodedata.normalize("NFC", name.casefold())
        if key in self._seen:
            raise DuplicateName("stands twice in the sample, up to case and Unicode form. Rename one of the two", raw)
        self._seen.add(key)
        return name

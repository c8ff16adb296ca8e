"""The root of all errors, what most of them are, and how values are shown in them."""

import difflib
import re
from collections.abc import Iterable, Sequence


class HeadhuntError(Exception):
    """The root: catch this to catch all of headhunt's own errors."""

    code = "headhunt_error"

    def __init_subclass__(cls, **options: object) -> None:
        super().__init_subclass__(**options)
        cls.code = re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()

    def __reduce__(self) -> tuple[object, ...]:
        """Whole again in another process: classes build their message from several arguments, and keep it alone."""
        return restored, (type(self), self.args, self.__dict__)


def restored(kind: type[HeadhuntError], args: tuple[object, ...], facts: dict[str, object]) -> HeadhuntError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(facts)
    return error


class UnknownName(HeadhuntError):
    """No such thing: says which name, and what comes near."""

    noun = "thing"

    def __init__(self, name: str, known: Iterable[str] = (), hint: str = "") -> None:
        super().__init__(did_you_mean(self.noun, name, known, hint))
        self.name = name


def did_you_mean(noun: str, name: str, known: Iterable[str], hint: str = "") -> str:
    """One line: what is unknown, the names that come near, and what would do."""
    shown = name if len(name) <= 80 else name[:77] + "..."
    near = difflib.get_close_matches(name[:200], list(known), n=3, cutoff=0.6)
    guess = f" Did you mean {' or '.join(repr(n) for n in near)}?" if near else ""
    return f"No {noun} named {shown!r}.{guess}{' ' + hint if hint else ''}"


class BadValue(HeadhuntError):
    """A value that cannot be used: says which, and what would do."""


class BadSpec(BadValue):
    """A model, network or source written in a form that is not understood."""


class UnknownField(BadValue):
    """A field or parameter that nobody knows: it is refused, never passed over."""

    def __init__(self, name: str, known: Iterable[str]) -> None:
        super().__init__(did_you_mean("field", name, known, f"{known_ones(known)}"))


def known_ones(known: Iterable[str]) -> str:
    return f"There are: {', '.join(sorted(known))}." if known else "There are none here."


class NameTaken(BadValue):
    """Something of this name is there already."""


class MissingFile(BadValue):
    """No such file or folder, or it cannot be read."""


class Refused(HeadhuntError):
    """Something that came in was refused. `member` names the part that is to blame, where there is one."""

    def __init__(self, reason: str, member: str | None = None) -> None:
        shown = None if member is None else printable(member)
        super().__init__(f"{shown}: {reason}" if shown else reason)
        self.member = shown
        self.reason = reason


def printable(name: str, limit: int = 512) -> str:
    """A member's name, safe to print: control and direction characters escaped, cut at `limit`."""
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in name)
    return shown if len(shown) <= limit else shown[: limit - 3] + "..."


def one_line(error: BaseException, limit: int = 200) -> str:
    """What an error of a library says, safe to print, on one line and not too long, without its full stop."""
    return printable(" ".join(str(error).split()) or type(error).__name__, limit).rstrip(".")


def first_few(names: Sequence[str], shown: int = 5) -> str:
    """The first names, and how many more there are."""
    more = len(names) - shown
    return ", ".join(names[:shown]) + (f" and {more} more" if more > 0 else "")

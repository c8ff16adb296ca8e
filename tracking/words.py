"""The words of a query, each with its place: one look from left to right."""

import re
from dataclasses import dataclass

from headhunt.errors import BadQuery

LONGEST = 20_000
TOKEN = re.compile(
    r"""
    (?P<space>\s+)
  | (?P<text>'(?:[^']|'')*')
  | (?P<quoted>"(?:[^"]|"")*")
  | (?P<ticked>`[^`]*`)
  | (?P<number>[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?(?![\w./:@-])
             |[+-]?(?:[iI][nN][fF](?:[iI][nN][iI][tT][yY])?|[nN][aA][nN])(?![\w./:@-]))
  | (?P<sign>==|!=|<>|<=|>=|=|<|>)
  | (?P<mark>[(),])
  | (?P<word>\w[\w./:@-]*)
    """,
    re.VERBOSE,
)
CLOSING = {"'": "text", '"': "name or text", "`": "name"}


@dataclass(frozen=True, slots=True)
class Word:
    """kind: text, quoted, ticked, number, sign, mark, word; end at the end. value: without its quotes."""

    kind: str
    value: str
    place: int
    end: int

    def says(self, *words: str) -> bool:
        return self.kind in ("word", "mark") and self.value.lower() in words

    @property
    def shown(self) -> str:
        return (
            "the end" if self.kind == "end" else repr(self.value if len(self.value) <= 60 else self.value[:57] + "...")
        )


def words_of(text: str) -> list[Word]:
    """Raises BadQuery."""
    if len(text) > LONGEST:
        raise BadQuery(0, f"{len(text)} characters", f"a query of at most {LONGEST}")
    found, place = [], 0
    while place < len(text):
        match = TOKEN.match(text, place)
        if match is None:
            raise unreadable(text, place)
        kind = str(match.lastgroup)
        if kind != "space":
            found.append(Word(kind, bare(kind, match.group()), place, match.end()))
        place = match.end()
    return [*found, Word("end", "", place, place)]


def bare(kind: str, value: str) -> str:
    if kind in ("text", "quoted"):
        return value[1:-1].replace(value[0] * 2, value[0])
    return value[1:-1] if kind == "ticked" else value


def unreadable(text: str, place: int) -> BadQuery:
    first = text[place]
    if first in CLOSING:
        return BadQuery(place, f"{first} that nothing closes", f"another {first} at the end of the {CLOSING[first]}")
    return BadQuery(place, repr(first), "a name, a number, a text in quotes or one of = != < <= > >= ( )")

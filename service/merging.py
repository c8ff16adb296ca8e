"""Files of the zoo that were changed here and elsewhere at the same time become one.

base: what both began with. What changed on one side only is taken from there; what changed on both stays as it is
elsewhere, since that was promised first.
"""

import csv
import io
from collections import Counter
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import TypeVar

from headhunt.vocabulary import Domain, ModelCard
from zoo.catalogue.file_format import decode, encode

Opened = tuple[dict[str, ModelCard], dict[str, Domain]]
K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
LESSON = ("version", "model")
"""What tells the rows of experience.csv apart."""


def joined(base: Mapping[K, V], here: Mapping[K, V], there: Mapping[K, V]) -> dict[K, V]:
    """In the order of what is elsewhere; what is new here comes last."""
    found: dict[K, V] = {}
    for key in (*there, *here):
        mine, theirs, before = here.get(key), there.get(key), base.get(key)
        chosen = mine if theirs == before else theirs
        if chosen is not None:
            found[key] = chosen
    return found


def joined_catalogues(base: bytes, here: bytes, there: bytes) -> bytes:
    """A card that was added on one side needs its domain, also when that was removed on the other."""
    states = [opened(data) for data in (base, here, there)]
    cards = joined(*(state[0] for state in states))
    domains = joined(*(state[1] for state in states))
    for card in cards.values():
        for state in states:
            if card.domain not in domains and card.domain in state[1]:
                domains[card.domain] = state[1][card.domain]
    return encode(cards.values(), domains.values(), Path("catalogue.json"))


def opened(data: bytes) -> Opened:
    if not data:
        return {}, {}
    cards, domains = decode(data, Path("catalogue.json"))
    return {card.id: card for card in cards}, {domain.name: domain for domain in domains}


def joined_lines(base: bytes, here: bytes, there: bytes) -> bytes:
    """Of files to which lines are only added. Equal lines are told apart by their number."""
    return b"".join(joined(*(numbered(data) for data in (base, here, there))).values())


def numbered(data: bytes) -> dict[tuple[bytes, int], bytes]:
    seen: Counter[bytes] = Counter()
    found = {}
    for line in data.splitlines(keepends=True):
        if line.endswith(b"\n"):  # one that a crash cut short was never promised
            seen[line] += 1
            found[line, seen[line]] = line
    return found


def joined_lessons(base: bytes, here: bytes, there: bytes) -> bytes:
    """Rows of experience.csv: one for each version and model."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(heads(there) or heads(here))
    table.writerows(joined(*(lessons(data) for data in (base, here, there))).values())
    return text.getvalue().encode()


def heads(data: bytes) -> list[str]:
    return next(csv.reader(io.StringIO(data.decode())), [])


def lessons(data: bytes) -> dict[tuple[str, ...], list[str]]:
    places = [heads(data).index(name) for name in LESSON] if data else []
    rows = list(csv.reader(io.StringIO(data.decode())))[1:]
    return {tuple(row[place] for place in places): row for row in rows}

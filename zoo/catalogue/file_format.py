"""The catalogue's file: JSON, a card a line, sorted by id, so that a person can read it and two states compare.

    {"format":2,
    "class_names":[ {"cards":[ids], "names":[...]} a line ],      names of classes that several cards have, once
    "domains":[ a domain a line ],
    "cards":[ a card a line; its classes are left out where they stand in "class_names" ]}

All ImageNet cards have the same thousand names: written once, 2,000 such cards take 1 MB instead of 25. A file of
format 1 is one without "class_names", and is read as such.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import msgspec

from headhunt.errors import BadValue, CatalogueBroken, one_line, printable
from headhunt.vocabulary import Domain, ModelCard, Struct

FORMAT = 2


class SharedNames(Struct, frozen=True):
    """The names of the classes of several cards."""

    cards: tuple[str, ...]
    names: tuple[str, ...]


class Stored(Struct, frozen=True):
    """The file's content."""

    format: int
    class_names: tuple[SharedNames, ...] = ()
    domains: tuple[Domain, ...] = ()
    cards: tuple[ModelCard, ...] = ()


class Header(msgspec.Struct):
    """What every format has: its number. Read first, so that a newer file is named as that, not as broken."""

    format: int


def encode(cards: Iterable[ModelCard], domains: Iterable[Domain], path: Path) -> bytes:
    """The file's next content, read back before it is written: what cannot be read again never gets there."""
    stored = packed(cards, domains)
    try:
        data = lines(stored)
        again = parsed(data, path)
    except (CatalogueBroken, UnicodeEncodeError) as error:
        reason = one_line(error.__cause__ or error)
        raise BadValue(f"This change cannot be kept: {reason}. Nothing was written.") from error
    if again != stored:
        raise BadValue("A card or domain holds a value that a file cannot keep, such as NaN. Nothing was written.")
    return data


def decode(data: bytes, path: Path) -> tuple[tuple[ModelCard, ...], tuple[Domain, ...]]:
    """The cards and domains that a file's bytes say; `path` is for the message."""
    stored = parsed(data, path)
    check_whole(stored, path)
    return unpacked(stored), stored.domains


def packed(cards: Iterable[ModelCard], domains: Iterable[Domain]) -> Stored:
    """Names of classes that two cards or more have are taken off the cards."""
    ordered = sorted(cards, key=lambda card: card.id)
    owners: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for card in ordered:
        owners[card.classes].append(card.id)
    shared = {names: ids for names, ids in owners.items() if names and len(ids) > 1}
    return Stored(
        format=FORMAT,
        class_names=tuple(SharedNames(cards=tuple(ids), names=names) for names, ids in shared.items()),
        domains=tuple(sorted(domains, key=lambda domain: domain.name)),
        cards=tuple(msgspec.structs.replace(card, classes=()) if card.classes in shared else card for card in ordered),
    )


def unpacked(stored: Stored) -> tuple[ModelCard, ...]:
    """Whole cards; those that share names hold the same tuple."""
    names = {model: shared.names for shared in stored.class_names for model in shared.cards}
    return tuple(
        msgspec.structs.replace(card, classes=names[card.id]) if card.id in names else card for card in stored.cards
    )


def lines(stored: Stored) -> bytes:
    return b"".join(
        (
            b'{"format":%d,"class_names":[\n' % stored.format,
            line_each(stored.class_names),
            b'\n],"domains":[\n',
            line_each(stored.domains),
            b'\n],"cards":[\n',
            line_each(stored.cards),
            b"\n]}\n",
        )
    )


def line_each(structs: Sequence[Struct]) -> bytes:
    return b",\n".join(msgspec.json.encode(struct) for struct in structs)


def parsed(data: bytes, path: Path) -> Stored:
    """The content as it stands in the file."""
    try:
        found = msgspec.json.decode(data, type=Header).format
        if found > FORMAT:
            raise CatalogueBroken(
                f"{path} was written by a newer headhunt (format {found}, this one reads {FORMAT})."
                " Update it: pip install --upgrade headhunt."
            )
        return msgspec.json.decode(data, type=Stored)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise CatalogueBroken(broken(path, one_line(error))) from error


def check_whole(stored: Stored, path: Path) -> None:
    """What a hand in the file can break without breaking its form."""
    cards, domains = {card.id: card for card in stored.cards}, {domain.name for domain in stored.domains}
    if len(cards) < len(stored.cards) or len(domains) < len(stored.domains):
        raise CatalogueBroken(broken(path, "two cards or domains have one name"))
    for card in stored.cards:
        if card.domain not in domains:
            raise CatalogueBroken(broken(path, f"{printable(card.id, 80)} stands on a domain that is not there"))
    check_names(stored.class_names, cards, path)


def check_names(shared: Sequence[SharedNames], cards: Mapping[str, ModelCard], path: Path) -> None:
    """Each card's classes are named once, and as many as its head has outputs."""
    named: set[str] = set()
    for group in shared:
        for model in group.cards:
            if model not in cards:
                raise CatalogueBroken(broken(path, f"{printable(model, 80)} has names of classes and no card"))
            if model in named or cards[model].classes:
                raise CatalogueBroken(broken(path, f"the classes of {printable(model, 80)} are named twice"))
            if len(group.names) != cards[model].head:
                raise CatalogueBroken(
                    broken(path, f"{printable(model, 80)} has another number of classes than outputs")
                )
            named.add(model)


def broken(path: Path, reason: str) -> str:
    return (
        f"{path} is no catalogue: {reason}. Put back a copy of it, or move it away and begin with"
        " 'headhunt zoo build-starter'; weights and history are other files and stay."
    )

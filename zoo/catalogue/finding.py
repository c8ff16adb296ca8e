"""Finding models: conditions on the facts of their cards, a sort, and what stands in the way when nothing is found.

A limit is a promise: a card whose fact is not known (not measured, no accuracy told) does not meet a limit on it.
`unknown` counts such cards, so that nobody takes "not measured" for "too slow".
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

import msgspec

from headhunt.errors import BadValue, did_you_mean
from headhunt.vocabulary import ModelCard, Struct
from zoo.catalogue.quantities import (
    parse_bytes,
    parse_count,
    parse_milliseconds,
    parse_share,
    write_bytes,
    write_count,
    write_milliseconds,
    write_plain,
    write_share,
)

Value = str | float | None

UNKNOWN = 1e3
OTHER_NAME = 1e6
"""Distances of what has no measure: far beyond any limit that is missed by a share."""
MEASURED = frozenset({"latency_ms", "memory"})


@dataclass(frozen=True)
class Number:
    """A fact that limits can be set on: how to see it on a card, read it from a user, write it for one."""

    of: Callable[[ModelCard], float | None]
    noun: str
    parse: Callable[[str], float] = parse_count
    write: Callable[[float], str] = write_count


NUMBERS: dict[str, Number] = {
    "params": Number(lambda card: card.params, "parameters"),
    "macs": Number(lambda card: card.macs, "multiply-adds"),
    "latency_ms": Number(
        lambda card: card.measured.latency_ms if card.measured else None,
        "latency",
        parse_milliseconds,
        write_milliseconds,
    ),
    "memory": Number(
        lambda card: card.measured.peak_bytes if card.measured else None, "memory", parse_bytes, write_bytes
    ),
    "size": Number(lambda card: card.weights_bytes, "size of weights", parse_bytes, write_bytes),
    "accuracy": Number(lambda card: card.accuracy, "accuracy", parse_share, write_share),
    "input_size": Number(lambda card: card.input_size, "pixels of input", parse_count, write_plain),
    "classes": Number(lambda card: card.head, "classes", parse_count, write_plain),
}
TEXTS: dict[str, Callable[[ModelCard], Sequence[str]]] = {
    "domain": lambda card: (card.domain,),
    "network": lambda card: (card.network,),
    "license": lambda card: (card.license,) if card.license else (),
    "origin": lambda card: (card.origin,),
    "parent": lambda card: (card.parent,) if card.parent else (),
    "version": lambda card: (card.version,) if card.version else (),
    "knows": lambda card: card.classes,
}
SORTS: dict[str, Callable[[ModelCard], Value]] = {
    "id": lambda card: card.id,
    "domain": lambda card: card.domain,
    "network": lambda card: card.network,
    "origin": lambda card: card.origin,
    "license": lambda card: card.license,
    "created": lambda card: card.created,
    **{name: number.of for name, number in NUMBERS.items()},
}


class Wanted(Struct, frozen=True):
    """What a user wants of a model. Names are patterns (`resnet*`), in any case; one of several is enough."""

    domain: tuple[str, ...] = ()
    network: tuple[str, ...] = ()
    license: tuple[str, ...] = ()
    origin: tuple[str, ...] = ()
    parent: tuple[str, ...] = ()
    version: tuple[str, ...] = ()
    knows: tuple[str, ...] = ()
    """Names of classes in the source head; every one of these is needed."""
    text: str | None = None
    """Stands somewhere in id, network, origin, licence or the names of the classes."""
    here: bool = False
    """The weights are on this machine."""
    min_params: float | None = None
    max_params: float | None = None
    min_macs: float | None = None
    max_macs: float | None = None
    min_latency_ms: float | None = None
    max_latency_ms: float | None = None
    min_memory: float | None = None
    max_memory: float | None = None
    min_size: float | None = None
    max_size: float | None = None
    min_accuracy: float | None = None
    max_accuracy: float | None = None
    min_input_size: float | None = None
    max_input_size: float | None = None
    min_classes: float | None = None
    max_classes: float | None = None


@dataclass(frozen=True)
class Condition:
    """One thing that is wanted. `missed`: 0 when a card meets it, else by what share it does not; None: unknown."""

    said: str
    missed: Callable[[ModelCard], float | None]
    shown: Callable[[ModelCard], str]
    fact: str


def wanted(given: Mapping[str, str | Sequence[str] | bool | None]) -> Wanted:
    """From the words of a command line: `{"max_params": "5M", "license": ["mit"], "input_size": "32"}`."""
    facts: dict[str, object] = {}
    for name, value in given.items():
        if value is None:
            continue
        if name in NUMBERS and isinstance(value, str):
            facts[f"min_{name}"] = facts[f"max_{name}"] = NUMBERS[name].parse(value)
        elif name[:4] in ("min_", "max_") and name[4:] in NUMBERS and isinstance(value, str):
            facts[name] = NUMBERS[name[4:]].parse(value)
        else:
            facts[name] = (value,) if name in TEXTS and isinstance(value, str) else value
    try:
        return msgspec.convert(facts, Wanted)
    except msgspec.ValidationError as error:
        said = " ".join(str(error).split())
        strange = [name for name in facts if name not in Wanted.__struct_fields__]
        if not strange:
            raise BadValue(f"A condition has the wrong kind of value: {said}. Give text or a number.") from error
        known = ", ".join(Wanted.__struct_fields__)
        raise BadValue(f"No such condition: {said}. There are: {known}.") from error


def find(cards: Iterable[ModelCard], want: Wanted, sort: str = "id") -> tuple[ModelCard, ...]:
    """The cards that meet every condition; sorted by a fact, `-fact` for the largest first, unknown ones last."""
    needed = conditions(want)
    return sorted_by([card for card in cards if all(condition.missed(card) == 0 for condition in needed)], sort)


def sorted_by(cards: Iterable[ModelCard], sort: str) -> tuple[ModelCard, ...]:
    name = sort.removeprefix("-").replace("-", "_")
    if name not in SORTS:
        raise BadValue(did_you_mean("fact to sort by", sort, SORTS, f"There are: {', '.join(SORTS)}."))
    by_id = sorted(cards, key=lambda card: card.id)
    known = [card for card in by_id if SORTS[name](card) is not None]
    known.sort(key=lambda card: orderable(SORTS[name](card)), reverse=sort.startswith("-"))
    return (*known, *(card for card in by_id if SORTS[name](card) is None))


def orderable(value: Value) -> tuple[float, str]:
    """Numbers by size, texts by their letters; one fact has only one of them."""
    return (0.0, value or "") if isinstance(value, str | None) else (value, "")


def unknown(cards: Iterable[ModelCard], want: Wanted) -> dict[str, int]:
    """Of each fact, how many cards are left out only because it is not known of them."""
    needed, counts = conditions(want), dict[str, int]()
    for card in cards:
        missed = [(condition.fact, condition.missed(card)) for condition in needed]
        if all(value in (0, None) for _, value in missed):
            for fact in {fact for fact, value in missed if value is None}:
                counts[fact] = counts.get(fact, 0) + 1
    return counts


def nearest_miss(cards: Iterable[ModelCard], want: Wanted) -> str:
    """Why nothing was found: the condition that no card meets, or the card that misses fewest of them by least."""
    there, needed = list(cards), conditions(want)
    if not there:
        return "There are no models yet: 'headhunt zoo build-starter' or 'headhunt zoo add recommended'."
    for condition in needed:
        if condition.fact in TEXTS and all(condition.missed(card) != 0 for card in there):
            return stranger(condition, there, want)
    card = min(
        there, key=lambda card: (sum(m != 0 for m in distances(card, needed)), sum(distances(card, needed)), card.id)
    )
    failed = [condition for condition in needed if condition.missed(card) != 0]
    why = " and ".join(f"{condition.shown(card)}, {condition.said}" for condition in failed)
    return f"No model meets all conditions. The nearest is {card.id} with {why}."


def distances(card: ModelCard, needed: Sequence[Condition]) -> list[float]:
    """By how much each condition is missed. What is unknown may be near; another name is far."""
    return [UNKNOWN if missed is None else missed for missed in (condition.missed(card) for condition in needed)]


def stranger(condition: Condition, cards: Sequence[ModelCard], want: Wanted) -> str:
    """A name that no card has, and the names that come near."""
    known = {name for card in cards for name in TEXTS[condition.fact](card)}
    asked = next((name for name in getattr(want, condition.fact) if name not in known), condition.said)
    noun = "model with a class" if condition.fact == "knows" else f"model whose {condition.fact} is"
    some = (
        f"There are: {', '.join(sorted(known)[:8])}{', ...' if len(known) > 8 else ''}."
        if known
        else "No model tells one."
    )
    return did_you_mean(noun, asked, known, some)


# --- Conditions ------------------------------------------------------------------------------------------------------


def conditions(want: Wanted) -> tuple[Condition, ...]:
    found: list[Condition] = []
    for name in TEXTS:
        patterns: tuple[str, ...] = getattr(want, name)
        groups = [(pattern,) for pattern in patterns] if name == "knows" else [patterns] if patterns else []
        found.extend(named(name, group) for group in groups)
    if want.text is not None:
        found.append(holding(want.text))
    if want.here:
        found.append(
            plain("here", "wanted on this machine", lambda card: card.weights is not None, "its weights not here yet")
        )
    for name, number in NUMBERS.items():
        found.extend(limits(name, number, getattr(want, f"min_{name}"), getattr(want, f"max_{name}")))
    return tuple(found)


def named(fact: str, patterns: Sequence[str]) -> Condition:
    lower = [pattern.lower() for pattern in patterns]

    def meets(card: ModelCard) -> bool:
        return any(fnmatchcase(name.lower(), pattern) for name in TEXTS[fact](card) for pattern in lower)

    def shown(card: ModelCard) -> str:
        names = TEXTS[fact](card)
        return f"{fact} {names[0]}" if len(names) == 1 else "no such class" if fact == "knows" else f"no {fact}"

    return Condition(f"wanted {' or '.join(patterns)}", lambda card: 0.0 if meets(card) else OTHER_NAME, shown, fact)


def holding(text: str) -> Condition:
    """Case does not matter."""

    def meets(card: ModelCard) -> bool:
        said = (card.id, card.network, card.origin, card.license or "", *card.classes)
        return any(text.lower() in part.lower() for part in said)

    return plain("text", f"wanted {text!r}", meets, "no such text")


def plain(fact: str, said: str, meets: Callable[[ModelCard], bool], shown: str) -> Condition:
    return Condition(said, lambda card: 0.0 if meets(card) else OTHER_NAME, lambda _: shown, fact)


def limits(name: str, number: Number, least: float | None, most: float | None) -> list[Condition]:
    def shown(card: ModelCard) -> str:
        value = number.of(card)
        if value is None:
            return f"{number.noun} " + ("not measured (headhunt zoo measure)" if name in MEASURED else "unknown")
        return f"{number.write(value)} {number.noun}"

    def short(card: ModelCard) -> float | None:
        value = number.of(card)
        return None if value is None or least is None else max(0.0, least - value) / max(least, 1e-9)

    def over(card: ModelCard) -> float | None:
        value = number.of(card)
        return None if value is None or most is None else max(0.0, value - most) / max(most, 1e-9)

    found = []
    if least is not None:
        found.append(Condition(f"at least {number.write(least)} wanted", short, shown, name))
    if most is not None:
        found.append(Condition(f"limit {number.write(most)}", over, shown, name))
    return found

"""What a query is made of, and whether it holds of a run.

A run's facts are a mapping from (kind, name) to a value as JSON has it. A tuple is several values, one of which is
enough. A comparison with something that the run does not have does not hold, `!=` no more than `=`; `not a = b` does.
"""

import json
import math
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tracking.keys import Key
from tracking.patterns import like

Facts = Mapping[tuple[str, str], Any]
Value = str | int | float | bool
ORDERED: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
EQUAL = ("=", "!=")
LIKE = ("like", "ilike", "not like", "not ilike")
LISTED = ("in", "not in")
NUMBER = re.compile(r"\s*[+-]?(?:[0-9]{1,320}(?:\.[0-9]{0,320})?|\.[0-9]{1,320})(?:[eE][+-]?[0-9]{1,9})?\s*")
NOT_FINITE = {"nan": math.nan, "inf": math.inf, "infinity": math.inf}


@dataclass(frozen=True, slots=True)
class Has:
    """wanted: whether the run has it. What is null in JSON is not had."""

    key: Key
    wanted: bool = True

    def holds(self, facts: Facts) -> bool:
        return (facts.get((self.key.kind, self.key.name)) is not None) is self.wanted

    def __str__(self) -> str:
        return str(self.key) if self.wanted else f"{self.key} is null"


@dataclass(frozen=True, slots=True)
class Compare:
    key: Key
    word: str
    value: Value

    def holds(self, facts: Facts) -> bool:
        have = facts.get((self.key.kind, self.key.name))
        if isinstance(have, tuple):
            return any(compared(one, self.word, self.value) for one in have)
        return have is not None and compared(have, self.word, self.value)

    def __str__(self) -> str:
        return f"{self.key} {self.word} {told(self.value)}"


@dataclass(frozen=True, slots=True)
class Among:
    key: Key
    values: tuple[Value, ...]
    wanted: bool = True

    def holds(self, facts: Facts) -> bool:
        have = facts.get((self.key.kind, self.key.name))
        if have is None:
            return False
        return any(self.one_holds(one) for one in (have if isinstance(have, tuple) else (have,)))

    def one_holds(self, have: Any) -> bool:
        return any(equal(have, value) for value in self.values) is self.wanted

    def __str__(self) -> str:
        return f"{self.key} {'in' if self.wanted else 'not in'} ({', '.join(map(told, self.values))})"


@dataclass(frozen=True, slots=True)
class Not:
    part: "Term"

    def holds(self, facts: Facts) -> bool:
        return not self.part.holds(facts)

    def __str__(self) -> str:
        return f"not ({self.part})"


@dataclass(frozen=True, slots=True)
class AllOf:
    parts: tuple["Term", ...]

    def holds(self, facts: Facts) -> bool:
        return all(part.holds(facts) for part in self.parts)

    def __str__(self) -> str:
        return " and ".join(f"({part})" if isinstance(part, AnyOf | AllOf) else str(part) for part in self.parts)


@dataclass(frozen=True, slots=True)
class AnyOf:
    parts: tuple["Term", ...]

    def holds(self, facts: Facts) -> bool:
        return any(part.holds(facts) for part in self.parts)

    def __str__(self) -> str:
        return " or ".join(f"({part})" if isinstance(part, AnyOf) else str(part) for part in self.parts)


Term = Has | Compare | Among | Not | AllOf | AnyOf


def compared(have: Any, word: str, want: Value) -> bool:
    if word in EQUAL:
        return equal(have, want) is (word == "=")
    if word in LIKE:
        return like(text_of(have), str(want), fold=word.endswith("ilike")) is not word.startswith("not")
    return ordered(have, ORDERED[word], want)


def equal(have: Any, want: Value) -> bool:
    """Numbers as numbers, however they were told; nan equals nan."""
    if isinstance(have, str) and isinstance(want, str):
        return have == want
    if isinstance(have, bool) or isinstance(want, bool):
        return text_of(have).lower() == text_of(want).lower()
    left, right = number_of(have), number_of(want)
    if left is None or right is None:
        return isinstance(want, str) and text_of(have) == want
    return left == right or (left != left and right != right)


def ordered(have: Any, holds: Callable[[Any, Any], bool], want: Value) -> bool:
    """Two texts by their characters, else two numbers; what is neither is neither more nor less."""
    if isinstance(have, str) and isinstance(want, str):
        return holds(have, want)
    left, right = number_of(have), number_of(want)
    return left is not None and right is not None and holds(left, right)


def number_of(value: Any) -> int | float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return value
    if not isinstance(value, str):
        return None
    if NUMBER.fullmatch(value):
        return float(value)
    word = value.strip().lower()
    found = NOT_FINITE.get(word.lstrip("+-"))
    return None if found is None or len(word) > 9 else (-found if word.startswith("-") else found)


def text_of(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def told(value: Value) -> str:
    """As it is written in a query."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return repr(value)

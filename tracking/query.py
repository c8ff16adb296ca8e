"""The language in which runs are asked for:

    metrics.val_accuracy > 0.9 and params.lr < 0.01 and tags.baseline
    not (state = 'failed' or params."learning rate" in (0.1, 0.01)) and name like 'resnet%' and started > '2026-01-31'

    query       one or more parts with `and`, `or`, `not` and parentheses; `not` binds closest, then `and`
    part        KEY                         the run has it
                KEY = VALUE                 also == != <> < <= > >= like, not like, ilike, not ilike
                KEY in (VALUE, ...)         also not in
                KEY is null                 also is not null
    KEY         metrics.NAME params.NAME tags.NAME summary.NAME dataset.name, or an attribute such as state
                a NAME of other characters than letters, digits and _ . / : @ - stands in double quotes or backticks
    VALUE       'text', "text", 0.01, -1e-3, nan, inf, true, false; a time is a date or seconds since 1970

What MLflow understands as a filter is understood here, and means the same. What is not understood is refused.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from headhunt.errors import BadQuery, did_you_mean
from tracking.keys import ATTRIBUTE_OF, DATASET_FIELDS, OF_WORD, STATES, Key, moment, seconds, state
from tracking.terms import ORDERED, AllOf, Among, AnyOf, Compare, Facts, Has, Not, Term, Value
from tracking.words import Word, words_of

DEEPEST, MOST_PARTS, MOST_LISTED, LONGEST_PATTERN = 40, 500, 1000, 1000
SIGNS = {"==": "=", "<>": "!="}
AFTER_KEY = "one of = != < <= > >= like in is, or 'and', 'or', the end"
KEY_WANTED = "a key such as metrics.loss, params.lr, tags.baseline or state"
RESERVED = ("and", "or", "not", "in", "is", "like", "ilike", "null", "true", "false")


@dataclass(frozen=True, slots=True)
class Query:
    """What was asked. As text it is a query again, and the same one."""

    term: Term

    def names(self) -> frozenset[tuple[str, str]]:
        """What has to be known of a run: (kind, name); kinds are metric, param, tag, summary, attribute, dataset."""
        return frozenset(names_in(self.term))

    def holds(self, facts: Facts) -> bool:
        return self.term.holds(facts)

    def __str__(self) -> str:
        return str(self.term)


@dataclass(frozen=True, slots=True)
class Order:
    """By what a list is sorted. What a run does not have, and nan, come last either way."""

    key: Key
    descending: bool = False


def parse(text: str, attributes: Mapping[str, str] = ATTRIBUTE_OF) -> Query:
    """attributes: what each word for one stands for; those of runs, where nothing else is asked for. Raises BadQuery,
    which says where, what was found, and what would do."""
    reader = Reader(words_of(text), attributes)
    term = reader.any_of()
    reader.ends("'and', 'or' or the end")
    return Query(term)


def parse_order(text: str, attributes: Mapping[str, str] = ATTRIBUTE_OF) -> Order:
    """`metrics.loss`, `metrics.loss desc`, `started asc`. Raises BadQuery."""
    reader = Reader(words_of(text), attributes)
    key = reader.key()
    descending = reader.take("desc")
    if not descending:
        reader.take("asc")
    reader.ends("asc, desc or the end")
    return Order(key, descending)


def names_in(term: Term) -> list[tuple[str, str]]:
    if isinstance(term, AllOf | AnyOf):
        return [name for part in term.parts for name in names_in(part)]
    return names_in(term.part) if isinstance(term, Not) else [(term.key.kind, term.key.name)]


class Reader:
    """Goes through the words once. Every level of the grammar is a method; depth and count are bounded."""

    def __init__(self, words: list[Word], attributes: Mapping[str, str]) -> None:
        self.words, self.attributes = words, attributes
        self.at = self.depth = self.count = 0

    @property
    def word(self) -> Word:
        return self.words[self.at]

    def next(self) -> Word:
        found = self.word
        self.at += found.kind != "end"
        return found

    def take(self, *words: str) -> bool:
        """Whether one of these came; then it is behind us."""
        if not self.word.says(*words):
            return False
        self.at += 1
        return True

    def refused(self, wanted: str, word: Word | None = None) -> BadQuery:
        found = word or self.word
        return BadQuery(found.place, found.shown, wanted)

    def ends(self, wanted: str) -> None:
        if self.word.kind != "end":
            raise self.refused(wanted)

    def any_of(self) -> Term:
        parts = [self.all_of()]
        while self.take("or"):
            parts.append(self.all_of())
        return parts[0] if len(parts) == 1 else AnyOf(tuple(parts))

    def all_of(self) -> Term:
        parts = [self.part()]
        while self.take("and"):
            parts.append(self.part())
        return parts[0] if len(parts) == 1 else AllOf(tuple(parts))

    def part(self) -> Term:
        self.depth += 1
        if self.depth > DEEPEST:
            raise self.refused(f"at most {DEEPEST} levels of not and parentheses")
        if self.take("not"):
            term: Term = Not(self.part())
        elif self.take("("):
            term = self.any_of()
            if not self.take(")"):
                raise self.refused("'and', 'or' or ')'")
        else:
            term = self.comparison()
        self.depth -= 1
        return term

    def comparison(self) -> Term:
        self.count += 1
        if self.count > MOST_PARTS:
            raise self.refused(f"at most {MOST_PARTS} comparisons")
        key = self.key()
        if self.word.kind == "sign":
            return self.by_sign(key)
        if self.take("is"):
            wanted = self.take("not")
            if not self.take("null"):
                raise self.refused("null" if wanted else "null or not null")
            return Has(key, wanted)
        negative = self.take("not")
        if self.take("in"):
            return Among(key, self.listed(key), not negative)
        if self.word.says("like", "ilike"):
            return self.by_pattern(key, negative)
        if negative:
            raise self.refused("in, like or ilike")
        if self.word.kind != "end" and not self.word.says("and", "or", ")"):
            raise self.refused(AFTER_KEY)
        return Has(key)

    def by_sign(self, key: Key) -> Term:
        sign = SIGNS.get(self.word.value, self.word.value)
        self.at += 1
        word = self.word
        value = self.value(key)
        if sign in ORDERED and (isinstance(value, bool) or value != value):
            raise self.refused(f"a number or a text: {word.value} can only be = or !=", word)
        if sign in ORDERED and key.is_state:
            raise self.refused("= or !=, as states have no order", self.words[self.at - 2])
        return Compare(key, sign, value)

    def by_pattern(self, key: Key, negative: bool) -> Term:
        if key.is_number:
            raise self.refused(f"= != < <= > >= or in, as {key} is a number")
        word = ("not " if negative else "") + self.next().value.lower()
        if self.word.kind not in ("text", "quoted") or len(self.word.value) > LONGEST_PATTERN:
            raise self.refused(f"a pattern in quotes, such as 'resnet%', of at most {LONGEST_PATTERN} characters")
        return Compare(key, word, self.next().value)

    def listed(self, key: Key) -> tuple[Value, ...]:
        if not self.take("("):
            raise self.refused("( and the values")
        found = [self.value(key)]
        while self.take(","):
            if self.word.says(")"):
                break
            found.append(self.value(key))
            if len(found) > MOST_LISTED:
                raise self.refused(f"at most {MOST_LISTED} values in a list")
        if not self.take(")"):
            raise self.refused("',' or ')'")
        return tuple(found)

    def key(self) -> Key:
        word = self.next()
        if word.kind in ("quoted", "ticked"):
            return self.attribute(word.value, word)
        if word.kind != "word" or word.says(*RESERVED):
            raise self.refused(KEY_WANTED, word)
        first, dot, name = word.value.partition(".")
        if not dot:
            return self.attribute(word.value, word)
        kind = OF_WORD.get(first.lower())
        if kind is None:
            raise self.refused(KEY_WANTED, word)
        return self.named(kind, name, word)

    def named(self, kind: str, name: str, word: Word) -> Key:
        """What comes after the dot, which may stand in quotes of its own."""
        if not name:
            quoted = self.next()
            if quoted.kind not in ("quoted", "ticked") or quoted.place != word.end or not quoted.value:
                raise self.refused("a name after the dot; in double quotes, where it has other characters", quoted)
            name = quoted.value
        if kind == "attribute":
            return self.attribute(name, word)
        if kind == "dataset" and name.lower() not in DATASET_FIELDS:
            raise self.refused(f"dataset. and one of {', '.join(DATASET_FIELDS)}", word)
        return Key(kind, name.lower() if kind == "dataset" else name)

    def attribute(self, name: str, word: Word) -> Key:
        found = self.attributes.get(name.lower())
        if found is None:
            known = sorted(set(self.attributes.values()))
            guess = did_you_mean("attribute", name, known)
            told = f"metrics.{name}, params.{name}, tags.{name}" if name.isidentifier() else KEY_WANTED
            raise self.refused(f"{told}, or one of {', '.join(known)} ({guess.removesuffix('.')})", word)
        return Key("attribute", found)

    def value(self, key: Key) -> Value:
        """As the key needs it: a metric is a number, a time is seconds, a state is one of those there are."""
        word = self.next()
        value = self.literal(word)
        if key.is_time:
            return self.time(word, value)
        if key.kind == "metric" and (isinstance(value, str | bool)):
            raise self.refused("a number, as metrics are numbers", word)
        if key.is_state:
            found = state(value) if isinstance(value, str) else None
            if found is None:
                raise self.refused(f"one of {', '.join(map(repr, STATES))}", word)
            return found
        return value

    def literal(self, word: Word) -> Value:
        if word.kind in ("text", "quoted"):
            return word.value
        if word.kind == "number":
            whole = word.value.lstrip("+-").isdigit() and len(word.value) <= 30
            number = int(word.value) if whole else float(word.value)
            return math.nan if number != number else number  # the one nan: two queries can be the same
        if word.says("true", "false"):
            return word.value.lower() == "true"
        wanted = "is null" if word.says("null") else "a number, a text in quotes, true or false"
        raise self.refused(wanted, word)

    def time(self, word: Word, value: Value) -> float:
        found = moment(value) if isinstance(value, str) else seconds(value)
        if isinstance(value, bool) or found is None or math.isnan(found):
            raise self.refused(
                "a date such as '2026-01-31' or '2026-01-31T12:00:00+01:00', or seconds since 1970", word
            )
        return found

"""What was true and what was said, as a report shows it: a confusion matrix where it can be taken in, classes one by
one, and the mistakes that are made most. What a run told of it comes from outside: what does not fit is left out."""

from collections.abc import Iterable, Sequence
from typing import Annotated

import msgspec

from headhunt.track.wire import RunFile
from headhunt.vocabulary import Struct
from tracking.reports.words import number

MOST, MOST_CELLS, MOST_ROWS, MOST_MISTAKES = 3, 12, 20, 5
"""Evaluations; classes of a matrix that is shown; classes one by one; mistakes."""
LONGEST = 80
LIGHT, RIGHT, WRONG = (255, 255, 255), (147, 197, 253), (252, 165, 165)
Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]


class ClassTold(Struct, frozen=True, omit_defaults=False):
    """How well one class is known. count: how many there are of it."""

    name: str
    count: Count
    precision: Share | None = None
    recall: Share | None = None
    f1: Share | None = None


class Mistake(Struct, frozen=True, omit_defaults=False):
    true: str
    said: str
    count: Count


class Evaluation(Struct, frozen=True, omit_defaults=False):
    """matrix: rows are what is true, columns what was said; empty where there are too many classes to be taken in, as
    are `shades`, the colours of its cells. per_class: of many, those that are known worst. hidden: how many others."""

    name: str
    count: Count
    step: int | None = None
    accuracy: Share | None = None
    classes: tuple[str, ...] = ()
    matrix: tuple[tuple[Count, ...], ...] = ()
    shades: tuple[tuple[str, ...], ...] = ()
    per_class: tuple[ClassTold, ...] = ()
    hidden: int = 0
    mistakes: tuple[Mistake, ...] = ()


class Facts(msgspec.Struct):
    """As a run tells them (headhunt.track.things)."""

    count: Count
    accuracy: Share | None = None
    classes: tuple[str, ...] = ()
    matrix: tuple[tuple[Count, ...], ...] = ()


def evaluations_of(files: Iterable[RunFile]) -> tuple[Evaluation, ...]:
    """The newest of each name, the newest names first."""
    newest: dict[str, RunFile] = {}
    for one in sorted(files, key=lambda one: (one.created, -1 if one.step is None else one.step)):
        if one.kind == "confusion":
            newest[one.path] = one
    told = sorted(newest.values(), key=lambda one: -one.created)
    found = (evaluation_of(one) for one in told)
    return tuple(one for one in found if one is not None)[:MOST]


def evaluation_of(file: RunFile) -> Evaluation | None:
    try:
        facts = msgspec.convert(file.facts, Facts)
    except (msgspec.ValidationError, OverflowError):
        return None
    names = tuple(name[:LONGEST] for name in facts.classes)
    square = len(names) == len(facts.matrix) and all(len(row) == len(names) for row in facts.matrix)
    matrix = facts.matrix if square else ()
    rows = [class_told(matrix, at, name) for at, name in enumerate(names)] if matrix else []
    shown = rows if len(rows) <= MOST_ROWS else sorted(rows, key=lambda one: (one.f1 is None, one.f1))[:MOST_ROWS]
    small = 0 < len(names) <= MOST_CELLS
    return Evaluation(
        name=file.path.rpartition("/")[2].removesuffix(".json")[:LONGEST],
        count=facts.count,
        step=file.step,
        accuracy=facts.accuracy,
        classes=names,
        matrix=matrix if small else (),
        shades=shades(matrix) if small else (),
        per_class=tuple(shown),
        hidden=len(rows) - len(shown),
        mistakes=mistakes(matrix, names),
    )


def class_told(matrix: Sequence[Sequence[int]], at: int, name: str) -> ClassTold:
    hit, true, said = matrix[at][at], sum(matrix[at]), sum(row[at] for row in matrix)
    return ClassTold(
        name=name,
        count=true,
        precision=hit / said if said else None,
        recall=hit / true if true else None,
        f1=2 * hit / (true + said) if true + said else None,
    )


def mistakes(matrix: Sequence[Sequence[int]], names: Sequence[str]) -> tuple[Mistake, ...]:
    """The most frequent ones."""
    cells = [(count, at, to) for at, row in enumerate(matrix) for to, count in enumerate(row) if at != to and count]
    cells.sort(key=lambda one: (-one[0], one[1:]))
    return tuple(Mistake(true=names[at], said=names[to], count=count) for count, at, to in cells[:MOST_MISTAKES])


def shades(matrix: Sequence[Sequence[int]]) -> tuple[tuple[str, ...], ...]:
    """By the share of the row: what is right in one colour, what is mistaken in another."""
    return tuple(
        tuple(blend(RIGHT if at == to else WRONG, count / (sum(row) or 1)) for to, count in enumerate(row))
        for at, row in enumerate(matrix)
    )


def blend(colour: tuple[int, int, int], share: float) -> str:
    """A share that is not zero is always seen."""
    weight = 0.0 if share <= 0 else 0.15 + 0.85 * share
    mixed = (round(light + (full - light) * weight) for light, full in zip(LIGHT, colour, strict=True))
    return "#" + "".join(f"{one:02x}" for one in mixed)


def heading_of(one: Evaluation) -> str:
    """1,200 judged, accuracy 0.931, at step 9."""
    said = [f"{one.name}: {number(one.count)} judged"]
    if one.accuracy is not None:
        said.append(f"accuracy {number(one.accuracy)}")
    if one.step is not None:
        said.append(f"at step {number(one.step)}")
    return ", ".join(said)

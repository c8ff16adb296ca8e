"""Spaces: what a search may try. Frozen structs, the same in code, as JSON and on a page.

    space = {
        "lr": headhunt.double(1e-5, 1e-1, log=True),
        "batch": headhunt.integer(16, 128, step=16),
        "opt": headhunt.choice("sgd", "adamw"),
        "momentum": headhunt.double(0.5, 0.99, when={"opt": "sgd"}),
        "epochs": 10,
    }

Whatever cannot be searched is refused with the parameter's name and what to change. `when` names other parameters of
the space and the values that they must have; a parameter whose condition does not hold is absent from `params`.
"""

import math
import unicodedata
from collections.abc import Callable, Hashable, Mapping
from typing import Any, TypeGuard, TypeVar

import msgspec

from headhunt.errors import BadSpace, did_you_mean, printable
from headhunt.vocabulary import Struct

Value = None | bool | int | float | str
Conditions = dict[str, list[Value]]
MOST_PARAMETERS, MOST_CHOICES, LONGEST_NAME, LONGEST_TEXT = 200, 1_000, 100, 1_000
FINEST = 1e-7
"""A step is at least this part of what it leads to: below, nobody can say of a value whether it is on a step."""
WRITTEN = 'Write a parameter as {"type": "double", "low": 0.001, "high": 0.1}, an integer, a choice, or a plain value.'
LARGEST = 2**53
"""Above this, whole numbers are no longer exact as floats, which is how searches compute."""


class Double(Struct, frozen=True, tag="double"):
    low: float
    high: float
    log: bool = False
    step: float | None = None
    when: Conditions = msgspec.field(default_factory=dict)


class Integer(Struct, frozen=True, tag="integer"):
    low: int
    high: int
    log: bool = False
    step: int = 1
    when: Conditions = msgspec.field(default_factory=dict)


class Choice(Struct, frozen=True, tag="choice"):
    values: list[Value]
    when: Conditions = msgspec.field(default_factory=dict)


class Fixed(Struct, frozen=True, tag="fixed"):
    value: Value
    when: Conditions = msgspec.field(default_factory=dict)


Parameter = Double | Integer | Choice | Fixed
Space = dict[str, Parameter]
When = Mapping[str, Any] | None
Shape = TypeVar("Shape", bound=Parameter)


def double(low: float, high: float, *, log: bool = False, step: float | None = None, when: When = None) -> Double:
    """A number between low and high, both included; log: as many tries for each factor of ten."""
    low, high, step = plain(low), plain(high), plain(step)
    return sound(Double(low=low, high=high, log=log, step=step, when=conditions(when)))


def integer(low: int, high: int, *, log: bool = False, step: int = 1, when: When = None) -> Integer:
    """A whole number from low to high, both included."""
    low, high, step = plain(low), plain(high), plain(step)
    return sound(Integer(low=low, high=high, log=log, step=step, when=conditions(when)))


def choice(*values: Value, when: When = None) -> Choice:
    """One of the values, which have no order: text, numbers, True, False or None."""
    return sound(Choice(values=[plain(one) for one in values], when=conditions(when)))


def fixed(value: Value, *, when: When = None) -> Fixed:
    """Always this."""
    return sound(Fixed(value=plain(value), when=conditions(when)))


def sound(parameter: Shape, name: str = "A parameter") -> Shape:
    """The parameter itself, once everything that it says alone is in order."""
    if isinstance(parameter, Double | Integer):
        check_range(parameter, name)
    else:
        check_values(parameter.values if isinstance(parameter, Choice) else [parameter.value], name)
    return parameter


def checked(space: Mapping[str, Any]) -> Space:
    """A whole space, ordered so that each parameter stands behind those that its condition names.

    Plain values stand for `fixed`. The order is otherwise that of the names given.
    """
    if not isinstance(space, Mapping) or not space:
        raise BadSpace("The space is empty: nothing to search. Name a parameter, as in {'lr': headhunt.double(0, 1)}.")
    if len(space) > MOST_PARAMETERS:
        raise BadSpace(f"The space has {len(space):,} parameters. Search at most {MOST_PARAMETERS} at once.")
    known = {checked_name(name): as_parameter(name, given) for name, given in space.items()}
    for name, parameter in known.items():
        check_conditions(name, parameter, known)
    return in_order(known)


def from_json(text: bytes | str) -> Space:
    """A space as it was sent, plain values included; what is not understood is refused with the parameter's name."""
    try:
        sent = msgspec.json.decode(text, type=dict[str, msgspec.Raw])
    except msgspec.DecodeError as error:
        raise BadSpace(f"The space cannot be read: {error}. {WRITTEN}") from error
    return checked({name: one_from_json(name, one) for name, one in sent.items()})


def one_from_json(name: str, sent: msgspec.Raw) -> Parameter | Value:
    try:
        found: Parameter | Value = msgspec.json.decode(sent, type=Parameter | Value)
    except msgspec.DecodeError as error:
        raise BadSpace(f"The space cannot be read: {printable(name, 60)}: {error}. {WRITTEN}") from error
    return found


def to_json(space: Space) -> bytes:
    return msgspec.json.encode(space)


def active(space: Space, name: str, params: Mapping[str, Value]) -> bool:
    """Whether the condition of a parameter holds, given the values of those before it."""
    return all(
        parent in params and any(same(params[parent], value) for value in wanted)
        for parent, wanted in space[name].when.items()
    )


def allowed(parameter: Parameter, value: object) -> bool:
    """Whether this value can come up."""
    if isinstance(parameter, Fixed):
        return same(parameter.value, value)
    if isinstance(parameter, Choice):
        return any(same(one, value) for one in parameter.values)
    if isinstance(parameter, Integer) and not isinstance(value, int):
        return False
    if not is_number(value) or not parameter.low <= value <= parameter.high:
        return False
    steps = (value - parameter.low) / (parameter.step or 1)
    whole = abs(steps - round(steps)) < 1e-8
    return whole if parameter.step else True


def same(one: object, other: object) -> bool:
    """Equal, where True is not 1 and 1 is not 1.0."""
    return type(one) is type(other) and one == other


# --- What is refused -------------------------------------------------------------------------------------------------


def check_range(parameter: Double | Integer, name: str) -> None:
    low, high, step = parameter.low, parameter.high, parameter.step
    whole = isinstance(parameter, Integer)
    for word, value in (("low", low), ("high", high), *([("step", step)] if step is not None else [])):
        if not is_number(value) or (whole and not isinstance(value, int)) or endless(value):
            raise BadSpace(f"{name}: {word} is {shown(value)}. Give a {'whole ' if whole else ''}number.")
        if abs(value) > (LARGEST if whole else 1e300):
            raise BadSpace(f"{name}: {word} is {shown(value)}, which is too large. Search for its logarithm instead.")
    if low > high:
        raise BadSpace(f"{name}: low {low} is above high {high}. Exchange them.")
    if parameter.log and low <= 0:
        raise BadSpace(f"{name}: low is {low}, which has no logarithm. Take low above zero, or leave out log=True.")
    if step is not None and step <= 0:
        raise BadSpace(f"{name}: step is {step}. Take a step above zero.")
    check_step(parameter, name)


def check_step(parameter: Double | Integer, name: str) -> None:
    low, high, step = parameter.low, parameter.high, parameter.step
    stepped = step is not None and not (isinstance(parameter, Integer) and step == 1)
    if parameter.log and stepped:
        raise BadSpace(f"{name}: log and step exclude each other. Leave out one of them.")
    if step is not None and stepped and low < high and step > high - low:
        raise BadSpace(f"{name}: step {step} is larger than the range from {low} to {high}. Take a smaller step.")
    fine = high - low > LARGEST if isinstance(parameter, Integer) else (step or 0) < FINEST * max(abs(low), abs(high))
    if step is not None and stepped and fine:
        raise BadSpace(f"{name}: step {step} is too small from {low} to {high}. Take a larger step, or leave it out.")


def check_values(values: list[Value], name: str) -> None:
    if not values:
        raise BadSpace(f"{name}: no values to choose from. Name some, as in headhunt.choice('sgd', 'adamw').")
    if len(values) > MOST_CHOICES:
        raise BadSpace(f"{name}: {len(values):,} values. Name at most {MOST_CHOICES:,}, or take an integer.")
    for value in values:
        if not isinstance(value, None | bool | int | float | str) or (
            isinstance(value, float) and not math.isfinite(value)
        ):
            raise BadSpace(f"{name}: {shown(value)} is no text, number, True, False or None. Give it a name, as text.")
        if isinstance(value, str) and any(unicodedata.category(one) == "Cs" for one in value):
            raise BadSpace(f"{name}: {shown(value)} is no whole text. Give it a name of whole characters.")
        if (isinstance(value, str) and len(value) > LONGEST_TEXT) or (isinstance(value, int) and abs(value) > LARGEST):
            raise BadSpace(f"{name}: {shown(value)} is too long. Give it a short name.")
    seen: set[Value] = set()
    for value in values:
        if value in seen:  # 1, 1.0 and True are one value to a dictionary, and so to every search
            raise BadSpace(f"{name}: {shown(value)} is there twice. Name each value once.")
        seen.add(value)


def conditions(when: When) -> Conditions:
    """`when` as it is kept: for each name the list of values; one value may stand alone."""
    if when is None:
        return {}
    if not isinstance(when, Mapping) or not all(isinstance(name, str) for name in when):
        raise BadSpace(f"The condition is {shown(when)}. Give names and values, as in when={{'opt': 'sgd'}}.")
    lists = {name: one if isinstance(one, list | tuple | set | frozenset) else [one] for name, one in when.items()}
    return {name: [plain(value) for value in one] for name, one in lists.items()}


def check_conditions(name: str, parameter: Parameter, known: Space) -> None:
    for parent, values in parameter.when.items():
        if parent not in known:
            raise BadSpace(f"{name}: its condition is unknown. {did_you_mean('parameter', parent, known)}")
        if not values:
            raise BadSpace(f"{name}: no value of {parent} would switch it on. Name one.")
        can_be = among(known[parent])
        for value in values:
            if not can_be(value):
                raise BadSpace(f"{name}: {parent} is never {shown(value)}. Name a value that it can have.")
        if isinstance(known[parent], Double):
            raise BadSpace(
                f"{name}: its condition hangs on {parent}, which is a double. Make that a choice or integer."
            )


def among(parameter: Parameter) -> Callable[[object], bool]:
    """`allowed`, for many values: those of a choice are not gone through for each of them."""
    if not isinstance(parameter, Choice):
        return lambda value: allowed(parameter, value)
    known = {(type(one), one) for one in parameter.values}
    return lambda value: isinstance(value, Hashable) and (type(value), value) in known


def as_parameter(name: str, given: object) -> Parameter:
    if isinstance(given, Double | Integer | Choice | Fixed):
        return sound(given, name)
    if isinstance(given := plain(given), None | bool | int | float | str):
        return sound(Fixed(value=given), name)
    raise BadSpace(f"{name}: {shown(given)} is no parameter. Give headhunt.double, integer, choice, fixed or a value.")


def checked_name(name: object) -> str:
    good = isinstance(name, str) and 0 < len(name) <= LONGEST_NAME and name == name.strip()
    if not good or any(unicodedata.category(one)[0] == "C" for one in str(name)):
        raise BadSpace(f"A parameter is named {shown(name)}. Take 1 to {LONGEST_NAME} printable characters.")
    return str(name)


def in_order(known: Space) -> Space:
    """Parents first; a circle is refused."""
    placed: Space = {}
    while len(placed) < len(known):
        ready = [name for name in known if name not in placed and all(parent in placed for parent in known[name].when)]
        if not ready:
            circle = ", ".join(name for name in known if name not in placed)
            raise BadSpace(f"The conditions of {printable(circle, 200)} wait for each other. Leave out one of them.")
        placed.update((name, known[name]) for name in ready)
    return placed


def is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def endless(value: float) -> bool:
    """nan, or infinite; of a whole number of any size, which math.isfinite is not asked for."""
    return isinstance(value, float) and not math.isfinite(value)


def plain(value: Any) -> Any:
    """A number, text or truth of numpy as Python's own: they look alike, and go into no JSON."""
    return value.item() if type(value).__module__ == "numpy" and getattr(value, "shape", None) == () else value


def shown(value: object) -> str:
    try:
        return printable(repr(value), 60)
    except ValueError:  # a whole number of thousands of digits
        return f"a {type(value).__name__} too long to print"

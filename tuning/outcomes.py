"""What an objective gave back, whatever it is: a number, or why this trial came to nothing."""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from headhunt.errors import TrialFailed, one_line, printable
from headhunt.trials import STATUS_FAIL, STATUS_OK

LONGEST_REASON = 300


class Outcome(NamedTuple):
    """values: one for each aim, in order. measured: what the limits are on, by name."""

    values: tuple[float, ...]
    measured: dict[str, float]


def read(given: object, aims: Sequence[str] = (), limits: Sequence[str] = ()) -> Outcome:
    """What an objective gave, for a study with these aims (none: one, without a name) and limits on these names."""
    told = given if isinstance(given, Mapping) else {}
    if not aims:
        value = value_of(given)
        return Outcome((value,), {name: number_of(told, name) for name in limits})
    if not isinstance(given, Mapping):
        raise TrialFailed(
            f"The objective returned {shown(given)}. With several aims, return {{'losses': {{'{aims[0]}': ...}}}}."
        )
    check_status(given)
    losses = given.get("losses", given)
    if not isinstance(losses, Mapping):
        raise TrialFailed(f"The objective returned the losses {shown(losses)}. Return a number for each aim, by name.")
    both = {**told, **losses}
    return Outcome(tuple(number_of(both, name) for name in aims), {name: number_of(both, name) for name in limits})


def number_of(told: Mapping[object, object], name: str) -> float:
    if name not in told:
        raise TrialFailed(f"The objective returned {shown(dict(told))}, without {name!r}.")
    try:
        return value_of(told[name])
    except TrialFailed as error:
        raise TrialFailed(f"{name}: {error}") from error


def value_of(given: object) -> float:
    """The number of a result. Raises TrialFailed with what would do."""
    if isinstance(given, Mapping):
        given = loss_of(given)
    if given is None:
        raise TrialFailed("The objective returned nothing. Return the loss, as a number or as {'loss': ...}.")
    if isinstance(given, bool | str | bytes):
        raise TrialFailed(f"The objective returned {shown(given)}. Return the loss, as a number.")
    try:
        number = float(given)  # type: ignore[arg-type]
    except Exception as error:
        raise TrialFailed(f"The objective returned {shown(given)}, which is no number. Return the loss.") from error
    if not math.isfinite(number):
        raise TrialFailed(f"The objective returned {number}. The parameters may be too extreme.")
    return number


def loss_of(given: Mapping[object, object]) -> object:
    """hyperopt's way to say it; the status may be left out."""
    check_status(given)
    if "loss" not in given:
        raise TrialFailed(f"The objective returned {shown(dict(given))}, without 'loss'.")
    return given["loss"]


def check_status(given: Mapping[object, object]) -> None:
    status = given.get("status", STATUS_OK)
    if status == STATUS_FAIL:
        raise TrialFailed(f"The objective said that it failed{': ' + shown(why) if (why := given.get('why')) else '.'}")
    if status != STATUS_OK:
        raise TrialFailed(f"The objective returned the status {shown(status)}. There are 'ok' and 'fail'.")


def reason_of(error: BaseException) -> str:
    """One line on what an objective raised."""
    said = one_line(error, LONGEST_REASON)
    name = type(error).__name__
    return f"{said}." if isinstance(error, TrialFailed) else name if said == name else f"{name}: {said}"


def shown(value: object) -> str:
    try:
        return printable(repr(value), 60)
    except Exception:
        return f"a {type(value).__name__}"

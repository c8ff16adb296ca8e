"""What an objective gave back, whatever it is: a number, or why this trial came to nothing."""

import math
from collections.abc import Mapping

from headhunt.errors import TrialFailed, one_line, printable
from headhunt.trials import STATUS_FAIL, STATUS_OK

LONGEST_REASON = 300


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
    status = given.get("status", STATUS_OK)
    if status == STATUS_FAIL:
        raise TrialFailed(f"The objective said that it failed{': ' + shown(why) if (why := given.get('why')) else '.'}")
    if status != STATUS_OK:
        raise TrialFailed(f"The objective returned the status {shown(status)}. There are 'ok' and 'fail'.")
    if "loss" not in given:
        raise TrialFailed(f"The objective returned {shown(dict(given))}, without 'loss'.")
    return given["loss"]


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

"""Trials: what is kept of each, and the one that runs now in this thread, whom `headhunt.report` speaks to."""

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Literal, Protocol

import msgspec

from headhunt.errors import BadValue, NoTrial, TrialStopped, printable
from headhunt.spaces import Value
from headhunt.vocabulary import Struct

STATUS_OK = "ok"
STATUS_FAIL = "fail"
SOCKET = "HEADHUNT_TRIAL_SOCKET"
"""Where a program that was started for a trial finds who hears of it."""


State = Literal["running", "complete", "stopped", "failed"]


class Trial(Struct, frozen=True):
    """One try. `params`: real values, without those whose condition did not hold; `value` of complete trials alone.

    `readings`: what was reported, by step. `reason`: why it was stopped or failed. With several aims, `values` has all
    of them by name, and `value` is the first one's. `measured`: what else it gave for limits; `within`: it keeps them.
    """

    number: int
    state: State
    params: dict[str, Value]
    value: float | None = None
    reason: str = ""
    readings: dict[int, float] = msgspec.field(default_factory=dict)
    seconds: float | None = None
    values: dict[str, float] = msgspec.field(default_factory=dict)
    measured: dict[str, float] = msgspec.field(default_factory=dict)
    within: bool = True

    @property
    def loss(self) -> float | None:
        """The value, as others name it."""
        return self.value

    @property
    def status(self) -> str:
        """`ok` or `fail`, as others name it."""
        return STATUS_FAIL if self.state == "failed" else STATUS_OK


class Listener(Protocol):
    def report(self, step: int | None, loss: float) -> str | None:
        """Takes a reading; answers why the trial shall end, or None. No step: the last word on this trial."""


_current: ContextVar[Listener | None] = ContextVar("headhunt_trial", default=None)


def report(step: int | None = None, loss: float = math.nan) -> None:
    """How the running trial does at this step. Raises TrialStopped when it is not worth going on: let it pass.

    In a program that `headhunt study worker` started, `headhunt.report(loss=0.3)` is the last word on the trial.
    """
    listener = current()
    if listener is None:
        raise NoTrial(
            "No trial runs here. Call headhunt.report inside an objective of headhunt.fmin, in the thread that it was"
            " called in, or in a program that 'headhunt study worker' started."
        )
    if (reason := listener.report(None if step is None else as_step(step), as_loss(loss))) is not None:
        raise TrialStopped(reason)


def number() -> int | None:
    """Of the trial that runs here; None where none runs, or in a process of its own."""
    found: int | None = getattr(_current.get(), "number", None)
    return found


def current() -> Listener | None:
    """Who hears of the trial that runs here: in this thread, or, in a program of its own, whoever started it."""
    if (listener := _current.get()) is not None:
        return listener
    if os.environ.get(SOCKET):
        from headhunt.studies.line import Line

        return Line.of(os.environ[SOCKET])
    return None


@contextmanager
def running(listener: Listener) -> Iterator[None]:
    token = _current.set(listener)
    try:
        yield
    finally:
        _current.reset(token)


def as_step(step: object) -> int:
    try:
        number = float(step)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not (0 <= number < math.inf and number == int(number)):
        raise BadValue(
            f"The step is {printable(repr(step), 60)}. Give a whole number, 0 or more,"
            " as in headhunt.report(epoch, loss)."
        )
    return int(number)


def as_loss(loss: object) -> float:
    """nan and infinity are taken: they say that the trial fares badly."""
    try:
        if isinstance(loss, bool | str):
            raise TypeError
        return float(loss)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError) as error:
        raise BadValue(
            f"The loss at a step is {printable(repr(loss), 60)}. Give a number, as in headhunt.report(epoch, loss)."
        ) from error

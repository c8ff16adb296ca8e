"""What a server and the workers of its studies say to each other, in any language: frozen structs, JSON on the way.

A number that JSON has no word for is the text "nan", "inf" or "-inf".
"""

from contextlib import suppress
from typing import Any, Literal

import msgspec

from headhunt.spaces import Parameter, Value
from headhunt.trials import State as TrialState
from headhunt.vocabulary import Struct

StudyState = Literal["running", "paused", "done", "failed", "stopped"]
ENDED: tuple[StudyState, ...] = ("done", "failed", "stopped")
Number = float | str
Status = Literal["ok", "fail", "stopped"]
LEASE_S = 60.0


class StudyAsked(Struct, frozen=True):
    """A study that is to be. space: parameters by name; a plain value stands for one that is always the same. trials,
    seconds: what may be spent, seconds being those of all trials together; None: no end. lease_s: a worker that is
    silent for so long is taken for dead."""

    name: str
    space: dict[str, Parameter | Value]
    algo: str = "auto"
    direction: str = "minimize"
    seed: int | None = None
    trials: int | None = 100
    seconds: float | None = None
    curtail: bool = True
    warm_up: int = 1
    start: list[dict[str, Value]] = msgspec.field(default_factory=list)
    private: bool = False
    lease_s: float = LEASE_S


class BestTrial(Struct, frozen=True, omit_defaults=False):
    number: int
    value: float
    params: dict[str, Value]


class StudyShown(Struct, frozen=True, omit_defaults=False):
    """counts: trials by state. spent: seconds of all trials that ended. why: of its state, where there is more to say.
    run: the run of the tracker that those of its trials belong to; empty, where the study is private."""

    id: str
    name: str
    state: StudyState
    owner: str
    private: bool
    created: float
    space: dict[str, Parameter]
    algo: str
    direction: str
    seed: int
    trials: int | None
    seconds: float | None
    curtail: bool
    warm_up: int
    start: list[dict[str, Value]]
    lease_s: float
    counts: dict[TrialState, int]
    count: int
    spent: float
    best: BestTrial | None
    why: str
    run: str
    aims: dict[str, str] = msgspec.field(default_factory=dict)
    limits: dict[str, float] = msgspec.field(default_factory=dict)
    job: str = ""
    """Of a tuning: the job that runs its trials, and nobody else does."""


class MoreTrials(Struct, frozen=True):
    """What may be spent from now on, in all; what is not given stays."""

    trials: int | None = None
    seconds: float | None = None


class TrialAsked(Struct, frozen=True):
    """worker: who asks, for people. most: no trial, where the study has so many already."""

    worker: str = ""
    most: int | None = None


class TrialGiven(Struct, frozen=True, omit_defaults=False):
    """token: is shown with all that is told of the trial. lease_s: say something at least so often."""

    number: int
    params: dict[str, Value]
    token: str
    run: str
    lease_s: float


class Given(Struct, frozen=True, omit_defaults=False):
    """A trial, or why there is none: ask again after retry_s seconds; None: there will be none."""

    state: StudyState
    trial: TrialGiven | None
    retry_s: float | None
    why: str


class Reading(Struct, frozen=True):
    """How a trial does at a step. Without step and loss: its worker lives."""

    token: str
    step: int | None = None
    loss: Number | None = None


class Verdict(Struct, frozen=True, omit_defaults=False):
    """stop: end the trial now, and tell that it was stopped."""

    stop: bool
    why: str


class TrialResult(Struct, frozen=True):
    """What came of a trial. value, or loss: the number. status: ok, fail, or stopped, where it ended early. why: of the
    last two."""

    token: str
    value: Number | None = None
    loss: Number | None = None
    status: Status = "ok"
    why: str = ""


class GivenBack(Struct, frozen=True):
    """Somebody else shall run it."""

    token: str


class TrialShown(Struct, frozen=True, omit_defaults=False):
    """A trial as headhunt.Trial has it, and who runs it. run: its run of the tracker."""

    number: int
    state: TrialState
    params: dict[str, Value]
    value: float | None
    reason: str
    readings: dict[int, Number]
    seconds: float | None
    worker: str
    run: str
    values: dict[str, float] = msgspec.field(default_factory=dict)
    measured: dict[str, float] = msgspec.field(default_factory=dict)
    within: bool = True


class StudyKeyAsked(Struct, frozen=True):
    name: str = ""
    days: float | None = None


def number_of(given: Number | None) -> Any:
    """As Python has it: the texts that stand for numbers are these numbers; all else stays what it is."""
    if isinstance(given, str) and given.strip().lower().lstrip("+-") in ("nan", "inf", "infinity"):
        with suppress(ValueError):  # of two signs
            return float(given)
    return given

"""What is asked of a server that tunes, and what it answers."""

from typing import Any

import msgspec

from headhunt.spaces import Parameter, Value
from headhunt.studies.wire import TrialShown
from headhunt.vocabulary import ModelCard, Refusal, Struct


class TuningAsked(Struct, frozen=True):
    """dataset: its id or name; empty: that of the recommendation. models: ids of the zoo; with a recommendation those
    of its candidates that are searched, the likeliest first, empty: its best. recommendation: the id of its job. All
    else as `rec.tune` has it."""

    dataset: str = ""
    models: tuple[str, ...] = ()
    recommendation: str | None = None
    trials: int | None = None
    seconds: float | str | None = None
    space: dict[str, Parameter | Value] = msgspec.field(default_factory=dict)
    aims: tuple[str, ...] = ("loss",)
    limits: dict[str, float | str] = msgspec.field(default_factory=dict)
    algo: str = "auto"
    seed: int = 0
    study: str | None = None
    curtail: bool = True
    part: bool | float | None = None


class StudyPlan(Struct, frozen=True, omit_defaults=False):
    """How a study was searched."""

    space: dict[str, Parameter]
    algo: str
    direction: str
    seed: int
    warm_up: int
    curtail: bool
    start: dict[str, Value]
    aims: dict[str, str]
    limits: dict[str, float]


class TuningDone(Struct, frozen=True, omit_defaults=False):
    """study, name: under which the study is kept. aims: what was tuned for, the first one first; limits: as they were
    read. best: the number of the trial that became the model. front: those whom no other beats. recommended: for each
    parameter the value to use and how sure. card: of the zoo. learned: from how many of how many images trials learned,
    where it was a part."""

    study: str
    name: str
    models: tuple[str, ...]
    aims: tuple[str, ...]
    limits: dict[str, float]
    plan: StudyPlan
    trials: list[TrialShown]
    best: int
    front: list[int]
    recommended: dict[str, Any]
    card: ModelCard
    learned: tuple[int, int] | None = None
    refused: tuple[Refusal, ...] = ()
    warnings: tuple[str, ...] = ()

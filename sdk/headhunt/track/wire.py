"""What a server says of runs, as frozen structs. Times are seconds since 1970: `started` and those of points are the
training's clock, all others the server's."""

from typing import Any, Literal

import msgspec

from headhunt.vocabulary import Struct

RunState = Literal["running", "finished", "failed", "lost"]
"""lost: nothing has been heard for a while, or the process ended without a word."""


class RunBegun(Struct, frozen=True):
    """A run that is to be: asked for again with the same id, it is the same one. experiment: what a user calls the
    project of the run, a name for runs that belong together."""

    experiment: str = "default"
    name: str = ""
    intent: str = ""
    parent: str | None = None
    group: str | None = None
    dataset: str | None = None
    model: str | None = None
    tags: tuple[str, ...] = ()
    started: float | None = None


class RunChange(Struct, frozen=True):
    """Only what is given changes. tags: a value of None takes the tag away."""

    name: str | None = None
    intent: str | None = None
    tags: dict[str, str | None] = msgspec.field(default_factory=dict)


class Run(Struct, frozen=True, omit_defaults=False):
    """A training, or whatever else told of itself. metrics: the newest value of each. Of a list: a hundred of them by
    name, and of params, tags and summary each, those that were asked or sorted by in any case; of long texts and values
    the beginning, and `...`."""

    id: str
    experiment: str
    name: str
    state: RunState
    started: float
    seen: float
    """When something was heard of it last."""
    intent: str = ""
    ended: float | None = None
    error: str | None = None
    parent: str | None = None
    group: str | None = None
    dataset: str | None = None
    model: str | None = None
    by: str | None = None
    params: dict[str, Any] = msgspec.field(default_factory=dict)
    tags: dict[str, str] = msgspec.field(default_factory=dict)
    summary: dict[str, Any] = msgspec.field(default_factory=dict)
    metrics: dict[str, float | str] = msgspec.field(default_factory=dict)
    """NaN and infinity are told as "nan", "inf" and "-inf"."""
    facts: dict[str, Any] = msgspec.field(default_factory=dict)
    """code, environment and whatever else its surroundings were; only where one run is asked for."""
    marks: tuple[str, ...] = ()
    """What was not kept as it was told."""
    whole: bool = True
    """False: it stands in a list, and has more than is told there. Ask for it by its id."""


class Metric(Struct, frozen=True, omit_defaults=False):
    """One curve in numbers. Of values that are no numbers `count` alone knows."""

    name: str
    count: int
    last: float | str
    last_step: int
    min: float | None
    max: float | None


class Curve(Struct, frozen=True, omit_defaults=False):
    """Points by step. whole: all of them; else thinned out so that the peaks of every stretch stay."""

    name: str
    steps: tuple[int, ...]
    values: tuple[float | str, ...]
    times: tuple[float, ...]
    count: int
    whole: bool


class CurvePart(Struct, frozen=True, omit_defaults=False):
    """Points as they came, none left out. count: of all that there are. next: from where to go on, where there are
    more."""

    name: str
    steps: tuple[int, ...]
    values: tuple[float | str, ...]
    times: tuple[float, ...]
    count: int
    next: int | None


class RunFile(Struct, frozen=True, omit_defaults=False):
    """A file of a run: under one path the newest holds, unless it came with a step."""

    path: str
    digest: str
    size: int
    kind: str
    step: int | None
    created: float
    facts: dict[str, Any] = msgspec.field(default_factory=dict)


class JournalKept(Struct, frozen=True, omit_defaults=False):
    """How far a writer's journal has come in. What is asked to be added elsewhere is not: go on from here."""

    kept: int


class Experiment(Struct, frozen=True, omit_defaults=False):
    id: str
    name: str
    created: float
    runs: int


class Printed(Struct, frozen=True, omit_defaults=False):
    """A piece of what the program printed. number: to ask for what comes after it. stream: out, err."""

    number: int
    at: float
    stream: str
    text: str


class Changed(Struct, frozen=True, omit_defaults=False):
    """What two runs say differently under one name; None where one of them says nothing."""

    name: str
    before: Any
    after: Any


class DataDiff(Struct, frozen=True, omit_defaults=False):
    """What changed between two versions of data, in paths. moved: (before, after) of the same bytes. size: in bytes,
    before and after. classes: (before, after) counts where they differ; a class is a file's folder, that of a part
    (train, val, test) left out."""

    before: str
    after: str
    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]
    moved: tuple[tuple[str, str], ...]
    same: int
    size: tuple[int, int]
    classes: dict[str, tuple[int, int]]


class RunsCompared(Struct, frozen=True, omit_defaults=False):
    """Where two runs differ. What is alike is left out. metrics: the newest value of each. patch: how the changes to
    the code that were not committed differ, as lines of a diff. data: where both versions are known."""

    before: str
    after: str
    about: tuple[Changed, ...]
    """name, intent, state, dataset, model, parent, group."""
    params: tuple[Changed, ...]
    tags: tuple[Changed, ...]
    summary: tuple[Changed, ...]
    metrics: tuple[Changed, ...]
    code: tuple[Changed, ...]
    environment: tuple[Changed, ...]
    patch: tuple[str, ...] = ()
    data: DataDiff | None = None


class ReportAsked(Struct, frozen=True):
    """When reports of a run, or of all runs of an experiment, are to be mailed to whom. every: as "30m" or 1800 (s).
    when: a condition in words, as "val_loss has not improved for 5 epochs". template: HTML in Jinja's words."""

    to: tuple[str, ...]
    run: str | None = None
    experiment: str | None = None
    every: str | float | None = None
    when: str | None = None
    end: bool = True
    failure: bool = True
    template: str | None = None


class ReportMailAsked(Struct, frozen=True):
    """A report of a run, mailed now."""

    to: tuple[str, ...]
    template: str | None = None


MailState = Literal["due", "preparing", "handing", "sent", "partly", "unsure", "passed", "given_up"]
"""partly: some addresses were refused. unsure: it may have arrived, and is not sent again. passed: a newer one came."""


class ReportMail(Struct, frozen=True, omit_defaults=False):
    """One mail, and how it fares. event: what it is for. due: the next try, while it is due."""

    id: str
    run: str
    event: str
    state: MailState
    to: tuple[str, ...]
    created: float
    due: float
    attempt: int = 0
    ended: float | None = None
    error: str | None = None
    report: str | None = None


class Report(Struct, frozen=True, omit_defaults=False):
    """A schedule. sent: how many mails; error: of the newest mail, where it fails, and when it is tried again. over:
    since then nothing more comes of it."""

    id: str
    to: tuple[str, ...]
    run: str | None
    experiment: str | None
    every_s: float | None
    when: str | None
    end: bool
    failure: bool
    template: bool
    created: float
    by: str | None = None
    over: float | None = None
    sent: int = 0
    last_sent: float | None = None
    error: str | None = None
    next_try: float | None = None

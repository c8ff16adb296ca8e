"""A study: who asks for trials and tells of them, in whatever order, from however many threads and processes.

`ask` gives the next trial, `report` takes a reading and says whether it shall stop, `tell`, `tell_value`,
`tell_stopped` and `tell_failed` end it, `free` gives it back, to be run again. A trial whose worker died is given back
by whoever asks next. A trial that was given back is marked `lost`: it is not counted and not shown, and its parameters
come again. Several aims: tuning/aims.py.
"""

import random
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import optuna
from optuna.trial import FrozenTrial, TrialState

from headhunt.errors import BadValue, NoBest, UnknownStudy
from headhunt.spaces import Space, Value, active, checked, from_json, shown, to_json
from headhunt.trials import State, Trial
from headhunt.vocabulary import Struct
from tuning import aims
from tuning.curtailing import BestFifth
from tuning.journal import JOURNAL, STUDIES, Shelf, checked as checked_name, in_words, quiet, shelf
from tuning.outcomes import Outcome, read
from tuning.samplers import WholeGrid, checked_algo, make
from tuning.spaces import checked_start, draw, on_grid

ABOUT, OPENINGS, OWNER, LOST, REASON = "headhunt", "openings", "worker", "lost", "reason"
WHOLE = 100
DEATHS, MOST_DEATHS = "deaths", 5
"""Workers that may die with a trial before it counts as failed: it may be what kills them, as one that takes all the
memory of a machine does."""
STOPPED = "The study was stopped."
BEHIND = "At step {} it was behind what the best fifth had there."
LOOKING = "random"
"""Who would propose trials where nobody asks: one that loads nothing."""
STATES: dict[TrialState, State] = {
    TrialState.RUNNING: "running",
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "stopped",
    TrialState.FAIL: "failed",
}


class About(Struct, frozen=True, omit_defaults=False):
    """What a study is: kept with it, so that it goes on as it began."""

    space: str
    algo: str
    direction: str
    seed: int
    warm_up: int
    curtail: bool
    start: dict[str, Value]
    aims: dict[str, str] = msgspec.field(default_factory=dict)
    """name -> minimize or maximize; empty: one aim without a name, to `direction`."""
    limits: dict[str, float] = msgspec.field(default_factory=dict)


class Wanted(Struct, frozen=True):
    """How a study shall be; `name` None: in memory. None elsewhere: as it began, or by default."""

    space: dict[str, Any] | None = None
    name: str | None = None
    algo: str = "auto"
    direction: str = "minimize"
    seed: int | None = None
    trials: int | None = None
    curtail: bool = True
    warm_up: int = 1
    start: list[dict[str, Any]] = msgspec.field(default_factory=list)
    aims: dict[str, str] = msgspec.field(default_factory=dict)
    limits: dict[str, float] = msgspec.field(default_factory=dict)


class Asked:
    """A trial that somebody runs."""

    def __init__(self, trial: optuna.Trial, params: dict[str, Value]) -> None:
        self.trial = trial
        self.number = trial.number
        self.params = params


class Study:
    """Made by `opened`."""

    def __init__(self, inner: optuna.Study, place: Shelf, about: About) -> None:
        self.inner = inner
        self.place = place
        self.about = about
        self.space = from_json(about.space)

    # --- Asking and telling

    def ask(self, most: int | None = None) -> Asked | None:
        """The next trial; None, when there are `most` already, or nothing is left to try."""
        with self.place.turn():
            self.place.sign_in()
            self.free_dead()
            if most is not None and self.count() >= most:
                return None
            if self.used_up() or self.place.state() != "running":
                return None
            trial = self.inner.ask()
            trial.set_user_attr(OWNER, self.place.worker)
            return Asked(trial, draw(trial, self.space))

    def report(self, asked: Asked, step: int, loss: float) -> str | None:
        """Why the trial shall stop, or None. Of a step that is reported again the newest reading counts."""
        if (why := self.ended(asked)) is not None:
            return why
        inner = asked.trial  # its own `report` keeps the oldest, and knows one aim alone
        inner.storage.set_trial_intermediate_value(inner._trial_id, step, loss)
        inner._cached_frozen_trial.intermediate_values[step] = loss
        if self.about.curtail and not self.about.aims and inner.should_prune():
            return BEHIND.format(step)
        return None

    def bar(self) -> dict[int, float]:
        """For a trial that is sent elsewhere: by the percent of its length, above which reading it is to be stopped."""
        pruner = self.inner.pruner
        if not self.about.curtail or self.about.aims or not isinstance(pruner, BestFifth):
            return {}
        return pruner.bar(self.inner, WHOLE)

    def read(self, given: object) -> Outcome:
        """What an objective gave: its aims, and what the limits are on. Raises TrialFailed with what is wrong."""
        return read(given, tuple(self.about.aims), tuple(self.about.limits))

    def tell(self, asked: Asked, outcome: Outcome) -> None:
        """What `read` made of it."""
        facts = {aims.MEASURED: outcome.measured} if outcome.measured else None
        self._tell(asked.trial, list(outcome.values), facts=facts, over=self._over(outcome))

    def _over(self, outcome: Outcome) -> dict[str, float]:
        return aims.over(self.about.limits, outcome.measured, self.about.aims)

    def tell_value(self, asked: Asked, value: float) -> None:
        self._tell(asked.trial, [value])

    def tell_stopped(self, asked: Asked, reason: str) -> None:
        self._tell(asked.trial, None, TrialState.PRUNED, {REASON: reason})

    def tell_failed(self, asked: Asked, reason: str) -> None:
        self._tell(asked.trial, None, TrialState.FAIL, {REASON: reason})

    def free(self, asked: Asked) -> None:
        """Nobody runs it any more; somebody will."""
        with self.place.turn():
            self._free(asked.number, asked.trial.params)

    def ended(self, asked: Asked) -> str | None:  # noqa: ARG002 - at a server it may be one trial alone
        """Why a trial shall end, where somebody said so."""
        return STOPPED if self.place.state() == "stopped" else None

    def waits(self) -> bool:
        """It is paused."""
        return self.place.state() == "paused"

    def forget(self) -> None:
        """In a forked child: the trials stay the parent's."""
        self.place.forget()

    def close(self) -> None:
        """This worker asks no more."""
        with self.place.turn():
            self.place.sign_out()

    def _tell(
        self,
        trial: optuna.Trial,
        values: list[float] | None,
        state: TrialState | None = None,
        facts: Mapping[str, object] | None = None,
        over: Mapping[str, float] | None = None,
    ) -> None:
        """Telling twice, or of a trial that was given to somebody else, changes nothing. over: by how much beyond each
        limit."""
        with self.place.turn(), suppress(ValueError, optuna.exceptions.UpdateFinishedTrialError):
            for name, fact in (facts or {}).items():
                trial.set_user_attr(name, fact)
            for name, excess in (over or {}).items():
                trial.set_constraint(name, excess)
            self.inner.tell(trial, values, state=state)

    def free_dead(self) -> None:
        """Give back the trials of workers that died. The turn is held: nobody is just about to sign."""
        for one in self.inner.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            owner, deaths = one.user_attrs.get(OWNER), int(one.user_attrs.get(DEATHS, 0)) + 1
            if owner is not None and self.place.lives(owner):
                continue
            if deaths < MOST_DEATHS:
                self._free(one.number, one.params, deaths)
            else:
                self._bury(one.number)

    def _bury(self, number: int) -> None:
        with suppress(ValueError, optuna.exceptions.UpdateFinishedTrialError):
            trial_id = self._id(number)
            reason = f"{MOST_DEATHS} processes died while they ran it, killed or out of memory."
            self.inner._storage.set_trial_user_attr(trial_id, REASON, reason)
            self.inner.tell(number, state=TrialState.FAIL)

    def _id(self, number: int) -> int:
        found: int = self.inner._storage.get_trial_id_from_study_id_trial_number(self.inner._study_id, number)
        return found

    def _free(self, number: int, params: Mapping[str, Any], deaths: int = 0) -> None:
        """Queued first, then marked: a kill between the two runs a trial twice, and never loses one."""
        with suppress(ValueError, optuna.exceptions.UpdateFinishedTrialError):
            if params:
                self.inner.enqueue_trial(dict(params), user_attrs={"again": number, DEATHS: deaths})
            self.inner._storage.set_trial_user_attr(self._id(number), LOST, True)
            self.inner.tell(number, state=TrialState.FAIL)

    # --- What there is

    def looked(self) -> "Study":
        """As it is now, to look at."""
        return self

    def count(self) -> int:
        """Trials that ended or run."""
        return len(self._kept())

    def used_up(self) -> bool:
        sampler = self.inner.sampler
        waiting = self.inner.get_trials(deepcopy=False, states=(TrialState.WAITING,))
        return isinstance(sampler, WholeGrid) and not waiting and sampler.is_exhausted(self.inner)

    def trials(self) -> list[Trial]:
        return [as_trial(one, self.space, self.about.aims) for one in self._kept()]

    def best(self) -> Trial:
        """The complete trial with the best value that keeps every limit; of several aims, the first of the front."""
        ended = [one for one in self.trials() if one.value is not None]
        within = [one for one in ended if one.within]
        if not ended:
            failed = [one.reason for one in self.trials() if one.state == "failed"]
            why = f" The last one: {failed[-1]}" if failed else ""
            raise NoBest(f"No trial ended with a number; {self.count()} were begun, {len(failed)} failed.{why}")
        if not within:
            raise NoBest(aims.none_within(ended, self.about.limits))
        return self.front()[0]

    def front(self) -> list[Trial]:
        """Those within the limits whom no other beats in one aim without losing in another; by the first aim."""
        return aims.front(self.trials(), self.about.aims, self.about.direction)

    def _kept(self) -> list[FrozenTrial]:
        return [
            one
            for one in self.inner.get_trials(deepcopy=False)
            if one.state != TrialState.WAITING and LOST not in one.user_attrs
        ]


def as_trial(one: FrozenTrial, space: Space, wanted: Mapping[str, str] | None = None) -> Trial:
    """With fixed values, in the order of the space."""
    params: dict[str, Value] = {}
    for name, parameter in space.items():
        if name in one.params:
            params[name] = one.params[name]
        elif hasattr(parameter, "value") and active(space, name, params):
            params[name] = parameter.value
    done = one.state == TrialState.COMPLETE
    return Trial(
        number=one.number,
        state=STATES[one.state],
        params=params,
        value=one.values[0] if done else None,
        values=dict(zip(wanted, one.values, strict=True)) if done and wanted else {},
        measured=dict(one.user_attrs.get(aims.MEASURED, {})),
        within=all(excess <= 0 for excess in one.constraints.values()),
        reason=one.user_attrs.get(REASON, ""),
        readings=dict(one.intermediate_values),
        seconds=one.duration.total_seconds() if one.duration else None,
    )


# --- Beginning and going on ------------------------------------------------------------------------------------------


def opened(home: Path, wanted: Wanted) -> Study:
    """A new study, or the one of that name, which goes on in its own space."""
    check_plan(wanted)
    plan = None if wanted.name is not None and exists(home, wanted.name) else planned(wanted)  # before any writing
    with in_words(home / STUDIES / (wanted.name or "")):
        place = shelf(home, wanted.name)
        study = opened_at(place, wanted, plan)
        place.note_trials(wanted.trials, new=plan is not None)
    return study


def opened_at(place: Shelf, wanted: Wanted, plan: About | None = None) -> Study:
    """The same, wherever it is kept. plan: what `planned` made of a new one."""
    with place.turn(), quiet():
        inner = optuna.create_study(
            storage=place.storage(),
            study_name=wanted.name or "study",
            directions=aims.directions(wanted.aims, wanted.direction),
            load_if_exists=True,
        )
        written = inner.user_attrs.get(ABOUT)
        if written is not None:
            opening = int(inner.user_attrs.get(OPENINGS, 0))
            inner.set_user_attr(OPENINGS, opening + 1)
            return prepared(inner, place, going_on(msgspec.convert(written, About), wanted), opening)
        plan = plan or planned(wanted)  # of one that was killed before it began
        for one in wanted.start:
            space = from_json(plan.space)
            point = checked_start(space, one)
            inner.enqueue_trial(on_grid(space, point, plan.seed) if plan.algo == "grid" else point, skip_if_exists=True)
        inner.set_user_attr(OPENINGS, 1)
        inner.set_user_attr(ABOUT, msgspec.to_builtins(plan))
        return prepared(inner, place, plan, 0)


def prepared(inner: optuna.Study, place: Shelf, about: About, opening: int) -> Study:
    algo = about.algo if place.proposes else LOOKING
    inner.sampler = make(algo, from_json(about.space), about.seed, opening, about.start)
    inner.pruner = BestFifth(about.warm_up)
    return Study(inner, place, about)


def check_plan(wanted: Wanted) -> None:
    if wanted.name is not None:
        checked_name(wanted.name)
    aims.check(wanted.aims, wanted.direction, wanted.limits)
    if not isinstance(wanted.curtail, bool):
        raise BadValue(f"curtail is {shown(wanted.curtail)}. Give True or False.")
    if wanted.seed is not None and not 0 <= wanted.seed < 2**32:
        raise BadValue(f"The seed is {wanted.seed}. Take a whole number from 0 to 4,294,967,295.")


def planned(wanted: Wanted) -> About:
    space = checked(wanted.space or {})
    starts = [checked_start(space, one) for one in wanted.start]
    algo = checked_algo(wanted.algo, space, wanted.trials, len(wanted.aims) or 1)
    return About(
        space=to_json(space).decode(),
        algo=algo,
        direction=wanted.direction,
        seed=random.SystemRandom().randrange(2**31) if wanted.seed is None else wanted.seed,
        warm_up=wanted.warm_up,
        curtail=wanted.curtail,
        start=starts[0] if starts else {},
        aims=dict(wanted.aims),
        limits=dict(wanted.limits),
    )


def going_on(about: About, wanted: Wanted) -> About:
    """What was there holds; another space or direction is another study."""
    if wanted.space is not None and checked(wanted.space) != from_json(about.space):
        raise BadValue(f"The study {wanted.name!r} has another space. Take that space, or another name.")
    if wanted.direction != about.direction:
        raise BadValue(f"The study {wanted.name!r} is to {about.direction}. Take another name to {wanted.direction}.")
    if (wanted.aims, wanted.limits) != (about.aims, about.limits):
        raise BadValue(f"The study {wanted.name!r} has other aims or limits. Take those, or another name.")
    return about


def exists(home: Path, name: str) -> bool:
    return (home / STUDIES / name / JOURNAL).exists()


def names(home: Path) -> Sequence[str]:
    """The studies of a home."""
    return sorted(path.parent.name for path in (home / STUDIES).glob(f"*/{JOURNAL}"))


def known(home: Path, name: str) -> Study:
    """A study that is there, to look at."""
    if name not in names(home):
        raise UnknownStudy(name, names(home))
    place = shelf(home, name)
    with quiet(), in_words(place.folder):
        try:
            inner = optuna.load_study(storage=place.storage(), study_name=name)
            about = inner.user_attrs[ABOUT]
        except KeyError as error:
            raise UnknownStudy(name, [], "It had not begun.") from error
        return prepared(inner, place, msgspec.convert(about, About), int(inner.user_attrs.get(OPENINGS, 0)))


def begun(home: Path, name: str) -> bool:
    """Whether there is a study of that name, whose plan is kept."""
    try:
        return bool(known(home, name))
    except UnknownStudy:
        return False

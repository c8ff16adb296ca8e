"""A study that a server keeps: its journal lies in a database, and a trial is spoken of by its number.

Workers ask and tell in requests of their own, so nothing of a trial stays in this process but what the journal says.
Whoever calls makes turns, one at a time for each study on all machines:

    hosted.begin(lines)      what others wrote since the last turn
    hosted.ask(...), ...     Optuna at work; what it writes is held back
    hosted.written()         the lines that this turn adds: they are kept all together with all else, or not at all

What was held back and could not be kept makes this object useless: make another one.
"""

import copy
import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import msgspec
import optuna
from optuna.storages import BaseStorage, JournalStorage
from optuna.storages.journal import BaseJournalBackend
from optuna.trial import FrozenTrial, TrialState

from headhunt.errors import BadValue
from headhunt.spaces import Value
from headhunt.trials import Trial
from headhunt.vocabulary import Struct
from tuning import aims
from tuning.journal import Shelf
from tuning.outcomes import Outcome
from tuning.study import (
    BEHIND,
    LOST,
    OWNER,
    REASON,
    STATES,
    About,
    Asked,
    Study,
    Wanted,
    as_trial,
    check_plan,
    opened_at,
    planned,
)

AGAIN = "again"
MOST_READINGS = 10_000
"""Of one trial: all of them stay in memory, and come with each list of trials. What comes then says that it lives."""
TORCH = "which would bring torch into the process that answers everybody."


class Held(BaseJournalBackend):
    """The newest lines of a journal: those that came, then those that wait to be kept."""

    def __init__(self) -> None:
        self.first = 0
        """The number of the first of them in the whole journal."""
        self.logs: list[dict[str, Any]] = []
        self.own = 0
        """From which of them on they are ours."""
        self.seen = 0
        """How many of the whole journal Optuna has replayed."""

    def begin(self, lines: Iterable[str]) -> None:
        """Those that nobody has replayed stay: there are turns in which nobody asks Optuna anything."""
        self.logs = self.logs[max(0, self.seen - self.first) :]
        self.first = max(self.first, self.seen)
        self.logs += [json.loads(line) for line in lines]
        self.own = len(self.logs)

    def read_logs(self, log_number_from: int) -> Iterator[dict[str, Any]]:
        for number in range(log_number_from, self.first + len(self.logs)):
            self.seen = max(self.seen, number + 1)
            yield self.logs[number - self.first]

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        self.logs.extend(json.loads(json.dumps(one)) for one in logs)

    @property
    def kept(self) -> int:
        """How many lines there are in the database."""
        return self.first + self.own

    def written(self) -> list[str]:
        return [json.dumps(one, separators=(",", ":")) for one in self.logs[self.own :]]


class Room(Shelf):
    """The place of such a study. living: the leases that hold now; worker: the one that asks."""

    def __init__(self, held: Held, proposes: bool) -> None:
        super().__init__(None)
        self.held, self.proposes = held, proposes
        self.living: Collection[str] = ()

    def storage(self) -> BaseStorage:
        return JournalStorage(self.held)

    @contextmanager
    def turn(self) -> Iterator[None]:
        yield

    def lives(self, worker: str) -> bool:
        return worker in self.living


class Ending(Struct, frozen=True):
    """What came of a trial: a value, or why there is none. outcome: of several aims, or with limits."""

    value: float | None = None
    stopped: bool = False
    reason: str = ""
    outcome: Outcome | None = None

    @property
    def values(self) -> list[float] | None:
        if self.outcome is not None:
            return list(self.outcome.values)
        return None if self.value is None else [self.value]


class Plan(Struct, frozen=True, omit_defaults=False):
    """What is kept of what a study shall be. start: all points to try first. job: of a tuning, the one that runs its
    trials; question: what that tunes for (tuning/tune.py)."""

    about: About
    start: list[dict[str, Value]] = msgspec.field(default_factory=list)
    job: str = ""
    question: str = ""


class Hosted:
    """One study of a server. proposes: it may be asked for trials here; a study that a job searches with torch is only
    looked at by the process that answers everybody."""

    def __init__(self, plan: Plan, proposes: bool = True) -> None:
        self.plan = plan
        self.held = Held()
        self.room = Room(self.held, proposes)
        self._study: Study | None = None

    @property
    def study(self) -> Study:
        """Opened when it is needed: replayed from its journal, or begun."""
        if self._study is None:
            about = self.plan.about
            wanted = Wanted(
                direction=about.direction, start=list(self.plan.start), aims=about.aims, limits=about.limits
            )
            self._study = opened_at(self.room, wanted, about)
        return self._study

    # --- turns

    @property
    def kept(self) -> int:
        return self.held.first + len(self.held.logs)

    def begin(self, lines: Sequence[str]) -> None:
        self.held.begin(lines)

    def written(self) -> list[str]:
        return self.held.written()

    # --- asking and telling

    def ask(self, lease: str, living: Collection[str], most: int | None) -> Asked | None:
        """The next trial, for the holder of this lease."""
        self.room.worker, self.room.living = lease, {*living, lease}
        return self.study.ask(most)

    def free_dead(self, living: Collection[str]) -> None:
        self.room.living = living
        self.study.free_dead()

    def free(self, number: int) -> None:
        self.study._free(number, self.frozen(number).params)

    def report(self, number: int, step: int, loss: float) -> str | None:
        """Why the trial shall stop, or None. Of a step that comes again the newest reading counts."""
        study, frozen = self.study, self.frozen(number)
        known = frozen.intermediate_values
        if frozen.state != TrialState.RUNNING or (len(known) >= MOST_READINGS and step not in known):
            return None
        study.inner._storage.set_trial_intermediate_value(frozen._trial_id, step, loss)
        frozen = self.frozen(number)
        if study.about.curtail and not study.about.aims and study.inner.pruner.prune(study.inner, frozen):
            return BEHIND.format(step)
        return None

    def tell(self, number: int, ending: Ending) -> bool:
        """False: it had ended before, and nothing changed."""
        study, frozen = self.study, self.frozen(number)
        if frozen.state != TrialState.RUNNING:
            return False
        if ending.reason:
            study.inner._storage.set_trial_user_attr(frozen._trial_id, REASON, ending.reason)
        if ending.outcome is not None and ending.outcome.measured:
            self._measured(frozen, ending.outcome)
        study.inner.tell(number, ending.values, state=state_of(ending))
        return True

    def _measured(self, frozen: FrozenTrial, outcome: Outcome) -> None:
        trial = optuna.Trial(self.study.inner, frozen._trial_id)
        trial.set_user_attr(aims.MEASURED, outcome.measured)
        for name, excess in self.study._over(outcome).items():
            trial.set_constraint(name, excess)

    def tell_late(self, number: int, ending: Ending) -> int | None:
        """Of a trial that was given back: its result stands in for the one that waits to be run again. Its number;
        None: somebody runs that one already."""
        inner = self.study.inner
        for waiting in inner.get_trials(deepcopy=False, states=(TrialState.WAITING,)):
            if waiting.user_attrs.get(AGAIN) == number:
                storage = inner._storage
                storage.set_trial_user_attr(waiting._trial_id, LOST, True)
                storage.set_trial_state_values(waiting._trial_id, TrialState.RUNNING)
                inner.tell(waiting.number, state=TrialState.FAIL)
                inner.add_trial(ended_late(self.frozen(number), ending))
                return len(inner.get_trials(deepcopy=False)) - 1
        return None

    # --- what there is

    def frozen(self, number: int) -> FrozenTrial:
        storage = self.study.inner._storage
        return storage.get_trial(storage.get_trial_id_from_study_id_trial_number(self.study.inner._study_id, number))

    def trial(self, number: int) -> Trial:
        return as_trial(self.frozen(number), self.study.space, self.study.about.aims)

    def trials(self) -> list[Trial]:
        return self.study.trials()

    def states(self) -> list[str]:
        return [STATES[one.state] for one in self.study._kept()]


def state_of(ending: Ending) -> TrialState:
    if ending.values is not None:
        return TrialState.COMPLETE
    return TrialState.PRUNED if ending.stopped else TrialState.FAIL


def ended_late(lost: FrozenTrial, ending: Ending) -> FrozenTrial:
    made = copy.deepcopy(lost)
    made.state = state_of(ending)
    made.values = ending.values
    made.datetime_complete = datetime.now(tz=UTC)
    made.user_attrs = {OWNER: lost.user_attrs.get(OWNER), AGAIN: lost.number} | (
        {REASON: ending.reason} if ending.reason else {}
    )
    return made


def sound(wanted: Wanted) -> Plan:
    """The plan of a study that a server can keep; `auto` is resolved. Raises BadValue, BadSpace."""
    check_plan(wanted)
    if wanted.algo == "gp":
        raise BadValue(f"A server does not propose by algo='gp', {TORCH} Take algo='tpe' or 'auto'.")
    about = planned(wanted)
    if about.algo == "gp":
        about = msgspec.structs.replace(about, algo="tpe")
    return Plan(about=about, start=list(wanted.start))

"""Where studies are looked up: at a server, or in the home of this machine. Both are asked the same."""

import getpass
import logging
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar
from urllib.parse import quote

import msgspec

from headhunt.errors import BadValue, BrokenJournal, HasEnded, Interrupted, InUse, NameTaken, NoBest, UnknownStudy
from headhunt.remote.credentials import Chosen
from headhunt.remote.pages import pages
from headhunt.remote.transport import Server
from headhunt.spaces import from_json
from headhunt.studies.remote import PATIENCE_S, all_trials
from headhunt.studies.wire import (
    BestTrial,
    MoreTrials,
    StudyAsked,
    StudyKeyAsked,
    StudyShown,
    StudyState,
    TrialShown,
)
from headhunt.trials import Trial
from headhunt.wire import NewKey
from tracking.values import told

if TYPE_CHECKING:
    from headhunt.tuning import Best
    from tuning.running import Limits
    from tuning.study import Study

T = TypeVar("T")
log = logging.getLogger("headhunt.studies")
AT_ONCE = 500
WORDS: dict[StudyState, str] = {"paused": "pause", "running": "resume", "stopped": "stop"}
UNLIMITED = 1e9


class Shelf(Protocol):
    """make: raises NameTaken where another one has the name. set_state: paused, running, stopped."""

    def all(self) -> list[StudyShown]: ...
    def get(self, name: str) -> StudyShown: ...
    def trials(self, name: str) -> list[TrialShown]: ...
    def make(self, asked: StudyAsked) -> StudyShown: ...
    def set_state(self, name: str, state: StudyState, more: MoreTrials) -> StudyShown: ...
    def remove(self, name: str) -> None: ...
    def key(self, name: str, days: float | None) -> str: ...


class StudyHere:
    """A study that was made: looked at, paused, stopped, from code."""

    def __init__(self, shelf: Shelf, name: str) -> None:
        self._shelf, self.name = shelf, name

    @property
    def facts(self) -> StudyShown:
        return self._shelf.get(self.name)

    @property
    def state(self) -> StudyState:
        """running, paused, done, failed, stopped."""
        return self.facts.state

    @property
    def best(self) -> BestTrial | None:
        return self.facts.best

    @property
    def trials(self) -> list[TrialShown]:
        return self._shelf.trials(self.name)

    def pause(self) -> None:
        """No trial is begun until it is resumed."""
        self._shelf.set_state(self.name, "paused", MoreTrials())

    def resume(self, trials: int | None = None) -> None:
        """trials: how many from now on, in all."""
        self._shelf.set_state(self.name, "running", MoreTrials(trials=trials))

    def stop(self) -> None:
        self._shelf.set_state(self.name, "stopped", MoreTrials())

    def delete(self) -> None:
        self._shelf.remove(self.name)

    def key(self, days: float | None = None) -> str:
        """A new key for workers of this study alone; in the home of a machine, the name will do."""
        return self._shelf.key(self.name, days)

    def __repr__(self) -> str:
        return f"StudyHere({self.name!r})"


def shelf_of(found: Chosen | None, home: Path) -> Shelf:
    if found is None:
        return Local(home)
    server = Server(found.url, found.key)
    return Remote(server)


# --- At a server ------------------------------------------------------------------------------------------------------


class Remote:
    def __init__(self, server: Server) -> None:
        self.server = server

    def _ask(self, method: str, path: str, kind: type[T], body: Any = None) -> T:
        """Without a connection that stays: nobody closes a shelf."""
        with self.server:
            return self.server.ask(method, path, kind, body=body)

    def all(self) -> list[StudyShown]:
        with self.server:
            return pages(self.server, "/studies", StudyShown, AT_ONCE)

    def get(self, name: str) -> StudyShown:
        return self._ask("GET", place(name), StudyShown)

    def trials(self, name: str) -> list[TrialShown]:
        with self.server:
            return all_trials(self.server, place(name))

    def make(self, asked: StudyAsked) -> StudyShown:
        return self._ask("POST", "/studies", StudyShown, body=asked)

    def set_state(self, name: str, state: StudyState, more: MoreTrials) -> StudyShown:
        body: Any = more if state == "running" else None
        return self._ask("POST", f"{place(name)}/{WORDS[state]}", StudyShown, body=body)

    def remove(self, name: str) -> None:
        self._ask("DELETE", place(name), type(None))

    def key(self, name: str, days: float | None) -> str:
        return self._ask("POST", f"{place(name)}/keys", NewKey, body=StudyKeyAsked(days=days)).secret


def place(name: str) -> str:
    return f"/studies/{quote(name, safe='')}"


# --- In a home --------------------------------------------------------------------------------------------------------


class Local:
    def __init__(self, home: Path) -> None:
        self.home = home

    def all(self) -> list[StudyShown]:
        from tuning.study import names

        found = []
        for name in names(self.home):
            try:
                found.append(self.get(name))
            except UnknownStudy:  # it has not begun, or was removed just now
                continue
            except BrokenJournal as error:  # the others can be seen all the same
                log.warning("%s", error)
        return sorted(found, key=lambda one: -one.created)

    def get(self, name: str) -> StudyShown:
        from tuning.study import known

        return shown(name, known(self.home, name))

    def trials(self, name: str) -> list[TrialShown]:
        from tuning.study import known

        return [trial_shown(one) for one in known(self.home, name).trials()]

    def make(self, asked: StudyAsked) -> StudyShown:
        from tuning.journal import Notes
        from tuning.study import Wanted, exists, opened

        there = exists(self.home, asked.name)
        wanted = Wanted(
            space=dict(asked.space),
            name=asked.name,
            algo=asked.algo,
            direction=asked.direction,
            seed=asked.seed,
            trials=asked.trials,
            curtail=asked.curtail,
            warm_up=asked.warm_up,
            start=list(asked.start),
        )
        try:
            made = opened(self.home, wanted)
        except BadValue as error:
            raise NameTaken(str(error)) if there else error from error
        if not there:
            made.place.note(Notes(trials=asked.trials, seconds=asked.seconds, created=time.time()))
        made.close()
        return shown(asked.name, made)

    def set_state(self, name: str, state: StudyState, more: MoreTrials) -> StudyShown:
        from tuning.study import known

        study = known(self.home, name)
        before, notes = shown(name, study).state, study.place.notes()
        if state == "paused" and before in ("done", "failed", "stopped"):
            raise HasEnded(f"The study {name!r} is {before}. 'resume' lets it go on.")
        if not (state == "stopped" and before in ("done", "failed")):
            values = {one: value for one in ("trials", "seconds") if (value := getattr(more, one)) is not None}
            study.place.note(msgspec.structs.replace(notes, state=state, **values))
        return shown(name, study)

    def remove(self, name: str) -> None:
        from tuning.study import known

        study = known(self.home, name)
        folder = study.place.folder
        assert folder is not None  # noqa: S101 - it has a name
        if study.place.busy():
            raise InUse(f"Somebody works on the study {name!r}. Stop it first.")
        shutil.rmtree(folder)

    def key(self, name: str, days: float | None) -> str:  # noqa: ARG002
        self.get(name)
        return name


def shown(name: str, study: "Study") -> StudyShown:
    notes, about, trials = study.place.notes(), study.about, study.trials()
    counts = Counter(one.state for one in trials)
    spent = sum(one.seconds or 0.0 for one in trials)
    enough = (notes.trials is not None and len(trials) >= notes.trials) or spent >= (notes.seconds or UNLIMITED)
    enough = enough or study.used_up() or study.place.tuned()  # a tuning's time is told to nobody but its call
    over = notes.state == "running" and bool(trials) and not counts["running"] and enough
    state: StudyState = notes.state
    if over:
        state = "done" if any(one.value is not None for one in trials) else "failed"
    try:
        best = study.best()
    except NoBest:
        best = None
    return StudyShown(
        id=name,
        name=name,
        state=state,
        owner=getpass.getuser(),
        private=True,
        created=notes.created or 0.0,
        space=from_json(about.space),
        algo=about.algo,
        direction=about.direction,
        seed=about.seed,
        trials=notes.trials,
        seconds=notes.seconds,
        curtail=about.curtail,
        warm_up=about.warm_up,
        start=[about.start] if about.start else [],
        lease_s=0.0,
        counts=dict(counts),
        count=len(trials),
        spent=spent,
        best=None if best is None else BestTrial(number=best.number, value=best.value or 0.0, params=best.params),
        why="",
        run="",
        aims=about.aims,
        limits=about.limits,
    )


def trial_shown(one: Trial) -> TrialShown:
    same = ("number", "state", "params", "value", "reason", "values", "measured", "within")
    facts: dict[str, Any] = {name: getattr(one, name) for name in same}
    return TrialShown(
        **facts,
        readings={step: told(value) for step, value in one.readings.items()},
        seconds=one.seconds,
        worker="",
        run="",
    )


# --- Both -------------------------------------------------------------------------------------------------------------


@contextmanager
def opened_for(found: Chosen | None, home: Path, name: str, limits: "Limits") -> Iterator[tuple[Any, "Limits"]]:
    """A study as the loop has it, and its limits: for a worker."""
    if found is None:
        yield study_in(home, name, limits)
        return
    from headhunt.studies.calls import joined
    from headhunt.studies.remote import RemoteStudy

    with Server(found.url, found.key, patience=PATIENCE_S) as server:
        yield RemoteStudy(server, joined(server, server.greet(), name), limits.seconds), limits


def study_in(home: Path, name: str, limits: "Limits") -> "tuple[Study, Limits]":
    """What the study may spend is what this worker may."""
    from tuning.study import Wanted, known, names, opened

    if name not in names(home):
        raise UnknownStudy(name, names(home), "Without a server, a study of this home is named.")
    before = known(home, name)
    if before.place.tunes():
        raise InUse(f"The study {name!r} is a tuning's, which runs its trials itself. The same call of it goes on.")
    about, notes = before.about, before.place.notes()
    seconds = limits.seconds
    if notes.seconds is not None:
        left = max(0.0, notes.seconds - sum(one.seconds or 0.0 for one in before.trials()))
        seconds = left if seconds is None else min(left, seconds)
    study = opened(home, Wanted(name=name, direction=about.direction, aims=about.aims, limits=about.limits))
    return study, msgspec.structs.replace(limits, trials=notes.trials, seconds=seconds)


def run_here(home: Path, name: str, objective: Callable[[dict[str, Any]], object], limits: "Limits") -> "Best":
    """simple_fmin without a server."""
    from headhunt.tuning import Best
    from tuning import running
    from tuning.journal import in_words

    study, limits = study_in(home, name, limits)
    with in_words(study.place.folder):
        whole_run = running.run(study, objective, limits)
    if not whole_run and not any(trial.value is not None for trial in study.trials()):
        raise Interrupted("The search was interrupted before any trial ended with a number.")
    return Best(study, interrupted=not whole_run)

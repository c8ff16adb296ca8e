"""The loop of a study in this process: trials one after the other or beside each other, until enough or out of time.

Whatever an objective does is that trial's matter: a number ends it; nan, nothing, a wrong type or an error fail it; the
study goes on. Ctrl-C, and an error that is headhunt's own, give the running trials back and end the loop.

Where an objective runs:

    workers=1                  in the caller's thread: what it uses of that thread is there, and Ctrl-C reaches it
    workers=n                  in n threads; the same study from several processes or machines goes by its name
    trial_timeout=seconds      in a child process for each trial, forked from here, which is killed when it is over

A thread cannot be killed. So without `trial_timeout` the time of a study is looked at between trials and at each
`headhunt.report`, and an objective that neither returns nor reports may take as long again (tuning/late.py).
"""

import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

from headhunt.errors import Interrupted, TrialFailed, TrialStopped
from headhunt.trials import Trial, running as trial_running
from headhunt.vocabulary import Struct
from tuning.child import in_child
from tuning.late import WORDS, Late, given_up_after
from tuning.outcomes import Outcome, reason_of

Objective = Callable[[dict[str, Any]], object]
OUT_OF_TIME = "The time of the study was up."
INTERRUPTED = "It was interrupted."
NAP, PAUSED_NAP = 0.1, 0.5
LAST_WAIT = 5.0
"""Seconds that trials in threads have to end after Ctrl-C."""


class Handed(Protocol):
    """A trial that was asked for."""

    number: int
    params: dict[str, Any]


class Searched(Protocol):
    """A study as it is run: here, or at a server. waits: it is paused at this moment. ended: why a
    trial shall end, where somebody said so."""

    def ask(self, most: int | None = None) -> Any: ...
    def report(self, asked: Any, step: int, loss: float) -> str | None: ...
    def read(self, given: object) -> Outcome: ...
    def tell(self, asked: Any, outcome: Outcome) -> None: ...
    def tell_stopped(self, asked: Any, reason: str) -> None: ...
    def tell_failed(self, asked: Any, reason: str) -> None: ...
    def free(self, asked: Any) -> None: ...
    def close(self) -> None: ...
    def forget(self) -> None: ...
    def waits(self) -> bool: ...
    def ended(self, asked: Any) -> str | None: ...


class Limits(Struct, frozen=True):
    """How much may be done: trials of the study, seconds from now, seconds for each trial; how many at once."""

    trials: int | None = None
    seconds: float | None = None
    trial_seconds: float | None = None
    workers: int = 1


Enough = Callable[[], str]
"""Asked between trials and at each report: why the loop shall end now, or nothing."""


class Loop:
    """One call of `run`."""

    def __init__(self, study: Searched, objective: Objective, limits: Limits, enough: Enough = lambda: "") -> None:
        self.study = study
        self.enough = enough
        self.objective = objective
        self.limits = limits
        self.end = None if limits.seconds is None else time.monotonic() + limits.seconds
        self.halt = threading.Event()
        self.broken: list[BaseException] = []
        self.at_work: dict[int, Handed] = {}
        self.telling = threading.RLock()
        self.given_up: set[int] = set()
        """Trials whose threads were left to themselves, and are told of."""

    def late(self) -> float | None:
        """Seconds until nobody waits any longer for an objective."""
        left = None if self.end is None else self.end - time.monotonic()
        return None if left is None or self.limits.seconds is None else left + self.limits.seconds

    def is_late(self) -> bool:
        late = self.late()
        return late is not None and late <= 0

    def left(self) -> float | None:
        return None if self.end is None else max(0.0, self.end - time.monotonic())

    def over(self) -> bool:
        return self.halt.is_set() or self.left() == 0.0 or bool(self.enough())

    def work(self) -> None:
        """Trial after trial, until there are enough."""
        while not self.over():
            if self.study.waits():
                self.halt.wait(PAUSED_NAP)
                continue
            asked = self.study.ask(self.limits.trials)
            if asked is None:
                return
            self.at_work[asked.number] = asked
            try:
                self.one(asked)
            except BaseException:
                if asked.number not in self.given_up:
                    self.study.free(asked)
                raise
            finally:
                self.at_work.pop(asked.number, None)

    def one(self, asked: Handed) -> None:
        """One trial from its parameters to its end. Only what is not the objective's comes out."""
        ear = Ear(self, asked)
        try:
            outcome = self.given(asked, ear)
        except KeyboardInterrupt:
            raise
        except Interrupted as stopped:  # Ctrl-C, as a training within the objective tells it
            raise KeyboardInterrupt from stopped
        except TrialStopped as stopped:
            if ear.halted:
                raise Halted from stopped
            self.told(asked, self.study.tell_stopped, ear.reason or str(stopped))
        except (Exception, SystemExit) as error:
            self.told(asked, self.study.tell_failed, reason_of(error))
        else:
            self.told(asked, self.study.tell, outcome)

    def told(self, asked: Handed, say: Callable[[Any, Any], None], what: object) -> None:
        """What comes when nobody waits any longer is not told."""
        with self.telling:
            if asked.number in self.given_up:
                raise Halted
            say(asked, what)

    def give_up_late(self) -> None:
        """Objectives in threads that do not return are left to themselves, and their trials fail."""
        self.halt.set()
        for asked in list(self.at_work.values()):
            with self.telling:
                self.told(asked, self.study.tell_failed, WORDS)
                self.given_up.add(asked.number)

    def called(self, params: dict[str, Any]) -> Outcome:
        """The objective, and what it gave, read."""
        return self.study.read(self.objective(params))

    def given(self, asked: Handed, ear: "Ear") -> Outcome:
        """What the objective returned, here or in a child. It gets a dictionary of its own."""
        if self.limits.trial_seconds is None:
            return self.in_time(asked, ear)
        left = self.left()
        seconds = self.limits.trial_seconds if left is None else min(left, self.limits.trial_seconds)
        given = in_child(self.called, dict(asked.params), ear, seconds, self.study.forget)
        if isinstance(given, TrialFailed) and self.left() == 0.0:
            raise TrialStopped(OUT_OF_TIME)
        if isinstance(given, TrialFailed):
            raise given
        return given

    def in_time(self, asked: Handed, ear: "Ear") -> Outcome:
        seconds = self.late()
        with trial_running(ear):
            if seconds is None:
                return self.called(dict(asked.params))
            try:
                with given_up_after(seconds):
                    return self.called(dict(asked.params))
            except Late:
                raise TrialFailed(WORDS) from None

    def quietly(self) -> None:
        """In a thread: what breaks the loop ends the others, and is raised where it was called."""
        try:
            self.work()
        except Halted:
            pass
        except BaseException as error:
            self.broken.append(error)
            self.halt.set()


class Halted(BaseException):
    """The loop was told to end while this trial ran."""


class Ear:
    """Hears what a trial reports."""

    def __init__(self, loop: Loop, asked: Handed) -> None:
        self.loop = loop
        self.asked = asked
        self.reason = ""
        self.halted = False

    @property
    def number(self) -> int:
        return self.asked.number

    def ended(self) -> str | None:
        """Why the trial shall end now, though it reports nothing."""
        if self.loop.halt.is_set():
            self.halted = True
            return INTERRUPTED
        self.reason = self.loop.study.ended(self.asked) or (OUT_OF_TIME if self.loop.over() else "")
        return self.reason or None

    def report(self, step: int | None, loss: float) -> str | None:
        """Without a step it is the last word, and what the objective returns says as much."""
        if self.loop.halt.is_set():
            self.halted = True
            return INTERRUPTED
        if step is None:
            return None
        self.reason = self.loop.study.report(self.asked, step, loss) or ""
        if not self.reason and self.loop.over():
            self.reason = self.loop.enough() or OUT_OF_TIME
        return self.reason or None


def run(study: Searched, objective: Objective, limits: Limits, enough: Enough = lambda: "") -> bool:
    """Run the study; False: Ctrl-C ended it. What was done is kept in every case."""
    loop = Loop(study, objective, limits, enough)
    try:
        if limits.workers == 1:
            loop.work()
        else:
            beside_each_other(loop)
    except KeyboardInterrupt:
        return False
    finally:
        study.close()
    return True


class Shared(Searched, Protocol):
    """A study that other processes may run, too."""

    def trials(self) -> list[Trial]: ...


def run_with_others(study: Shared, objective: Objective, limits: Limits, enough: Enough) -> bool:
    """The same, until nobody else runs a trial of it: that may be the best. One whose process died comes here."""
    while run(study, objective, limits, enough):
        if enough() or not any(one.state == "running" for one in study.trials()):
            return True
        try:
            time.sleep(PAUSED_NAP)
        except KeyboardInterrupt:
            return False
    return False


def beside_each_other(loop: Loop) -> None:
    threads = [threading.Thread(target=loop.quietly, daemon=True) for _ in range(loop.limits.workers)]
    for thread in threads:
        thread.start()
    try:
        while any(thread.is_alive() for thread in threads):
            for thread in threads:
                thread.join(NAP)
            if loop.is_late():
                loop.give_up_late()
                break
    except KeyboardInterrupt:
        give_up(loop, threads)
        raise
    if loop.broken:
        raise loop.broken[0]


def give_up(loop: Loop, threads: list[threading.Thread]) -> None:
    """Trials end at their next report; those that never do are given back, and left to themselves."""
    loop.halt.set()
    end = time.monotonic() + LAST_WAIT
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    for asked in list(loop.at_work.values()):
        loop.study.free(asked)

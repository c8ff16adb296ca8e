"""A study at a server, as the loop of trials has it (tuning/running.py): ask, report, tell.

While a trial runs, a thread says every few seconds that its worker lives. A server that is away is waited for; what
came of a trial is told when it is there again.
"""

import logging
import os
import platform
import secrets
import threading
import time
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from headhunt.errors import HeadhuntError, TrialTaken
from headhunt.remote.pages import pages
from headhunt.remote.transport import Server
from headhunt.spaces import Value
from headhunt.studies.wire import (
    Given,
    GivenBack,
    Number,
    Reading,
    StudyShown,
    TrialAsked,
    TrialGiven,
    TrialResult,
    TrialShown,
    Verdict,
)
from headhunt.trials import Trial
from tracking.values import told

if TYPE_CHECKING:
    from tuning.outcomes import Outcome

log = logging.getLogger("headhunt.studies")
PATIENCE_S = 1800.0
"""So long a server may be away."""
MOST_BEAT_S = 20.0
AT_ONCE = 500


class Asked:
    """A trial that this worker runs. ended: why it shall end, where the server said so. taken: it was taken for lost,
    and is somebody else's or nobody's."""

    def __init__(self, given: TrialGiven) -> None:
        self.number, self.token, self.run = given.number, given.token, given.run
        self.params: dict[str, Value] = dict(given.params)
        self.ended: str | None = None
        self.taken = False

    def lost(self, error: TrialTaken) -> str:
        self.ended, self.taken = str(error), True
        return self.ended


class RemoteStudy:
    """seconds: after so many no trial is waited for any longer."""

    def __init__(self, server: Server, shown: StudyShown, seconds: float | None = None) -> None:
        self.server, self.shown = server, shown
        self.place = f"/studies/{quote(shown.id, safe='')}"
        self.worker = f"{platform.node()} {os.getpid()}"
        self._until = None if seconds is None else time.monotonic() + seconds
        self._running: dict[int, Asked] = {}
        self._over, self._lock = threading.Event(), threading.Lock()
        self._beating = threading.Thread(target=self._beat, name="beats", daemon=True)

    # --- as tuning.running has it

    def ask(self, most: int | None = None) -> Asked | None:
        """The next trial; waits while the study is paused, or all trials are with others. None: there will be none."""
        while not self._over.is_set():
            asked, key = TrialAsked(worker=self.worker, most=most), secrets.token_hex(16)
            path = f"{self.place}/trials"
            given = self.server.ask("POST", path, Given, body=asked, headers={"Idempotency-Key": key})
            if given.trial is not None:
                one = Asked(given.trial)
                self._running[one.number] = one
                self._begin_beating()
                return one
            if given.retry_s is None or self._wait(given.retry_s):
                return None
        return None

    def report(self, asked: Asked, step: int, loss: float) -> str | None:
        if asked.ended is not None:
            return asked.ended
        reading = Reading(token=asked.token, step=step, loss=told(loss))
        try:
            verdict = self.server.ask("POST", self._of(asked, "readings"), Verdict, body=reading)
        except TrialTaken as error:
            return asked.lost(error)
        except HeadhuntError as error:  # no fault of the objective's: its trial goes on without this reading
            log.warning("A reading of the trial %s was not taken: %s", asked.number, error)
            return None
        return verdict.why if verdict.stop else None

    def read(self, given: object) -> "Outcome":
        """One aim alone, without limits."""
        from tuning.outcomes import read

        return read(given)

    def tell(self, asked: Asked, outcome: "Outcome") -> None:
        self._tell(asked, TrialResult(token=asked.token, value=outcome.values[0]))

    def tell_stopped(self, asked: Asked, reason: str) -> None:
        if asked.taken:  # it did not end for what it came to: whoever gets it next runs it
            self._running.pop(asked.number, None)
            return
        self._tell(asked, TrialResult(token=asked.token, status="stopped", why=reason))

    def tell_failed(self, asked: Asked, reason: str) -> None:
        self._tell(asked, TrialResult(token=asked.token, status="fail", why=reason))

    def free(self, asked: Asked) -> None:
        """Somebody else will run it. Asked once: a trial that nobody speaks of is freed anyway."""
        self._running.pop(asked.number, None)
        with suppress(HeadhuntError), self._once() as server:
            server.ask("POST", self._of(asked, "release"), type(None), body=GivenBack(token=asked.token))

    def close(self) -> None:
        self._over.set()

    def forget(self) -> None:
        """In a forked child nothing is held."""

    def waits(self) -> bool:
        """Not here: `ask` does."""
        return False

    def ended(self, asked: Asked) -> str | None:
        return asked.ended

    # --- looking

    def refreshed(self) -> StudyShown:
        self.shown = self.server.ask("GET", self.place, StudyShown)
        return self.shown

    def trials(self) -> list[Trial]:
        return [trial_of(one) for one in all_trials(self.server, self.place)]

    # --- inside

    def _of(self, asked: Asked, what: str) -> str:
        return f"{self.place}/trials/{asked.number}/{what}"

    def _tell(self, asked: Asked, result: TrialResult) -> None:
        try:
            self.server.ask("POST", self._of(asked, "result"), TrialShown, body=result)
        except TrialTaken as error:
            log.warning("%s What came of it here is not kept.", error)
        finally:
            self._running.pop(asked.number, None)

    def _wait(self, seconds: float) -> bool:
        """Whether the time was up."""
        left = None if self._until is None else self._until - time.monotonic()
        self._over.wait(seconds if left is None else max(0.0, min(seconds, left)))
        return self._until is not None and time.monotonic() >= self._until

    def _begin_beating(self) -> None:
        with self._lock:  # several threads may ask at once
            if self._beating.ident is None:
                self._beating.start()

    def _beat(self) -> None:
        while not self._over.wait(min(self.shown.lease_s / 3, MOST_BEAT_S)):
            for asked in list(self._running.values()):
                self._beat_for(asked)

    def _beat_for(self, asked: Asked) -> None:
        """Without patience: the next beat comes anyway."""
        try:
            with self._once() as server:
                verdict = server.ask("POST", self._of(asked, "readings"), Verdict, body=Reading(token=asked.token))
            if verdict.stop and asked.number in self._running:
                asked.ended = verdict.why
        except TrialTaken as error:
            asked.lost(error)
        except HeadhuntError as error:
            log.debug("no beat for the trial %s: %s", asked.number, error)

    def _once(self) -> "Once":
        return Once(self.server)


class Once:
    """The same server, with a connection of its own and no patience."""

    def __init__(self, server: Server) -> None:
        self.one = server.twin()

    def __enter__(self) -> Server:
        return self.one

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.one.close()


def all_trials(server: Server, place: str) -> list[TrialShown]:
    return pages(server, f"{place}/trials", TrialShown, AT_ONCE)


def trial_of(one: TrialShown) -> Trial:
    readings: dict[int, Number] = dict(one.readings)
    same = ("number", "state", "params", "value", "reason", "values", "measured", "within")
    facts: dict[str, Any] = {name: getattr(one, name) for name in same}
    return Trial(**facts, readings={step: float(value) for step, value in readings.items()}, seconds=one.seconds)

"""Each trial is a run of the tracker, below the run of its study: parameters, curve, end. Whatever goes wrong here is a
line in the log, and the study goes on."""

import hashlib
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from headhunt.spaces import Value
from headhunt.track.journal import Ended, Noted, Points, Record
from headhunt.track.wire import RunBegun
from tracking.store import Tracking

log = logging.getLogger("headhunt.studies")
WRITER = "study"
STATES = {"complete": "finished", "stopped": "finished", "failed": "failed"}


def run_of(study: str, lease: str) -> str:
    return hashlib.sha256(f"{study} {lease}".encode()).hexdigest()[:32]


def metric_of(direction: str) -> str:
    return "loss" if direction == "minimize" else "score"


class Runs:
    """tracking: None for those of whom nothing is told."""

    def __init__(self, tracking: Tracking | None) -> None:
        self._tracking = tracking

    @property
    def tracking(self) -> Tracking:
        assert self._tracking is not None  # noqa: S101 - `_quietly` asked
        return self._tracking

    def _quietly(self, work: Callable[[], object]) -> None:
        if self._tracking is None:
            return
        try:
            work()
        except Exception:
            log.exception("a run of a study was not told")

    # --- the study

    def study_begun(self, project: str, study: str, name: str, params: Mapping[str, Any], by: str) -> None:
        """Its run has its id, and is running until it ends."""

        def work() -> None:
            self.tracking.begin(project, study, RunBegun(experiment=name, name=name, tags=("study",)), by)
            self._put(project, study, [Noted(time.time(), "param", dict(params))])
            self.tracking.unwatch(project, study)

        self._quietly(work)

    def study_goes_on(self, project: str, study: str) -> None:
        self._quietly(lambda: self.tracking.unwatch(project, study))

    def study_ended(self, project: str, study: str, state: str, why: str) -> None:
        ended = Ended(time.time(), "failed" if state == "failed" else "finished", why if state == "failed" else None)
        self._quietly(lambda: self._put(project, study, [Noted(time.time(), "summary", {"state": state}), ended]))

    def best(self, project: str, study: str, number: int, value: float, metric: str) -> None:
        facts = {metric: value, "best_trial": number}
        self._quietly(lambda: self._put(project, study, [Noted(time.time(), "summary", facts)]))

    # --- its trials

    def trial_begun(self, project: str, run: str, study: tuple[str, str], number: int, params: Mapping[str, Value],
                    by: str) -> None:  # fmt: skip
        """study: its id and name."""
        about = RunBegun(experiment=study[1], name=f"{study[1]} {number}", parent=study[0], tags=("trial",))

        def work() -> None:
            self.tracking.begin(project, run, about, by)
            told = [Noted(time.time(), "param", dict(params)), Noted(time.time(), "tag", {"trial": str(number)})]
            self._put(project, run, told)

        self._quietly(work)

    def heard(self, project: str, run: str) -> None:
        self._quietly(lambda: self._put(project, run, []))

    def reading(self, project: str, run: str, step: int, values: dict[str, float]) -> None:
        self._quietly(lambda: self._put(project, run, [Points(time.time(), step, values)]))

    def trial_ended(self, project: str, run: str, state: str, facts: Mapping[str, Any], reason: str) -> None:
        told: list[Record] = [Noted(time.time(), "summary", dict(facts))] if facts else []
        told.append(Ended(time.time(), STATES.get(state, "lost"), reason if state != "stopped" else None))
        self._quietly(lambda: self._put(project, run, told))

    def _put(self, project: str, run: str, records: Sequence[Record]) -> None:
        self.tracking.tell(project, run, WRITER, lambda *_: records)

"""Small facts of studies and trials."""

from collections import Counter
from typing import Any

import msgspec

from headhunt.errors import InUse, TrialFailed, TrialTaken, printable
from headhunt.studies.wire import BestTrial, TrialResult, TrialShown, number_of
from headhunt.trials import Trial
from service.studies.turns import Turn
from tracking.values import told as told_number

LONGEST_WHY = 1000
STOPPED = "The study was stopped."
Row = Any


def taken(number: int) -> TrialTaken:
    return TrialTaken(f"Trial {number} is not yours, or no longer: it was given to somebody else. Ask for another one.")


def least(*given: int | None) -> int | None:
    known = [one for one in given if one is not None]
    return min(known) if known else None


def enough(turn: Turn, most: int | None) -> bool:
    return most is not None and turn.hosted.study.count() >= most


def spent_all(row: Row) -> bool:
    return row.seconds is not None and row.spent >= row.seconds


def counts_of(turn: Turn) -> Counter[str]:
    return Counter(turn.hosted.states())


def counted(turn: Turn) -> str:
    return msgspec.json.encode(dict(counts_of(turn))).decode()


def better(row: Row, turn: Turn, ended: Trial) -> BestTrial | None:
    """The trial, if it is the best so far."""
    if ended.value is None or not ended.within:
        return None
    before = None if row.best is None else msgspec.json.decode(row.best, type=BestTrial)
    from tuning.aims import signs

    about = turn.hosted.study.about
    sign = signs(about.aims, about.direction)[0]
    if before is not None and sign * before.value <= sign * ended.value:
        return None
    return BestTrial(number=ended.number, value=ended.value, params=ended.params)


def outcome_of(result: TrialResult) -> tuple[float | None, str]:
    """The number, or why there is none."""
    from tuning.outcomes import value_of

    why = printable(" ".join(result.why.split()), LONGEST_WHY)
    if result.status == "stopped":
        return None, why or "It was stopped."
    if result.status == "fail":
        return None, why or "The objective said that it failed."
    given = number_of(result.value if result.value is not None else result.loss)
    try:
        return value_of(given), ""
    except TrialFailed as error:
        return None, str(error)


def shown(trial: Trial, row: Row | None) -> TrialShown:
    return TrialShown(
        number=trial.number,
        state=trial.state,
        params=trial.params,
        value=trial.value,
        reason=trial.reason,
        readings={step: told_number(value) for step, value in trial.readings.items()},
        seconds=trial.seconds,
        worker=row.worker if row is not None else "",
        run=row.run if row is not None else "",
        values=trial.values,
        measured=trial.measured,
        within=trial.within,
    )


def job_of(row: Row) -> str:
    """Of the study of a tuning: the job that runs its trials."""
    found: str = msgspec.json.decode(row.plan).get("job", "")
    return found


def check_no_job(row: Row) -> None:
    """Trials of a tuning are for its job alone. Raises InUse."""
    if job := job_of(row):
        raise InUse(f"The study {row.name!r} is a tuning's: its job {job} runs the trials, and gives none away.")

"""A study that is kept elsewhere, as one in memory: to look at, with all that can be asked of a study."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from headhunt.spaces import Fixed, Space
from headhunt.trials import Trial
from tuning.aims import MEASURED, directions, over
from tuning.journal import Shelf, quiet
from tuning.spaces import distributions
from tuning.study import LOST, REASON, STATES, About, Study, prepared

BEGAN = datetime(2000, 1, 1, tzinfo=UTC)
"""Any: how long a trial took is known, and not when."""


def copied(about: About, space: Space, trials: Sequence[Trial]) -> Study:
    """Trials keep their numbers: where one is missing, it was lost."""
    with quiet():
        inner = optuna.create_study(directions=directions(about.aims, about.direction))
    known = {one.number: one for one in trials}
    for number in range(max(known, default=-1) + 1):
        inner.add_trial(frozen(number, known.get(number), space, about))
    return prepared(inner, Looked(), about, 0)


class Looked(Shelf):
    """Nobody asks a copy for trials."""

    proposes = False

    def __init__(self) -> None:
        super().__init__(None)


def frozen(number: int, trial: Trial | None, space: Space, about: About) -> FrozenTrial:
    if trial is None:
        lost = Trial(number=number, state="failed", params={})
        return made(lost, {}, {LOST: True})
    free = {name: value for name, value in trial.params.items() if not isinstance(space.get(name), Fixed | None)}
    facts: dict[str, Any] = {REASON: trial.reason} if trial.reason else {}
    if trial.measured:
        facts[MEASURED] = dict(trial.measured)
    found = made(trial, free, facts, space)
    for name, excess in over(about.limits, trial.measured, about.aims).items() if trial.measured else ():
        found.set_constraint(name, excess)
    return found


def made(trial: Trial, params: Mapping[str, Any], facts: dict[str, Any], space: Space | None = None) -> FrozenTrial:
    known = distributions(space or {})
    state = {word: one for one, word in STATES.items()}[trial.state]
    ended, done = state != TrialState.RUNNING, state == TrialState.COMPLETE
    return FrozenTrial(
        number=trial.number,
        trial_id=trial.number,
        state=state,
        value=trial.value if done and not trial.values else None,
        values=list(trial.values.values()) if done and trial.values else None,
        datetime_start=BEGAN,
        datetime_complete=BEGAN + timedelta(seconds=trial.seconds or 0.0) if ended else None,
        params=dict(params),
        distributions={name: known[name] for name in params},
        user_attrs=facts,
        system_attrs={},
        intermediate_values=dict(trial.readings),
    )

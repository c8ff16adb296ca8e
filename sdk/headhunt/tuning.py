"""Searching for good hyper-parameters, all in code.

best = headhunt.fmin(
    objective,
    space={"lr": headhunt.double(1e-5, 1e-1, log=True), "opt": headhunt.choice("sgd", "adamw")},
    trials=100,
    timeout="10m",
)
best.params, best.value, best.trials, best.importance()

Several aims: aims={"accuracy": "maximize", "latency": "minimize"}, and the objective returns {"losses": {"accuracy":
..., "latency": ...}}; then best.front has those whom nobody beats.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headhunt.durations import seconds_of
from headhunt.errors import BadValue, Interrupted
from headhunt.habits import algo_name, in_our_words
from headhunt.home import home_folder
from headhunt.spaces import Value
from headhunt.trials import Trial

if TYPE_CHECKING:
    from tuning.importance import Importance, Interaction, Slice
    from tuning.recommended import Recommended
    from tuning.running import Limits
    from tuning.study import Study

MOST_WORKERS = 256


class Best:
    """What a search came to. `params`: real values, as the objective got them; `trials`: all, in order.

    With several aims, `front` has those whom nobody beats, and `params` are those of the best by the first aim.
    """

    def __init__(self, study: "Study", interrupted: bool = False) -> None:
        self._study = study
        self.trial: Trial = study.best()
        self.interrupted = interrupted

    @property
    def params(self) -> dict[str, Value]:
        return dict(self.trial.params)

    def __getitem__(self, name: str) -> Value:
        """best["lr"]: hyperopt's answer is a dictionary."""
        return self.params[name]

    @property
    def value(self) -> float:
        return float(self.trial.value or 0.0)

    @property
    def trials(self) -> list[Trial]:
        return self._study.trials()

    @property
    def front(self) -> list[Trial]:
        """The trials within the limits that no other beats in one aim without losing in another; by the first aim."""
        return self._study.front()

    @property
    def recommended(self) -> "Recommended":
        """For each parameter the value to use, and the range in which the best trials lie."""
        from tuning.recommended import recommended

        return recommended(self._study)

    @property
    def algo(self) -> str:
        """The algorithm that searched: what `auto` chose."""
        return self._study.about.algo

    def importance(self, method: str = "ped-anova", aim: str | None = None) -> "Importance":
        """How much each parameter matters, and what that means; method: `ped-anova` or `fanova`; aim: the first."""
        from tuning.importance import importance

        return importance(self._study, method, aim)

    def slices(self) -> "list[Slice]":
        """For each parameter: its values and what came of them."""
        from tuning.importance import slices

        return slices(self._study)

    def interactions(self) -> "list[Interaction]":
        """Pairs of parameters that matter together more than alone, the strongest first."""
        from tuning.importance import interactions

        return interactions(self._study)

    def __repr__(self) -> str:
        return f"Best(value={self.value:.6g}, params={self.params}, trials={len(self.trials)})"


@in_our_words
def fmin(
    objective: Callable[[dict[str, Any]], object],
    space: Mapping[str, Any] | None = None,
    *,
    algo: str = "tpe",
    trials: int | None = 100,
    timeout: str | float | None = None,
    trial_timeout: str | float | None = None,
    seed: int | None = None,
    start: Sequence[Mapping[str, Any]] | Mapping[str, Any] = (),
    direction: str = "minimize",
    workers: int = 1,
    curtail: bool = True,
    warm_up: int = 1,
    study: str | None = None,
    home: str | Path | None = None,
    aims: Mapping[str, str] | Sequence[str] = (),
    limits: Mapping[str, float] | None = None,
    server: str | None = None,
    key: str | None = None,
) -> Best:
    """The parameters of the space for which the objective is least.

    objective: gets a dict of parameters, returns the loss, as a number or as {"loss": ..., "status": "ok"}. It may call
        `headhunt.report(step, loss)` as it goes, which ends trials that fall behind the best fifth.
    algo: auto, tpe, gp, cmaes, random, grid, qmc, basinhopping, nsga2, nsga3.
    trials, timeout: when to end, what comes first; trials counts what the study has already. "90s", "10m", "1h".
    trial_timeout: each trial in a process of its own, which is killed after that.
    start: points to try first. direction: "maximize" for a score. workers: how many trials at once, in threads.
    curtail, warm_up: whether trials that fall behind end early, and from which step on.
    study: a name; the study is then kept, goes on when it is called again, and may be shared by several processes.
    aims: several, each to "minimize" or "maximize"; the objective returns {"losses": {name: number}}.
    limits: the worst allowed of an aim, or of what else the objective returns by that name.
    server, key: who keeps a study with a name, as in `suggest_model`: the server that is asked, else this machine.

    A trial whose objective fails is marked, and the search goes on. Ctrl-C ends it, with the best so far.
    """
    bounds = checked_limits(objective, trials, timeout, trial_timeout, workers)
    if bounds.trials is None and bounds.seconds is None:
        raise BadValue("Neither trials nor a timeout: the search would never end. Give one, as in trials=100.")
    there = home_folder() if home is None else Path(home).expanduser()
    found = None
    if study is not None or server is not None or key is not None:
        from headhunt.remote.credentials import chosen

        found = chosen(server, key, there)
    if found is not None and study is None:
        raise BadValue("A server keeps studies with a name. Give one, as study='first', or leave out the server.")
    from tuning import running
    from tuning.journal import in_words
    from tuning.study import Wanted, opened

    wanted = Wanted(
        space=None if space is None else as_dict("space", space),
        name=study,
        algo=algo_name(algo),
        direction=direction,
        seed=whole("seed", seed, 2**32 - 1, least=0),
        trials=bounds.trials,
        curtail=curtail,
        warm_up=whole("warm_up", warm_up, 10**9, least=0) or 0,
        start=as_points(start),
        aims=as_aims(aims),
        limits=as_dict("limits", limits or {}, "{'memory': 200.0}"),
    )
    if found is not None:
        from headhunt.studies.calls import fmin_there

        return fmin_there(found, wanted, objective, bounds)
    one = opened(there, wanted)
    with in_words(one.place.folder):
        whole_run = running.run(one, objective, bounds)
    if not whole_run and not any(trial.value is not None for trial in one.trials()):
        raise Interrupted("The search was interrupted before any trial ended with a number.")
    return Best(one, interrupted=not whole_run)


def checked_limits(objective: object, trials: object, timeout: Any, trial_timeout: Any, workers: object) -> "Limits":
    """How much may be done by this call. Raises BadValue."""
    from tuning.running import Limits

    if not callable(objective):
        raise BadValue(f"The objective is {objective!r}. Give a function of the parameters that returns the loss.")
    return Limits(
        trials=whole("trials", trials, 1_000_000),
        seconds=seconds_of(timeout, "A timeout"),
        trial_seconds=seconds_of(trial_timeout, "A trial_timeout"),
        workers=whole("workers", workers, MOST_WORKERS) or 1,
    )


def whole(name: str, value: object, most: int, least: int = 1) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise BadValue(f"{name} is {value!r}. Give a whole number from {least} to {most:,}.")
    return value


def as_dict(name: str, given: object, example: str = "{'lr': headhunt.double(0.001, 0.1)}") -> dict[str, Any]:
    if not isinstance(given, Mapping) or not all(isinstance(key, str) for key in given):
        raise BadValue(f"The {name} is {given!r}. Give names and values, as in {example}.")
    return dict(given)


def as_points(given: object) -> list[dict[str, Any]]:
    if not isinstance(given, Mapping | list | tuple):
        raise BadValue(f"The start is {given!r}. Give a point, or a list of points, as in [{{'lr': 0.01}}].")
    return [as_dict("start", one, "{'lr': 0.01}") for one in ([given] if isinstance(given, Mapping) else given)]


def as_aims(given: object) -> dict[str, str]:
    """Names alone are minimized, but accuracy."""
    if isinstance(given, list | tuple) and all(isinstance(name, str) for name in given):
        return {name: "maximize" if name == "accuracy" else "minimize" for name in given}
    return as_dict("aims", given, "{'accuracy': 'maximize', 'latency': 'minimize'}")

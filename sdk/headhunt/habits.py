"""Words that people bring from hyperopt, Optuna and others, answered with those that are used here."""

import functools
import inspect
from collections.abc import Callable, Iterable
from typing import ParamSpec, TypeVar

from headhunt.errors import BadValue, did_you_mean, printable

P = ParamSpec("P")
T = TypeVar("T")
HABITS = {
    "max_evals": ("trials",),
    "n_trials": ("trials",),
    "max_trials": ("trials",),
    "num_samples": ("trials",),
    "timeout": ("seconds",),
    "seconds": ("timeout",),
    "fn": ("objective",),
    "func": ("objective",),
    "search_space": ("space",),
    "sampler": ("algo",),
    "search_alg": ("algo",),
    "study_name": ("study", "name"),
    "storage": ("study", "home"),
    "n_jobs": ("workers",),
    "parallelism": ("workers",),
    "rstate": ("seed",),
    "random_state": ("seed",),
    "points_to_evaluate": ("start",),
    "pruner": ("curtail",),
    "directions": ("aims",),
    "mode": ("direction",),
    "metric": ("aims",),
}
"""What stands for it here, where the function has it; the first of several."""
NAMES = {
    "start_run": "headhunt.init(project='flowers')",
    "set_experiment": "headhunt.init(project='flowers')",
    "end_run": "headhunt.finish()",
    "log_metric": "headhunt.log(loss=0.3)",
    "log_metrics": "headhunt.log(loss=0.3, val_accuracy=0.9)",
    "log_param": "headhunt.config(lr=0.01)",
    "log_params": "headhunt.config(lr=0.01, epochs=20)",
    "log_artifact": "headhunt.log(weights=pathlib.Path('model.pt'))",
    "log_artifacts": "headhunt.log(weights=pathlib.Path('model.pt'))",
    "set_tag": "headhunt.init(tags=['baseline'])",
    "set_tags": "headhunt.init(tags=['baseline'])",
    "set_tracking_uri": "headhunt login http://host:8765, or HEADHUNT_SERVER",
    "login": "headhunt login http://host:8765, or HEADHUNT_SERVER",
    "hp": "headhunt.double, integer and choice",
    "uniform": "headhunt.double(low, high)",
    "loguniform": "headhunt.double(low, high, log=True)",
    "quniform": "headhunt.double(low, high, step=0.1)",
    "randint": "headhunt.integer(low, high)",
    "tpe": "algo='tpe'",
    "Trials": "best.trials; study='name' keeps them",
    "space_eval": "best.params, which are what the objective got",
    "Study": "headhunt.create_study(name, space)",
    "optimize": "headhunt.fmin(objective, space)",
    "minimize": "headhunt.fmin(objective, space)",
}
"""Of MLflow, W&B, hyperopt and Optuna: what stands for it here."""
ALGORITHMS = {
    "nsgaiii": "nsga3",
    "nsgaii": "nsga2",
    "cma": "cmaes",
    "tpe": "tpe",
    "rand": "random",
    "grid": "grid",
    "qmc": "qmc",
    "gp": "gp",
}


def in_our_words(function: Callable[P, T]) -> Callable[P, T]:
    """The same; whoever calls it as another library's is told how it is called here."""

    @functools.wraps(function)
    def called(*given: P.args, **asked: P.kwargs) -> T:
        known = inspect.signature(function).parameters
        for name in asked:
            if name not in known:
                raise no_option(function.__name__, name, known)
        places = [name for name, one in known.items() if one.kind is one.POSITIONAL_OR_KEYWORD]
        if len(given) > len(places):
            raise BadValue(
                f"{function.__name__} was given {len(given)} values by their place, where it takes"
                f" {' and '.join(places)}. Name the others, as in trials=100."
            )
        return function(*given, **asked)

    return called


def no_option(what: str, name: str, known: Iterable[str]) -> BadValue:
    names = list(known)
    here = next((one for one in HABITS.get(name, ()) if one in names), None)
    if here is not None:
        return BadValue(f"{what} has no {name!r}: here it is {here!r}.")
    return BadValue(did_you_mean(f"option of {what}", name, names, f"There are: {', '.join(names)}."))


def algo_name(algo: object) -> str:
    """Algorithms have names; elsewhere they are functions and objects."""
    if isinstance(algo, str):
        return algo
    told = f"{getattr(algo, '__module__', '')} {type(algo).__name__}".lower()
    name = next((ours for theirs, ours in ALGORITHMS.items() if theirs in told), "tpe")
    raise BadValue(f"The algorithm is {printable(repr(algo), 80)}. Give its name, as in algo={name!r}.")

"""Who proposes the next trial. All but basin hopping (basins.py) is Optuna's; `auto` chooses by a stated rule.

    tpe          Parzen estimators; any space
    gp           a Gaussian process; any space without conditions, few trials
    cmaes        covariance matrix adaptation; numbers, without conditions
    random       any space
    grid         every point of a grid; without conditions, ends when all were tried
    qmc          a scrambled Sobol sequence; numbers, without conditions
    basinhopping jumps and walks downhill; numbers, without conditions
    nsga2, nsga3 genetic; any space, many trials, made for several aims

Several aims: tpe, gp, random, grid, qmc, nsga2, nsga3. `auto`, in this order: a grid, where the space has steps alone
and no more points than trials; with several aims and NSGA_TRIALS or more, NSGA-II for two and NSGA-III for more; TPE
where there are conditions; else GP while trials are dear (up to 100 and up to 10 parameters), CMA-ES where there is one
aim and numbers alone, at least two, and at least 100 trials for each; else TPE.
"""

import math
import warnings
from collections.abc import Callable, Mapping

import msgspec
from optuna.exceptions import ExperimentalWarning
from optuna.samplers import (
    BaseSampler,
    CmaEsSampler,
    GPSampler,
    GridSampler,
    NSGAIIISampler,
    NSGAIISampler,
    QMCSampler,
    RandomSampler,
    TPESampler,
)
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from headhunt.errors import BadSpace, BadValue, did_you_mean
from headhunt.spaces import Choice, Double, Fixed, Integer, Space, Value
from tuning.basins import BasinHoppingSampler
from tuning.spaces import distributions, grid

GP_TRIALS, GP_PARAMETERS = 100, 10
"""A Gaussian process takes about a second a proposal at a few hundred trials."""
CMAES_TRIALS_EACH = 100
NUMBERS_ALONE = ("cmaes", "qmc", "basinhopping")
UNCONDITIONAL = ("gp", "cmaes", "grid", "qmc", "basinhopping")
ONE_AIM = ("cmaes", "basinhopping")
NSGA_TRIALS = 1000
"""Twenty generations of fifty; with fewer, a model of what was tried finds more."""


class WholeGrid(GridSampler):
    """Optuna's, which would stop a loop of Optuna's at the end; here the study looks at `is_exhausted`."""

    def after_trial(self, *_: object, **__: object) -> None:
        return None

    def _get_unvisited_grid_ids(self, study: Study) -> list[int]:
        """Without the points that were tried from a start, those whose trial waits to be run again, and those that
        somebody runs, which Optuna would try twice where none is left."""
        left = super()._get_unvisited_grid_ids(study)
        trials = study._storage.get_all_trials(study._study_id, deepcopy=False)
        fixed = [
            {**one.params, **one.system_attrs["fixed_params"]} for one in trials if "fixed_params" in one.system_attrs
        ]
        tried = {tuple(one.get(name) for name in self._param_names) for one in fixed}
        run = {one.system_attrs.get("grid_id") for one in trials if one.state == TrialState.RUNNING}
        return [i for i in left if i not in run and tuple(self._all_grids[i]) not in tried]

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Optuna's first trials take the points in order by their own number, which starts would shift."""
        if "grid_id" in trial.system_attrs or "fixed_params" in trial.system_attrs:
            return
        left = self._get_unvisited_grid_ids(study) or list(range(len(self._all_grids)))
        for name, value in (("search_space", self._search_space), ("grid_id", min(left))):
            study._storage.set_trial_system_attr(trial._trial_id, name, value)


class Wish(msgspec.Struct, frozen=True):
    """What a sampler is made of. `seed` is the study's; `fresh` another one each time that the study is opened,
    for those who draw, so that they draw neither the same points again nor those of another process."""

    space: Space
    seed: int
    fresh: int
    start: dict[str, Value] = {}


def _tpe(wish: Wish) -> BaseSampler:
    """With conditions, the parameters that come together are looked at together."""
    grouped = conditional(wish.space)
    return TPESampler(seed=wish.fresh, group=grouped, multivariate=True if grouped else None)


def _qmc(wish: Wish) -> BaseSampler:
    return QMCSampler(scramble=True, seed=wish.seed, warn_asynchronous_seeding=False, warn_independent_sampling=False)


SAMPLERS: dict[str, Callable[[Wish], BaseSampler]] = {
    "tpe": _tpe,
    "gp": lambda wish: GPSampler(seed=wish.fresh, warn_independent_sampling=False),
    "cmaes": lambda wish: CmaEsSampler(seed=wish.fresh, warn_independent_sampling=False),
    "random": lambda wish: RandomSampler(seed=wish.fresh),
    "grid": lambda wish: WholeGrid(grid(wish.space), seed=wish.seed),
    "qmc": _qmc,
    "nsga2": lambda wish: NSGAIISampler(seed=wish.fresh),
    "nsga3": lambda wish: NSGAIIISampler(seed=wish.fresh),
    "basinhopping": lambda wish: BasinHoppingSampler(wish.seed, wish.start).over(distributions(wish.space)),
}


def checked_algo(algo: object, space: Space, trials: int | None, aims: int = 1) -> str:
    """The name of a sampler that can search this space; "auto" is resolved."""
    if algo == "auto":
        return chosen(space, trials, aims)
    if not isinstance(algo, str) or algo not in SAMPLERS:
        hint = f"There are: auto, {', '.join(SAMPLERS)}."
        raise BadValue(did_you_mean("algorithm", str(algo), ["auto", *SAMPLERS], hint))
    if aims > 1 and algo in ONE_AIM:
        raise BadValue(f"algo={algo!r} knows one aim, and there are {aims}. Take algo='tpe', 'gp' or 'nsga2'.")
    if algo in UNCONDITIONAL and conditional(space):
        raise BadSpace(f"algo={algo!r} knows no conditions, and the space has some. Take algo='tpe' or 'random'.")
    if algo in NUMBERS_ALONE and (choices := [name for name, one in space.items() if isinstance(one, Choice)]):
        raise BadSpace(
            f"algo={algo!r} searches numbers alone, and {choices[0]!r} is a choice. Take algo='tpe' or 'gp'."
        )
    if algo == "grid":
        grid(space)
    return algo


def chosen(space: Space, trials: int | None, aims: int = 1) -> str:
    """The rule of `auto`, as above; without a number of trials they count as many."""
    free: Space = {name: one for name, one in space.items() if not isinstance(one, Fixed)}
    budget = math.inf if trials is None else trials
    if not conditional(space) and stepped(free) and points(free) <= budget:
        return "grid"
    if aims > 1 and math.inf > budget >= NSGA_TRIALS:
        return "nsga2" if aims == 2 else "nsga3"
    if conditional(space):
        return "tpe"
    if budget <= GP_TRIALS and len(free) <= GP_PARAMETERS:
        return "gp"
    numbers = not any(isinstance(one, Choice) for one in free.values())
    if aims == 1 and numbers and len(free) >= 2 and math.inf > budget >= CMAES_TRIALS_EACH * len(free):
        return "cmaes"
    return "tpe"


def make(algo: str, space: Space, seed: int, opening: int, start: Mapping[str, Value] | None = None) -> BaseSampler:
    """`opening`: how often the study was opened before; `start`: the point to try first, where there is one."""
    fresh = seed if opening == 0 else (seed * 1_000_003 + opening * 7_919) % 2**32
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        return SAMPLERS[algo](Wish(space, seed, fresh, dict(start or {})))


def conditional(space: Space) -> bool:
    return any(one.when for one in space.values())


def stepped(space: Space) -> bool:
    return all(not isinstance(one, Double) or one.step is not None for one in space.values())


def points(space: Space) -> float:
    """How many there are of a space that has steps alone."""
    return math.prod(count(one) for one in space.values() if not isinstance(one, Fixed))


def count(parameter: Double | Integer | Choice) -> float:
    if isinstance(parameter, Choice):
        return len(parameter.values)
    if isinstance(parameter, Integer):
        return (parameter.high - parameter.low) // parameter.step + 1
    return math.inf if parameter.step is None else math.floor((parameter.high - parameter.low) / parameter.step) + 1

"""Which parameters mattered, and what the number means.

`ped-anova` (Watanabe et al. 2023; for conditional parameters 2026), the default: how far the values of the best tenth
lie from the values of all trials, one parameter at a time. It is quick, and knows parameters that are not always there.
It answers "what do the best have in common that the others lack?". A parameter that decides everything scores low when
the search soon tried nothing but its good values.

`fanova` (Hutter et al. 2014), on request: a forest is fitted to all losses; a parameter's share is the part of the
forest's variance that it explains alone. It answers "what moves the loss anywhere in the space?", takes longer, and
sees only parameters that every trial had. Four times the trials take it more than ten times as long, so it looks at
MOST_LOOKED of them, evenly from the first to the last.

`interactions`: losses as ranks, each parameter in up to BINS bins; what the cells of a pair explain (adjusted R2)
beyond what the two explain when they are added up.
"""

import itertools
import math
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import optuna
from numpy.typing import NDArray
from optuna.importance import (
    BaseImportanceEvaluator,
    FanovaImportanceEvaluator,
    PedAnovaImportanceEvaluator,
    get_param_importances,
)
from optuna.trial import FrozenTrial, TrialState

from headhunt.errors import BadValue, NotReady, did_you_mean
from headhunt.spaces import Choice, Fixed, Value
from headhunt.vocabulary import Struct
from tuning.aims import signs
from tuning.journal import quiet
from tuning.study import Study

METHODS = ("ped-anova", "fanova")
LEAST = 10
"""Complete trials, below which nothing can be said."""
FAIR = 50
"""Complete trials, from which on the best tenth has five."""
TREES = 16
"""A quarter of what Optuna takes, for a quarter of the time; shares move by about a hundredth."""
MOST_LOOKED = 1000
BINS, PAIR_LEAST = 4, 30
Array = NDArray[np.float64]


class Importance(Struct, frozen=True):
    """`shares` sum to one, the largest first. `meaning`: in words. `trials`: complete ones, from which they come."""

    method: str
    shares: dict[str, float]
    trials: int
    meaning: str


class Place(Struct, frozen=True):
    value: Value
    loss: float
    trial: int


class Slice(Struct, frozen=True):
    """One parameter: each of its values that was tried, and what came of it. `log`: how to draw it."""

    name: str
    log: bool
    places: list[Place]


class Interaction(Struct, frozen=True):
    """Two parameters; `strength`: the part of what moves the loss that the pair explains beyond the two alone."""

    first: str
    second: str
    strength: float
    trials: int


def importance(study: Study, method: str = "ped-anova", aim: str | None = None) -> Importance:
    """aim: of several, by name; the first, where none is named."""
    place, sign = which(study, aim)
    if method not in METHODS:
        raise BadValue(did_you_mean("method of importance", str(method), METHODS, f"There are: {', '.join(METHODS)}."))
    done = complete(study)
    if len(done) < LEAST:
        raise NotReady(f"{len(done)} trials are complete, too few to say what mattered. Run {LEAST} or more.")
    if method == "fanova" and len({one.values[place] for one in done}) == 1:
        raise NotReady(f"All {len(done)} trials came to the same, so that nothing moved it. Take method='ped-anova'.")
    judge: BaseImportanceEvaluator = PedAnovaImportanceEvaluator()
    if method == "fanova":
        judge, study = FanovaImportanceEvaluator(n_trees=TREES, seed=study.about.seed), apart(study)
    with warnings.catch_warnings(), no_forest(method):
        warnings.simplefilter("ignore")  # of few trials: said in words
        found = get_param_importances(study.inner, evaluator=judge, target=lambda one: sign * one.values[place])
        if not all(math.isfinite(one) for one in found.values()):
            raise ArithmeticError
    order = {name: i for i, name in enumerate(study.space)}
    shares = dict(
        sorted(((name, float(one)) for name, one in found.items()), key=lambda one: (-one[1], order.get(one[0], 0)))
    )
    trials = len(complete(study))
    meaning = in_words(study, method, shares, trials)
    if trials < len(done):
        meaning += f" {trials:,} of {len(done):,} trials were looked at."
    return Importance(method=method, shares=shares, trials=trials, meaning=meaning)


def apart(study: Study) -> Study:
    """What `fanova` looks at, as a study of its own: whoever goes on with that one need not wait."""
    done = complete(study)
    places = np.unique(np.linspace(0, len(done) - 1, min(len(done), MOST_LOOKED)).round().astype(int))
    with quiet():
        inner = optuna.create_study(directions=study.inner.directions)
        inner.add_trials([done[i] for i in places])
    return Study(inner, study.place, study.about)


@contextmanager
def no_forest(method: str) -> Iterator[None]:
    """A forest computes in single precision, and fails in many ways where that does not hold the numbers."""
    try:
        yield
    except (ValueError, AssertionError, ArithmeticError, RuntimeError) as error:
        if method != "fanova":
            raise
        raise NotReady(
            "The losses, or the values of a parameter, lie too far apart or too close together for a forest."
            " Take method='ped-anova'."
        ) from error


def which(study: Study, aim: str | None) -> tuple[int, float]:
    """The place of an aim, and -1 where more of it is better."""
    names = list(study.about.aims)
    if aim is not None and aim not in names:
        raise BadValue(did_you_mean("aim", aim, names, f"There are: {', '.join(names) or 'none, with one loss'}."))
    place = 0 if aim is None else names.index(aim)
    return place, signs(study.about.aims, study.about.direction)[place]


def in_words(study: Study, method: str, shares: dict[str, float], trials: int) -> str:
    first = next(iter(shares), None)
    if first is None:
        if method == "ped-anova":
            return "Every parameter has one value alone: nothing was searched."
        return "No parameter was in every trial, so that nothing can be said. Take method='ped-anova'."
    if method == "ped-anova":
        told = (
            f"Of what sets the best tenth ({math.ceil(trials / 10)} of {trials:,} trials) apart from the rest,"
            f" {shares[first]:.0%} is {first}. A parameter may decide everything and score low here, when nearly all"
            " trials already had a good value of it."
        )
    else:
        told = (
            f"Of how far the loss moves over the whole space, by one parameter alone, {shares[first]:.0%} is {first}."
        )
        if gone := [name for name, one in study.space.items() if name not in shares and not isinstance(one, Fixed)]:
            told += f" Not judged, since not every trial had them: {', '.join(gone)}."
    return told + (f" {trials} trials are few: take this as a hint." if trials < FAIR else "")


def slices(study: Study) -> list[Slice]:
    done = complete(study)
    return [
        Slice(
            name=name,
            log=bool(getattr(one, "log", False)),
            places=[
                Place(value=trial.params[name], loss=trial.values[0], trial=trial.number)
                for trial in done
                if name in trial.params
            ],
        )
        for name, one in study.space.items()
        if not isinstance(one, Fixed)
    ]


def interactions(study: Study) -> list[Interaction]:
    """The strongest pair first; pairs that too few trials had together are left out."""
    done = complete(study)
    free = [name for name, one in study.space.items() if not isinstance(one, Fixed)]
    bins = {name: binned(study, name, done) for name in free}
    losses = np.array([trial.values[0] for trial in done])
    found = []
    for first, second in itertools.combinations(free, 2):
        both = (bins[first] >= 0) & (bins[second] >= 0)
        if both.sum() >= PAIR_LEAST:
            strength = beyond(bins[first][both], bins[second][both], ranks(losses[both]))
            found.append(Interaction(first=first, second=second, strength=strength, trials=int(both.sum())))
    return sorted(found, key=lambda one: -one.strength)


def binned(study: Study, name: str, done: Sequence[FrozenTrial]) -> NDArray[np.int64]:
    """The bin of each trial's value, shape (trials,); -1 where it has none. Each choice its own, the rare together."""
    bins = np.full(len(done), -1)
    here = [i for i, trial in enumerate(done) if name in trial.params]
    values = [done[i].params[name] for i in here]
    if isinstance(study.space[name], Choice):
        often = sorted(set(values), key=lambda one: (-values.count(one), str(one)))[: 2 * BINS]
        bins[here] = [often.index(value) if value in often else len(often) for value in values]
    elif values:
        edges = np.quantile(np.array(values, dtype=float), np.linspace(0, 1, BINS + 1)[1:-1])
        bins[here] = np.searchsorted(np.unique(edges), np.array(values, dtype=float), side="right")
    return bins


def beyond(first: NDArray[np.int64], second: NDArray[np.int64], response: Array) -> float:
    """Adjusted R2 of the cells less that of the sum, at least 0."""
    apart = np.hstack([dummies(first), dummies(second)[:, 1:]])
    cells = dummies(np.unique(first * (second.max() + 1) + second, return_inverse=True)[1])
    return max(0.0, adjusted(cells, response) - max(0.0, adjusted(apart, response)))


def dummies(bins: NDArray[np.int64]) -> Array:
    made: Array = (bins[:, None] == np.unique(bins)[None, :]).astype(float)
    return made


def adjusted(design: Array, response: Array) -> float:
    """1 - (residual variance) / (variance), each over its degrees of freedom."""
    gram = design.T @ design
    fitted = design @ np.linalg.lstsq(gram, design.T @ response, rcond=None)[0]
    freedom = len(response) - int(np.linalg.matrix_rank(gram))
    total = float(response.var(ddof=1))
    if freedom < 1 or total == 0:
        return 0.0
    return 1.0 - float(((response - fitted) ** 2).sum()) / freedom / total


def ranks(values: Array) -> Array:
    """0 to n - 1, ties alike."""
    return np.unique(values, return_inverse=True)[1].astype(float)


def complete(study: Study) -> list[FrozenTrial]:
    done = study.inner.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    return [one for one in done if math.isfinite(one.values[0])]

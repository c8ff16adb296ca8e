"""A space as Optuna has it, and back: names and real values, never indices."""

import math
from collections.abc import Iterator, Mapping

import numpy as np
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import Trial

from headhunt.errors import BadSpace
from headhunt.spaces import (
    LARGEST,
    Choice,
    Double,
    Fixed,
    Integer,
    Parameter,
    Space,
    Value,
    active,
    allowed,
    plain,
    shown,
)

FINEST_GRID = 100_000
PER_DOUBLE = 7
"""How many places of a double without a step a grid looks at."""


def distribution(parameter: Double | Integer | Choice) -> BaseDistribution:
    if isinstance(parameter, Choice):
        return CategoricalDistribution(parameter.values)
    return whole_distribution(parameter) if isinstance(parameter, Integer) else real_distribution(parameter)


def whole_distribution(parameter: Integer) -> IntDistribution:
    """The high end is moved to the last step, as Optuna would do with a warning; so for doubles."""
    steps = (parameter.high - parameter.low) // parameter.step
    return IntDistribution(parameter.low, parameter.low + steps * parameter.step, parameter.log, parameter.step)


def real_distribution(parameter: Double) -> FloatDistribution:
    if parameter.step is None:
        return FloatDistribution(parameter.low, parameter.high, log=parameter.log)
    return FloatDistribution(parameter.low, last_step(parameter), step=parameter.step)


def last_step(parameter: Double) -> float:
    step = parameter.step or 1.0
    steps = math.floor((parameter.high - parameter.low) / step + 1e-9)
    return min(parameter.high, float(f"{parameter.low + steps * step:.15g}"))


def distributions(space: Space) -> dict[str, BaseDistribution]:
    return {name: distribution(one) for name, one in space.items() if not isinstance(one, Fixed)}


def draw(trial: Trial, space: Space) -> dict[str, Value]:
    """The real values of one trial; parameters whose condition does not hold are absent."""
    params: dict[str, Value] = {}
    for name, parameter in space.items():
        if active(space, name, params):
            params[name] = value_of(trial, name, parameter)
    return params


def value_of(trial: Trial, name: str, parameter: Parameter) -> Value:
    if isinstance(parameter, Fixed):
        return parameter.value
    if isinstance(parameter, Choice):
        return trial.suggest_categorical(name, parameter.values)
    if isinstance(parameter, Integer):
        whole = whole_distribution(parameter)
        return trial.suggest_int(name, whole.low, whole.high, log=whole.log, step=whole.step)
    real = real_distribution(parameter)
    return trial.suggest_float(name, real.low, real.high, log=real.log, step=real.step)


def checked_start(space: Space, params: Mapping[str, object]) -> dict[str, Value]:
    """A point that the user wants tried first: all of its values can come up. What it leaves out is drawn."""
    good: dict[str, Value] = {}
    for name, value in params.items():
        if name not in space:
            raise BadSpace(f"A start names {name!r}, which is not in the space. There are: {', '.join(space)}.")
        parameter, value = space[name], plain(value)
        if not allowed(parameter, value):
            raise BadSpace(f"A start has {name} at {shown(value)}, which is outside its range. Move it, or widen that.")
        if isinstance(parameter, Double) and isinstance(value, int):
            value = float(value)
        if not isinstance(parameter, Fixed):
            good[name] = value
    return good


def grid(space: Space) -> dict[str, list[Value]]:
    """Every value of what has steps, PER_DOUBLE places of what has none."""
    free = {name: one for name, one in space.items() if not isinstance(one, Fixed)}
    if (size := math.prod(count_of(one) for one in free.values())) > FINEST_GRID:  # before any place is thought of
        many = f"{size:,}" if size < LARGEST else "too many"
        raise BadSpace(f"The grid has {many} points, more than {FINEST_GRID:,}. Take larger steps, or algo='tpe'.")
    return {name: list(steps_of(one)) for name, one in free.items()}


def count_of(parameter: Double | Integer | Choice) -> int:
    """How many `steps_of` gives; of a long logarithmic range at most so many."""
    if isinstance(parameter, Choice):
        return len(parameter.values)
    if isinstance(parameter, Integer):
        return PER_DOUBLE if by_factors(parameter) else (parameter.high - parameter.low) // parameter.step + 1
    if parameter.step is not None:
        return round((last_step(parameter) - parameter.low) / parameter.step) + 1
    return PER_DOUBLE if parameter.low < parameter.high else 1


def on_grid(space: Space, point: Mapping[str, Value], seed: int) -> dict[str, Value]:
    """A whole point of the grid: Optuna's draws nothing, so what a start leaves out is drawn here."""
    chance = np.random.default_rng(seed)
    return {name: point.get(name, values[chance.integers(len(values))]) for name, values in grid(space).items()}


def steps_of(parameter: Double | Integer | Choice) -> Iterator[Value]:
    if isinstance(parameter, Choice):
        yield from parameter.values
    elif isinstance(parameter, Integer):
        yield from whole_steps(parameter)
    elif parameter.step is not None:
        high = last_step(parameter)
        for i in range(count_of(parameter)):
            yield min(high, float(f"{parameter.low + i * parameter.step:.15g}"))
    else:
        count = count_of(parameter)
        for i in range(count):
            yield between(parameter, i / max(1, count - 1))


def whole_steps(parameter: Integer) -> Iterator[int]:
    """All of them; of a logarithmic range that is long, PER_DOUBLE by equal factors."""
    if not by_factors(parameter):
        yield from range(parameter.low, parameter.high + 1, parameter.step)
        return
    shape = Double(low=parameter.low, high=parameter.high, log=True)
    yield from sorted({round(between(shape, i / (PER_DOUBLE - 1))) for i in range(PER_DOUBLE)})


def by_factors(parameter: Integer) -> bool:
    return parameter.log and parameter.high - parameter.low >= 2 * PER_DOUBLE


def between(parameter: Double, share: float) -> float:
    """0 is low, 1 is high."""
    if parameter.log:
        value = math.exp(math.log(parameter.low) + share * (math.log(parameter.high) - math.log(parameter.low)))
    else:
        value = parameter.low + share * (parameter.high - parameter.low)
    return min(parameter.high, max(parameter.low, value))

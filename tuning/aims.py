"""Several aims at once: which way each goes, what the limits are, and whom nobody beats.

    aims     name -> minimize or maximize, e.g. {"accuracy": "maximize", "latency": "minimize"}
    limits   name -> the worst value allowed: the most of what is minimized or is no aim, the least of what is maximized
    front    the trials within the limits that no other beats in one aim without losing in another

Nothing is weighed against anything: who prefers what is the user's to say, by choosing from the front. Trials beyond a
limit are told to the sampler as such, and are neither best nor on the front. With several aims nobody is stopped early:
a curve of one aim says nothing of the others.
"""

from collections.abc import Mapping, Sequence

from optuna.study import StudyDirection

from headhunt.errors import BadValue, printable
from headhunt.trials import Trial

DIRECTIONS = {"minimize": StudyDirection.MINIMIZE, "maximize": StudyDirection.MAXIMIZE}
MEASURED = "measured"
MOST_AIMS = 10


def check(aims: Mapping[str, str], direction: str, limits: Mapping[str, float]) -> None:
    for name, way in {**aims, "": direction}.items():
        if not isinstance(way, str) or way not in DIRECTIONS:
            what = f"The aim {printable(repr(name), 60)}" if name else "The direction"
            raise BadValue(f"{what} is {way!r}. There are: {', '.join(DIRECTIONS)}.")
    if len(aims) == 1:
        raise BadValue(
            f"There is one aim, {next(iter(aims))!r}. Name two or more, or leave out aims, for a loss alone."
        )
    if len(aims) > MOST_AIMS:
        raise BadValue(f"There are {len(aims)} aims. Take {MOST_AIMS} at most; make the others limits.")
    if any(name in ("loss", "losses", "status") and not aims for name in limits):
        raise BadValue("A limit on the loss itself limits nothing: the best is what is asked for. Leave it out.")
    for name, worst in limits.items():
        if isinstance(worst, bool) or not isinstance(worst, int | float) or not abs(worst) <= 1e300:
            raise BadValue(f"The limit of {printable(repr(name), 60)} is {worst!r}. Give a number.")


def directions(aims: Mapping[str, str], direction: str) -> list[StudyDirection]:
    return [DIRECTIONS[way] for way in aims.values()] or [DIRECTIONS[direction]]


def signs(aims: Mapping[str, str], direction: str) -> list[float]:
    """-1 where more is better."""
    return [-1.0 if way == "maximize" else 1.0 for way in aims.values() or [direction]]


def over(limits: Mapping[str, float], measured: Mapping[str, float], aims: Mapping[str, str]) -> dict[str, float]:
    """By how much each limit is exceeded; 0 or less: it is kept."""
    sign = {name: -1.0 if aims.get(name) == "maximize" else 1.0 for name in limits}
    return {name: sign[name] * (measured[name] - worst) for name, worst in limits.items()}


def front(trials: Sequence[Trial], aims: Mapping[str, str], direction: str) -> list[Trial]:
    """Of equal ones the first."""
    ways = signs(aims, direction)
    known = [(tuple(s * v for s, v in zip(ways, values_of(one), strict=True)), one) for one in trials if ended(one)]
    known.sort(key=lambda pair: (pair[0], pair[1].number))
    kept: list[tuple[tuple[float, ...], Trial]] = []
    for values, one in known:
        if not any(all(a <= b for a, b in zip(other, values, strict=True)) for other, _ in kept):
            kept.append((values, one))
    return [one for _, one in kept]


def ended(one: Trial) -> bool:
    return one.value is not None and one.within


def values_of(one: Trial) -> tuple[float, ...]:
    return tuple(one.values.values()) or (one.value or 0.0,)


def none_within(trials: Sequence[Trial], limits: Mapping[str, float]) -> str:
    told = ", ".join(
        f"{name} {worst:g} (seen: {min(seen):g} to {max(seen):g})"
        for name, worst in limits.items()
        if (seen := [one.measured[name] for one in trials if name in one.measured])
    )
    return f"None of {len(trials)} trials keeps the limits: {told}. Widen them, or the space."

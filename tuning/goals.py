"""What a fine-tuning may be tuned for: what the validation part says, and what the network costs, as measured here.

    loss, accuracy                of the images held out for validation
    latency, memory               of one image, in milliseconds and bytes, measured (zoo/networks/measure.py)
    size, params, macs            of the weights in bytes; parameters; multiply-adds of one image

A limit is the worst that is allowed. Costs hang on the model and the size of its input alone: a model beyond a limit is
never trained.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from headhunt.errors import BadValue, did_you_mean, printable
from headhunt.spaces import Space
from zoo.catalogue.quantities import (
    parse_bytes,
    parse_count,
    parse_milliseconds,
    parse_share,
    write_bytes,
    write_count,
    write_milliseconds,
    write_share,
)

QUALITIES = {"loss": "minimize", "accuracy": "maximize"}
COSTS: dict[str, tuple[Callable[[str], float], Callable[[float], str]]] = {
    "latency": (parse_milliseconds, write_milliseconds),
    "memory": (parse_bytes, write_bytes),
    "size": (parse_bytes, write_bytes),
    "params": (parse_count, write_count),
    "macs": (parse_count, write_count),
}
NAMES = (*QUALITIES, *COSTS)
ERROR = "error"
"""How a least accuracy is kept as a limit: the share that may be wrong."""


@dataclass(frozen=True)
class Goals:
    """aims: what is searched for, the first one first. limits: the worst allowed, in ms, bytes, counts, shares."""

    aims: tuple[str, ...] = ("loss",)
    limits: Mapping[str, float] = field(default_factory=dict)

    @property
    def several(self) -> dict[str, str]:
        """As a study has them; empty for one."""
        return {name: QUALITIES.get(name, "minimize") for name in self.aims} if len(self.aims) > 1 else {}

    @property
    def direction(self) -> str:
        return "minimize" if self.several else QUALITIES[self.aims[0]]

    @property
    def kept_limits(self) -> dict[str, float]:
        """As a study has them, where whatever is no aim is limited from above."""
        if "accuracy" not in self.limits or "accuracy" in self.several:
            return dict(self.limits)
        others = {name: worst for name, worst in self.limits.items() if name != "accuracy"}
        return {**others, ERROR: 1 - self.limits["accuracy"]}

    @property
    def costs(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for name in (*self.aims, *self.limits) if name in COSTS))

    def beyond(self, costs: Mapping[str, float]) -> str:
        """Which limit a network exceeds, in words; or nothing."""
        for name in self.limits:
            if name in COSTS and costs[name] > self.limits[name]:
                return f"its {name} of {shown(name, costs[name])} is above {shown(name, self.limits[name])}"
        return ""


def goals(aims: Sequence[str] | str, limits: Mapping[str, Any] | None) -> Goals:
    """What a user asked for, read."""
    if not isinstance(aims, str | list | tuple):
        raise BadValue(f"The aims are {aims!r}. Give names, as in ('accuracy', 'latency').")
    names = (aims,) if isinstance(aims, str) else tuple(aims)
    for name in names:
        known(name, "aim")
    if not names or len(set(names)) < len(names):
        raise BadValue(f"The aims are {printable(repr(list(names)), 80)}. Name one or more, each once.")
    if not set(names) & set(QUALITIES):
        raise BadValue(f"Nothing but costs among the aims {', '.join(names)}: the cheapest is known without a search.")
    if set(QUALITIES) <= set(names):
        raise BadValue("The aims name both loss and accuracy, which say the same. Name one of them.")
    if not (limits is None or isinstance(limits, Mapping)):
        raise BadValue(f"The limits are {limits!r}. Give names and values, as in {{'latency': '20ms'}}.")
    return Goals(names, {known(name, "limit"): limit(name, worst) for name, worst in (limits or {}).items()})


def check_varies(goals: Goals, models: int, space: Space) -> None:
    costs = [name for name in goals.aims if name in COSTS]
    if costs and models == 1 and getattr(space.get("input_size"), "value", None) is not None:
        raise BadValue(one_cost(costs[0]))
    if costs and models == 1 and "input_size" not in space:
        raise BadValue(one_cost(costs[0]))


def one_cost(name: str) -> str:
    return (
        f"With one model of one size of images, {name} is the same for all trials. Take models=3, or search the size,"
        " as in space={'input_size': headhunt.choice(32, 48)}."
    )


def known(name: object, noun: str) -> str:
    if not isinstance(name, str) or name not in NAMES:
        raise BadValue(did_you_mean(noun, str(name), NAMES, f"There are: {', '.join(NAMES)}."))
    return name


def limit(name: str, worst: object) -> float:
    if name == "loss":
        raise BadValue("A limit on the loss itself limits nothing: the best is what is asked for. Leave it out.")
    if isinstance(worst, bool) or not isinstance(worst, int | float | str):
        raise BadValue(f"The limit of {name} is {worst!r}. Give a number, or as text with its unit.")
    read = parse_share if name == "accuracy" else COSTS[name][0]
    return read(worst if isinstance(worst, str) else repr(worst))


def shown(name: str, value: float) -> str:
    """A value of a goal, as people read it."""
    if name in COSTS:
        return COSTS[name][1](value)
    return write_share(value) if name in ("accuracy", ERROR) else f"{value:.4f}"

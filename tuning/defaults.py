"""Which hyper-parameters of a fine-tuning to search, and where: by the network's family and the number of images.

The names are those of `headhunt.vocabulary.Protocol`, what the one trainer knows. Where each range comes from stands in
docs/tuning.md. A parameter that has other ranges for other models is there once for each, with a dot: `lr.layernorm`.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from headhunt.errors import BadSpace, BadValue, did_you_mean, one_line
from headhunt.spaces import (
    Choice,
    Double,
    Fixed,
    Parameter,
    Space,
    Value,
    allowed,
    as_parameter,
    checked,
    choice,
    double,
    integer,
)
from headhunt.vocabulary import Protocol
from zoo.training.augment import SMALL
from zoo.training.trainable import check_protocol

Family = Literal["batchnorm", "mobile", "layernorm"]
MODEL, VARIANT = "model", "."
OURS = ("seeds", "evaluate_every")
"""Of a protocol, what the study itself decides."""
WHOLE = ("steps", "batch_size", "input_size")
RATES: dict[Family, tuple[float, float, float]] = {
    "batchnorm": (2e-4, 2e-2, 2e-3),
    "mobile": (3e-4, 2e-2, 2e-3),
    "layernorm": (3e-5, 5e-3, 5e-4),
}
"""Of AdamW: least, most, and the one that is tried first."""
SGD_RATES = (1e-3, 1e-1)
EPOCHS = ((500, (10, 60)), (5_000, (5, 30)), (50_000, (3, 15)))
MANY_EPOCHS = (1, 8)
LAYER_DECAY: dict[Family, float] = {"batchnorm": 0.7, "mobile": 0.7, "layernorm": 0.5}


@dataclass(frozen=True)
class Facts:
    """What the default space of a model hangs on. images: to learn from. most_epochs: more do not fit into the time."""

    family: Family
    images: int
    input_size: int
    most_epochs: float = math.inf


def family_of(network: nn.Module) -> Family:
    """By its normalisation, which is what rates and decays hang on; depthwise convolutions beside BatchNorm: mobile."""
    modules = list(network.modules())
    if not any(isinstance(one, _BatchNorm) for one in modules):
        return "layernorm"
    convolutions = [one for one in modules if isinstance(one, nn.Conv2d)]
    return "mobile" if any(one.groups == one.in_channels > 1 for one in convolutions) else "batchnorm"


def space_of(facts: Facts) -> Space:
    """The default space of one model."""
    low, high, _ = RATES[facts.family]
    few = facts.images < EPOCHS[0][0]
    moved = "shift" if facts.input_size <= SMALL else "crop"
    return {
        "lr": double(low, high, log=True),
        "epochs": epochs_for(facts),
        "weight_decay": double(1e-4, 0.3, log=True),
        "batch_size": integer(16, 64, step=16) if few else integer(32, 128, step=32),
        "augment": choice("none", moved),
        "label_smoothing": double(0.0, 0.2),
        "layer_decay": double(LAYER_DECAY[facts.family], 1.0),
        "head_first": double(0.0, 0.3),
    }


def epochs_for(facts: Facts) -> Parameter:
    """Fewer images are seen more often. Where the time is short, no more than fit."""
    low, high = next((span for images, span in EPOCHS if facts.images < images), MANY_EPOCHS)
    high = max(1, int(min(high, facts.most_epochs)))
    return integer(min(low, max(1, high // 3)), high, log=True)


def joint_space(models: Mapping[str, Facts], given: Mapping[str, Any]) -> Space:
    """The space of one model, or of several with the choice among them; `given` stands in for what has its name."""
    known = known_names(given)
    space: dict[str, Any] = {MODEL: choice(*models)} if len(models) > 1 else {}
    defaults = {model: space_of(facts) for model, facts in models.items()}
    for name in next(iter(defaults.values())):
        if name not in known:
            space |= variants(name, {model: one[name] for model, one in defaults.items()}, models)
    space |= known
    return checked(with_sgd(space, given))


def variants(name: str, by_model: Mapping[str, Parameter], models: Mapping[str, Facts]) -> Space:
    """One parameter where it is the same for all models; else one for each family, or size of images."""
    different: list[Parameter] = []
    for one in by_model.values():
        if one not in different:
            different.append(one)
    if len(different) == 1:
        return {name: different[0]}
    found: Space = {}
    for one in different:
        having = [model for model, other in by_model.items() if other == one]
        label = f"{name}{VARIANT}{models[having[0]].family}"
        label = label if label not in found else f"{label}{len(found) + 1}"
        found[label] = msgspec.structs.replace(one, when={MODEL: list(having)})
    return found


def with_sgd(space: dict[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """SGD wants other rates than AdamW. Where the user has both searched, each gets its own."""
    optimiser = space.get("optimiser")
    if optimiser is None or "lr" in given:
        return space
    both = optimiser.values if isinstance(optimiser, Choice) else [optimiser.value]
    if "sgd" not in both:
        return space
    rates = {name: one for name, one in space.items() if bare(name) == "lr"}
    kept = {name: one for name, one in space.items() if name not in rates}
    if "adamw" not in both:
        return {**kept, "lr": double(*SGD_RATES, log=True)}
    rates = {
        name: msgspec.structs.replace(one, when={**one.when, "optimiser": ["adamw"]}) for name, one in rates.items()
    }
    return {**kept, **rates, "lr.sgd": double(*SGD_RATES, log=True, when={"optimiser": "sgd"})}


def known_names(given: Mapping[str, Any]) -> Space:
    """The user's own parameters, each of them something that the trainer takes."""
    names = [name for name in Protocol.__struct_fields__ if name not in OURS]
    known: Space = {}
    for name, one in given.items():
        if name not in names:
            raise BadSpace(did_you_mean("hyper-parameter", str(name), names, f"There are: {', '.join(names)}."))
        known[name] = as_parameter(name, one)
        for value in ends_of(known[name]):
            check_value(name, value)
        if isinstance(known[name], Double) and name in WHOLE:
            raise BadSpace(f"{name}: the trainer takes whole numbers. Give headhunt.integer instead of a double.")
    return known


def ends_of(parameter: Parameter) -> list[Value]:
    if isinstance(parameter, Choice):
        return list(parameter.values)
    return [parameter.value] if isinstance(parameter, Fixed) else [parameter.low, parameter.high]


def check_value(name: str, value: Value) -> None:
    try:
        check_protocol(msgspec.convert({name: value}, Protocol))
    except (msgspec.ValidationError, BadValue) as error:
        raise BadSpace(f"{name}: {value!r} is nothing to train with ({one_line(error)}). Leave it out.") from error


# --- Points of the space ----------------------------------------------------------------------------------------------


def bare(name: str) -> str:
    """`lr` of `lr.layernorm`."""
    return name.partition(VARIANT)[0]


def protocol_of(params: Mapping[str, Value]) -> Protocol:
    """What the trainer is asked for a point of the space."""
    made = {bare(name): value for name, value in params.items() if name != MODEL}
    return msgspec.convert(made, Protocol)


def usual(space: Space, facts: Facts, model: str, rate: float | None = None) -> dict[str, Value]:
    """Where a model is tried first: at this rate, or its family's, with the trainer's own defaults for the rest, as far
    as the space has them."""
    epochs = epochs_for(facts)
    middle = epochs.value if isinstance(epochs, Fixed) else round(math.sqrt(epochs.low * epochs.high))  # type: ignore[union-attr]
    wanted: dict[str, Value] = {
        MODEL: model,
        "lr": rate or RATES[facts.family][2],
        "epochs": middle,
        "weight_decay": 0.05,
        "batch_size": 32,
        "augment": "shift" if facts.input_size <= SMALL else "crop",
        "label_smoothing": 0.0,
        "layer_decay": 1.0,
        "head_first": 0.0,
        "optimiser": "adamw",
    }
    point: dict[str, Value] = {}
    for name, parameter in space.items():
        value = wanted.get(bare(name))
        if isinstance(parameter, Double) and isinstance(value, int):
            value = float(value)
        here = all(wanted.get(bare(parent)) in values for parent, values in parameter.when.items())
        if here and bare(name) in wanted and not isinstance(parameter, Fixed) and allowed(parameter, value):
            point[name] = value
    return point

"""What all trials of a study share: the images, read once, and networks with a new head, each time the same.

    train    learned from                       val    chosen by, at every trial
    test     looked at once, by the winner: the sample's own, else cut from what would be learned from

A sample without a test part has one held out here, so that the accuracy that is told in the end was chosen by nobody.
"""

import json
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import msgspec
import numpy as np
import torch
from torch import nn

from headhunt.errors import BadValue, NoModelMeets
from headhunt.vocabulary import ModelCard
from tuning.defaults import Facts, Family, family_of
from tuning.goals import Goals
from zoo.files import replace_file
from zoo.images.pixels import View
from zoo.images.samples import Sample
from zoo.judging import view_of
from zoo.networks.measure import count_macs, count_params, device_name, device_of, measure, weight_bytes
from zoo.parts import Parts, divide, hold_out, pick
from zoo.repository import Zoo
from zoo.training.trainable import TrainingData

COSTS = "costs.json"
Rows = np.ndarray[tuple[int], np.dtype[np.int64]]


@dataclass(frozen=True)
class Model:
    """One that may be tuned. expected, interval: what the recommendation says. rates: of its probes, the best first."""

    card: ModelCard
    expected: float | None = None
    interval: tuple[float, float] | None = None
    rates: tuple[float, ...] = field(default=())


class Bench:
    """folder: where what was measured is kept, so that a study that goes on compares with the same figures."""

    def __init__(self, zoo: Zoo, sample: Sample, models: tuple[Model, ...], folder: Path, seed: int) -> None:
        self.zoo, self.sample, self.folder, self.seed = zoo, sample, folder, seed
        self.models = {one.card.id: one for one in models}
        self.rows: Rows | None = None
        """Of the images to learn from, those that trials learn from; None: all."""
        self._parts: dict[View, Parts] = {}

    def view(self, model: str, size: int | None = None) -> View:
        whole = view_of(self.models[model].card)
        return whole if size is None else replace(whole, size=size)

    def parts(self, view: View) -> Parts:
        """Decoded once for each way that a network wants to see them."""
        if view not in self._parts:
            self._parts[view] = in_three(divide(self.sample, view))
        return self._parts[view]

    def data(self, model: str, size: int | None = None) -> TrainingData:
        card, parts = self.models[model].card, self.parts(self.view(model, size))
        train = parts.train if self.rows is None else pick(parts.train, self.rows)
        return TrainingData(train, parts.val, card.mean, card.std)

    def network(self, model: str, size: int | None = None) -> nn.Module:
        """With a new head, the same at every call; the one that a training of this seed begins with."""
        with torch.random.fork_rng([]):
            torch.manual_seed(self.seed)
            return self.zoo.load(model, classes=len(self.sample.classes), input_size=self.view(model, size).size)

    def facts(self, model: str, most_epochs: float) -> Facts:
        data = self.data(model)
        return Facts(self.family(model), len(data.train.images), self.view(model).size, most_epochs)

    def family(self, model: str) -> Family:
        return family_of(self.network(model))

    # --- what networks cost

    def costs(self, model: str, size: int | None = None) -> dict[str, float]:
        """Measured on this machine with the sample's head, once for a study."""
        pixels = self.view(model, size).size
        network = self.network(model, size)
        key = f"{model} {pixels} {device_name(device_of(network))}"
        if key not in self._costs:
            seen = measure(network, input_size=pixels)
            self._costs[key] = {
                "latency": seen.latency_ms,
                "memory": float(seen.peak_bytes),
                "size": float(weight_bytes(network)),
                "params": float(count_params(network)),
                "macs": float(count_macs(network, input_size=pixels)),
            }
            self.folder.mkdir(parents=True, exist_ok=True)
            replace_file(self.folder / COSTS, msgspec.json.encode(self._costs))
        return self._costs[key]

    @cached_property
    def _costs(self) -> dict[str, dict[str, float]]:
        try:
            return msgspec.json.decode((self.folder / COSTS).read_bytes(), type=dict[str, dict[str, float]])
        except (OSError, msgspec.MsgspecError):
            return {}

    def meeting(self, goals: Goals, sizes_vary: bool) -> tuple[Model, ...]:
        """The models that keep the limits of cost. Where sizes are searched, each trial is looked at by itself."""
        if sizes_vary or not goals.costs:
            return tuple(self.models.values())
        beyond = {name: goals.beyond(self.costs(name)) for name in self.models}
        if all(beyond.values()):
            told = "; ".join(f"{name}: {why}" for name, why in beyond.items())
            raise NoModelMeets(f"No model keeps the limits. {told}. Widen them, or name other models.")
        return tuple(one for name, one in self.models.items() if not beyond[name])


def in_three(parts: Parts) -> Parts:
    """With a test part of its own, unless there are too few images for one."""
    if parts.test is not parts.val:
        return parts
    train, test = hold_out(parts.train)
    few = len(set(train.labels.tolist())) < len(set(parts.train.labels.tolist()))
    return parts if few or not len(test.images) else Parts(train, parts.val, test)


def said_of(folder: Path) -> dict[str, object]:
    """A file of facts; nothing where it is not there, or cannot be read."""
    try:
        found: dict[str, object] = json.loads(folder.read_bytes())
        return found
    except (OSError, ValueError):
        return {}


def rows_in(path: Path) -> Rows | None:
    """The part of the images that a study's trials learn from; None: all. No other will do: earlier trials learned from
    these."""
    try:
        told = msgspec.json.decode(path.read_bytes(), type=list[int] | None)
        return None if told is None else np.array(told, np.int64)
    except (OSError, msgspec.MsgspecError) as error:
        raise BadValue(
            f"{path} does not tell which images the study learned from. Give the search another name: study='again'."
        ) from error

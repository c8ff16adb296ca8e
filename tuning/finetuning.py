"""One trial: a fine-tuning with the project's trainer, told of in the tracker, stopped when it falls behind.

    params --protocol--> training --each epoch--> reading --at the end--> what each validation image said

Readings stand at the share of the training that is done, in percent, and not at epochs: the rate of every training
falls along its own length, so that a short one and a long one can be compared at equal shares alone.

What is kept of each trial beside its number is the loss of each validation image and whether it was right
(`said/NUMBER.npy`): from these, redrawn, comes how sure the choice is (tuning/redrawing.py).
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from torch import nn

from headhunt import trials
from headhunt.errors import Interrupted, TrialFailed, TrialStopped
from headhunt.spaces import Value
from headhunt.vocabulary import CurvePoint, Protocol
from tuning.bench import Bench
from tuning.defaults import MODEL, protocol_of
from tuning.goals import ERROR, Goals
from tuning.sending import reading_of, steps_of
from zoo.cells import ears
from zoo.telling import About, Entry
from zoo.training.evaluation import Scores, evaluate
from zoo.training.trainable import TrainingData
from zoo.training.trainer import train

POINTS = 20
"""Evaluations of a trial, at most; a training of fewer epochs is looked at after each."""
MOST_KEPT = 4_000
"""Validation images of which is kept what they said; of more, as many, evenly spread."""
SAID = "said"


@dataclass(frozen=True)
class Asked:
    """A point of the space, taken apart. size: of the images, where the space has it."""

    model: str
    protocol: Protocol
    size: int | None


class FineTuning:
    """The objective of a study. only: the one model, where the space names none. told: the study's run."""

    def __init__(self, bench: Bench, goals: Goals, name: str, told: Entry) -> None:
        self.bench, self.goals, self.name, self.told = bench, goals, name, told
        self.only = next(iter(bench.models))

    def __call__(self, params: Mapping[str, Value]) -> dict[str, Any]:
        asked = self.asked(params)
        costs = self.costs_of(asked)
        number = trials.number()
        with self.bench.zoo.diary.begin(self.about(params, asked, number)) as entry:
            try:
                scores = self.trained(asked, entry)
            except TrialStopped as stopped:
                entry.note("summary", {"stopped": str(stopped)})
            else:
                entry.note("summary", {"val_accuracy": scores.accuracy, "val_loss": scores.loss, **costs})
                self.keep(number, scores)
                return self.told_of(scores, costs)
        raise TrialStopped("It fell behind.")

    def whole(self, params: Mapping[str, Value]) -> dict[str, Any]:
        """The same outside of a trial: run to its end, and told of as one more run."""
        asked = self.asked(params)
        with self.bench.zoo.diary.begin(self.about(params, asked, None)) as entry:
            return self.told_of(self.trained(asked, entry), self.costs_of(asked))

    def asked(self, params: Mapping[str, Value]) -> Asked:
        protocol = protocol_of(params)
        every = max(1.0, protocol.epochs / POINTS)
        whole = msgspec.structs.replace(protocol, evaluate_every=every, seeds=(self.bench.seed,))
        return Asked(str(params.get(MODEL, self.only)), whole, protocol.input_size)

    def costs_of(self, asked: Asked) -> dict[str, float]:
        """Of a network beyond a limit nothing else need be known."""
        if not self.goals.costs:
            return {}
        costs = self.bench.costs(asked.model, asked.size)
        if beyond := self.goals.beyond(costs):
            raise TrialFailed(f"It was not trained: {beyond}")
        return {name: costs[name] for name in self.goals.costs}

    def trained(self, asked: Asked, entry: Entry) -> Scores:
        network = self.bench.network(asked.model, asked.size)
        data = self.bench.data(asked.model, asked.size)
        self.train(network, data, asked, entry)
        assert data.val is not None  # noqa: S101 - a sample is divided into train and val
        return evaluate(network, data.val, data.mean, data.std)

    def train(self, network: nn.Module, data: TrainingData, asked: Asked, entry: Entry) -> None:
        on_step, tell_point = ears(entry, None, self.bench.zoo.diary.listens)
        steps = steps_of(asked.protocol, len(data.train.images))

        def point(one: CurvePoint) -> None:
            if tell_point is not None:
                tell_point(one)
            if one.step < steps and trials.number() is not None:
                trials.report(round(100 * one.step / steps), reading_of(one, self.goals.aims[0]))

        try:
            train(network, data, asked.protocol, seed=self.bench.seed, on_step=on_step, on_point=point)
        except Interrupted as stopped:
            raise KeyboardInterrupt from stopped  # of the study: the trial comes again

    def told_of(self, scores: Scores, costs: Mapping[str, float]) -> dict[str, Any]:
        both = {"loss": scores.loss, "accuracy": scores.accuracy, ERROR: 1 - scores.accuracy, **costs}
        if self.goals.several:
            return {**both, "losses": {name: both[name] for name in self.goals.aims}}
        return {**both, "loss": both[self.goals.aims[0]]}

    def keep(self, number: int | None, scores: Scores) -> None:
        if number is None:
            return
        folder = self.bench.folder / SAID
        folder.mkdir(parents=True, exist_ok=True)
        stride = max(1, -(-scores.n // MOST_KEPT))
        rows = np.stack([scores.losses.numpy()[::stride], scores.right.numpy()[::stride]]).astype(np.float32)
        np.save(folder / f"{number}.npy", rows)

    def about(self, params: Mapping[str, Value], asked: Asked, number: int | None) -> About:
        """A trial that was cut off comes again with the same parameters, and goes on with its run."""
        point = hashlib.sha256(json.dumps(dict(params), sort_keys=True).encode()).hexdigest()[:16]
        return About(
            experiment="tune",
            name=f"trial of {self.name} on all images" if number is None else f"trial {number} of {self.name}",
            identity=f"{'all' if number is None else 'trial'}\0{self.name}\0{point}",
            dataset=self.bench.sample.version.id,
            model=asked.model,
            parent=self.told.id,
            params={**params, "model": asked.model},
            tags=("trial",),
        )


def said(folder: Path, number: int) -> "np.ndarray[Any, np.dtype[np.float32]] | None":
    """[2, images]: the loss of each, and whether it was right; None where it was not kept."""
    try:
        rows: np.ndarray[Any, np.dtype[np.float32]] = np.load(folder / SAID / f"{number}.npy", allow_pickle=False)
        return rows if rows.ndim == 2 and rows.shape[0] == 2 else None
    except (OSError, ValueError, EOFError):
        return None

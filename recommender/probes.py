"""A probe: one contender trained for some steps, and judged by its loss on images that it had not learned from.

    BatchNorm <- these images              recommender/norms.py: those of its own domain mislead
    new head <- ridge on the features      recommender/warm_head.py: the steps need not be spent on the head
    one cycle of the rate, body and head   the project's trainer; the rate falls to nothing, so the end can be judged
    losses of the held-out images          recommender/judging.py

Two losses are told: of the held-out images after the last step, and of the batches as they came, each before it was
learned from. The first is few images seen by the best network, the second many seen by all on the way (a prequential
loss: Dawid, 1984; Blier and Ollivier, 2018); together they rank better than either.

A longer training is made of rungs: each is a whole cycle of its own that begins from the weights where the one before
ended. So every end is a fair place to judge from, nothing is thrown away, and the winner's fine-tuning is one more.
"""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import msgspec
import numpy as np
import torch
from torch import nn

from headhunt.errors import Diverged, Interrupted, TrainingFailed, one_line
from headhunt.vocabulary import CurvePoint, Protocol, Struct
from recommender.clock import Clock
from recommender.contender import Contender, ProbeResult, level
from recommender.curves import TAU
from recommender.judging import LARGEST, Judged, guess, judge
from recommender.norms import refresh_norms
from recommender.pace import Pace, work
from recommender.warm_head import warm_head
from zoo.machine import usable_cores
from zoo.networks.weights import State
from zoo.training.batches import derived_seed
from zoo.training.trainer import Step, TrainingData, train

__all__ = ["Contender", "Probe", "ProbeResult", "Probed", "Trial", "probe"]

SMALLEST_BATCH = 2
FAREWELL = 0.2
"""Seconds kept for the evaluation of a probe that is stopped, beside what it was measured to take."""


class Trial(Struct, frozen=True, omit_defaults=False):
    """Everything that is chosen about a probe. rungs: the steps of each rung up to this one."""

    lr: float
    rungs: tuple[int, ...]
    batch_size: int
    layer_decay: float
    weight_decay: float
    seed: int

    @property
    def protocol(self) -> Protocol:
        """Of the newest rung."""
        return Protocol(
            steps=self.rungs[-1],
            batch_size=self.batch_size,
            lr=self.lr,
            weight_decay=self.weight_decay,
            layer_decay=self.layer_decay,
            evaluate_every=0,
        )


@dataclass(frozen=True)
class Probed:
    """What a probe came to, and the network as it left it; None where it is worth nothing."""

    result: ProbeResult
    network: nn.Module | None


@dataclass(frozen=True)
class Probe:
    """The circumstances of a probe: whose time it takes, what is known of costs, where it runs, who may stop it."""

    clock: Clock
    pace: Pace = field(default_factory=Pace)
    device: str | None = None
    stopped: Callable[[], bool] = lambda: False


def probe(contender: Contender, trial: Trial, how: Probe, start: tuple[ProbeResult, State] | None = None) -> Probed:
    """Train a contender for the trial's newest rung, from `start` or from its own weights with a new head.

    A training that diverges is worth naming the shares of the classes; one that the deadline stops is judged as it
    stands. Where memory is short, half the batch is tried, and half of that.

    Raises Interrupted after Ctrl-C, TrainingFailed where not even two images at a time fit into memory, and where the
    network cannot be trained.
    """
    batch = trial.batch_size
    while True:
        try:
            with _no_more_threads_than_cores():
                return _Run(contender, trial, how, batch).go(start)
        except (KeyboardInterrupt, Interrupted) as stopped:
            raise Interrupted(
                f"Stopped while {contender.card.id} was tried. Finished probes are kept: begin again to go on."
            ) from stopped
        except (RuntimeError, TypeError, ValueError, ArithmeticError, np.linalg.LinAlgError) as error:
            if not out_of_memory(error):
                raise TrainingFailed(
                    f"{contender.card.id} cannot be trained ({one_line(error)}). Mend its network, or leave it out."
                ) from error
            if batch <= SMALLEST_BATCH:
                raise TrainingFailed(
                    f"{contender.card.id} does not fit into memory, not even with {batch} images at a time."
                    " Leave it out with a limit on parameters, or use a machine with more."
                ) from error
        batch = max(SMALLEST_BATCH, min(batch, len(contender.data().train.images)) // 2)
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def out_of_memory(error: BaseException) -> bool:
    """torch has a class for it on GPUs; on a CPU it is a RuntimeError in words."""
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)


class _Run:
    """One attempt at a probe."""

    def __init__(self, contender: Contender, trial: Trial, how: Probe, batch: int) -> None:
        self.contender, self.trial, self.how, self.batch = contender, trial, how, batch
        self.data = contender.data()
        self.begun = time.perf_counter()
        self.reserve = FAREWELL + how.pace.seconds(contender.card, work(self.data, 0, batch, first=False))
        self.losses: list[float] = []
        """Of each step."""
        self.out_of_time = False

    def go(self, start: tuple[ProbeResult, State] | None) -> Probed:
        network = self._network(start)
        before = start[0].curve if start else (self._first_point(network),)
        marks = {"small-batch"} if self.batch < self.trial.batch_size else set()
        try:
            marks |= self._train(network)
            end = self._judge(network)
        except Diverged:
            return Probed(self._result(start, before, guess(self.data), marks | {"diverged"}), None)
        self._measured(first=start is None)
        return Probed(self._result(start, before, end, marks), network)

    # --- before ---

    def _network(self, start: tuple[ProbeResult, State] | None) -> nn.Module:
        with torch.random.fork_rng([]):
            torch.manual_seed(self.trial.seed)
            network = self.contender.network()
        if start:
            network.load_state_dict(start[1])
        return network

    def _first_point(self, network: nn.Module) -> CurvePoint:
        """Before any step. With nothing held out, the head stays new: one fitted to the images would know them all."""
        if self.data.val is None:
            end = guess(self.data)
            return self._point(0, end, end.loss)
        refresh_norms(network, self.data, self.how.device)
        promised = warm_head(network, self.data, self.batch, self.how.device)
        try:
            end = self._judge(network)
        except Diverged:
            end = guess(self.data)
        return self._point(0, end, guess(self.data).loss if promised is None else promised)

    # --- during ---

    def _train(self, network: nn.Module) -> set[str]:
        """Take the steps. Which marks that left."""
        trial = self.trial
        protocol = msgspec.structs.replace(trial.protocol, batch_size=self.batch)
        data = TrainingData(self.data.train, None, self.data.mean, self.data.std)
        seed = derived_seed(trial.seed, "rung", sum(trial.rungs[:-1]))
        try:
            train(network, data, protocol, seed=seed, device=self.how.device, on_step=self._watch)
        except Interrupted:
            if not self.out_of_time:
                raise
            return {"cut"}
        return set()

    def _watch(self, step: Step) -> None:
        self.losses.append(step.loss)
        self.out_of_time = step.step < step.steps and self.how.clock.left() < self.reserve
        if self.out_of_time or self.how.stopped():
            raise Interrupted("The time is up.")

    # --- after ---

    def _judge(self, network: nn.Module) -> Judged:
        """With BatchNorm as it is on these images. With nothing held out the losses of the steps have to do."""
        refresh_norms(network, self.data, self.how.device)
        if self.data.val is None:
            known = judge(network, self.data.train, self.data, self.how.device)
            return Judged(self._mean_loss(), known.accuracy, ())
        judged = judge(network, self.data.val, self.data, self.how.device)
        if not math.isfinite(judged.loss):
            raise Diverged(f"The loss on held-out images became {judged.loss}.")
        return judged

    def _measured(self, first: bool) -> None:
        images = work(self.data, len(self.losses), self.batch, first)
        self.how.pace.learn(self.contender.card, images, time.perf_counter() - self.begun)

    def _result(
        self,
        start: tuple[ProbeResult, State] | None,
        before: tuple[CurvePoint, ...],
        end: Judged,
        marks: set[str],
    ) -> ProbeResult:
        train_loss = end.loss if "diverged" in marks else self._mean_loss()
        point = self._point(before[-1].step + len(self.losses), end, train_loss)
        doublings = math.log2((TAU + point.step) / (TAU + before[-1].step))
        return ProbeResult(
            model=self.contender.card.id,
            lr=self.trial.lr,
            steps=point.step,
            val_loss=end.loss,
            val_accuracy=end.accuracy,
            train_loss=train_loss,
            slope=(level(point) - level(before[-1])) / doublings if doublings else 0.0,
            seconds=point.seconds + (start[0].seconds if start else 0.0),
            expected=level(point),
            rungs=len(self.trial.rungs),
            batch_size=self.batch,
            losses=end.losses,
            step_losses=tuple(round(loss, 5) for loss in self.losses),
            curve=(*before, point),
            marks=tuple(sorted(marks | ({"train-loss"} if self.data.val is None else set()))),
        )

    def _point(self, step: int, judged: Judged, train_loss: float) -> CurvePoint:
        learned = len(self.data.train.images)
        return CurvePoint(
            step=step,
            epoch=step * min(self.batch, learned) / learned,
            seconds=time.perf_counter() - self.begun,
            train_loss=train_loss,
            val_loss=None if self.data.val is None else judged.loss,
            val_accuracy=judged.accuracy,
        )

    def _mean_loss(self) -> float:
        """Of the batches as they came, each no larger than LARGEST."""
        return float(np.minimum(self.losses, LARGEST).mean()) if self.losses else guess(self.data).loss


@contextmanager
def _no_more_threads_than_cores() -> Iterator[None]:
    """What the user set stays, unless it is more than this process may use."""
    asked = torch.get_num_threads()
    torch.set_num_threads(min(asked, usable_cores()))
    try:
        yield
    finally:
        torch.set_num_threads(asked)

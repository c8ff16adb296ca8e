"""One training from its first step, or from a checkpoint, to its last."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import msgspec
import torch
from torch import Tensor, nn
from torch.nn import functional

from headhunt.errors import Diverged, Interrupted
from headhunt.vocabulary import CurvePoint, Protocol
from zoo.images.pixels import Pixels
from zoo.training.augment import choose_augment
from zoo.training.averaging import Average
from zoo.training.batches import Batches, Normalise, Order, Preparation, derived_seed
from zoo.training.checkpoints import Keeper
from zoo.training.devices import best_layout, choose_bf16
from zoo.training.evaluation import Scores, evaluate, in_mode
from zoo.training.interrupts import Stop
from zoo.training.layers import parameter_groups
from zoo.training.schedules import rate_share, step_progress
from zoo.training.trainable import TrainingData, check_outputs

GPU_STEPS_AT_A_TIME = 16
"""On a GPU the losses of so many steps are read at once: each reading makes it wait."""


@dataclass(frozen=True)
class Step:
    """What is known after step `step` of `steps`, counted from 1; loss and accuracy are those of its batch."""

    step: int
    steps: int
    epoch: float
    loss: float
    accuracy: float
    rate: float
    seconds: float


@dataclass(frozen=True)
class Trained:
    """What came of a training. accuracy and val_loss: of the weights the network now holds, on val; None without val.

    seconds: all that was spent, evaluations and earlier parts of a resumed training included.
    """

    accuracy: float | None
    val_loss: float | None
    curve: tuple[CurvePoint, ...]
    seconds: float
    steps: int


@dataclass(frozen=True)
class Setting:
    """Where and for whom a training runs."""

    seed: int
    place: torch.device
    keeper: Keeper | None
    on_step: Callable[[Step], None] | None
    stop: Stop
    on_point: Callable[[CurvePoint], None] | None = None


@dataclass(frozen=True)
class Pending:
    """A step whose numbers still lie on the device."""

    step: int
    loss: Tensor
    accuracy: Tensor | None
    rate: float


class Loop:
    """The state of one training. Between two steps it is whole, and can be written and read back."""

    def __init__(self, network: nn.Module, data: TrainingData, protocol: Protocol, setting: Setting) -> None:
        self.network, self.data, self.protocol, self.setting = network, data, protocol, setting
        self.order = Order(len(data.train.images), protocol.batch_size, setting.seed)
        self.steps = protocol.steps or max(1, round(protocol.epochs * self.order.count / self.order.batch))
        self.head_steps = min(round(protocol.head_first * self.steps), self.steps - 1)
        self.batches = self._batches()
        self.bf16 = choose_bf16(protocol.precision, network, setting.place)
        self.optimiser = _optimiser(network, protocol)
        groups = self.optimiser.param_groups
        self.learning = [parameter for group in groups for parameter in group["params"]]
        self.body = [parameter for group in groups if group["body"] for parameter in group["params"]]
        self.average = Average(network, protocol.ema) if protocol.ema else None
        self.step, self.whole, self.spent, self.begun = 0, True, 0.0, time.monotonic()
        self.curve: list[CurvePoint] = []
        self.losses: list[float] = []
        """Since the last point of the curve."""
        self.pending: list[Pending] = []

    def finish(self) -> Trained:
        """From wherever the checkpoint stands to the end."""
        self._resume()
        try:
            with in_mode(self.network, training=True):
                self._to_the_end()
        except (KeyboardInterrupt, Interrupted) as stopped:
            raise self._interrupted() from stopped
        finally:
            self._free_body(True)
        if self.average:
            self.average.settle()
        self._check_weights()
        last = self.curve[-1]
        return Trained(last.val_accuracy, last.val_loss, tuple(self.curve), last.seconds, self.steps)

    # --- the loop ---

    def _to_the_end(self) -> None:
        while True:
            if self._epoch_ended() and not (self.curve and self.curve[-1].step == self.step):
                self._add_point()
            if self.setting.keeper and (self.step == self.steps or self.setting.keeper.due(self._epoch_ended())):
                self._write(self.setting.keeper)
            if self.step == self.steps:
                return
            self._take_step()
            if self._should_read():
                self._read_pending()
            if self.setting.stop.asked:
                raise KeyboardInterrupt

    def _take_step(self) -> None:
        self.whole = False
        rate = self._set_rates()
        self._seed_chance()
        images, labels = self.batches(self.step)
        with torch.autocast(self.setting.place.type, torch.bfloat16, enabled=self.bf16):
            outputs = self.network(images)
        logits = (check_outputs(outputs, len(self.data.train.classes)) if self.step == 0 else outputs).float()
        loss = functional.cross_entropy(logits, labels, label_smoothing=self.protocol.label_smoothing)
        self.optimiser.zero_grad()
        torch.autograd.backward(loss)
        if self.protocol.clip:
            nn.utils.clip_grad_norm_(self.learning, self.protocol.clip)
        self.optimiser.step()
        if self.average:
            self.average.update(self.step)
        right = (logits.argmax(dim=1) == labels).float().mean() if self.setting.on_step else None
        self.step += 1
        self.pending.append(Pending(self.step, loss.detach(), right, rate))
        self.whole = True

    def _set_rates(self) -> float:
        """Body and head each pass through the whole schedule, the body from when it begins to learn."""
        self._free_body(self.step >= self.head_steps)
        shares = {waits: self._rate_share(self.head_steps if waits else 0) for waits in (False, True)}
        for group in self.optimiser.param_groups:
            group["lr"] = self.protocol.lr * group["scale"] * shares[group["body"]]
        return self.protocol.lr * shares[False]

    def _rate_share(self, start: int) -> float:
        progress = step_progress(self.step, self.steps, start)
        return rate_share(self.protocol.schedule, progress, self.protocol.warmup)

    def _free_body(self, free: bool) -> None:
        if self.body and self.body[0].requires_grad != free:
            for parameter in self.body:
                parameter.requires_grad_(free)

    def _seed_chance(self) -> None:
        """Dropout and the like draw from torch's global generators: they get this step's own seed."""
        seed = derived_seed(self.setting.seed, "network", self.step)
        torch.default_generator.manual_seed(seed)
        if self.setting.place.type == "cuda":
            torch.cuda.default_generators[self.setting.place.index].manual_seed(seed)

    # --- what is told ---

    def _should_read(self) -> bool:
        at_a_time = 1 if self.setting.place.type == "cpu" else GPU_STEPS_AT_A_TIME
        return len(self.pending) >= at_a_time or self._epoch_ended() or self.setting.stop.asked

    def _read_pending(self) -> None:
        pending, self.pending = self.pending, []
        losses = torch.stack([one.loss for one in pending]).tolist()
        self.losses += losses
        for one, loss in zip(pending, losses, strict=True):
            if not math.isfinite(loss):
                raise self._diverged(f"the loss became {loss}", one.step, one.rate)
        if self.setting.on_step:
            for one, loss in zip(pending, losses, strict=True):
                self._tell(self.setting.on_step, one, loss)

    def _tell(self, on_step: Callable[[Step], None], one: Pending, loss: float) -> None:
        accuracy = math.nan if one.accuracy is None else float(one.accuracy)
        on_step(Step(one.step, self.steps, self._epoch(one.step), loss, accuracy, one.rate, self._seconds()))

    def _add_point(self) -> None:
        scores = self._validate()
        if scores and not math.isfinite(scores.loss):
            raise self._diverged(f"the loss on val became {scores.loss}", self.step, self.protocol.lr)
        point = CurvePoint(
            step=self.step,
            epoch=self._epoch(self.step),
            seconds=self._seconds(),
            train_loss=math.fsum(self.losses) / len(self.losses),
            val_loss=scores.loss if scores else None,
            val_accuracy=scores.accuracy if scores else None,
        )
        self.curve.append(point)
        self.losses = []
        if self.setting.on_point:
            self.setting.on_point(point)

    def _validate(self) -> Scores | None:
        if self.data.val is None:
            return None
        if self.average is None:
            return self._evaluate(self.data.val)
        self.whole = False
        with self.average.worn():
            scores = self._evaluate(self.data.val)
        self.whole = True
        return scores

    def _evaluate(self, val: Pixels) -> Scores:
        return evaluate(self.network, val, self.data.mean, self.data.std, device=str(self.setting.place))

    def _epoch(self, step: int) -> float:
        return step * self.order.batch / self.order.count

    def _epoch_ended(self) -> bool:
        """Whether a point of the curve is due after the steps taken so far."""
        every = self.protocol.evaluate_every
        if self.step in (0, self.steps) or not every:
            return self.step == self.steps
        return self._epoch(self.step) // every > self._epoch(self.step - 1) // every

    def _seconds(self) -> float:
        return self.spent + time.monotonic() - self.begun

    # --- what is kept ---

    def _write(self, keeper: Keeper) -> None:
        if self.pending:
            self._read_pending()
        keeper.write(
            {
                "step": self.step,
                "seconds": self._seconds(),
                "network": self.network.state_dict(),
                "optimiser": self.optimiser.state_dict(),
                "average": self.average.state if self.average else [],
                "curve": [msgspec.structs.asdict(point) for point in self.curve],
                "losses": self.losses,
            }
        )

    def _resume(self) -> None:
        state = self.setting.keeper.read(self.setting.place) if self.setting.keeper else None
        if state is None:
            return
        self.network.load_state_dict(state["network"])
        self.optimiser.load_state_dict(state["optimiser"])
        if self.average:
            self.average.load(state["average"])
        self.curve = [CurvePoint(**row) for row in state["curve"]]
        self.step, self.spent, self.losses = state["step"], state["seconds"], state["losses"]

    # --- how it may end ---

    def _interrupted(self) -> Interrupted:
        at, keeper = f"Stopped after step {self.step} of {self.steps}", self.setting.keeper
        if keeper is None:
            return Interrupted(f"{at}; nothing is kept: give a checkpoint next time, to be able to go on.")
        if self.whole:
            self._write(keeper)
        if not keeper.path.exists():
            return Interrupted(f"{at}, before anything could be kept; train again to begin anew.")
        return Interrupted(f"{at}. The same training, begun again, goes on from there ({keeper.path}).")

    def _diverged(self, what: str, step: int, rate: float) -> Diverged:
        return Diverged(
            f"The training diverged: {what} at step {step} of {self.steps}, at a rate of {rate:.2g}. "
            f"A lower lr would do, such as {self.protocol.lr / 10:.2g}."
        )

    def _check_weights(self) -> None:
        if not all(bool(parameter.isfinite().all()) for parameter in self.learning):
            raise self._diverged("the weights are no longer finite", self.steps, self.protocol.lr)

    def _batches(self) -> Batches:
        train, place = self.data.train, self.setting.place
        normalise = Normalise(self.data.mean, self.data.std, place)
        how = choose_augment(self.protocol.augment, train.images.shape[-1])
        return Batches(train.images, train.labels, self.order, Preparation(how, normalise, best_layout(self.network)))


def _optimiser(network: nn.Module, protocol: Protocol) -> torch.optim.Optimizer:
    """The fused kernels update all weights in one pass; on a CPU too."""
    groups = parameter_groups(network, protocol)
    if protocol.optimiser == "sgd":
        return torch.optim.SGD(groups, protocol.lr, protocol.momentum, nesterov=protocol.momentum > 0, fused=True)
    return torch.optim.AdamW(groups, protocol.lr, (protocol.momentum, 0.999), fused=True)

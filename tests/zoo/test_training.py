"""The trainer learns what there is to learn, tells it, stops when asked, and ends with the same bits."""

import math
import os
import signal
import threading

import pytest
import timm
import torch
from torch import nn
from torch.nn import functional

from headhunt.errors import CheckpointMismatch, Interrupted
from headhunt.vocabulary import CurvePoint, Protocol
from tests.zoo.small_training import HALF, QUICK, case, network, stripes
from zoo.images.pixels import Pixels
from zoo.training.trainer import Step, Trained, TrainingData, train


@pytest.fixture(autouse=True)
def one_thread():
    """Small tensors gain nothing from more, and a loaded machine loses much."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def run(protocol: Protocol = QUICK, **options: object) -> tuple[dict[str, torch.Tensor], Trained]:
    trained = network()
    result = train(trained, case(), protocol, device="cpu", **options)
    return trained.state_dict(), result


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def numbers(curve: tuple[CurvePoint, ...]) -> list[tuple[object, ...]]:
    """A curve without its times."""
    return [(p.step, p.epoch, p.train_loss, p.val_loss, p.val_accuracy) for p in curve]


class StopAt:
    """A callback that stops the training after a step."""

    def __init__(self, step: int, error: BaseException) -> None:
        self.step, self.error = step, error

    def __call__(self, step: Step) -> None:
        if step.step == self.step:
            raise self.error


# --- learning --------------------------------------------------------------------------------------------------------


def test_a_network_learns_what_there_is_to_learn():
    _, trained = run(Protocol(epochs=30, batch_size=16, lr=1e-2))
    assert trained.accuracy > 0.9
    assert trained.curve[-1].train_loss < 0.5 * trained.curve[0].train_loss


@pytest.mark.parametrize("name", ["test_resnet", "test_vit", "test_convnext", "test_efficientnet"])
def test_every_kind_of_timm_network_trains(name):
    size = {"img_size": 32} if name == "test_vit" else {}
    made = timm.create_model(name, num_classes=4, **size)
    pixels = stripes(32, 0)
    pixels = Pixels(
        pixels.images.repeat_interleave(3, 2).repeat_interleave(3, 3)[..., :32, :32], pixels.labels, pixels.classes
    )
    protocol = Protocol(steps=4, batch_size=16, layer_decay=0.7, head_first=0.5, ema=0.9)
    trained = train(made, TrainingData(pixels, pixels, HALF, HALF), protocol, device="cpu")
    assert trained.steps == 4
    assert math.isfinite(trained.val_loss)


@pytest.mark.parametrize("optimiser", ["adamw", "sgd"])
def test_the_trainer_does_what_the_plain_loop_does(optimiser):
    data, ours, plain = case(48, 0), network(), network()
    ours[7].p = plain[7].p = 0.0
    protocol = Protocol(
        steps=12, batch_size=48, lr=0.02, optimiser=optimiser, schedule="constant", warmup=0.0, augment="none",
        precision="fp32", clip=0.5, label_smoothing=0.1, weight_decay=0.1,
    )  # fmt: skip
    train(ours, data, protocol, device="cpu")
    decayed = [p for p in plain.parameters() if p.ndim > 1]
    groups = [{"params": decayed}, {"params": [p for p in plain.parameters() if p.ndim <= 1], "weight_decay": 0.0}]
    chosen = (
        torch.optim.AdamW(groups, 0.02, weight_decay=0.1)
        if optimiser == "adamw"
        else torch.optim.SGD(groups, 0.02, 0.9, weight_decay=0.1, nesterov=True)
    )
    floats = (data.train.images.float() / 255 - 0.5) / 0.5
    for _ in range(12):
        chosen.zero_grad()
        functional.cross_entropy(plain(floats), data.train.labels, label_smoothing=0.1).backward()
        nn.utils.clip_grad_norm_(plain.parameters(), 0.5)
        chosen.step()
    for one, other in zip(ours.parameters(), plain.parameters(), strict=True):
        assert torch.allclose(one, other, atol=2e-4)


def test_the_result_is_that_of_the_network_which_comes_back():
    from zoo.training.evaluation import evaluate

    for ema in (0.0, 0.9):
        made, data = network(), case()
        trained = train(made, data, Protocol(epochs=4, batch_size=16, ema=ema), device="cpu")
        scores = evaluate(made, data.val, HALF, HALF, device="cpu")
        assert (scores.accuracy, scores.loss) == (trained.accuracy, trained.val_loss)


def test_the_average_is_another_network_than_the_newest():
    with_average, _ = run(Protocol(epochs=2, batch_size=16, ema=0.9))
    without, _ = run(Protocol(epochs=2, batch_size=16))
    assert not same(with_average, without)


def test_only_the_head_learns_at_first_and_the_body_later():
    made = network()
    seen: list[tuple[bool, bool]] = []
    before = [made[0].weight.detach().clone(), made[8].weight.detach().clone()]

    def watch(step: Step) -> None:
        seen.append((torch.equal(made[0].weight, before[0]), torch.equal(made[8].weight, before[1])))

    train(made, case(), Protocol(steps=10, batch_size=16, head_first=0.4), device="cpu", on_step=watch)
    assert seen == [(True, False)] * 4 + [(False, False)] * 6
    assert made[0].weight.requires_grad


@pytest.mark.parametrize("steps", [1, 2, 24])
def test_the_body_learns_at_last_however_long_the_head_goes_first(steps):
    made, start = network(), network()
    train(made, case(), Protocol(steps=steps, batch_size=16, head_first=0.99), device="cpu")
    assert not torch.equal(made[0].weight, start[0].weight)


def test_what_the_user_froze_stays():
    made = network()
    made[0].weight.requires_grad_(False)
    before = made[0].weight.clone()
    train(made, case(), Protocol(steps=6, batch_size=16, head_first=0.5, weight_decay=0.5), device="cpu")
    assert torch.equal(made[0].weight, before)
    assert not made[0].weight.requires_grad


def test_lower_layers_move_less_under_layer_decay():
    moved = []
    for decay in (1.0, 0.1):
        made, start = network(), network()
        train(made, case(), Protocol(steps=5, batch_size=16, layer_decay=decay, weight_decay=0.0), device="cpu")
        moved.append(float((made[0].weight - start[0].weight).detach().abs().mean()))
    assert moved[1] < 0.1 * moved[0]


# --- what is told ----------------------------------------------------------------------------------------------------


def test_every_step_and_every_epoch_is_told():
    steps: list[Step] = []
    _, trained = run(on_step=steps.append)
    assert [step.step for step in steps] == list(range(1, 16))
    assert {step.steps for step in steps} == {15}
    assert [step.epoch for step in steps][4::5] == [1.0, 2.0, 3.0]
    assert all(0 <= step.accuracy <= 1 and step.loss > 0 and step.rate > 0 for step in steps)
    assert [step.seconds for step in steps] == sorted(step.seconds for step in steps)
    assert max(step.rate for step in steps) <= QUICK.lr
    assert [(point.step, point.epoch) for point in trained.curve] == [(5, 1.0), (10, 2.0), (15, 3.0)]
    for first, point in zip((0, 5, 10), trained.curve, strict=True):
        assert point.train_loss == pytest.approx(sum(step.loss for step in steps[first : first + 5]) / 5)
    last = trained.curve[-1]
    assert (trained.accuracy, trained.val_loss, trained.steps) == (last.val_accuracy, last.val_loss, 15)


@pytest.mark.parametrize(
    ("protocol", "points"),
    [
        (Protocol(epochs=0.5, batch_size=16), [2]),
        (Protocol(epochs=2.5, batch_size=16), [5, 10, 12]),
        (Protocol(steps=1, batch_size=16), [1]),
        (Protocol(steps=7, batch_size=16), [5, 7]),
        (Protocol(epochs=4, batch_size=16, evaluate_every=2), [10, 20]),
        (Protocol(epochs=4, batch_size=16, evaluate_every=0), [20]),
        (Protocol(epochs=1, batch_size=20, evaluate_every=0.5), [2, 4]),
        (Protocol(epochs=2, batch_size=1000), [1, 2]),
    ],
)
def test_points_of_the_curve_stand_at_the_ends_of_epochs_and_at_the_end(protocol, points):
    assert [point.step for point in run(protocol)[1].curve] == points


def test_without_val_there_is_a_curve_and_no_accuracy():
    trained = train(network(), case(val=0), QUICK, device="cpu")
    assert trained.accuracy is None
    assert trained.val_loss is None
    assert len(trained.curve) == 3


def test_the_network_comes_back_in_the_mode_and_layout_that_it_had():
    made = network().eval()
    made[7].train()
    train(made, case(), QUICK, device="cpu")
    assert (made.training, made[0].training, made[7].training) == (False, False, True)
    assert all(parameter.is_contiguous() for parameter in made.parameters())


# --- the same again --------------------------------------------------------------------------------------------------


def test_a_seed_gives_the_same_bits_whatever_the_caller_drew_before():
    protocol = Protocol(epochs=2, batch_size=16, ema=0.9, augment="shift-flip")
    first, one = run(protocol, seed=3)
    torch.rand(5)
    second, two = run(protocol, seed=3)
    assert same(first, second)
    assert numbers(one.curve) == numbers(two.curve)
    assert not same(first, run(protocol, seed=4)[0])


def test_the_callers_generators_are_left_alone():
    made = network()
    torch.manual_seed(11)
    wanted = torch.rand(4)
    torch.manual_seed(11)
    train(made, case(), QUICK, device="cpu")
    assert torch.equal(torch.rand(4), wanted)


@pytest.mark.parametrize("step", [1, 4, 5, 9, 14])
@pytest.mark.parametrize(
    "protocol",
    [
        QUICK,
        Protocol(epochs=3, batch_size=16, optimiser="sgd", lr=0.05, ema=0.8, layer_decay=0.5, head_first=0.5),
    ],
)
def test_a_training_that_was_stopped_ends_with_the_same_bits(tmp_path, step, protocol):
    undisturbed, whole = run(protocol)
    with pytest.raises(Interrupted, match=r"begun again, goes on from there \(.*c\.pt"):
        run(protocol, checkpoint=tmp_path / "c.pt", on_step=StopAt(step, KeyboardInterrupt()))
    told: list[int] = []
    resumed, parts = run(protocol, checkpoint=tmp_path / "c.pt", on_step=lambda s: told.append(s.step))
    assert told == list(range(step + 1, 16))
    assert same(resumed, undisturbed)
    assert numbers(parts.curve) == numbers(whole.curve)
    assert parts.accuracy == whole.accuracy


def test_a_finished_training_is_not_done_again(tmp_path):
    first, one = run(checkpoint=tmp_path / "c.pt")
    told: list[Step] = []
    second, two = run(checkpoint=tmp_path / "c.pt", on_step=told.append)
    assert not told
    assert same(first, second)
    assert numbers(one.curve) == numbers(two.curve)
    assert two.seconds >= one.curve[-1].seconds


def test_a_checkpoint_of_another_training_is_refused(tmp_path):
    path = tmp_path / "c.pt"
    run(checkpoint=path)
    kept = path.read_bytes()
    for options, part in [
        ({"protocol": Protocol(epochs=4, batch_size=16)}, "protocol"),
        ({"seed": 1}, "seed"),
        ({"data": case(images=84)}, "data"),
        ({"network": network(classes=5)}, "network"),
    ]:
        given = {"network": network(), "data": case(), "protocol": QUICK, "seed": 0} | options
        made, data, protocol = given.pop("network"), given.pop("data"), given.pop("protocol")
        with pytest.raises(CheckpointMismatch, match=rf"its .*{part}.* differs"):
            train(made, data, protocol, checkpoint=path, device="cpu", **given)
        assert path.read_bytes() == kept


# --- stopping --------------------------------------------------------------------------------------------------------


def test_ctrl_c_waits_for_the_end_of_the_step_and_keeps_it(tmp_path):
    told: list[int] = []

    def press(step: Step) -> None:
        told.append(step.step)
        if step.step == 7:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(Interrupted, match="after step 7 of 15"):
        run(checkpoint=tmp_path / "c.pt", on_step=press)
    assert told[-1] == 7
    assert torch.load(tmp_path / "c.pt", weights_only=True)["step"] == 7
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert same(run(checkpoint=tmp_path / "c.pt")[0], run()[0])


class Impatient(nn.Module):
    """Presses Ctrl-C twice in the middle of its third forward pass."""

    def __init__(self) -> None:
        super().__init__()
        self.passes = 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.passes += 1
        if self.passes == 8:
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)
        return x


def test_a_second_ctrl_c_stops_at_once_and_the_checkpoint_is_an_older_whole_one(tmp_path):
    made = nn.Sequential(*network(), Impatient())
    with pytest.raises(Interrupted, match="after step 7 of 15"):
        train(made, case(val=0), QUICK, device="cpu", checkpoint=tmp_path / "c.pt")
    assert torch.load(tmp_path / "c.pt", weights_only=True)["step"] == 5


def test_without_a_checkpoint_an_interrupt_says_what_to_do_next_time():
    with pytest.raises(Interrupted, match=r"after step 2 of 15; nothing is kept: give a checkpoint"):
        run(on_step=StopAt(2, KeyboardInterrupt()))


def test_a_callback_may_raise_interrupted_itself(tmp_path):
    with pytest.raises(Interrupted, match="after step 3"):
        run(checkpoint=tmp_path / "c.pt", on_step=StopAt(3, Interrupted("enough")))
    assert torch.load(tmp_path / "c.pt", weights_only=True)["step"] == 3


def test_other_errors_of_a_callback_pass_through_and_leave_the_network_usable():
    made = network()
    protocol = Protocol(steps=10, batch_size=16, head_first=0.5, ema=0.9)
    with pytest.raises(ZeroDivisionError):
        train(made, case(), protocol, device="cpu", on_step=StopAt(2, ZeroDivisionError()))
    assert all(parameter.requires_grad for parameter in made.parameters())
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_training_works_outside_the_main_thread():
    results: list[Trained] = []
    thread = threading.Thread(target=lambda: results.append(run()[1]))
    thread.start()
    thread.join()
    assert numbers(results[0].curve) == numbers(run()[1].curve)


# --- what looks strange and can be trained ---------------------------------------------------------------------------


def test_a_batch_of_one_is_no_error_without_batchnorm():
    made = nn.Sequential(nn.Flatten(), nn.Linear(432, 4))
    assert train(made, case(8, 8), Protocol(steps=3, batch_size=1), device="cpu").steps == 3


def test_a_class_without_images_is_no_error():
    pixels = stripes(16, 0)
    kept = pixels.labels != 1
    some = Pixels(pixels.images[kept], pixels.labels[kept], pixels.classes)
    trained = train(network(), TrainingData(some, some, HALF, HALF), Protocol(steps=3), device="cpu")
    assert trained.accuracy is not None


def test_images_in_a_mapped_file_train_alike(tmp_path):
    data = case()
    file = tmp_path / "pixels"
    file.write_bytes(data.train.images.numpy().tobytes())
    mapped = torch.from_file(str(file), size=data.train.images.numel(), dtype=torch.uint8).view_as(data.train.images)
    made = network()
    train(
        made,
        TrainingData(Pixels(mapped, data.train.labels, data.train.classes), data.val, HALF, HALF),
        QUICK,
        device="cpu",
    )
    assert same(made.state_dict(), run()[0])


def test_bf16_learns_too():
    _, trained = run(Protocol(epochs=30, batch_size=16, lr=1e-2, precision="bf16"))
    assert trained.accuracy > 0.9

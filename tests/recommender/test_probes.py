import math
import signal
import threading

import msgspec
import numpy as np
import pytest
import torch
from torch import nn

from headhunt.errors import BadValue, Interrupted, TrainingFailed
from recommender import probes
from recommender.clock import Deadline
from recommender.contender import Contender, level, probing_data
from recommender.judging import LARGEST, guess, judged
from recommender.lanes import MOST, Lanes, lanes_for
from recommender.norms import refresh_norms
from recommender.pace import FIRST_GUESS, PRUDENCE, Pace, work
from recommender.probes import Probe, Probed, Trial, probe
from tests.recommender.contenders import contender, experience, tiny
from tests.zoo.cards import card
from tests.zoo.small_training import HALF, case, stripes
from zoo.images.pixels import Pixels
from zoo.training.trainer import TrainingData

TRIAL = Trial(lr=5e-3, rungs=(6,), batch_size=16, layer_decay=0.7, weight_decay=0.05, seed=0)
AMPLE = Deadline(3600)


def go(one: Contender, trial: Trial = TRIAL, **facts: object) -> Probed:
    return probe(one, trial, Probe(facts.pop("clock", AMPLE), device="cpu", **facts))


def drawn(labels: list[int], classes: int) -> Pixels:
    images = torch.randint(
        0, 256, (len(labels), 3, 12, 12), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
    )
    return Pixels(images, torch.tensor(labels), tuple(map(str, range(classes))))


class TimeOut:
    """A clock that has so many looks left in it."""

    def __init__(self, looks: int) -> None:
        self.looks = looks

    def left(self) -> float:
        self.looks -= 1
        return 1000.0 if self.looks >= 0 else -1.0


# --- What a probe says ------------------------------------------------------------------------------------------------


def test_a_probe_is_a_function_of_model_images_and_seed():
    first, second = (go(contender(build=experience)).result for _ in range(2))
    again = msgspec.structs.replace(second, seconds=first.seconds, curve=first.curve)
    assert first == again


def test_it_tells_the_loss_on_images_that_were_not_learned_from():
    result = go(contender(build=experience)).result
    assert result.steps == 6
    assert len(result.losses) == 32
    assert result.val_loss == pytest.approx(np.mean(result.losses), abs=1e-4)
    assert [point.step for point in result.curve] == [0, 6]
    assert result.curve[-1].val_loss == result.val_loss
    assert 0 < result.val_accuracy <= 1
    assert result.train_loss == pytest.approx(np.mean(result.step_losses), abs=1e-4)
    assert result.level == pytest.approx((result.train_loss + result.val_loss) / 2)
    assert result.slope == pytest.approx((result.level - level(result.curve[0])) / math.log2((12 + 6) / 12))


def test_a_model_that_knows_this_kind_of_image_is_ahead_of_random_weights():
    known, unknown = go(contender(build=experience)).result, go(contender()).result
    assert known.val_loss < unknown.val_loss - 0.2
    assert known.curve[0].val_loss < unknown.curve[0].val_loss


def test_the_next_rung_begins_where_the_last_one_ended():
    first = go(contender())
    trial = msgspec.structs.replace(TRIAL, rungs=(6, 60))
    second = probe(contender(), trial, Probe(AMPLE, device="cpu"), (first.result, first.network.state_dict()))
    assert [point.step for point in second.result.curve] == [0, 6, 66]
    assert second.result.curve[:2] == first.result.curve
    assert second.result.val_loss < first.result.val_loss
    assert second.result.seconds > first.result.seconds
    assert second.result.rungs == 2


def test_the_callers_generator_and_threads_are_left_alone():
    torch.manual_seed(5)
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    go(contender())
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.get_num_threads() == threads


def test_there_are_no_more_threads_than_cores(monkeypatch):
    seen = []

    class Watched(nn.Flatten):
        def forward(self, x):
            seen.append(torch.get_num_threads())
            return super().forward(x)

    monkeypatch.setattr(probes, "usable_cores", lambda: 1)
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        go(contender(build=lambda: nn.Sequential(nn.AdaptiveAvgPool2d(2), Watched(), nn.Linear(12, 4))))
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
    assert set(seen) == {1}


# --- When things go wrong ---------------------------------------------------------------------------------------------


class Burst(nn.Module):
    """Outputs that are fine until training begins."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten())
        self.head = nn.Linear(12, 4)

    def forward(self, x):
        return self.head(self.body(x)) * (math.nan if self.training else 1.0)


class Broken(Burst):
    def forward(self, x):
        return super().forward(x) * math.inf


@pytest.mark.parametrize("build", [Burst, Broken])
def test_a_training_that_diverges_is_worth_a_guess(build):
    probed = go(contender(build=build))
    assert probed.result.marks == ("diverged",)
    assert probed.network is None
    assert probed.result.val_loss == pytest.approx(guess(case(64, 32)).loss)
    assert msgspec.json.decode(msgspec.json.encode(probed.result), type=probes.ProbeResult) == probed.result


def test_a_probe_that_takes_longer_is_stopped_and_judged_as_it_stands():
    trial = msgspec.structs.replace(TRIAL, rungs=(50,))
    probed = go(contender(), trial, clock=TimeOut(3))
    assert probed.result.marks == ("cut",)
    assert probed.result.steps == 4
    assert len(probed.result.losses) == 32
    assert probed.network is not None


class PressesCtrlC(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.net = tiny()

    def forward(self, x):
        if self.training:
            signal.raise_signal(signal.SIGINT)
        return self.net(x)


def test_ctrl_c_ends_it_with_our_own_word():
    with pytest.raises(Interrupted, match="stripes/random"):
        go(contender(build=PressesCtrlC))


def test_who_is_told_to_stop_stops():
    with pytest.raises(Interrupted):
        go(contender(), stopped=lambda: True)


class Heavy(nn.Module):
    """A network for which more than `room` images at a time do not fit into memory while it learns."""

    def __init__(self, room: int, words: str) -> None:
        super().__init__()
        self.net, self.room, self.words = tiny(), room, words

    def forward(self, x):
        if torch.is_grad_enabled() and len(x) > self.room:
            raise (torch.OutOfMemoryError("CUDA out of memory") if not self.words else RuntimeError(self.words))
        return self.net(x)


@pytest.mark.parametrize("words", ["", "DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"])
def test_where_memory_is_short_half_the_batch_is_tried(words):
    result = go(contender(build=lambda: Heavy(5, words))).result
    assert result.batch_size == 4
    assert result.marks == ("small-batch",)
    assert result.steps == 6


def test_where_not_even_two_images_fit_the_error_says_so():
    with pytest.raises(TrainingFailed, match="stripes/random does not fit into memory, not even with 2"):
        go(contender(build=lambda: Heavy(1, "")))


def test_other_errors_of_torch_are_told_as_ours():
    with pytest.raises(TrainingFailed, match=r"stripes/random cannot be trained \(something else"):
        go(contender(build=lambda: Heavy(1, "something else")))


# --- Small and strange samples ----------------------------------------------------------------------------------------


def test_one_image_of_each_class_is_judged_by_what_it_learns():
    data = probing_data(drawn([0, 1, 2, 3], 4), HALF, HALF)
    assert data.val is None
    result = go(contender(data=data), msgspec.structs.replace(TRIAL, rungs=(40,))).result
    assert result.marks == ("train-loss",)
    assert result.losses == ()
    assert 0 < result.val_loss < math.log(4)
    assert result.curve[0].val_loss is None


@pytest.mark.parametrize(
    "labels",
    [[0, 1, 0, 1, 0], [*range(200)] * 2, [0] * 60 + [1, 1], [0] * 15 + [1, 2]],
    ids=["five images", "200 classes", "imbalanced", "classes of one image"],
)
def test_samples_of_all_shapes_are_probed(labels):
    data = probing_data(drawn(labels, max(labels) + 1), HALF, HALF)
    result = go(contender(build=lambda: tiny(max(labels) + 1), data=data)).result
    assert result.marks == ()
    assert 0 < result.val_loss <= LARGEST


@pytest.mark.parametrize("count", [33, 17, 3])
def test_batch_norm_never_sees_a_batch_of_one(count):
    data = TrainingData(stripes(count, 0), stripes(8, 1), HALF, HALF)
    assert go(contender(data=data), msgspec.structs.replace(TRIAL, batch_size=32)).result.steps == 6


def test_one_class_is_refused_by_name():
    data = TrainingData(drawn([0] * 8, 2), drawn([0, 0], 2), HALF, HALF)
    with pytest.raises(BadValue, match="one class"):
        go(contender(data=data, build=lambda: tiny(2)))


def test_the_cut_holds_out_some_of_every_class_that_has_two_and_never_shares_an_image():
    pixels = drawn([0] * 40 + [1] * 2 + [2] + [-1] * 5, 3)
    data = probing_data(pixels, HALF, HALF)
    assert data.val.labels.bincount().tolist() == [10, 1]
    assert data.train.labels.bincount().tolist() == [30, 1, 1]
    learned, held = ({image.numpy().tobytes() for image in part.images} for part in (data.train, data.val))
    assert not learned & held


def test_large_samples_are_cut_down(monkeypatch):
    monkeypatch.setattr("recommender.contender.MOST_TRAINED_ON", 20)
    monkeypatch.setattr("recommender.contender.MOST_HELD_OUT", 8)
    data = probing_data(stripes(100, 0), HALF, HALF)
    assert (len(data.train.images), len(data.val.images)) == (20, 8)


# --- BatchNorm --------------------------------------------------------------------------------------------------------


def test_statistics_of_batch_norm_become_those_of_the_images():
    network, data = experience(), TrainingData(stripes(96, 3), None, HALF, HALF)
    norm, seen = network[1], []
    hook = norm.register_forward_pre_hook(lambda _, arguments: seen.append(arguments[0].detach()))
    refresh_norms(network, data, "cpu")
    hook.remove()
    maps = torch.cat(seen)
    assert len(maps) == 96
    assert torch.allclose(norm.running_mean, maps.mean(dim=(0, 2, 3)), atol=1e-5)
    assert torch.allclose(norm.running_var, maps.var(dim=(0, 2, 3)), rtol=1e-3)
    assert norm.momentum == 0.1
    assert norm.training == experience()[1].training


def test_a_network_whose_statistics_mislead_is_judged_without_them():
    def misled() -> nn.Module:
        network = experience()
        network[1].running_mean += 3.0
        network[1].running_var *= 50.0
        return network

    right, wrong = (go(contender(build=build)).result for build in (experience, misled))
    assert wrong.val_loss == pytest.approx(right.val_loss)
    assert wrong.curve[0].val_loss == pytest.approx(right.curve[0].val_loss)


@pytest.mark.parametrize("network", [nn.Sequential(nn.Flatten(), nn.Linear(432, 4)), tiny()])
def test_two_images_and_networks_without_batch_norm_are_borne(network):
    before = [parameter.clone() for parameter in network.parameters()]
    for count in (1, 2, 129):
        refresh_norms(network, TrainingData(stripes(count, 0), None, HALF, HALF), "cpu")
    assert all(torch.equal(a, b) for a, b in zip(before, network.parameters(), strict=True))
    assert all(bool(buffer.isfinite().all()) for buffer in network.buffers())


# --- Words of judging, costs, lanes -----------------------------------------------------------------------------------


def test_one_confident_mistake_does_not_outvote_the_others():
    logits = torch.tensor([[1000.0, 0.0], [0.0, 1.0]])
    assert judged(logits, torch.tensor([1, 1])).losses[0] == LARGEST
    assert judged(logits, torch.tensor([1, 1])).accuracy == 0.5


def test_a_guess_names_the_largest_class_and_no_more():
    data = TrainingData(drawn([0] * 30 + [1] * 10, 2), drawn([0] * 3 + [1], 2), HALF, HALF)
    assert guess(data).accuracy == 0.75
    assert guess(data).loss == pytest.approx(0.5634, abs=0.01)


def test_costs_are_those_measured_of_the_network_else_those_of_the_others():
    pace, small, large = Pace(), card("a/s", network="s", macs=10), card("a/l", network="l", macs=1000)
    assert pace.seconds(small, 100) == pytest.approx(100 * 10 * FIRST_GUESS)
    pace.learn(small, 50, 1.0)
    assert pace.seconds(small, 100) == pytest.approx(2.0)
    assert pace.seconds(large, 100) == pytest.approx(200 * PRUDENCE)
    pace.learn(large, 100, 10.0)
    assert pace.seconds(large, 50) == pytest.approx(5.0)
    assert pace.seconds(small, 100) == pytest.approx(2.0)


def test_work_counts_steps_evaluations_and_the_first_head():
    data = case(64, 32)
    assert work(data, 10, 16, first=False) == 10 * 3 * 16 + 64 + 32
    assert work(data, 10, 16, first=True) == 10 * 3 * 16 + 2 * (64 + 32) + 64
    assert work(case(8, 0), 10, 16, first=False) == 10 * 3 * 8 + 8


def test_as_many_probes_at_once_as_memory_allows():
    assert lanes_for(taken=10, free=1000) == MOST
    assert lanes_for(taken=300, free=1000) == 2
    assert lanes_for(taken=900, free=1000) == 1
    assert lanes_for(taken=0, free=1000) == MOST


def wide() -> Lanes:
    lanes = Lanes("cpu")
    lanes.width = 3
    return lanes


def test_lanes_run_side_by_side_and_give_what_one_lane_gives():
    meeting = threading.Barrier(3, timeout=240)

    def job(number: int):
        meeting.wait()
        return go(contender(f"stripes/n{number}", experience)).result.val_loss

    jobs = [lambda number=number: job(number) for number in range(3)]
    alone = go(contender(build=experience)).result.val_loss
    assert list(wide().run(jobs)) == [alone] * 3


def test_who_finds_no_memory_beside_others_is_run_again_alone():
    together = threading.Barrier(3, timeout=240)

    def job() -> str:
        if threading.current_thread() is threading.main_thread():
            return "alone"
        together.wait()
        raise torch.OutOfMemoryError("CUDA out of memory")

    def other() -> str:
        together.wait()
        return "beside"

    assert sorted(wide().run([job, other, other])) == ["alone", "beside", "beside"]


def test_an_error_on_one_lane_stops_the_others_and_reaches_the_caller():
    lanes, begun = wide(), threading.Event()

    def waits() -> None:
        begun.set()
        while not lanes.stopped():
            threading.Event().wait(0.001)

    def fails() -> None:
        begun.wait(240)
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        list(lanes.run([waits, fails, waits]))


def test_a_deadline_counts_down_on_the_clock_it_is_given():
    times = iter([100.0, 103.0, 112.0])
    deadline = Deadline(10, lambda: next(times))
    assert [deadline.left(), deadline.left()] == [7.0, -2.0]
    with pytest.raises(BadValue, match="nan"):
        Deadline(math.nan)

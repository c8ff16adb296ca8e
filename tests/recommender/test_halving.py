import math
import signal
from dataclasses import replace

import msgspec
import numpy as np
import pytest
import torch
from torch import nn

from headhunt.errors import BadValue, Interrupted
from recommender.clock import Deadline
from recommender.contender import Contender, ProbeResult
from recommender.halving import beaten, halving, weights_of
from recommender.pace import Pace
from recommender.probe_book import ProbeBook
from recommender.probe_plan import ProbePlan
from recommender.signals import probe_signals
from tests.recommender.contenders import contender, experience, tiny
from tests.zoo.small_training import HALF, case, stripes
from zoo.images.pixels import Pixels
from zoo.training.trainer import TrainingData

PLAN = ProbePlan(rungs=(4, 8, 8), rates=(5e-3,), batch_size=16, keep=0.5, device="cpu")
AMPLE = Deadline(3600)


class Countdown:
    """A clock that says what it is told to, and stays at the last word."""

    def __init__(self, *left: float) -> None:
        self.words = list(left)

    def left(self) -> float:
        return self.words.pop(0) if len(self.words) > 1 else self.words[0]


def field(count: int, network: str = "two_layers") -> list[Contender]:
    """So many contenders of random weights, each its own."""

    def built(number: int):
        def build() -> nn.Module:
            torch.manual_seed(number)
            return tiny()

        return build

    return [contender(f"stripes/n{number}", built(number), network=network) for number in range(count)]


@pytest.fixture
def book(tmp_path):
    return ProbeBook(tmp_path, "stripes")


def test_after_each_rung_fewer_go_on_for_longer_and_nobody_is_forgotten(book):
    rungs = list(halving(field(6), PLAN, AMPLE, book))
    assert [len(results) for results in rungs] == [6] * len(rungs)
    reached = [[sum(one.rungs > rung for one in results) for rung in range(3)] for results in rungs]
    assert reached[0] == [6, 0, 0]
    for rung, results in enumerate(rungs[1:], 1):
        assert 2 <= reached[rung][rung] <= max(2, 6 // 2**rung)
        assert {one.steps for one in results if one.rungs > rung} == {sum(PLAN.rungs[: rung + 1])}


def test_what_the_ranking_reads_is_the_same_however_long_the_race_was(book, tmp_path, monkeypatch):
    """A lesson of a race of one rung must mean the same in a race of three, and with fewer beside one."""
    monkeypatch.setattr("recommender.halving.SETTLED", 1e9)
    (first,) = halving(field(6), replace(PLAN, rungs=PLAN.rungs[:1]), AMPLE, ProbeBook(tmp_path / "other", "stripes"))
    *_, last = halving(field(6), PLAN, AMPLE, book)
    assert max(one.rungs for one in last) > 1
    told = {one.model: probe_signals(one)["probe"] for one in last}
    assert told == pytest.approx({one.model: probe_signals(one)["probe"] for one in first})


def test_a_first_rung_that_the_deadline_cut_short_is_no_signal(book):
    (results,) = halving(field(1), replace(PLAN, rungs=PLAN.rungs[:1]), AMPLE, book)
    assert probe_signals(msgspec.structs.replace(results[0], marks=("cut",))) == {}
    assert probe_signals(msgspec.structs.replace(results[0], marks=("cut",), rungs=2)) == probe_signals(results[0])


def test_a_model_that_knows_the_domain_comes_first_and_ends_the_race(book):
    plan = replace(PLAN, rates=(5e-4,))
    *_, last = halving([*field(5), contender("stripes/expert", experience)], plan, AMPLE, book)
    assert last[0].model == "stripes/expert"
    assert last[0].expected < last[1].expected
    assert last[0].steps < sum(PLAN.rungs)


def test_the_order_is_that_of_the_expected_loss(book):
    for results in halving(field(4), PLAN, AMPLE, book):
        assert [one.expected for one in results] == sorted(one.expected for one in results)
        assert all(one.spread > 0 for one in results)


def test_the_first_of_each_network_tries_all_rates_and_the_others_take_the_best(book):
    rates, told = (1e-6, 1e-2), []
    plan = ProbePlan(rungs=(60,), rates=rates, batch_size=16, device="cpu")
    field_of_two = [*field(2, "one"), *(contender("stripes/z", network="two"), contender("stripes/y", network="two"))]
    (last,) = halving(field_of_two, plan, AMPLE, book, lambda one, done, planned: told.append((one.model, one.lr)))
    assert told[:4] == [("stripes/n0", 1e-6), ("stripes/n0", 1e-2), ("stripes/z", 1e-6), ("stripes/z", 1e-2)]
    assert told[4:] == [("stripes/n1", 1e-2), ("stripes/y", 1e-2)]
    assert {one.lr for one in last} == {1e-2}


class Fixed(Pace):
    """A pace that no measurement changes."""

    def seconds(self, card, images):
        return 0.001 * images


def test_where_time_is_short_there_is_one_rate_in_the_order_given(book):
    told = []
    plan = ProbePlan(rungs=(4,), rates=(5e-3, 1e-3), batch_size=16, device="cpu")
    clock = Deadline(1.9, lambda: 0.0)
    list(halving(field(4), plan, clock, book, lambda one, *_: told.append((one.model, one.lr)), Fixed()))
    assert told == [(f"stripes/n{number}", 5e-3) for number in range(4)]


# --- Time -------------------------------------------------------------------------------------------------------------


def test_what_will_not_end_in_time_is_not_begun(book):
    pace, dear, cheap = Pace(), contender("stripes/dear", network="dear"), contender("stripes/cheap", network="cheap")
    pace.learn(dear.card, 1, 100.0)
    pace.learn(cheap.card, 1, 0.0001)
    (results,) = halving(
        [dear, cheap], ProbePlan(rungs=(4,), device="cpu"), Deadline(50, lambda: 0.0), book, None, pace
    )
    assert [one.model for one in results] == ["stripes/cheap"]


def test_the_measured_pace_decides_about_the_next_one(book):
    """The first says what its network costs; by then the time left is shorter than that."""
    pace = Pace()
    clock = Countdown(*[1000.0] * 30)
    halted = list(halving(field(1), ProbePlan(rungs=(4,), device="cpu"), clock, book, None, pace))
    assert len(halted) == 1
    short = Countdown(1e-6)
    (results,) = halving(field(3)[1:], ProbePlan(rungs=(4,), device="cpu"), short, book, None, pace)
    assert results == ()


def test_with_no_time_at_all_there_are_no_results_and_no_error(book):
    assert list(halving(field(3), PLAN, Countdown(-1.0), book)) == [()]


def test_what_is_in_the_book_costs_no_time(book):
    first = list(halving(field(3), PLAN, AMPLE, book))
    again = list(halving(field(3), PLAN, Countdown(0.0), book))
    assert again[0] == first[0]


def test_a_probe_cut_at_the_deadline_counts_but_is_not_kept(book):
    class Late:
        looks = 0

        def left(self) -> float:
            self.looks += 1
            return 1000.0 if self.looks < 4 else -1.0

    (results,) = halving(field(1), ProbePlan(rungs=(50,), rates=(5e-3,), device="cpu"), Late(), book)
    assert results[0].marks == ("cut",)
    assert 0 < results[0].steps < 50
    assert not list(book.folder.glob("*.json"))


# --- Interruption -----------------------------------------------------------------------------------------------------


def test_ctrl_c_yields_what_is_there_and_then_says_so(book):
    def press(one: ProbeResult, done: int, planned: int) -> None:
        if done == 2:
            build[0] = True

    build = [False]

    class Presses(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = tiny()

        def forward(self, x):
            if self.training and build[0]:
                signal.raise_signal(signal.SIGINT)
            return self.net(x)

    race = halving([*field(2), contender("stripes/presses", Presses)], PLAN, AMPLE, book, press)
    assert {one.model for one in next(race)} == {"stripes/n0", "stripes/n1"}
    with pytest.raises(Interrupted, match="stripes/presses"):
        next(race)
    again = halving(field(2), PLAN, Countdown(0.0), book)
    assert len(next(again)) == 2


def test_the_caller_may_leave_after_any_rung(book):
    race = halving(field(4), PLAN, AMPLE, book)
    next(race)
    race.close()
    assert len(list(book.folder.glob("*.json"))) == 4


# --- Weights ----------------------------------------------------------------------------------------------------------


def test_the_winner_goes_on_from_where_its_probe_ended(book):
    *_, last = halving(field(4), PLAN, AMPLE, book)
    winner = next(one for one in field(4) if one.card.id == last[0].model)
    state = weights_of(last[0], winner, PLAN, book)
    fresh = winner.network()
    assert state is not None
    assert any(not torch.equal(state[name], value) for name, value in fresh.state_dict().items())
    fresh.load_state_dict(state)


def test_of_many_contenders_the_weights_of_a_few_are_kept(book):
    plan = ProbePlan(rungs=(2,), rates=(5e-3,), batch_size=16, keep=0.1, device="cpu")
    list(halving(field(8), plan, AMPLE, book))
    assert len(list(book.folder.rglob("*.safetensors"))) == 4
    assert len(list(book.folder.glob("*.json"))) == 8


def test_a_rung_whose_weights_are_gone_is_made_again(book):
    race = halving(field(4), PLAN, AMPLE, book)
    next(race)
    for file in book.folder.rglob("*.safetensors"):
        file.write_bytes(b"damaged")
    damaged = next(race)
    again = ProbeBook(book.folder.parent.parent / "elsewhere", "stripes")
    race = halving(field(4), PLAN, AMPLE, again)
    next(race)
    assert [(one.model, one.val_loss) for one in damaged] == [(one.model, one.val_loss) for one in next(race)]


# --- Strange contenders -----------------------------------------------------------------------------------------------


class Burst(nn.Module):
    """Fine until it is trained."""

    def __init__(self) -> None:
        super().__init__()
        self.net = tiny()

    def forward(self, x):
        return self.net(x) * (math.nan if self.training else 1.0)


def test_one_that_diverges_is_told_and_does_not_go_on(book):
    *_, last = halving([contender("stripes/burst", Burst), *field(2)], PLAN, AMPLE, book)
    result = next(one for one in last if one.model == "stripes/burst")
    assert result.marks == ("diverged",)
    assert result.rungs == 1
    assert result is not last[0]


def test_all_that_diverge_are_told(book):
    *_, last = halving([contender("a/x", Burst), contender("a/y", Burst)], PLAN, AMPLE, book)
    assert [one.marks for one in last] == [("diverged",)] * 2


@pytest.mark.parametrize("count", [0, 1])
def test_nobody_or_one_alone_is_no_race(book, count):
    rungs = list(halving(field(count), PLAN, AMPLE, book))
    assert [len(results) for results in rungs] == [count]


def test_one_image_of_each_class_is_raced_by_what_is_learned(book):
    pixels = stripes(4, 0)
    data = TrainingData(Pixels(pixels.images, pixels.labels, pixels.classes), None, HALF, HALF)
    racers = [contender(f"stripes/n{i}", data=data) for i in range(3)]
    *_, last = halving(racers, PLAN, AMPLE, book)
    assert len(last) == 3
    assert all("train-loss" in one.marks for one in last)


# --- Words ------------------------------------------------------------------------------------------------------------


def outcome(loss: float, spread: float = 0.01, noise: float = 0.0, count: int = 100, seed: int = 0) -> ProbeResult:
    hardness = np.random.default_rng(0).exponential(1.0, count)
    losses = loss + hardness + noise * np.random.default_rng(seed).standard_normal(count)
    return ProbeResult(
        model=f"a/{seed}", lr=1e-3, steps=12, val_loss=loss, val_accuracy=0.5, train_loss=loss, slope=0.0, seconds=1.0,
        expected=loss, spread=spread, losses=tuple(losses),
    )  # fmt: skip


def test_contenders_are_compared_image_by_image():
    """Hard images are hard for both: a difference is seen that lies far within the spread of the losses."""
    leader, other = outcome(1.0, noise=0.1), outcome(1.1, noise=0.1, seed=1)
    assert np.std(leader.losses) / 10 > 0.05
    assert beaten(other, leader)
    assert not beaten(leader, other)


def test_what_may_still_turn_round_is_not_beaten():
    leader = outcome(1.0, noise=0.1)
    assert not beaten(outcome(1.1, noise=2.0, seed=1), leader)
    assert not beaten(outcome(1.1, spread=0.2, noise=0.1, seed=1), leader)
    assert not beaten(leader, leader)
    assert not beaten(msgspec.structs.replace(outcome(3.0), losses=()), msgspec.structs.replace(leader, losses=()))


@pytest.mark.parametrize(
    ("facts", "named"),
    [
        ({"rungs": ()}, "rungs"),
        ({"rungs": (12, 0)}, "rungs"),
        ({"rates": ()}, "rates"),
        ({"rates": (0.0,)}, "rates"),
        ({"rates": (math.nan,)}, "rates"),
        ({"keep": 0.0}, "keep"),
        ({"keep": 2.0}, "keep"),
        ({"fewest": 0}, "fewest"),
        ({"batch_size": 1}, "batch_size"),
        ({"horizon": 0}, "horizon"),
    ],
)
def test_a_plan_that_cannot_be_is_refused(facts, named):
    with pytest.raises(BadValue, match=named):
        ProbePlan(**facts)


def test_contenders_see_the_data_they_bring(book):
    easy, hard = case(64, 32), TrainingData(stripes(64, 0), stripes(32, 9), HALF, HALF)
    *_, last = halving([contender("a/easy", data=easy), contender("a/hard", data=hard)], PLAN, AMPLE, book)
    assert {len(one.losses) for one in last} == {32}

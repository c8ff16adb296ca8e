"""Fans: whoever does the errands, the same comes of them; errors come back as they were, deaths are survived."""

import math
import os
import pickle
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

import headhunt.errors
from headhunt.errors import HeadhuntError, OutOfTime, UnknownModel, WorkLost
from recommender import fan
from recommender.clock import Deadline
from recommender.fan import Away, Fan, FieldLost, Here, Parcel, Part
from recommender.fan_pool import Pool
from recommender.fan_tasks import Look
from tests.recommender.asking import Asked, told
from tests.recommender.small_errands import Plus, Sum

AMPLE = Deadline(math.inf)


@pytest.fixture
def pool() -> Iterator[Away]:
    with Away(Pool(2)) as away:
        yield away


def sums(by: Fan, errands: list[Sum], clock: Deadline = AMPLE) -> dict[int, int]:
    return {errand.task.number: outcome.get()[0] for errand, outcome in by.run(errands, clock)}


def errors() -> list[type[HeadhuntError]]:
    found, looked = [HeadhuntError], 0
    while looked < len(found):
        found += found[looked].__subclasses__()
        looked += 1
    return [kind for kind in found if kind.__module__ == headhunt.errors.__name__]


@pytest.mark.parametrize("kind", errors(), ids=lambda kind: kind.__name__)
def test_an_error_of_ours_is_the_same_after_it_was_sent(kind: type[HeadhuntError]) -> None:
    made: list[HeadhuntError] = []
    for said in (("resnt18",), ("resnt18", ("resnet18",))):
        with suppress(TypeError):
            made.append(kind(*said))
    assert made
    for error in made:
        again = pickle.loads(pickle.dumps(error))
        assert type(again) is kind
        assert str(again) == str(error)
        assert (again.args, vars(again)) == (error.args, vars(error))


def test_a_pool_comes_to_what_this_process_comes_to_and_does_it_elsewhere(pool: Away, tmp_path: Path) -> None:
    made: list[str] = []

    def part() -> int:
        made.append("x")
        return 100

    errands = [Sum(Plus(n, tmp_path), (Part("hundred", part), Part(None, lambda: 1))) for n in range(6)]
    assert sums(pool, errands) == {n: n + 101 for n in range(6)}
    assert made == ["x"]
    assert sums(Here(), errands) == sums(pool, errands)
    assert os.getpid() not in {outcome.get()[1] for _, outcome in pool.run(errands, AMPLE)}


def test_what_is_best_done_here_is_done_here(pool: Away, tmp_path: Path) -> None:
    ((_, outcome),) = pool.run([Sum(Plus(1, tmp_path), stays=True)], AMPLE)
    assert outcome.get() == (1, os.getpid())


@pytest.mark.parametrize("patience", [fan.LOOK_S, 0.0])
def test_errands_are_asked_for_when_somebody_is_free(
    pool: Away, tmp_path: Path, patience: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However often it is looked in vain whether one has come back."""
    monkeypatch.setattr(fan, "LOOK_S", patience)
    asked: list[int] = []

    def errands() -> Iterator[Sum]:
        for n in range(5):
            asked.append(n)
            yield Sum(Plus(n, tmp_path))

    running = pool.run(errands(), AMPLE)
    next(running)
    assert len(asked) == 2
    assert len(list(running)) == 4


def test_errors_come_back_as_they_were_and_cost_the_others_nothing(pool: Away, tmp_path: Path) -> None:
    errands = [Sum(Plus(0, tmp_path, error=UnknownModel("resnt18", ["resnet18"]))), Sum(Plus(1, tmp_path))]
    errands.append(Sum(Plus(-1, tmp_path)))
    outcomes = {errand.task.number: outcome for errand, outcome in pool.run(errands, AMPLE)}
    with pytest.raises(UnknownModel, match=r"^No model named 'resnt18'\. Did you mean 'resnet18'"):
        outcomes[0].get()
    with pytest.raises(UnknownModel, match="'minus'"):
        outcomes[-1].get()
    assert outcomes[1].get()[0] == 1


def test_a_task_whose_process_dies_is_begun_again_and_one_that_kills_them_all_is_told(
    pool: Away, tmp_path: Path
) -> None:
    errands = [Sum(Plus(n, tmp_path, dies={1: 1, 3: 99}.get(n, 0))) for n in range(6)]
    outcomes = {errand.task.number: outcome for errand, outcome in pool.run(errands, AMPLE)}
    with pytest.raises(WorkLost, match="3 processes died"):
        outcomes.pop(3).get()
    assert {n: outcome.get()[0] for n, outcome in outcomes.items()} == {n: n for n in (0, 1, 2, 4, 5)}
    assert (tmp_path / "1").read_text() == "xx"


def test_when_the_time_is_up_nobody_is_waited_for(pool: Away, tmp_path: Path) -> None:
    time = [1.0]
    running = pool.run([Sum(Plus(n, tmp_path, sleeps=600.0 * n)) for n in range(2)], Deadline(2.0, lambda: time[0]))
    assert next(running)[1].get()[0] == 0
    time[0] = 3.0
    with pytest.raises(OutOfTime):
        next(running)[1].get()
    assert sums(pool, [Sum(Plus(7, tmp_path))]) == {7: 7}


# --- A whole recommendation -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    with pytest.MonkeyPatch.context() as patch:
        yield Asked(tmp_path_factory.mktemp("asked"), patch)


def test_a_pool_gives_the_answer_that_this_process_gives(asked: Asked, pool: Away) -> None:
    shared, alone = asked.answer("shared", pool), asked.answer("alone", None)
    assert told(shared) == told(alone)
    assert asked.probes("shared") == asked.probes("alone")
    assert len(asked.probes("alone")) > 4


def test_a_field_that_is_lost_costs_no_answer(asked: Asked) -> None:
    with Away(Breaking(Pool(2), after=6)) as fan:
        ranking = asked.answer("lost", fan)
    alone = asked.answer("alone", None)
    assert ranking.warnings[-1] == "everybody went home; what was left was done on the server's own machine"
    assert told(ranking)[1:] == told(alone)[1:]


def test_a_model_that_every_process_dies_of_is_told_and_the_others_are_ranked(asked: Asked) -> None:
    with Away(Breaking(Pool(1), deadly="glyphs/test_resnet")) as fan:
        ranking = asked.answer("deadly", fan)
    assert "glyphs/test_resnet was not looked at: 3 processes died of it" in ranking.warnings
    assert len([one for one in ranking.candidates if "stages" in one.signals]) == 3


class Breaking:
    """A pool with which something goes wrong: all is lost after some tasks, or one model kills whoever looks at it."""

    def __init__(self, pool: Pool, after: float = math.inf, deadly: str = "") -> None:
        self.pool, self.left, self.deadly = pool, after, deadly
        self.width, self.done, self.drop, self.close = pool.width, pool.done, pool.drop, pool.close

    def begin(self, number: int, parcel: Parcel) -> None:
        self.left -= 1
        if self.left < 0:
            raise FieldLost("everybody went home")
        deadly = isinstance(parcel.task, Look) and parcel.task.card.id == self.deadly
        self.pool.begin(number, Parcel(Plus(0, self.pool.folder, dies=99), ()) if deadly else parcel)

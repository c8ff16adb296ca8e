"""An objective that never returns: a search with a time ends, and its trial is marked."""

import signal
import threading
import time
from contextlib import suppress
from typing import Any

import pytest

import headhunt
from headhunt.errors import NoBest

pytestmark = pytest.mark.timeout(120, method="thread")  # the other method takes the timer for itself
SPACE = {"x": headhunt.double(0, 1)}


def hangs_after(good: int) -> Any:
    count = iter(range(10**6))

    def objective(params: dict[str, Any]) -> float:
        if next(count) < good:
            return float(params["x"])
        while True:
            with suppress(Exception):  # as code does that must go on
                time.sleep(0.01)

    return objective


@pytest.mark.parametrize("workers", [1, 2])
def test_a_search_with_a_time_ends(workers: int) -> None:
    best = headhunt.fmin(hangs_after(3), SPACE, trials=50, timeout="2s", workers=workers)
    assert [one.state for one in best.trials] == ["complete"] * 3 + ["failed"] * workers
    assert "twice the time" in best.trials[-1].reason
    assert best.value == min(one.value for one in best.trials if one.value is not None)


def test_where_no_trial_ends_the_reason_is_told() -> None:
    with pytest.raises(NoBest, match="trial_timeout"):
        headhunt.fmin(hangs_after(0), SPACE, timeout="1s")


def test_the_timer_of_somebody_else_stays_theirs() -> None:
    rung = threading.Event()
    signal.signal(signal.SIGALRM, lambda *_: rung.set())
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        headhunt.fmin(lambda params: rung.wait(10) and params["x"], SPACE, trials=1, timeout="1s")
        assert rung.is_set()
    finally:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)


def test_what_ends_in_time_is_not_touched() -> None:
    def slow(params: dict[str, Any]) -> float:
        time.sleep(1.3)
        return float(params["x"])

    best = headhunt.fmin(slow, SPACE, timeout="1s")
    assert [one.state for one in best.trials] == ["complete"]
    assert signal.getsignal(signal.SIGALRM) == signal.SIG_DFL
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)

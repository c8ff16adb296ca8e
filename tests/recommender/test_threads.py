"""Threads that gain nothing are left out for a while, and what the user set comes back."""

from collections.abc import Iterator

import pytest
import torch

from recommender import threads
from recommender.threads import fitting_threads


@pytest.fixture(autouse=True)
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(("many", "inside"), [(0.5, 2), (0.95, 1), (20.0, 1)])
def test_more_threads_are_kept_only_where_they_are_faster(
    monkeypatch: pytest.MonkeyPatch, many: float, inside: int
) -> None:
    monkeypatch.setattr(threads, "seconds", lambda count: many if count > 1 else 1.0)
    with fitting_threads():
        assert torch.get_num_threads() == inside
    assert torch.get_num_threads() == 2


def test_what_was_set_comes_back_after_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "seconds", lambda count: float(count))
    with pytest.raises(RuntimeError), fitting_threads():
        raise RuntimeError
    assert torch.get_num_threads() == 2


def test_one_thread_is_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.set_num_threads(1)
    monkeypatch.setattr(threads, "seconds", lambda _: pytest.fail("measured"))
    with fitting_threads():
        assert torch.get_num_threads() == 1


def test_a_measurement_is_a_time() -> None:
    assert 0 < threads.seconds(1) < 60

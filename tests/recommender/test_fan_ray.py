"""A real Ray of two nodes on the loopback: the answer is that of one process, whatever dies in the middle."""

import math
from collections.abc import Iterator
from pathlib import Path

import pytest

from headhunt.errors import BadValue, UnknownModel, WorkLost
from recommender.clock import Deadline
from recommender.fan import Part
from recommender.request import Progress
from tests.recommender.asking import Asked, told
from tests.recommender.ray_of_two import TOKEN, Nodes
from tests.recommender.small_errands import Plus, Sum

pytest.importorskip("ray", reason="Ray is not installed: pip install 'headhunt[ray]'")
from recommender.fan_ray import carry, checked_address, lets_everybody_in, ray_fan  # once it is known that it can be

ELSEWHERE = "192.0.2.1:6379"
"""An address that is nobody's."""


@pytest.fixture
def nodes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Nodes]:
    monkeypatch.setenv("RAY_AUTH_TOKEN", TOKEN)
    with Nodes("token", tmp_path) as nodes:
        yield nodes


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    with pytest.MonkeyPatch.context() as patch:
        yield Asked(tmp_path_factory.mktemp("asked"), patch)


@pytest.fixture
def no_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.mark.parametrize("address", ["6379", "cluster", "host:", ":6379", "ray://head:10001", "http://head:8265"])
def test_what_is_no_address_of_a_cluster_is_told_with_what_would_do(address: str) -> None:
    with pytest.raises(BadValue, match=r"give host:port"):
        checked_address(address)


def test_a_cluster_elsewhere_is_not_spoken_to_without_a_token(no_token: None) -> None:
    with pytest.raises(BadValue, match=r"no token for the Ray cluster at 192\.0\.2\.1:6379.*RAY_AUTH_MODE=token"):
        checked_address(ELSEWHERE)


@pytest.mark.parametrize("address", ["127.0.0.1:6379", "localhost:6379", "[::1]:6379"])
def test_a_cluster_on_the_loopback_needs_no_token(no_token: None, address: str) -> None:
    assert checked_address(address) == address


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_with_a_node_killed_in_the_middle_the_answer_is_that_of_one_process(asked: Asked, nodes: Nodes) -> None:
    killed: list[Progress] = []

    def watch(progress: Progress) -> None:
        if "held-out loss" in progress.words and not killed:
            nodes.kill("other")
            killed.append(progress)

    with ray_fan(nodes.address) as fan:
        assert fan.width == 2
        ranking = asked.answer("ray", fan, watch)
    assert killed
    assert told(ranking) == told(asked.answer("alone", None))
    assert asked.probes("ray") == asked.probes("alone")


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_on_a_cluster_errors_come_back_as_they_were_and_a_deadly_task_is_told(nodes: Nodes, tmp_path: Path) -> None:
    tasks = [Plus(0, tmp_path), Plus(1, tmp_path, error=UnknownModel("resnt18")), Plus(2, tmp_path, dies=1)]
    tasks.append(Plus(3, tmp_path, dies=99))
    made: list[str] = []
    part = Part("hundred", lambda: made.append("x") or 100)
    with ray_fan(nodes.address) as fan:
        errands = [Sum(task, (part, Part(None, lambda: 1))) for task in tasks]
        outcomes = {errand.task.number: outcome for errand, outcome in fan.run(errands, Deadline(math.inf))}
        assert fan.warnings == []
    assert (outcomes[0].get()[0], outcomes[2].get()[0]) == (101, 103)
    assert made == ["x"]
    with pytest.raises(UnknownModel, match=r"^No model named 'resnt18'"):
        outcomes[1].get()
    with pytest.raises(WorkLost, match="4 processes died of it"):
        outcomes[3].get()
    assert (tmp_path / "3").read_text() == "xxxx"


def test_a_node_of_another_version_is_no_place_to_work() -> None:
    with pytest.raises(ImportError, match=r"a node has headhunt .*, the server has 0\.0\.0: install the same"):
        carry("0.0.0", 1, b"")


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_with_the_head_killed_in_the_middle_the_answer_is_the_same_and_says_so(asked: Asked, nodes: Nodes) -> None:
    killed: list[Progress] = []

    def watch(progress: Progress) -> None:
        if "held-out loss" in progress.words and not killed:
            nodes.kill("head")
            killed.append(progress)

    with ray_fan(nodes.address) as fan:
        ranking = asked.answer("headless", fan, watch)
    assert killed
    assert "on the server's own machine" in ranking.warnings[-1]
    assert told(ranking)[1:] == told(asked.answer("alone", None))[1:]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_cluster_that_asks_nobody_for_a_token_is_refused_unless_it_is_on_the_loopback(
    tmp_path: Path, nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not lets_everybody_in(nodes.address)
    with Nodes("disabled", tmp_path) as open_to_all:
        assert lets_everybody_in(open_to_all.address)
        assert checked_address(open_to_all.address)
        monkeypatch.setattr("recommender.fan_ray.is_loopback", lambda host: False)
        assert checked_address(nodes.address)
        with pytest.raises(BadValue, match="asks nobody for a token"):
            checked_address(open_to_all.address)


def test_a_cluster_that_is_not_there_costs_no_answer(asked: Asked) -> None:
    with ray_fan("127.0.0.1:1") as fan:
        ranking = asked.answer("nobody", fan)
    assert "the Ray cluster could not be used" in ranking.warnings[-1]
    assert told(ranking)[1:] == told(asked.answer("alone", None))[1:]

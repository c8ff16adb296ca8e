"""A real Ray of two nodes on the loopback: the answer is that of one process, whatever dies in the middle."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from recommender.request import Progress
from tests.recommender.asking import Asked, told

pytest.importorskip("ray", reason="Ray is not installed: pip install 'headhunt[ray]'")
from recommender.fan_ray import ray_fan  # after the question whether it can be

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
NODES = Path(__file__).parent / "ray_nodes.py"
TOKEN = "0123456789abcdef" * 4


class Nodes:
    """A head and another node, held by a process of its own, which kills them when it is told to, or left alone."""

    def __init__(self, mode: str, home: Path) -> None:
        surroundings = {**os.environ, "RAY_AUTH_MODE": mode, "RAY_AUTH_TOKEN": TOKEN, "HOME": str(home)}
        self.process = subprocess.Popen(
            [sys.executable, str(NODES)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=surroundings
        )
        self.address = self._done()

    def kill(self, node: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(node + "\n")
        self.process.stdin.flush()
        self._done()

    def _done(self) -> str:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith("done"):
                return line.removeprefix("done").strip()
        raise AssertionError("the nodes are gone")

    def __enter__(self) -> "Nodes":
        return self

    def __exit__(self, *fault: object) -> None:
        self.process.communicate(timeout=60)


@pytest.fixture
def nodes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Nodes]:
    monkeypatch.setenv("RAY_AUTH_TOKEN", TOKEN)
    with Nodes("token", tmp_path) as nodes:
        yield nodes


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    with pytest.MonkeyPatch.context() as patch:
        yield Asked(tmp_path_factory.mktemp("asked"), patch)


def test_with_a_node_killed_in_the_middle_the_answer_is_that_of_one_process(asked: Asked, nodes: Nodes) -> None:
    killed: list[Progress] = []

    def watch(progress: Progress) -> None:
        if progress.stage == "training" and "held-out loss" in progress.words and not killed:
            nodes.kill("other")
            killed.append(progress)

    with ray_fan(nodes.address) as fan:
        assert fan.width == 2
        ranking = asked.answer("ray", fan, watch)
    assert killed
    assert told(ranking) == told(asked.answer("alone", None))
    assert asked.probes("ray") == asked.probes("alone")

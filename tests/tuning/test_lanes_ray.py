"""A study whose trials run on a real Ray of two nodes on the loopback: the same losses, whatever dies in the middle."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from headhunt.progress import Progress
from tests.recommender.ray_of_two import TOKEN, Nodes
from tests.tuning.little_models import little_models, photos
from tests.tuning.test_lanes import SPACE, values
from tuning.bench import Model
from tuning.lanes import Fan
from tuning.tune import Tuned, Wish, tune
from zoo.images.samples import open_sample

pytest.importorskip("ray", reason="Ray is not installed: pip install 'headhunt[ray]'")
from recommender.fan_ray import ray_fan  # once it is known that it can be


@pytest.fixture
def nodes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Nodes]:
    monkeypatch.setenv("RAY_AUTH_TOKEN", TOKEN)
    with Nodes("token", tmp_path) as nodes:
        yield nodes


class Search:
    """One question, asked with or without a cluster. kills: nodes, when two trials have ended."""

    def __init__(self, folder: Path) -> None:
        self.zoo, self.images = little_models(folder / "home", ("test_resnet",)), photos(folder)
        self.killed: list[str] = []

    def found(self, name: str, fan: Fan | None, nodes: Nodes | None = None, *kills: str) -> Tuned:
        def watch(progress: Progress) -> None:
            if nodes is not None and kills and progress.done >= 2 and not self.killed:
                for one in kills:
                    nodes.kill(one)
                    self.killed.append(one)

        wish = Wish(trials=6, space=SPACE, algo="grid", name=name, fan=fan)
        with open_sample(self.images) as sample:
            return tune(self.zoo, sample, [Model(self.zoo.card("blank/test_resnet"))], wish, watch)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_with_a_node_killed_in_the_middle_the_losses_are_those_of_one_process(nodes: Nodes, tmp_path: Path) -> None:
    search = Search(tmp_path)
    with ray_fan(nodes.address) as fan:
        assert fan.width == 2
        there = search.found("there", fan, nodes, "other")
        assert fan.warnings == []
    assert search.killed == ["other"]
    assert values(there) == values(search.found("here", None))


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_with_the_whole_cluster_killed_in_the_middle_the_rest_is_done_here(nodes: Nodes, tmp_path: Path) -> None:
    search = Search(tmp_path)
    with ray_fan(nodes.address) as fan:
        there = search.found("there", fan, nodes, "head", "other")
        assert "on the server's own machine" in fan.warnings[-1]
    assert values(there) == values(search.found("here", None))

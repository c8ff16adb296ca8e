"""`headhunt serve --ray`: jobs fan out over a real Ray, and end all the same when it is gone."""

from pathlib import Path

import pytest

from tests.recommender.ray_of_two import TOKEN, Nodes
from tests.service.test_serve import asked, ended, home, serving

pytest.importorskip("ray", reason="Ray is not installed: pip install 'headhunt[ray]'")
__all__ = ["home"]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_job_runs_on_the_cluster_and_without_it(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_AUTH_TOKEN", TOKEN)
    with Nodes("token", tmp_path) as nodes, serving(home, "--ray", nodes.address) as (_, client):
        there = ended(client, asked(client, tmp_path, "60s"))
        nodes.kill("head")
        gone = ended(client, asked(client, tmp_path, "60s"))
    assert there["state"] == gone["state"] == "done"
    assert not any("Ray" in warning for warning in there["result"]["warnings"])
    assert any("the Ray cluster could not be used" in warning for warning in gone["result"]["warnings"])

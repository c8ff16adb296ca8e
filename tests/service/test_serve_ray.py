"""`headhunt serve --ray`: jobs fan out over a real Ray, and end all the same when it is gone."""

from pathlib import Path

import pytest

from tests.recommender.ray_of_two import TOKEN, Nodes
from tests.service.test_serve import asked, ended, home, said, serving, until

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


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_trials_of_a_tuning_run_on_the_cluster(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_AUTH_TOKEN", TOKEN)
    with Nodes("token", tmp_path) as nodes, serving(home, "--ray", nodes.address) as (_, client):
        ended(client, asked(client, tmp_path, "60s"))
        owner = said(home, "key", "create", "--role", "owner").strip()
        client.headers["Authorization"] = f"Bearer {owner}"
        (dataset,) = client.get("/api/v1/datasets").json()["items"]
        model = client.get("/api/v1/zoo/models?network=test_resnet").json()["items"][0]["id"]
        space = {"epochs": {"type": "integer", "low": 2, "high": 4}, "batch_size": 8}
        body = {"dataset": dataset["id"], "models": [model], "trials": 6, "space": space, "study": "fanned"}
        answer = client.post("/api/v1/tunings", json=body)
        assert answer.status_code == 202, answer.text
        place = f"/api/v1/jobs/{answer.json()['id']}"
        until(lambda: client.get(place).json()["state"] in ("done", "failed"))
        done = client.get(place).json()
    assert done["state"] == "done", done
    assert done["result"]["warnings"] == []
    assert [one["state"] for one in done["result"]["trials"]] == ["complete"] * 6

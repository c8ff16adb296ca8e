"""`headhunt serve` as somebody starts it: real processes, a real port on loopback, a real recommendation."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.recommender.little_zoo import REFERENCE, little_zoo, stripes

HEADHUNT = [sys.executable, "-c", "from headhunt.cli.main import run; run()"]
PATIENCE = 240.0


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("served")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADHUNT_REFERENCE", REFERENCE)
        little_zoo(place)
    return place


def said(home: Path, *words: str) -> str:
    environment = {**os.environ, "HEADHUNT_HOME": str(home)}
    done = subprocess.run([*HEADHUNT, *words], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextmanager
def serving(home: Path, *words: str) -> Iterator[tuple["subprocess.Popen[bytes]", httpx.Client]]:
    port = free_port()
    environment = {**os.environ, "HEADHUNT_HOME": str(home), "HEADHUNT_REFERENCE": REFERENCE, "OMP_NUM_THREADS": "1"}
    command = [*HEADHUNT, "serve", "--port", str(port), *words]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    key = said(home, "key", "create").strip()
    try:
        headers = {"Authorization": f"Bearer {key}"}
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=30.0) as client:
            until(lambda: answers(client))
            yield process, client
    finally:
        process.terminate()
        process.wait(240)


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def answers(client: httpx.Client) -> bool:
    try:
        return client.get("/ready").status_code == 200
    except httpx.HTTPError:
        return False


def until(true: Callable[[], bool]) -> None:
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < PATIENCE
        time.sleep(0.1)


def asked(client: httpx.Client, tmp_path: Path, budget: str) -> dict[str, Any]:
    photos = stripes(tmp_path / "photos")
    archive = subprocess.run(
        ["tar", "-cf", "-", "-C", str(photos.parent), photos.name], capture_output=True, check=True
    ).stdout
    sent = client.post("/api/v1/datasets", files={"archive": ("photos.tar", archive)}, data={"name": "photos"})
    assert sent.status_code in (200, 201), sent.text
    answer = client.post("/api/v1/recommendations", json={"dataset": "photos", "budget": budget})
    assert answer.status_code == 202, answer.text
    found: dict[str, Any] = answer.json()
    return found


def ended(client: httpx.Client, job: dict[str, Any]) -> dict[str, Any]:
    until(lambda: client.get(f"/api/v1/recommendations/{job['id']}").json()["state"] in ("done", "failed"))
    found: dict[str, Any] = client.get(f"/api/v1/recommendations/{job['id']}").json()
    return found


def test_an_upload_becomes_a_ranking_and_its_progress_can_be_followed(home: Path, tmp_path: Path) -> None:
    with serving(home) as (_, client):
        job = asked(client, tmp_path, "20s")
        with client.stream("GET", f"/api/v1/recommendations/{job['id']}/events") as stream:
            lines = list(stream.iter_lines())
    stages = {json.loads(line[6:]).get("stage") for line in lines if line.startswith("data: ")}
    assert {"domain", "features", "training"} <= stages
    told = [json.loads(line[6:]) for line in lines if line.startswith("data: ")]
    leaders = [event["leaders"] for event in told if event.get("leaders")]
    whole = json.loads(next(line[6:] for line in reversed(lines) if line.startswith("data: ")))
    assert whole["state"] == "done", whole
    ranking = whole["result"]
    assert ranking["sample"] == "photos"
    assert [one["rank"] for one in ranking["candidates"]] == [1, 2, 3, 4]
    first = [{"model": one["model"], "expected_accuracy": one["expected_accuracy"]} for one in ranking["candidates"]]
    assert leaders[-1] == first
    assert leaders[0] != first


def test_a_server_that_is_killed_loses_no_job(home: Path, tmp_path: Path) -> None:
    with serving(home) as (process, client):
        job = asked(client, tmp_path, "15s")
        until(lambda: client.get(f"/api/v1/recommendations/{job['id']}").json()["state"] == "running")
        process.send_signal(signal.SIGKILL)
        process.wait()
    with serving(home) as (_, client):
        assert ended(client, job)["state"] == "done"


def test_a_port_that_is_taken_is_told_before_anything_is_promised(home: Path) -> None:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        one.listen()
        words = ["serve", "--workers", "0", "--port", str(one.getsockname()[1])]
        environment = {**os.environ, "HEADHUNT_HOME": str(home)}
        done = subprocess.run([*HEADHUNT, *words], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Give another --port" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_users_and_projects_are_kept_by_command(home: Path) -> None:
    link = said(home, "user", "add", "kim", "--project", "default", "--role", "reader", "--url", "https://hunt.example")
    assert link.startswith("https://hunt.example/sign-in#")
    assert said(home, "user", "link", "kim").startswith("http://127.0.0.1:8765/sign-in#")
    assert "kim" in said(home, "user", "list")
    said(home, "project", "limit", "default", "5GB")
    name, _, may_keep = said(home, "project", "list").splitlines()[1].split()
    assert (name, may_keep) == ("default", "5GB")
    said(home, "project", "limit", "default", "default")
    assert "0.107TB" in said(home, "project", "list")
    said(home, "user", "remove", "kim")
    assert "kim" not in said(home, "user", "list")


def test_what_is_wrong_with_the_words_is_told_in_a_line(home: Path) -> None:
    environment = {**os.environ, "HEADHUNT_HOME": str(home)}
    for words in (
        ["serve", "--port", "70000"],
        ["serve", "--workers", "-1"],
        ["serve", "--database", "mysql://x"],
        ["key", "create", "--role", "king"],
        ["key", "create", "--days", "0"],
        ["key", "create", "--project", "a b"],
        ["user", "add", "a b"],
        ["user", "add", "kim", "--project", "nothing"],
        ["user", "remove", "nobody"],
        ["serve", "--url", "hunt.example"],
        ["serve", "--store", "ftp://x"],
        ["project", "limit", "default", "much"],
        ["project", "limit", "nothing", "5GB"],
    ):
        done = subprocess.run([*HEADHUNT, *words], env=environment, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (2, ""), words
        assert len(done.stderr.splitlines()) == 1, done.stderr

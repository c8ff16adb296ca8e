"""The commands of the README's section for a team, against a fresh home, as somebody types them: serve, a key, curl,
login, suggest."""

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.recommender.little_zoo import REFERENCE, little_zoo, stripes
from tests.service.test_serve import HEADHUNT, free_port

pytestmark = pytest.mark.slow
CURL = shutil.which("curl")


class Machine:
    """A home, a folder to stand in, and a server that it may start."""

    def __init__(self, home: Path, work: Path) -> None:
        self.home, self.work, self.port = home, work, free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        plain = {name: value for name, value in os.environ.items() if not name.startswith("HEADHUNT_")}
        self.environment = {
            **plain,
            "HEADHUNT_HOME": str(home),
            "HEADHUNT_REFERENCE": REFERENCE,
            "OMP_NUM_THREADS": "1",
        }

    def start(self) -> tuple["subprocess.Popen[str]", list[str]]:
        words = [*HEADHUNT, "serve", "--port", str(self.port)]
        server = subprocess.Popen(
            words, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert server.stdout is not None
        return server, [server.stdout.readline(), server.stdout.readline()]

    def headhunt(self, *words: str, given: str | None = None) -> "subprocess.CompletedProcess[str]":
        how: dict[str, Any] = {"env": self.environment, "cwd": self.work, "capture_output": True, "text": True}
        return subprocess.run([*HEADHUNT, *words], input=given, check=False, **how)

    def curl(self, *words: str) -> str:
        done = subprocess.run(
            [CURL or "curl", "-sS", *words], cwd=self.work, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    if CURL is None:
        pytest.skip("curl is not installed")
    home, work = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("work")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADHUNT_REFERENCE", REFERENCE)
        little_zoo(home)
    photos = stripes(work / "photos")
    shutil.make_archive(str(work / "photos"), "zip", root_dir=photos)
    one = Machine(home, work)
    server, told = one.start()
    assert one.url in told[0]
    assert f"{one.url}/sign-in#" in told[1]
    one.curl("--retry", "60", "--retry-connrefused", "--retry-delay", "1", f"{one.url}/ready")
    yield one
    server.send_signal(signal.SIGINT)
    server.wait(240)
    assert server.stdout is not None
    server.stdout.close()


@pytest.fixture(scope="module")
def key(machine: Machine) -> str:
    made = machine.headhunt("key", "create", "--project", "default")
    assert (made.returncode, made.stderr, len(made.stdout.split())) == (0, "", 1)
    return made.stdout.strip()


def test_curl_sends_a_zip_asks_and_follows(machine: Machine, key: str) -> None:
    held = ("-H", f"Authorization: Bearer {key}")
    sent = json.loads(
        machine.curl(*held, "-F", "archive=@photos.zip", "-F", "name=photos", f"{machine.url}/api/v1/datasets")
    )
    assert (sent["name"], sent["images"]) == ("photos", 120)
    asked = '{"dataset": "photos", "budget": "20s", "limits": {"max_params": 10000000}}'
    place = f"{machine.url}/api/v1/recommendations"
    answer = machine.curl(*held, "-i", "-H", "Content-Type: application/json", "-d", asked, place)
    head, _, body = answer.replace("\r\n", "\n").partition("\n\n")
    assert "202" in head.splitlines()[0]
    job = json.loads(body)
    assert f"/api/v1/recommendations/{job['id']}" in head
    events = machine.curl("-N", "--max-time", "120", *held, f"{place}/{job['id']}/events")
    assert "event: progress" in events
    assert '"leaders"' in events
    whole: dict[str, Any] = json.loads(machine.curl(*held, f"{place}/{job['id']}"))
    assert whole["state"] == "done", whole["error"]
    assert whole["result"]["candidates"]


def test_after_login_suggest_asks_the_server(machine: Machine, key: str, tmp_path: Path) -> None:
    theirs = Machine(tmp_path / "another home", machine.work)
    theirs.environment["HEADHUNT_HOME"] = str(theirs.home)
    logged = theirs.headhunt("login", machine.url, "--key", "-", given=key + "\n")
    assert logged.returncode == 0, logged.stderr
    answer = theirs.headhunt("suggest", "photos", "--server", machine.url, "--budget", "20s", "--json")
    assert answer.returncode == 0, answer.stderr
    ranking = json.loads(answer.stdout)
    assert ranking["candidates"][0]["rank"] == 1
    wrong = theirs.headhunt("suggest", "photos", "--server", machine.url, "--budget", "soon")
    assert (wrong.returncode, wrong.stdout) == (2, "")

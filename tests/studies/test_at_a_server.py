"""The SDK's studies at a real `headhunt serve`: workers and the server are killed, and nothing is lost."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

import headhunt
from headhunt.errors import BadValue, NameTaken, NotAllowed, ServerUnreachable, UnknownStudy
from headhunt.remote.transport import Server
from headhunt.studies.remote import RemoteStudy
from tests.service.conftest import own_database
from tests.service.test_serve import HEADHUNT, answers, free_port, said, until

SCRIPT = """
import sys, time
import headhunt
book, pause = sys.argv[1], float(sys.argv[2])

def objective(params):
    headhunt.report(1, params["x"])
    time.sleep(pause)
    with open(book, "a") as file:
        file.write(f"{params['x']!r}\\n")
    return params["x"]

best = headhunt.simple_fmin(objective, key=sys.argv[3])
others = [(one.state, one.reason) for one in best.trials if one.state != "complete"]
print(len(best.trials), len(best.trials) - len(others), others)
"""
SPACE = {"x": headhunt.double(0, 1), "opt": headhunt.choice("a", "b"), "n": 3}


class Served:
    """A server that can be killed and started again, on the same port and the same data."""

    def __init__(self, home: Path, *words: str) -> None:
        self.home, self.words, self.port = home, words, free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None
        self.start()
        self.key = said(home, "key", "create", "--role", "owner", *words).strip()

    def start(self) -> None:
        environment = {**os.environ, "HEADHUNT_HOME": str(self.home)}
        command = [*HEADHUNT, "serve", "--port", str(self.port), "--workers", "0", *self.words]
        self.home.mkdir(exist_ok=True)
        with (self.home / "serve.log").open("ab") as log:
            self.process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=log)
        with httpx.Client(base_url=self.url) as client:
            until(lambda: answers(client))

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        assert self.process is not None
        self.process.terminate()
        self.process.wait(240)


@contextmanager
def served(home: Path, *words: str) -> Iterator[Served]:
    one = Served(home, *words)
    try:
        yield one
    finally:
        one.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("served")) as one:
        yield one


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> list[str]:
    if request.param == "sqlite":
        return []
    named = os.environ.get("HEADHUNT_TEST_DATABASE")
    if not named:
        pytest.skip("HEADHUNT_TEST_DATABASE names no PostgreSQL")
    return ["--database", own_database(named, f"studies_{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}")]


def worker(server: Served, book: Path, pause: float, key: str, home: Path) -> subprocess.Popen[str]:
    environment = {**os.environ, "HEADHUNT_HOME": str(home), "HEADHUNT_SERVER": server.url}
    command = [sys.executable, "-c", SCRIPT, str(book), str(pause), key]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


def lines(book: Path) -> list[str]:
    return book.read_text().splitlines() if book.exists() else []


def test_workers_and_the_server_are_killed_and_it_ends_with_twenty(database: list[str], tmp_path: Path) -> None:
    with served(tmp_path / "served", *database) as server:
        study = headhunt.create_study(
            "s", SPACE, trials=20, seed=1, curtail=False, lease=2, server=server.url, key=server.key, home=tmp_path
        )
        key, book = study.key(), tmp_path / "book"
        for goal in (3, 7):
            one = worker(server, book, 0.1, key, tmp_path)
            until(lambda goal=goal: len(lines(book)) >= goal)
            one.send_signal(signal.SIGKILL)
            one.communicate()
        both = [worker(server, book, 0.1, key, tmp_path) for _ in range(2)]
        until(lambda: len(lines(book)) >= 11)
        server.kill()
        time.sleep(0.3)  # trials end while nobody hears of it
        server.start()
        for one in both:
            told, _ = one.communicate(timeout=240)
            assert told.split()[:2] == ["20", "20"], told
        facts = study.facts
        assert (facts.state, facts.count, facts.counts) == ("done", 20, {"complete": 20})
        kept = {repr(one.params["x"]) for one in study.trials}
        assert len(kept) == 20
        assert kept == set(lines(book)), "what was finished is kept, all of it"
        assert len(lines(book)) <= 20 + 2, "only the trial of a worker that was killed is run again"


def test_fmin_with_a_server_goes_on_there_and_shows_the_same_as_here(server: Served, tmp_path: Path) -> None:
    def bowl(params: dict[str, float]) -> float:
        headhunt.report(1, params["x"])
        if params["x"] > 0.9:
            raise ValueError("too far")
        return (params["x"] - 0.3) ** 2

    for trials in (8, 15):
        best = headhunt.fmin(
            bowl,
            SPACE,
            trials=trials,
            study="bowl",
            seed=0,
            workers=2,
            server=server.url,
            key=server.key,
            home=tmp_path,
        )
        assert len(best.trials) == trials
    assert best.value == min(one.value for one in best.trials if one.value is not None)
    assert best.params["n"] == 3
    assert best.trials[0].readings == {1: best.trials[0].params["x"]}
    assert all(one.reason == "ValueError: too far" for one in best.trials if one.state == "failed")
    assert set(best.importance().shares) == {"x", "opt"}
    assert {one.name for one in best.slices()} == {"x", "opt"}
    with pytest.raises(NameTaken, match="another space"):
        headhunt.fmin(bowl, {"y": SPACE["x"]}, study="bowl", server=server.url, key=server.key, home=tmp_path)
    with pytest.raises(UnknownStudy):
        headhunt.fmin(bowl, study="none", server=server.url, key=server.key, home=tmp_path)
    with pytest.raises(BadValue, match="Give one"):
        headhunt.fmin(bowl, SPACE, server=server.url, key=server.key, home=tmp_path)


def test_a_study_is_made_paused_and_stopped_from_code(server: Served, tmp_path: Path) -> None:
    where = {"server": server.url, "home": tmp_path}
    study = headhunt.create_study("coded", SPACE, trials=5, key=server.key, **where)
    study.pause()
    assert study.state == "paused"
    study.resume(trials=6)
    best = headhunt.simple_fmin(lambda params: params["x"], key=study.key(days=1), **where)
    assert (len(best.trials), study.state) == (6, "done")
    assert study.best is not None
    assert study.best.value == best.value
    with pytest.raises(NotAllowed):
        headhunt.create_study("another", SPACE, key=study.key(), **where)
    with pytest.raises(BadValue, match="Name the study"):
        headhunt.simple_fmin(len, key=server.key, **where)
    assert len(headhunt.simple_fmin(len, key=server.key, study="coded", **where).trials) == 6
    assert len(headhunt.fmin(len, key=study.key(), study="coded", **where).trials) == 6, "its budget is not the key's"
    study.delete()
    with pytest.raises(UnknownStudy):
        _ = study.state


def test_a_server_that_is_not_there_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(ServerUnreachable):
        headhunt.simple_fmin(len, key="hh_a_b", server=f"http://127.0.0.1:{free_port()}", home=tmp_path)


def test_a_trial_that_was_taken_for_lost_is_run_again_and_not_told_as_stopped(server: Served, tmp_path: Path) -> None:
    study = headhunt.create_study(
        "silent", SPACE, trials=2, lease=1, server=server.url, key=server.key, home=tmp_path
    )  # fmt: skip
    with Server(server.url, server.key) as one:
        one.greet()
        workers = [RemoteStudy(one, study.facts) for _ in range(4)]
        held = [workers[0].ask(), workers[1].ask()]
        for silent in workers[:2]:
            silent.close()
        again = workers[2].ask()
        assert again is not None
        (who,) = [i for i, trial in enumerate(held) if trial is not None and trial.params != again.params]
        late = held[who]
        assert late is not None
        assert workers[who].report(late, 1, 0.5) == late.ended
        workers[who].tell_stopped(late, "no longer ours")
        last = workers[3].ask()
        assert last is not None
        assert last.params == late.params
        for loud in workers[2:]:
            loud.close()


def test_a_stopped_study_ends_a_trial_that_runs(server: Served, tmp_path: Path) -> None:
    where = {"server": server.url, "key": server.key, "home": tmp_path}
    study = headhunt.create_study("stopped", SPACE, trials=5, lease=3, **where)

    def forever(params: dict[str, float]) -> float:
        study.stop()
        for step in range(1000):
            headhunt.report(step, 1.0)
            time.sleep(0.01)
        return 0.0

    with pytest.raises(headhunt.HeadhuntError, match="No trial ended with a number"):
        headhunt.simple_fmin(forever, study="stopped", **where)
    assert [one.reason for one in study.trials] == ["The study was stopped."]


def test_without_a_server_a_study_of_the_home_is_named(tmp_path: Path) -> None:
    study = headhunt.create_study("mine", SPACE, trials=4, home=tmp_path, server="local")
    assert (study.state, study.key()) == ("running", "mine")
    best = headhunt.simple_fmin(lambda params: params["x"], key="mine", home=tmp_path, server="local")
    assert (len(best.trials), study.state, len(study.trials)) == (4, "done", 4)
    study.resume(trials=5)
    study.pause()
    assert study.state == "paused"
    again = headhunt.simple_fmin(lambda params: params["x"], key="mine", timeout=1, home=tmp_path, server="local")
    assert len(again.trials) == 4, "it waits while it is paused"
    study.stop()
    assert len(headhunt.simple_fmin(len, key="mine", home=tmp_path, server="local").trials) == 4
    study.resume()
    assert len(headhunt.simple_fmin(lambda params: 1, key="mine", home=tmp_path, server="local").trials) == 5
    study.delete()
    with pytest.raises(UnknownStudy, match="of this home"):
        headhunt.simple_fmin(len, key="mine", home=tmp_path, server="local")


def test_a_servers_key_without_a_server_says_so_and_is_not_told_in_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HEADHUNT_SERVER", raising=False)
    key = f"hh_{'0123456789abcdef'}_{'s' * 43}"
    with pytest.raises(BadValue, match="is one of a server, and none is asked") as told:
        headhunt.simple_fmin(len, key=key, home=tmp_path)
    assert "sss" not in str(told.value)

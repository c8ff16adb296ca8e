"""A training and a real server: what was told there is what the server answers."""

import math
from collections.abc import Iterator
from pathlib import Path

import pytest

from headhunt.track.wire import Curve, Metric, Run, RunFile
from headhunt.wire import Page
from tests.sdk.servers import Running, running, said, until
from tests.sdk.trainings import surroundings, the_place, trained

CODE = """
with headhunt.init(project="flowers", name="far", intent="lower?", tags=["baseline"]) as run:
    headhunt.config(epochs=20, optimiser={"lr": 1e-3})
    for step in range(300): headhunt.log(loss=1.0 / (step + 1), bad=float("nan"))
    headhunt.log(words="kept")
    headhunt.log(many=None)
    run.summary["best"] = 0.5
    print("hello from there")
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("runs") / "home", workers=0) as one:
        yield one


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


def check(server: Running, run: str) -> None:
    with server.server() as there:
        found = there.ask("GET", f"/runs/{run}", Run)
        assert (found.state, found.experiment, found.name, found.intent) == ("finished", "flowers", "far", "lower?")
        assert (found.params, found.summary) == ({"epochs": 20, "optimiser.lr": 1e-3}, {"best": 0.5})
        assert "baseline" in found.tags
        assert found.facts["code"]["command"]
        assert found.facts["environment"]["python"]
        assert any("'many' was given a NoneType" in words for words in found.marks)
        curve = there.ask("GET", f"/runs/{run}/curves?metric=loss", Page[Curve]).items[0]
        assert (curve.count, curve.values[-1], curve.steps[-1]) == (300, 1 / 300, 299)
        bad = next(one for one in there.ask("GET", f"/runs/{run}/metrics", Page[Metric]).items if one.name == "bad")
        assert (bad.count, math.isnan(float(bad.last))) == (300, True)
        files = {one.path: one for one in there.ask("GET", f"/runs/{run}/files", Page[RunFile]).items}
        with there.opened("GET", f"/runs/{run}/files/{files['text/words.txt'].digest}") as answer:
            assert answer.read() == b"kept"
        with there.opened("GET", f"/runs/{run}/console") as answer:
            assert b"hello from there" in answer.read()


def test_a_training_at_a_real_server_is_there_when_it_ends(server: Running, home: Path) -> None:
    done = trained(CODE, home, HEADHUNT_SERVER=server.url, HEADHUNT_API_KEY=server.key)
    assert "headhunt sync" not in done.stderr
    run = the_place(home).id
    until(lambda: the_place(home).arrived(server.url))
    check(server, run)


def test_runs_without_a_server_are_brought_by_sync_and_only_once(server: Running, home: Path) -> None:
    trained(CODE, home)
    run = the_place(home).id
    there = {"HEADHUNT_SERVER": server.url, "HEADHUNT_API_KEY": server.key}
    done = said(home, "sync", **there)
    assert (done.returncode, done.stdout) == (0, f"1 run brought to {server.url}, 0 there already.\n"), done.stderr
    check(server, run)
    again = said(home, "sync", **there)
    assert again.stdout == f"0 runs brought to {server.url}, 1 there already.\n"
    check(server, run)


def test_sync_without_a_server_says_what_would_do(home: Path) -> None:
    assert surroundings(home)["HEADHUNT_HOME"] == str(home)
    done = said(home, "sync")
    assert done.returncode == 2
    assert "headhunt login URL" in done.stderr


def test_a_killed_server_loses_no_point_and_doubles_none(server: Running, home: Path) -> None:
    code = """
    import subprocess
    headhunt.init()
    for step in range(3000):
        headhunt.log(loss=float(step)); time.sleep(0.001)
        if step == 500: print("going", flush=True)
    """
    from tests.sdk.trainings import training

    process = training(code, home, HEADHUNT_SERVER=server.url, HEADHUNT_API_KEY=server.key, HEADHUNT_LINGER="60")
    assert process.stdout.readline() == "going\n"
    server.kill()
    server.start()
    process.communicate(timeout=240)
    place = the_place(home)
    until(lambda: place.arrived(server.url))
    with server.server() as there:
        curve = there.ask("GET", f"/runs/{place.id}/curves?metric=loss&points=10000", Page[Curve]).items[0]
    assert curve.values == tuple(float(step) for step in range(3000))


def test_a_server_takes_the_runs_of_its_own_home_those_before_it_and_those_beside_it(home: Path) -> None:
    """None of them knows of a server."""
    loop = "for step in range(3000): headhunt.log(loss=float(step))"
    code = f"run = headhunt.init(project='flowers', name=NAME); headhunt.config(lr=0.1); {{}}\n{loop}\nrun.finish()"
    open_and_save = "open('w.bin', 'wb').write(b'x' * 100_000); run.save('w.bin')"
    trained(f"NAME = 'before'; {code.format(open_and_save)}", home)
    with running(home, workers=0) as one:
        trained(f"NAME = 'beside'; {code.format(open_and_save)}", home)
        with one.server() as there:

            def ended() -> bool:
                found = there.ask("GET", "/runs?query=state%20%3D%20'finished'", Page[Run]).items
                return {run.name for run in found} == {"before", "beside"}

            until(ended)
            for run in there.ask("GET", "/runs", Page[Run]).items:
                assert (run.experiment, run.params) == ("flowers", {"lr": 0.1})
                curve = there.ask("GET", f"/runs/{run.id}/curves?metric=loss&points=10000", Page[Curve]).items[0]
                assert curve.values == tuple(float(step) for step in range(3000))
                (file,) = there.ask("GET", f"/runs/{run.id}/files", Page[RunFile]).items
                with there.opened("GET", f"/runs/{run.id}/files/{file.digest}") as answer:
                    assert answer.read() == b"x" * 100_000

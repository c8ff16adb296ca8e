"""`headhunt study`, in the home of a machine and at a server; programs as objectives."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from headhunt.cli.main import main
from headhunt.studies.command import filled
from tests.service.test_serve import HEADHUNT, until
from tests.studies.test_at_a_server import Served, server as server
from tuning.study import known

SPACE = json.dumps(
    {
        "x": {"type": "double", "low": 0, "high": 1},
        "opt": {"type": "choice", "values": ["a", "b"]},
        "n": {"type": "fixed", "value": 3},
    }
)
REPORTING = """
import json, os, sys
import headhunt
params = json.loads(os.environ["HEADHUNT_PARAMS"])
assert sys.argv[1] == f"--x={params['x']}", sys.argv
for step in (1, 2):
    headhunt.report(step, params["x"] + step)
headhunt.report(loss=params["x"])
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HEADHUNT_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("HEADHUNT_SERVER", raising=False)
    return tmp_path / "home"


def said(capfd: pytest.CaptureFixture[str], *words: str, code: int = 0) -> str:
    capfd.readouterr()
    done = main(["study", *words])
    out, err = capfd.readouterr()
    assert done == code, err
    return out if code == 0 else err


def program(tmp_path: Path, text: str) -> list[str]:
    (tmp_path / "train.py").write_text(text)
    return ["--", sys.executable, str(tmp_path / "train.py")]


def test_a_study_of_this_home_is_added_worked_on_shown_and_removed(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert "No studies" in said(capfd, "list")
    space = tmp_path / "space.json"
    space.write_text(SPACE)
    assert "first is running, with tpe" in said(
        capfd, "add", "first", "--space", str(space), "--trials", "4", "--seed", "0", "--algo", "tpe"
    )
    said(capfd, "pause", "first")
    assert "paused" in said(capfd, "list")
    assert "first is running." in said(capfd, "resume", "first", "--trials", "5")
    said(capfd, "worker", "first", *program(tmp_path, REPORTING), "--x={x}")
    shown = json.loads(said(capfd, "show", "first", "--json"))
    assert (shown["state"], shown["counts"]) == ("done", {"complete": 5})
    trials = known(tmp_path / "home", "first").trials()
    assert [one.value for one in trials] == [one.params["x"] for one in trials], "the last word holds"
    assert trials[0].readings == {1: trials[0].params["x"] + 1, 2: trials[0].params["x"] + 2}
    table = said(capfd, "export", "first").splitlines()
    assert (len(table), table[0]) == (6, "number,state,value,seconds,params.x,params.opt,params.n,reason,worker,run")
    said(capfd, "export", "first", "--format", "json", "--out", str(tmp_path / "all.json"))
    assert len(json.loads((tmp_path / "all.json").read_text())["trials"]) == 5
    assert "best" in said(capfd, "show", "first")
    assert "first is removed" in said(capfd, "delete", "first")
    assert "No study named 'first'" in said(capfd, "show", "first", code=2)


@pytest.mark.parametrize(
    ("text", "state", "value", "why"),
    [
        ("print('loss = 0.9'); print('loss=0.25'); print('done')", "complete", 0.25, ""),
        ("import headhunt; headhunt.report(1, 0.5)", "complete", 0.5, ""),
        ("import headhunt; headhunt.report(1, 0.5); print('loss=1e-3')", "complete", 0.001, ""),
        ("print('nothing')", "failed", None, "told no loss"),
        ("print('loss=nan')", "failed", None, "returned nan"),
        ("import sys; print('loss=1'); sys.exit('no room left')", "failed", None, "exit status 1: no room left"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "failed", None, "killed by SIGKILL"),
        ("import time; time.sleep(60)", "failed", None, "had not ended after 1 s"),
        ("import headhunt; headhunt.report('x', 1)", "failed", None, "The step is 'x'"),
    ],
)
def test_what_a_program_tells_and_how_it_ends_is_the_trial(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], text: str, state: str, value: float | None, why: str
) -> None:
    said(capfd, "add", "s", "--space", SPACE, "--trials", "1")
    limit = ("--trial-timeout", "1") if "sleep" in text else ()
    said(capfd, "worker", "s", *limit, *program(tmp_path, text), code=0 if value is not None else 2)
    (trial,) = known(tmp_path / "home", "s").trials()
    assert (trial.state, trial.value) == (state, value)
    assert why in trial.reason


def test_the_worker_says_which_trials_failed_and_what_was_best(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    said(
        capfd, "add", "s", "--space", '{"n": {"type": "integer", "low": 1, "high": 2}, "opt": "sgd"}', "--algo", "grid"
    )
    text = "import os; print('loss=0.5' if '\"n\":1' in os.environ['HEADHUNT_PARAMS'].replace(' ', '') else 'lost=1')"
    assert main(["study", "worker", "s", *program(tmp_path, text)]) == 0
    told = capfd.readouterr().err
    assert re.search(r"headhunt: trial [01] failed: The program told no loss", told)
    assert "s is done: best 0.5 with n 1, opt sgd" in told


def test_resuming_what_has_had_its_trials_says_what_would_do(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    said(capfd, "add", "s", "--space", SPACE, "--trials", "1")
    said(capfd, "worker", "s", *program(tmp_path, "print('loss=1')"))
    assert "s is done: what it may spend (1 trials) is spent. More, in all: --trials N" in said(capfd, "resume", "s")
    assert "s is running." in said(capfd, "resume", "s", "--trials", "2")


def test_arguments_are_filled_in_and_those_of_absent_parameters_left_out() -> None:
    words = ["train", "--lr={lr}", "{opt}", "--m={momentum}", '{"a": 1}', "{other}", "{lr}-{opt}"]
    found = filled(words, {"lr": 0.001, "opt": "sgd"}, ("lr", "opt", "momentum"))
    assert found == ["train", "--lr=0.001", "sgd", '{"a": 1}', "{other}", "0.001-sgd"]


def test_what_is_wrong_with_the_words_is_told_in_a_line(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    said(capfd, "add", "s", "--space", SPACE)
    for words, what in (
        (("worker", "s"), "Say which program"),
        (("worker", "s", "--", "no-such-program"), "no program 'no-such-program'"),
        (("worker", "t", "--", "true"), "No study named 't'"),
        (("worker", "s", "--workers", "0", "--", "true"), "--workers"),
        (("add", "s", "--space", '{"y": {"type": "double", "low": 0, "high": 1}}'), "another space"),
        (("add", "t", "--space", "{}"), "empty"),
        (("add", "t", "--space", "nowhere.json"), "is no file that can be read"),
        (("add", "t", "--space", '{"x": {"type": "double", "low": 2, "high": 1}}'), "low"),
        (("add", "t", "--space", SPACE, "--trials", "0"), "--trials"),
        (("add", "../t", "--space", SPACE), "named"),
        (("export", "s", "--format", "xml"), "--format"),
        (("key", "s"), "needs no key"),
        (("pause", "nothing"), "No study named"),
    ):
        told = said(capfd, *words, code=2)
        assert what in told, (words, told)
        assert len(told.splitlines()) == 1, told


def test_a_program_dies_with_its_worker_and_its_trial_comes_again(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    said(capfd, "add", "s", "--space", SPACE, "--trials", "1", "--seed", "0")
    sleeping = f"import os, time; open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    one = subprocess.Popen([*HEADHUNT, "study", "worker", "s", *program(tmp_path, sleeping)])
    until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text() != "")
    pid = int((tmp_path / "pid").read_text())
    assert alive(pid)
    one.send_signal(signal.SIGKILL)
    one.wait()
    until(lambda: not alive(pid))
    said(capfd, "worker", "s", *program(tmp_path, "print('loss=1')"))
    (trial,) = known(tmp_path / "home", "s").trials()
    assert trial.state == "complete"


def alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False


def test_the_same_commands_at_a_server(
    server: Served, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADHUNT_SERVER", server.url)
    monkeypatch.setenv("HEADHUNT_API_KEY", server.key)
    said(capfd, "add", "there", "--space", SPACE, "--trials", "3", "--private")
    key = said(capfd, "key", "there", "--days", "1").strip()
    assert "there" in said(capfd, "list")
    said(capfd, "pause", "there")
    said(capfd, "resume", "there", "--trials", "4")
    monkeypatch.delenv("HEADHUNT_API_KEY")
    said(capfd, "worker", "there", "--key", key, "--workers", "2", *program(tmp_path, REPORTING), "--x={x}")
    monkeypatch.setenv("HEADHUNT_API_KEY", server.key)
    shown = json.loads(said(capfd, "show", "there", "--json"))
    assert (shown["state"], shown["counts"], shown["private"]) == ("done", {"complete": 4}, True)
    assert len(said(capfd, "export", "there").splitlines()) == 5
    said(capfd, "stop", "there")
    said(capfd, "delete", "there")
    assert "No study named" in said(capfd, "show", "there", code=2)


def test_ctrl_c_ends_the_program_and_gives_its_trial_back(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    said(capfd, "add", "s", "--space", SPACE, "--trials", "1")
    sleeping = f"import os, time; open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    one = subprocess.Popen([*HEADHUNT, "study", "worker", "s", *program(tmp_path, sleeping)], stderr=subprocess.PIPE)
    until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text() != "")
    os.kill(one.pid, signal.SIGINT)
    one.communicate(timeout=240)
    assert one.returncode == 130
    assert not alive(int((tmp_path / "pid").read_text()))
    assert known(tmp_path / "home", "s").count() == 0

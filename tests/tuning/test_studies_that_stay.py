"""Studies with a name: they go on after a kill at any moment, without a trial lost or run again."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import headhunt
from headhunt.errors import BadValue, BrokenJournal, InUse, NotWritten, UnknownStudy
from headhunt.spaces import from_json, to_json
from headhunt.studies.sheets import as_csv
from headhunt.studies.shelves import shelf_of
from tests.tuning.objectives import BOWL, bowl
from tuning.journal import JOURNAL, QUESTION, TURN, KernelLock, locked, shelf
from tuning.study import Wanted, known, names, opened

SCRIPT = """
import os, sys, time
import headhunt
book, pause = sys.argv[1], float(sys.argv[2])

def objective(params):
    headhunt.report(1, params["x"])
    time.sleep(pause)
    with open(book, "a") as file:
        file.write(f"{params['x']!r}\\n")
    return params["x"]

best = headhunt.fmin(objective, {"x": headhunt.double(0, 1)}, trials=20, study="s", seed=1, curtail=False)
print(len(best.trials), len([one for one in best.trials if one.state == "complete"]))
"""


def started(home: Path, book: Path, pause: float) -> subprocess.Popen[str]:
    environment = {**os.environ, "HEADHUNT_HOME": str(home)}
    command = [sys.executable, "-c", SCRIPT, str(book), str(pause)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


def lines(book: Path) -> list[str]:
    return book.read_text().splitlines() if book.exists() else []


def test_a_study_that_is_killed_goes_on_and_ends_with_twenty(tmp_path: Path) -> None:
    book = tmp_path / "book"
    for goal in (4, 11):
        process = started(tmp_path, book, 0.05)
        while len(lines(book)) < goal and process.poll() is None:
            time.sleep(0.005)
        process.kill()
        process.communicate()
    told, _ = started(tmp_path, book, 0).communicate(timeout=240)
    assert told.split() == ["20", "20"]
    done = lines(book)
    assert len(set(done)) == 20
    assert len(done) <= 22, "at most the one that was cut off at each kill is run again"
    assert not list((tmp_path / "studies" / "s" / "workers").iterdir())


def test_two_processes_share_a_study_and_neither_runs_the_others_trials(tmp_path: Path) -> None:
    book = tmp_path / "book"
    both = [started(tmp_path, book, 0.02) for _ in range(2)]
    for process in both:
        process.communicate(timeout=240)
        assert process.returncode == 0
    assert len(lines(book)) == len(set(lines(book))) == 20


def test_half_a_line_at_the_end_of_a_journal_is_cut_off(tmp_path: Path) -> None:
    headhunt.fmin(bowl, BOWL, trials=5, study="s", home=tmp_path)
    journal = tmp_path / "studies" / "s" / JOURNAL
    with journal.open("ab") as file:
        file.write(b'{"op_code":4,"worker_')
    assert len(headhunt.fmin(bowl, BOWL, trials=8, study="s", home=tmp_path).trials) == 8
    assert len(known(tmp_path, "s").trials()) == 8


def test_locks_are_let_go_though_a_child_was_forked_while_they_were_held(tmp_path: Path) -> None:
    """As by `trial_timeout` in one thread, while another one writes."""
    place = shelf(tmp_path, "s")
    journal = KernelLock(tmp_path / "studies" / "s" / JOURNAL)
    journal.journal.touch()
    journal.acquire()
    with place.turn():
        child = multiprocessing.get_context("fork").Process(target=time.sleep, args=(60,))
        child.start()
    journal.release()
    try:
        for path in (tmp_path / "studies" / "s" / TURN, journal.path):
            os.close(locked(path, wait=False))
    finally:
        child.kill()
        child.join()


def test_a_study_that_has_enough_runs_nothing_more(tmp_path: Path) -> None:
    first = headhunt.fmin(bowl, BOWL, trials=6, study="s", home=tmp_path)

    def never(params: dict[str, Any]) -> float:
        raise AssertionError

    again = headhunt.fmin(never, BOWL, trials=6, study="s", home=tmp_path)
    assert [one.params for one in again.trials] == [one.params for one in first.trials]
    assert again.value == first.value


@pytest.mark.parametrize("algo", ["tpe", "random", "qmc", "basinhopping", "cmaes"])
def test_a_study_that_goes_on_tries_new_points(algo: str, tmp_path: Path) -> None:
    for trials in (5, 10, 15):
        best = headhunt.fmin(bowl, {**BOWL, "n": 0}, algo=algo, trials=trials, study="s", seed=2, home=tmp_path)
    assert len({one.params["x"] for one in best.trials}) == 15


def test_starts_are_tried_once_however_often_the_study_goes_on(tmp_path: Path) -> None:
    for trials in (1, 2, 4):
        start = [{"x": 1.0, "n": 0}, {"x": 2.0, "n": 1}]
        best = headhunt.fmin(bowl, BOWL, trials=trials, study="s", start=start, home=tmp_path)
    assert [one.params["x"] for one in best.trials][:2] == [1.0, 2.0]
    assert len({one.params["x"] for one in best.trials}) == 4


def test_another_space_or_direction_under_the_same_name_is_refused(tmp_path: Path) -> None:
    headhunt.fmin(bowl, BOWL, trials=1, study="s", home=tmp_path)
    with pytest.raises(BadValue, match="another space"):
        headhunt.fmin(bowl, {**BOWL, "z": 1}, trials=2, study="s", home=tmp_path)
    with pytest.raises(BadValue, match="is to minimize"):
        headhunt.fmin(bowl, BOWL, trials=2, study="s", direction="maximize", home=tmp_path)
    assert len(headhunt.fmin(bowl, trials=2, study="s", home=tmp_path).trials) == 2, "the space may be left out"


def test_a_study_that_is_not_there_is_named_with_those_that_are(tmp_path: Path) -> None:
    headhunt.fmin(bowl, BOWL, trials=1, study="flowers", home=tmp_path)
    assert names(tmp_path) == ["flowers"]
    with pytest.raises(UnknownStudy, match="Did you mean 'flowers'"):
        known(tmp_path, "flower")


def test_trials_are_told_in_any_order_and_twice_without_harm(tmp_path: Path) -> None:
    study = opened(tmp_path, Wanted(space=dict(BOWL), name="s", seed=0))
    first, second, third = (study.ask() for _ in range(3))
    assert first is not None
    assert second is not None
    assert third is not None
    study.tell_value(third, 3.0)
    study.tell_failed(first, "It was wet.")
    study.tell_value(first, 1.0)
    study.free(second)
    again = study.ask()
    assert again is not None
    assert again.params == second.params
    study.tell_value(second, 9.0)
    study.tell_value(again, 2.0)
    study.close()
    assert [(one.state, one.value) for one in study.trials()] == [
        ("failed", None),
        ("complete", 3.0),
        ("complete", 2.0),
    ]


INTERRUPTED = """
import os, signal, sys, time
import headhunt
def objective(params):
    if params["n"] == 3:
        print("now", flush=True)
        for step in range(1000):
            time.sleep(0.01)
            headhunt.report(step, 1.0)
    return float(params["n"])
best = headhunt.fmin(objective, {"n": headhunt.integer(0, 9)}, trials=3, study="s", workers=int(sys.argv[1]),
    start=[{"n": 5}, {"n": 4}, {"n": 3}])
print(best.interrupted, best.value, [one.params["n"] for one in best.trials], flush=True)
"""


@pytest.mark.parametrize("workers", [1, 2])
def test_ctrl_c_ends_with_the_best_so_far_and_the_trial_comes_again(workers: int, tmp_path: Path) -> None:
    environment = {**os.environ, "HEADHUNT_HOME": str(tmp_path)}
    command = [sys.executable, "-c", INTERRUPTED, str(workers)]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "now\n"
    while len([one for one in known(tmp_path, "s").trials() if one.state == "complete"]) < 2:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    told, _ = process.communicate(timeout=240)
    assert told == "True 4.0 [5, 4]\n"
    best = headhunt.fmin(lambda p: p["n"], trials=3, study="s", home=tmp_path)
    assert [one.params["n"] for one in best.trials] == [5, 4, 3]
    assert best.value == 3


@pytest.mark.parametrize("workers", [1, 2])
def test_ctrl_c_that_the_child_hears_first_gives_its_trial_back(workers: int, tmp_path: Path) -> None:
    """A terminal tells all processes at once."""

    def hit(params: dict[str, Any]) -> float:
        if params["n"] == 3:
            os.kill(os.getpid(), signal.SIGINT)
        return float(params["n"])

    space, start = {"n": headhunt.integer(0, 9)}, [{"n": 5}, {"n": 3}]
    best = headhunt.fmin(
        hit, space, trials=2, study="s", start=start, home=tmp_path, trial_timeout="1h", workers=workers
    )
    assert best.interrupted
    assert best.value == 5
    best = headhunt.fmin(lambda params: params["n"], space, trials=2, study="s", home=tmp_path)
    assert [one.params["n"] for one in best.trials] == [5, 3]


DEADLY = """
import os
import headhunt
def objective(params):
    if params["n"] == 1:
        os.kill(os.getpid(), 9)
    return float(params["n"])
best = headhunt.fmin(objective, {"n": headhunt.integer(0, 2)}, trials=3, study="s", algo="grid", start={"n": 1})
print([(one.params["n"], one.state, one.reason) for one in best.trials])
"""


def test_a_trial_that_kills_whoever_runs_it_fails_in_the_end_and_the_study_lives(tmp_path: Path) -> None:
    for _ in range(5):
        command = [sys.executable, "-c", DEADLY]
        died = subprocess.run(command, env={**os.environ, "HEADHUNT_HOME": str(tmp_path)}, check=False)
        assert died.returncode == -9
    told = subprocess.run(
        command, env={**os.environ, "HEADHUNT_HOME": str(tmp_path)}, check=True, capture_output=True, text=True
    )
    assert "(1, 'failed', '5 processes died while they ran it, killed or out of memory.')" in told.stdout
    assert told.stdout.count("complete") == 2


def test_a_space_is_the_same_however_its_numbers_were_written(tmp_path: Path) -> None:
    """In a file 0 is read as 0.0."""
    opened(tmp_path, Wanted(space=dict(from_json(to_json(BOWL))), name="s", trials=2)).close()
    assert len(headhunt.fmin(bowl, BOWL, trials=2, study="s", home=tmp_path).trials) == 2


def test_a_study_that_never_began_or_is_damaged_hides_no_other(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("good", "bad"):
        headhunt.fmin(bowl, BOWL, trials=2, study=name, home=tmp_path)
    journal = tmp_path / "studies" / "bad" / JOURNAL
    journal.write_bytes(b"\0\n" + journal.read_bytes())
    (tmp_path / "studies" / "new").mkdir()
    (tmp_path / "studies" / "new" / JOURNAL).touch()
    shelf_here = shelf_of(None, tmp_path)
    assert [one.name for one in shelf_here.all()] == ["good"]
    assert "cannot be read" in caplog.text
    with pytest.raises(UnknownStudy, match="had not begun"):
        shelf_here.get("new")
    with pytest.raises(BrokenJournal, match="Take another name"):
        headhunt.fmin(bowl, BOWL, trials=4, study="bad", home=tmp_path)
    assert len(headhunt.fmin(bowl, BOWL, trials=2, study="new", home=tmp_path).trials) == 2


def test_a_study_of_fmin_is_done_when_its_trials_are_and_gives_no_more(tmp_path: Path) -> None:
    shelf_here = shelf_of(None, tmp_path)
    for trials in (3, 5):
        headhunt.fmin(bowl, BOWL, trials=trials, study="s", home=tmp_path)
        assert (shelf_here.get("s").state, shelf_here.get("s").trials) == ("done", trials)
        assert len(headhunt.simple_fmin(bowl, key="s", home=tmp_path).trials) == trials
    headhunt.create_study("g", {"n": headhunt.choice(1, 2)}, algo="grid", home=tmp_path)
    headhunt.simple_fmin(lambda params: params["n"], key="g", home=tmp_path)
    assert shelf_here.get("g").state == "done", "there are no other points"


def test_of_several_aims_the_best_within_the_limits_is_shown_and_all_are_exported(tmp_path: Path) -> None:
    def weighed(params: dict[str, Any]) -> dict[str, Any]:
        return {"losses": {"right": params["n"], "slow": params["n"]}, "memory": params["n"]}

    aims, limits = {"right": "maximize", "slow": "minimize"}, {"memory": 2}
    space = {"n": headhunt.choice(1, 2, 3)}
    headhunt.fmin(weighed, space, trials=3, study="s", algo="grid", aims=aims, limits=limits, home=tmp_path)
    shelf_here = shelf_of(None, tmp_path)
    one, trials = shelf_here.get("s"), shelf_here.trials("s")
    assert one.best is not None
    assert one.best.params == {"n": 2}
    head, *rows = as_csv(one, trials).decode().splitlines()
    assert head.startswith("number,state,value,seconds,values.right,values.slow,measured.memory,params.n")
    assert {row.split(",")[6] for row in rows} == {"1.0", "2.0", "3.0"}
    assert len(headhunt.simple_fmin(weighed, key="s", home=tmp_path).trials) == 3


def test_trials_of_a_tuning_are_given_to_nobody_else(tmp_path: Path) -> None:
    opened(tmp_path, Wanted(space=dict(BOWL), name="s", trials=2)).close()
    (tmp_path / "studies" / "s" / QUESTION).write_text('{"question": "which?"}')
    with pytest.raises(InUse, match="a tuning's"):
        headhunt.simple_fmin(bowl, key="s", home=tmp_path)


def test_a_disk_that_takes_nothing_is_said_in_words_and_no_trial_that_ended_is_lost(tmp_path: Path) -> None:
    (tmp_path / "studies").touch()
    with pytest.raises(NotWritten, match="Check its permissions"):
        headhunt.fmin(bowl, BOWL, trials=2, study="s", home=tmp_path)
    (tmp_path / "studies").unlink()
    lock = tmp_path / "studies" / "s" / "journal.log.lock"

    def closes(params: dict[str, Any]) -> float:
        if headhunt.trials.number() == 2:
            lock.unlink()
            lock.mkdir()
        return bowl(params)

    with pytest.raises(NotWritten, match="Check its permissions"):
        headhunt.fmin(closes, BOWL, trials=4, study="s", home=tmp_path)
    lock.rmdir()
    assert [one.state for one in headhunt.fmin(bowl, BOWL, trials=4, study="s", home=tmp_path).trials] == [
        "complete"
    ] * 4

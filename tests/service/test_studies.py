"""Studies over HTTP: asked, told, paused, freed when a worker dies. On both databases."""

from typing import Any

import pytest

from service.database import Database
from service.tables import study_trials
from tests.service.asking import Client
from tests.service.studying import SPACE, STUDIES, Worker, problem, silence


@pytest.fixture
def worker(client: Client, keys: dict[str, str]) -> Worker:
    return Worker(client, keys["member"])


def test_a_study_is_made_asked_told_and_done(worker: Worker, client: Client) -> None:
    made = worker.make()
    assert made.status_code == 201
    assert made.headers["location"] == f"{STUDIES}/{made.json()['id']}"
    values = []
    for i in range(6):
        given = worker.ask(worker="w1")
        trial = given["trial"]
        assert ("momentum" in trial["params"]) == (trial["params"]["opt"] == "sgd")
        assert trial["params"]["epochs"] == 3
        assert worker.read(trial, 1, 2.0).json() == {"stop": False, "why": ""}
        values.append(trial["params"]["x"] ** 2)
        told = worker.tell(trial, **({"value": values[-1]} if i % 2 else {"loss": values[-1], "status": "ok"}))
        assert (told.json()["state"], told.json()["value"]) == ("complete", values[-1])
    shown = worker.shown()
    assert (shown["state"], shown["count"], shown["counts"]) == ("done", 6, {"complete": 6})
    assert shown["best"]["value"] == min(values)
    assert shown["spent"] > 0
    assert worker.ask() == {"state": "done", "trial": None, "retry_s": None, "why": ""}
    assert [one["number"] for one in worker.trials()] == list(range(6))
    assert worker.trials()[0]["readings"] == {"1": 2.0}
    assert worker.trials()[0]["worker"] == "w1"


def test_a_study_without_trials_shows_none(worker: Worker) -> None:
    worker.make()
    answer = worker.get("/bowl/trials")
    assert (answer.status_code, answer.json()) == (200, {"items": [], "next": None})


def test_each_trial_is_a_run_with_its_curve_below_the_run_of_its_study(worker: Worker) -> None:
    study = worker.make().json()
    for _ in range(5):
        trial = worker.ask()["trial"]
        for step in (1, 2):
            worker.read(trial, step, 1 / step)
        worker.tell(trial, value=0.25)
    failed = worker.ask()["trial"]
    worker.tell(failed, status="fail", why="It was wet.")
    asked = lambda path: worker.client.get(f"/api/v1/runs{path}", headers=worker.headers).json()  # noqa: E731
    runs = asked("?experiment=bowl")["items"]
    assert len(runs) == 7
    mine = asked(f"/{trial['run']}")
    assert (mine["state"], mine["parent"], mine["params"]) == ("finished", study["id"], trial["params"])
    assert (mine["summary"], mine["metrics"]) == ({"loss": 0.25}, {"loss": 0.5})
    assert asked(f"/{trial['run']}/curves?metric=loss")["items"][0]["values"] == [1.0, 0.5]
    assert asked(f"/{failed['run']}")["error"] == "It was wet."
    whole = asked(f"/{study['id']}")
    assert (whole["state"], whole["summary"]["best_trial"], whole["summary"]["state"]) == ("finished", 0, "done")


def test_telling_twice_changes_nothing_and_a_stranger_is_refused(worker: Worker) -> None:
    worker.make()
    trial = worker.ask()["trial"]
    first = worker.tell(trial, value=1.5).json()
    assert worker.tell(trial, value=99).json() == first
    other = worker.ask()["trial"]
    assert "given to somebody else" in problem(worker.tell({**other, "token": "x"}, value=1), 409, "trial_taken")
    problem(worker.tell({**other, "token": trial["token"]}, value=1), 409, "trial_taken")
    problem(worker.read({**other, "token": ""}, 1, 1.0), 409, "trial_taken")
    problem(worker.tell({"number": 77, "token": "x"}, value=1), 404, "unknown_trial")
    assert worker.read(trial).json() == {"stop": True, "why": "Trial 0 has ended."}
    assert worker.shown()["counts"] == {"complete": 1, "running": 1}


@pytest.mark.parametrize(
    ("result", "state", "why"),
    [
        ({"value": "nan"}, "failed", "returned nan"),
        ({"loss": "-inf"}, "failed", "returned -inf"),
        ({}, "failed", "returned nothing"),
        ({"value": "much"}, "failed", "'much'"),
        ({"value": "--inf"}, "failed", "'--inf'"),
        ({"status": "fail"}, "failed", "said that it failed"),
        ({"status": "fail", "why": "no\nroom"}, "failed", "no room"),
        ({"status": "stopped", "why": "behind"}, "stopped", "behind"),
    ],
)
def test_whatever_comes_back_ends_that_trial_alone(worker: Worker, result: Any, state: str, why: str) -> None:
    worker.make()
    told = worker.tell(worker.ask()["trial"], **result).json()
    assert (told["state"], told["value"]) == (state, None)
    assert why in told["reason"]
    assert worker.tell(worker.ask()["trial"], value=1).json()["state"] == "complete"


def test_the_same_key_is_the_same_study_and_the_same_trial(worker: Worker) -> None:
    first = worker.post(body={"name": "a", "space": {"x": SPACE["x"]}}, **{"Idempotency-Key": "k"})
    again = worker.post(body={"name": "a", "space": {"x": SPACE["x"]}}, **{"Idempotency-Key": "k"})
    assert (first.status_code, again.status_code, first.json()["id"]) == (201, 200, again.json()["id"])
    named = worker.post(body={"name": "a", "space": {"x": SPACE["x"]}})
    assert (named.status_code, named.json()["id"]) == (200, first.json()["id"])
    problem(
        worker.post(body={"name": "b", "space": {"y": 1, "x": SPACE["x"]}}, **{"Idempotency-Key": "k"}),
        422,
        "key_reused",
    )
    problem(worker.post(body={"name": "a", "space": {"y": 1, "x": SPACE["x"]}}), 409, "name_taken")
    one = worker.post("/a/trials", {}, **{"Idempotency-Key": "t"}).json()
    assert worker.post("/a/trials", {}, **{"Idempotency-Key": "t"}).json() == one
    worker.study = "a"
    worker.tell(one["trial"], value=1)
    problem(worker.post("/a/trials", {}, **{"Idempotency-Key": "t"}), 422, "key_reused")


def test_a_worker_that_dies_frees_its_trial_and_the_count_stays_right(worker: Worker, database: Database) -> None:
    worker.make(trials=3)
    dead, alive = worker.ask()["trial"], worker.ask()["trial"]
    worker.client.app.state.service.desk.since = 0.0  # it has been here for long
    silence(database, dead["number"])
    again = worker.ask()["trial"]
    assert again["params"] == dead["params"]
    problem(worker.tell(dead, value=1), 409, "trial_taken")
    problem(worker.read(dead, 1, 1.0), 409, "trial_taken")
    problem(worker.read(dead), 409, "trial_taken")
    last = worker.ask()["trial"]
    busy = worker.ask()
    assert (busy["trial"], busy["state"], busy["retry_s"]) == (None, "running", 2.0)
    for one in (alive, again, last):
        worker.tell(one, value=1)
    assert (worker.shown()["state"], worker.shown()["counts"]) == ("done", {"complete": 3})
    run = worker.client.get(f"/api/v1/runs/{dead['run']}", headers=worker.headers).json()
    assert (run["state"], run["error"]) == ("lost", "Its worker was silent for 60 s.")


def test_a_late_result_is_taken_while_nobody_else_was_given_the_trial(worker: Worker, database: Database) -> None:
    worker.make(trials=2)
    late, other = worker.ask()["trial"], worker.ask()["trial"]
    worker.read(late, 1, 4.0)
    worker.post(f"/bowl/trials/{late['number']}/release", {"token": late["token"]})
    told = worker.tell(late, value=4.5).json()
    assert (told["state"], told["value"], told["params"], told["readings"]) == (
        "complete",
        4.5,
        late["params"],
        {"1": 4.0},
    )
    assert worker.tell(late, value=7).json()["value"] == 4.5
    worker.tell(other, value=5)
    assert (worker.shown()["state"], worker.shown()["counts"]) == ("done", {"complete": 2})
    assert worker.shown()["best"]["value"] == 4.5
    run = worker.client.get(f"/api/v1/runs/{late['run']}", headers=worker.headers).json()
    assert run["state"] == "finished"


def test_a_trial_that_was_given_back_comes_again(worker: Worker) -> None:
    worker.make(trials=1)
    trial = worker.ask()["trial"]
    for _ in range(2):
        answer = worker.post(f"/bowl/trials/{trial['number']}/release", {"token": trial["token"]})
        assert answer.status_code == 204
    again = worker.ask()["trial"]
    assert again["params"] == trial["params"]
    worker.tell(again, value=0)
    assert worker.shown()["count"] == 1


def test_whoever_waits_for_the_last_trial_is_told_when_there_is_none(worker: Worker) -> None:
    worker.make(trials=10)
    one = worker.ask(most=1)["trial"]
    assert worker.ask(most=1)["retry_s"] == 2.0
    worker.tell(one, value=1)
    assert worker.ask(most=1) == {"state": "running", "trial": None, "retry_s": None, "why": ""}
    assert worker.ask(most=2)["trial"]["number"] == 1


def test_pause_resume_and_stop(worker: Worker) -> None:
    worker.make(trials=4)
    trial = worker.ask()["trial"]
    assert worker.post("/bowl/pause").json()["state"] == "paused"
    waiting = worker.post("/bowl/trials")
    assert (waiting.json()["state"], waiting.json()["retry_s"], waiting.headers["retry-after"]) == ("paused", 5.0, "5")
    assert worker.read(trial, 1, 1.0).json()["stop"] is False
    assert worker.tell(trial, value=1).json()["state"] == "complete"
    assert worker.post("/bowl/resume").json()["state"] == "running"
    trial = worker.ask()["trial"]
    assert worker.post("/bowl/stop").json()["state"] == "stopped"
    for verdict in (worker.read(trial, 1, 1.0), worker.read(trial)):
        assert verdict.json() == {"stop": True, "why": "The study was stopped."}
    assert worker.tell(trial, value=0.5).json()["state"] == "complete"
    assert worker.ask()["retry_s"] is None
    problem(worker.post("/bowl/pause"), 409, "has_ended")
    for _ in range(2):
        worker.post("/bowl/resume")
        worker.tell(worker.ask()["trial"], value=2)
    assert worker.shown()["state"] == "done"
    assert worker.post("/bowl/resume", {"trials": 5}).json()["trials"] == 5
    assert worker.ask()["trial"]["number"] == 4


def test_a_study_in_which_nothing_worked_has_failed(worker: Worker) -> None:
    worker.make(trials=2)
    for _ in range(2):
        worker.tell(worker.ask()["trial"], status="fail")
    shown = worker.shown()
    assert (shown["state"], shown["why"], shown["best"]) == ("failed", "No trial ended with a number.", None)


def test_seconds_are_those_of_all_trials(worker: Worker, database: Database) -> None:
    worker.make(trials=None, seconds=50)
    trial = worker.ask()["trial"]
    with database.write() as connection:
        connection.execute(study_trials.update().values(given=database.now - 49.0))
    assert worker.read(trial, 1, 1.0).json()["stop"] is False
    with database.write() as connection:
        connection.execute(study_trials.update().values(given=database.now - 51.0))
    assert worker.read(trial, 2, 1.0).json() == {"stop": True, "why": "The time of the study was up."}
    worker.tell(trial, value=1)
    assert worker.shown()["state"] == "done"
    assert worker.shown()["spent"] > 51


def test_a_grid_ends_when_all_was_tried(worker: Worker) -> None:
    worker.make(space={"n": {"type": "integer", "low": 1, "high": 3}}, algo="auto", trials=50)
    assert worker.shown()["algo"] == "grid"
    seen = []
    for _ in range(3):
        trial = worker.ask()["trial"]
        seen.append(trial["params"]["n"])
        worker.tell(trial, value=1)
    assert sorted(seen) == [1, 2, 3]
    assert worker.ask()["state"] == "done"


def test_no_point_of_a_grid_is_tried_twice_beside_each_other(worker: Worker) -> None:
    worker.make(space={"n": {"type": "integer", "low": 1, "high": 3}}, algo="grid", trials=50)
    held = [worker.ask()["trial"] for _ in range(3)]
    waits = worker.ask()
    assert (waits["trial"], waits["state"]) == (None, "running")
    assert waits["retry_s"] is not None
    assert sorted(trial["params"]["n"] for trial in held) == [1, 2, 3]
    worker.post(f"/bowl/trials/{held[0]['number']}/release", {"token": held[0]["token"]})
    again = worker.ask()["trial"]
    assert again["params"] == held[0]["params"]
    for trial in (again, *held[1:]):
        worker.tell(trial, value=1)
    assert worker.shown()["state"] == "done"


def test_trials_that_fall_behind_are_told_to_stop(worker: Worker) -> None:
    worker.make(trials=30)
    for i in range(12):
        trial = worker.ask()["trial"]
        worker.read(trial, 1, 1.0 + i / 100)
        worker.tell(trial, value=i / 100)
    bad = worker.ask()["trial"]
    verdict = worker.read(bad, 1, 100.0).json()
    assert verdict["stop"]
    assert "best fifth" in verdict["why"]
    assert worker.read(bad, 1, 0.0).json()["stop"] is False, "of a step the newest reading counts"
    assert worker.tell(bad, status="stopped", why=verdict["why"]).json()["reason"] == verdict["why"]
    nan = worker.ask()["trial"]
    for step in (1, 2):
        verdict = worker.read(nan, step, "nan").json()
    assert verdict["stop"]
    assert worker.tell(nan, value="nan").json()["readings"] == {"1": "nan", "2": "nan"}


WIDE = {f"{i} {'x' * 90}": {"type": "double", "low": 0, "high": 1} for i in range(50)}
BAD = [
    ({"space": {}}, "bad_space"),
    ({"space": {"x": {"type": "double", "low": 2, "high": 1}}}, "bad_space"),
    ({"space": {"x": {"type": "double", "low": 0, "high": 1, "log": True}}}, "bad_space"),
    ({"space": {"x": {"type": "choice", "values": []}}}, "bad_space"),
    ({"space": {"x": {"type": "double"}}}, "malformed_body"),
    ({"space": {"x": {"type": "nothing"}}}, "malformed_body"),
    ({"space": {"x": [1, 2]}}, "malformed_body"),
    ({"space": ...}, "malformed_body"),
    ({"space": {f"p{i}": 1 for i in range(201)}}, "bad_space"),
    ({"algo": "magic"}, "bad_value"),
    ({"algo": "gp", "space": {"x": SPACE["x"]}}, "bad_value"),
    ({"algo": "cmaes"}, "bad_space"),
    ({"direction": "sideways"}, "bad_value"),
    ({"trials": 0}, "bad_value"),
    ({"trials": 10**9}, "bad_value"),
    ({"trials": 10**400}, "bad_value"),
    ({"space": {"c": {"type": "choice", "values": [f"{i} {'x' * 90}" for i in range(1000)]}}}, "bad_value"),
    ({"space": WIDE, "start": [dict.fromkeys(WIDE, 0.5) for _ in range(100)]}, "bad_value"),
    ({"space": {"n": {"type": "integer", "low": 0, "high": 10**400}}}, "bad_space"),
    ({"space": {"n": {"type": "integer", "low": 0, "high": 2**53}}, "algo": "grid"}, "bad_space"),
    ({"space": {"x": {"type": "double", "low": 0, "high": 1, "step": 1e-300}}}, "bad_space"),
    ({"start": [{"x": 10**400}]}, "bad_space"),
    ({"seconds": 0}, "bad_value"),
    ({"seconds": 1e300}, "bad_value"),
    ({"seed": -1}, "bad_value"),
    ({"warm_up": -1}, "bad_value"),
    ({"lease_s": 0.1}, "bad_value"),
    ({"start": [{"x": 99}]}, "bad_space"),
    ({"start": [{"z": 1}]}, "bad_space"),
    ({"name": ""}, "bad_value"),
    ({"name": "../x"}, "bad_value"),
    ({"name": "a\0b"}, "bad_value"),
    ({"name": "a" * 101}, "bad_value"),
    ({"name": "f" * 32}, "bad_value"),
]


@pytest.mark.parametrize(("body", "code"), BAD, ids=[str(i) for i in range(len(BAD))])
def test_what_cannot_be_searched_is_refused_before_anything_is_kept(worker: Worker, body: Any, code: str) -> None:
    assert problem(worker.make(**body), 400, code)
    assert worker.get().json()["items"] == []


def test_auto_does_not_bring_torch_into_the_server(worker: Worker) -> None:
    worker.make(algo="auto", space={"x": SPACE["x"]})
    assert worker.shown()["algo"] == "tpe"


def test_a_trial_that_never_ends_its_curve_fills_no_memory(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tuning.hosted.MOST_READINGS", 2)
    worker.make()
    trial = worker.ask()["trial"]
    for step in (1, 2, 3, 2):
        assert worker.read(trial, step, step / 2).json() == {"stop": False, "why": ""}
    assert worker.tell(trial, value=1).json()["readings"] == {"1": 0.5, "2": 1.0}


def test_bad_readings_and_unknown_names_are_told(worker: Worker) -> None:
    worker.make()
    trial = worker.ask()["trial"]
    for step, loss in ((-1, 1.0), (2**70, 1.0), (10**400, 1.0), (1, "much"), (1, "--inf"), (1, None)):
        assert worker.read(trial, step, loss).status_code == 400, (step, loss)
    assert worker.read(trial, 2**40, 1.0).status_code == 200
    problem(worker.post("/nothing/trials"), 404, "unknown_study")
    problem(worker.post("/nothing/pause"), 404, "unknown_study")
    problem(worker.post("/bowl/trials/x/result", {"token": "t"}), 404, "not_found")
    problem(worker.post("/bowl/trials/-1/result", {"token": "t"}), 404, "unknown_trial")
    problem(worker.post(f"/bowl/trials/{2**70}/result", {"token": "t"}), 400, "bad_value")
    problem(worker.post("/bowl/trials", {"worker": "x" * 3_000_000}), 413, "too_large")
    assert worker.read(trial, 3, 1.0).json()["stop"] is False

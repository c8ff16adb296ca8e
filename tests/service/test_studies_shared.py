"""Studies that several share: who may what, lists and tables, workers and servers that race. On both databases."""

import threading

import pytest
from litestar.testing import TestClient

from service.app import create_app
from service.database import Database
from service.settings import Settings
from service.tables import study_lines
from tests.service.asking import Client, bearer
from tests.service.studying import SPACE, STUDIES, Worker, problem, silence


@pytest.fixture
def worker(client: Client, keys: dict[str, str]) -> Worker:
    return Worker(client, keys["member"])


# --- Who may what -----------------------------------------------------------------------------------------------------


def test_a_private_study_is_there_for_its_owner_and_the_owners_of_the_project(
    client: Client, keys: dict[str, str], settings: Settings
) -> None:
    mine = Worker(client, keys["member"])
    mine.make(private=True)
    assert mine.shown()["private"]
    service = client.app.state.service
    other, owner = Worker(client, service.key("default", "member")), Worker(client, keys["owner"])
    assert [len(one.get().json()["items"]) for one in (mine, owner, other, Worker(client, keys["reader"]))] == [
        1,
        1,
        0,
        0,
    ]
    for path in ("", "/trials", "/export", "/importance"):
        problem(other.get(f"/bowl{path}"), 404, "unknown_study")
    for path in ("/trials", "/pause", "/resume", "/stop", "/keys"):
        problem(other.post(f"/bowl{path}"), 404, "unknown_study")
    problem(other.make(private=True), 409, "name_taken")
    hidden = {"name": "hidden", "space": {"x": SPACE["x"]}, "private": True}
    assert mine.post(body=hidden, **{"Idempotency-Key": "k"}).status_code == 201
    for body in (hidden, {**hidden, "name": "another"}):
        assert "hidden" not in problem(other.post(body=body, **{"Idempotency-Key": "k"}), 422, "key_reused")
    trial = mine.ask()["trial"]
    mine.read(trial, 1, 1.0)
    assert mine.tell(trial, value=1).json()["run"] == trial["run"] == mine.shown()["run"] == ""
    assert client.get("/api/v1/runs", headers=other.headers).json()["items"] == [], "runs are for all readers"
    assert client.delete(f"{STUDIES}/bowl", headers=other.headers).status_code == 404
    assert owner.get("/bowl").json()["owner"].startswith("key ")


def test_a_member_removes_what_is_theirs_and_no_more(client: Client, keys: dict[str, str]) -> None:
    mine = Worker(client, keys["member"])
    run = mine.make().json()["id"]
    trial = mine.ask()["trial"]
    other = bearer(client.app.state.service.key("default", "member"))
    problem(client.delete(f"{STUDIES}/bowl", headers=other), 403, "not_allowed")
    assert client.delete(f"{STUDIES}/bowl", headers=mine.headers).status_code == 204
    problem(mine.get("/bowl"), 404, "unknown_study")
    problem(mine.tell(trial, value=1), 404, "unknown_study")
    assert client.get(f"/api/v1/runs/{run}", headers=mine.headers).json()["state"] == "finished"
    assert mine.make().status_code == 201


def test_a_study_s_key_asks_and_tells_of_it_and_does_nothing_else(client: Client, keys: dict[str, str]) -> None:
    member = Worker(client, keys["member"])
    study = member.make().json()
    Worker(client, keys["member"], "other").make()
    made = member.post("/bowl/keys", {"name": "for the cluster", "days": 1}).json()
    assert made["key"]["study"] == study["id"]
    scoped = Worker(client, made["secret"])
    me = client.get("/api/v1/session", headers=scoped.headers).json()
    assert me["study"] == study["id"]
    trial = scoped.ask()["trial"]
    scoped.read(trial, 1, 1.0)
    assert scoped.tell(trial, value=1).status_code == 200
    assert scoped.get("/bowl").json()["count"] == 1
    assert len(scoped.trials()) == 1
    for path in ("", "/trials"):
        problem(scoped.get(f"/other{path}"), 404, "unknown_study")
    problem(scoped.post("/other/trials"), 404, "unknown_study")
    for path in ("/bowl/pause", "/bowl/stop", "/bowl/resume", "/bowl/keys"):
        problem(scoped.post(path), 403, "not_allowed")
    problem(client.delete(f"{STUDIES}/bowl", headers=scoped.headers), 403, "not_allowed")
    for path in ("studies", "runs", "datasets", "zoo/models", "history", "keys"):
        problem(client.get(f"/api/v1/{path}", headers=scoped.headers), 403, "not_allowed")
    client.delete(f"{STUDIES}/bowl", headers=member.headers)
    problem(scoped.post("/bowl/trials"), 401, "not_signed_in")


def test_a_reader_looks_and_does_not_touch(client: Client, keys: dict[str, str]) -> None:
    Worker(client, keys["member"]).make()
    reader = Worker(client, keys["reader"])
    assert reader.shown()["name"] == "bowl"
    problem(reader.make(), 403, "not_allowed")
    problem(reader.post("/bowl/trials"), 403, "not_allowed")


# --- Lists, tables, importance ----------------------------------------------------------------------------------------


def test_lists_come_in_pages_and_are_not_sent_again(worker: Worker) -> None:
    for i in range(5):
        worker.study = f"s{i}"
        worker.make()
    first = worker.get(limit=3)
    assert [one["name"] for one in first.json()["items"]] == ["s4", "s3", "s2"]
    rest = worker.get(after=first.json()["next"]).json()
    assert ([one["name"] for one in rest["items"]], rest["next"]) == (["s1", "s0"], None)
    worker.headers["If-None-Match"] = first.headers["etag"]
    assert worker.get(limit=3).status_code == 304
    del worker.headers["If-None-Match"]
    for _ in range(3):
        worker.ask()
    some = worker.get("/s4/trials", limit=2).json()
    assert [one["number"] for one in some["items"]] == [0, 1]
    assert [one["number"] for one in worker.get("/s4/trials", after=some["next"]).json()["items"]] == [2]


def test_all_trials_as_a_table_and_as_json(worker: Worker) -> None:
    worker.make(space={"x": SPACE["x"], "=evil": {"type": "choice", "values": ["=1+1", "+2"]}})
    worker.tell(worker.ask()["trial"], value=1.5)
    worker.tell(worker.ask()["trial"], status="fail", why="=HYPERLINK()")
    table = worker.get("/bowl/export")
    assert table.headers["content-type"].startswith("text/csv")
    lines = table.text.splitlines()
    assert lines[0] == "number,state,value,seconds,params.x,params.=evil,reason,worker,run"
    assert lines[1].startswith("0,complete,1.5,")
    assert ",'=HYPERLINK()," in lines[2]
    assert ",=" not in table.text
    whole = worker.get("/bowl/export", **{"as": "json"}).json()
    assert whole["study"]["name"] == "bowl"
    assert [one["state"] for one in whole["trials"]] == ["complete", "failed"]
    assert worker.get("/bowl/export", **{"as": "xml"}).status_code == 400


def test_importance_says_what_mattered_once_there_is_enough(worker: Worker) -> None:
    worker.make(trials=40, space={"x": SPACE["x"], "y": SPACE["x"]})
    problem(worker.get("/bowl/importance"), 409, "not_ready")
    for _ in range(40):
        trial = worker.ask()["trial"]
        worker.tell(trial, value=trial["params"]["x"] ** 2)
    told = worker.get("/bowl/importance").json()
    assert list(told["shares"]) == ["x", "y"]
    assert "best tenth" in told["meaning"]
    problem(worker.get("/bowl/importance", method="guess"), 400, "bad_value")


# --- Several at once --------------------------------------------------------------------------------------------------


def test_workers_at_two_servers_race_and_no_trial_is_given_twice(
    settings: Settings, keys: dict[str, str], database: Database
) -> None:
    with (
        TestClient(create_app(settings), raise_server_exceptions=False) as one,
        TestClient(create_app(settings), raise_server_exceptions=False) as two,
    ):
        Worker(one, keys["member"]).make(trials=20, algo="tpe", lease_s=600)
        seen: list[tuple[int, float]] = []

        def work(client: Client) -> None:
            mine = Worker(client, keys["member"])
            while (given := mine.ask())["state"] == "running":
                if given["trial"] is not None:
                    seen.append((given["trial"]["number"], given["trial"]["params"]["x"]))
                    mine.read(given["trial"], 1, 1.0)
                    assert mine.tell(given["trial"], value=given["trial"]["params"]["x"] ** 2).status_code == 200

        threads = [threading.Thread(target=work, args=(client,)) for client in (one, two, one, two)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(number for number, _ in seen) == list(range(20))
        assert len({x for _, x in seen}) == 20
        shown = Worker(two, keys["member"]).shown()
        assert (shown["state"], shown["counts"]) == ("done", {"complete": 20})
        assert shown["best"]["value"] == min(x**2 for _, x in seen)
    with database.read() as connection:
        numbers = list(connection.execute(study_lines.select().order_by(study_lines.c.number)).scalars())
    assert numbers


@pytest.mark.parametrize("turn", ["paused", "said again"])
def test_a_server_that_asks_optuna_nothing_forgets_nothing_of_what_others_wrote(
    settings: Settings, keys: dict[str, str], turn: str
) -> None:
    with (
        TestClient(create_app(settings), raise_server_exceptions=False) as first,
        TestClient(create_app(settings), raise_server_exceptions=False) as second,
    ):
        one, two = (Worker(client, keys["member"]) for client in (first, second))
        one.make()
        told = two.post("/bowl/trials", {}, **{"Idempotency-Key": "k"}).json()["trial"]
        others = [one.ask()["trial"]["number"] for _ in range(2)]
        if turn == "paused":
            for path in ("/bowl/pause", "/bowl/resume"):
                assert two.post(path).status_code == 200
        else:
            assert two.post("/bowl/trials", {}, **{"Idempotency-Key": "k"}).json()["trial"] == told
        assert two.ask()["trial"]["number"] == 3, others
        assert [trial["number"] for trial in two.trials()] == [0, 1, 2, 3]
        assert one.trials() == two.trials()


def test_a_server_that_begins_anew_knows_all_and_gives_workers_time(
    settings: Settings, keys: dict[str, str], database: Database
) -> None:
    with TestClient(create_app(settings)) as first:
        worker = Worker(first, keys["member"])
        worker.make(trials=4, algo="tpe")
        worker.tell(worker.ask()["trial"], value=3)
        running = worker.ask()["trial"]
    silence(database, running["number"])
    with TestClient(create_app(settings)) as second:
        worker = Worker(second, keys["member"])
        worker.post("/bowl/pause")  # looks at no trial, nor does it lose one
        assert worker.ask()["state"] == "paused"
        worker.post("/bowl/resume")
        other = worker.ask()["trial"]
        assert other["params"] != running["params"], "the server was away, not the worker"
        assert worker.tell(running, value=2).json()["number"] == running["number"]
        worker.tell(other, value=1)
        worker.tell(worker.ask()["trial"], value=1)
        assert worker.shown()["counts"] == {"complete": 4}

"""An MLflow client as it comes from the registry, in a process of its own, logs to a server of ours on loopback; and
what its protocol says to those who may not, or who ask what cannot be."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient

from service.app import create_app
from service.failures import Guesses
from service.mlflow.calls import CALLS
from service.parts import service_of
from service.settings import Settings
from tests.service.asking import Client, bearer, served
from tests.service.test_access import MLFLOW, routes_of
from tracking.query import parse
from tracking.store import Tracking

HERE = Path(__file__).parent
ROOT = "/api/2.0/mlflow"
FILES = "/api/2.0/mlflow-artifacts/artifacts"


def told(client: Client, key: str, path: str, body: Any = None, method: str = "POST") -> Any:
    return client.request(method, ROOT + path, headers=bearer(key), **({} if body is None else {"json": body}))


def error_of(answer: Any, status: int, code: str) -> str:
    assert (answer.status_code, answer.json()["error_code"]) == (status, code), answer.text
    assert answer.headers["content-type"] == "application/json"
    message: str = answer.json()["message"]
    assert "Traceback" not in message
    return message


def begun(client: Client, key: str, **more: Any) -> str:
    answer = told(client, key, "/runs/create", {"experiment_id": "0", "start_time": 1_700_000_000_000, **more})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["run"]["info"]["run_id"])


def got(client: Client, key: str, run: str) -> Any:
    return told(client, key, f"/runs/get?run_id={run}", method="GET").json()["run"]


def test_an_unmodified_client_finds_all_that_it_logged(settings: Settings, keys: dict[str, str]) -> None:
    with served(create_app(settings)) as url:
        environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH",)}
        environment |= {"MLFLOW_TRACKING_URI": url, "MLFLOW_TRACKING_TOKEN": keys["member"]}
        environment |= {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1", "MLFLOW_DISABLE_TELEMETRY": "true"}
        words = [sys.executable, str(HERE / "mlflow_scenario.py")]
        done = subprocess.run(words, env=environment, capture_output=True, text=True, cwd=settings.home, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-6000:]
    assert done.stdout.splitlines()[-1] == "all is well"
    service = service_of(settings)
    project = service.projects.ensure("default")
    (warm,) = service.tracking.find(project, parse("metrics.loss < 0.5 and params.lr < 0.1 and tags.baseline"))
    assert (warm.name, warm.state, warm.experiment, warm.intent) == ("warm", "finished", "flowers", "a lower rate")
    service.database.close()
    service.door.close()


def test_no_call_opens_to_a_key_that_does_not_hold(client: Client, keys: dict[str, str]) -> None:
    """Each route below /api/2.0 and /api/3.0, whatever it is."""
    tried = 0
    wrong = (
        {},
        bearer(""),
        bearer("wrong"),
        bearer(keys["expired"]),
        bearer(keys["revoked"]),
        {"Authorization": "Basic YTpi"},
    )
    for method, path, who in routes_of(client, everything=True):
        if not path.startswith(MLFLOW):
            continue
        assert who in ("known", "reader", "member"), path
        for one in wrong:
            client.app.state.service.access.guesses = Guesses()
            answer = client.request(method, re.sub(r"{\w+}", "x", path), headers=one)
            assert "MLFLOW_TRACKING_TOKEN" in error_of(answer, 401, "UNAUTHENTICATED")
            assert answer.headers["www-authenticate"] == "Bearer"
            tried += 1
    assert tried > 200


def test_a_reader_reads_and_does_not_write(client: Client, keys: dict[str, str]) -> None:
    run = begun(client, keys["member"])
    assert got(client, keys["reader"], run)["info"]["status"] == "RUNNING"
    for call in CALLS:
        if call.who == "member":
            path = call.path.replace("{model_id:str}", "m").replace("{tag_key:str}", "t")
            error_of(told(client, keys["reader"], path, {"run_id": run}, call.method), 403, "PERMISSION_DENIED")
    for method in ("PUT", "DELETE"):
        answer = client.request(method, f"{FILES}/0/{run}/artifacts/x", headers=bearer(keys["reader"]))
        error_of(answer, 403, "PERMISSION_DENIED")


def test_what_is_of_another_project_does_not_exist(client: Client, keys: dict[str, str]) -> None:
    run = begun(client, keys["member"])
    model = told(client, keys["member"], "/logged-models", {"source_run_id": run, "name": "x"}).json()["model"]["info"]
    made = told(client, keys["member"], "/experiments/create", {"name": "mine"}).json()["experiment_id"]
    client.put(f"{FILES}/0/{run}/artifacts/a.txt", content=b"mine", headers=bearer(keys["member"]))
    body = {"run_id": run, "experiment_id": made, "key": "k", "value": "1", "timestamp": 1, "metric_key": "k"}
    body |= {"new_name": "x", "status": "FINISHED", "model_json": "{}", "source_run_id": run}
    tried = 0
    for call in CALLS:
        if "search" in call.path or "by-name" in call.path or call.path == "/experiments/create":
            continue
        path = call.path.replace("{model_id:str}", model["model_id"]).replace("{tag_key:str}", "t")
        wanted = {**body, "status": "LOGGED_MODEL_READY"} if "models" in path else body
        if call.method == "GET":
            asked = {name: wanted[name] for name in call.asked.__struct_fields__ if name in wanted}
            answer = client.get(ROOT + path, params=asked, headers=bearer(keys["other"]))
        else:
            answer = told(client, keys["other"], path, wanted, call.method)
        error_of(answer, 404, "RESOURCE_DOES_NOT_EXIST")
        tried += 1
    assert tried > 25
    for method in ("GET", "PUT", "DELETE"):
        for place in (f"0/{run}/artifacts/a.txt", f"0/models/{model['model_id']}/artifacts/a.txt"):
            answer = client.request(method, f"{FILES}/{place}", headers=bearer(keys["other"]))
            error_of(answer, 404, "RESOURCE_DOES_NOT_EXIST")
    searched = told(client, keys["other"], "/runs/search", {"experiment_ids": ["0", made]}).json()
    assert searched == {"runs": []}
    error_of(told(client, keys["other"], "/experiments/get-by-name?experiment_name=mine", method="GET"),
             404, "RESOURCE_DOES_NOT_EXIST")  # fmt: skip
    assert client.get(f"{FILES}/0/{run}/artifacts/a.txt", headers=bearer(keys["member"])).content == b"mine"


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"nonsense", b"[" * 100_000, b'{"a":' * 50_000, b'{"run_id": "\xff"}', b'{"run_id": 3}',
     b'{"run_id": "a", "metrics": [{"key": "m", "value": "x", "timestamp": 1}]}',
     b'{"run_id": "a", "metrics": [{"key": "m", "value": 1, "timestamp": 1e30}]}',
     b'{"run_id": "a", "metrics": [{"key": "", "value": 1, "timestamp": 1}]}',
     b'{"run_id": "a", "metrics": [{"key": "m", "value": 1, "timestamp": 1, "step": 9223372036854775808}]}'],
    ids=range(12),
)  # fmt: skip
def test_a_body_that_is_no_question_is_refused_in_its_own_words(
    client: Client, keys: dict[str, str], body: bytes
) -> None:
    sent = {**bearer(keys["member"]), "Content-Type": "application/json"}
    for call in CALLS:
        if call.method != "POST" or call.path in ("/logged-models", "/runs/create") or "search" in call.path:
            continue
        path = call.path.replace("{model_id:str}", "m")
        answer = client.post(ROOT + path, content=body, headers=sent)
        assert answer.status_code in (400, 404), (call.path, answer.text)
        assert answer.json()["error_code"] in ("INVALID_PARAMETER_VALUE", "RESOURCE_DOES_NOT_EXIST"), answer.text
        assert "msgspec" not in answer.text
    assert told(client, keys["member"], "/runs/search", {}).status_code == 200


def test_numbers_come_as_protocol_buffers_write_them(client: Client, keys: dict[str, str]) -> None:
    run = begun(client, keys["member"], start_time="1700000000123")
    point = {"key": "m", "value": "NaN", "timestamp": "1700000000456", "step": "-9223372036854775808"}
    assert told(client, keys["member"], "/runs/log-metric", {"run_uuid": run, **point}).status_code == 200
    read = got(client, keys["member"], run)
    assert read["info"]["start_time"] == 1_700_000_000_123
    assert read["data"]["metrics"] == [
        {"key": "m", "value": "NaN", "timestamp": 1_700_000_000_456, "step": -9223372036854775808}
    ]


def test_a_field_of_a_newer_client_is_passed_over_but_not_in_a_search(client: Client, keys: dict[str, str]) -> None:
    begun(client, keys["member"], colour="red")
    message = error_of(told(client, keys["member"], "/runs/search", {"colour": "red"}), 400, "INVALID_PARAMETER_VALUE")
    assert "colour" in message
    for path in ("/experiments/search", "/logged-models/search"):
        error_of(told(client, keys["member"], path, {"colour": "red"}), 400, "INVALID_PARAMETER_VALUE")


def test_a_filter_that_is_not_understood_is_refused_with_its_place(client: Client, keys: dict[str, str]) -> None:
    for path in ("/runs/search", "/experiments/search", "/logged-models/search"):
        message = error_of(told(client, keys["member"], path, {"filter": "name ~ 'x'"}), 400, "INVALID_PARAMETER_VALUE")
        assert "character 6" in message


@pytest.mark.parametrize(
    "path",
    ["../../../etc/passwd", "..%2f..%2fetc%2fpasswd", "%2e%2e/%2e%2e/x", "a/../b", "./a", "a//b", "..\\..\\x", "a%00b",
     "%2fetc%2fpasswd", "a/%2e%2e", "C:\\x\\..\\y", "x" * 600, "a%0ab"],
)  # fmt: skip
def test_no_path_of_an_artifact_leaves_its_run(
    client: Client, keys: dict[str, str], settings: Settings, path: str
) -> None:
    """It is refused, or, where the way to us has made an ordinary path of it, a name among those of the run."""
    run, neighbour = begun(client, keys["member"]), begun(client, keys["member"])
    answer = client.put(f"{FILES}/0/{run}/artifacts/{path}", content=b"mine", headers=bearer(keys["member"]))
    assert answer.status_code in (200, 400, 404), answer.text
    files = {one.relative_to(settings.home).parts[0] for one in settings.home.rglob("*") if one.is_file()}
    assert files <= {"files", "service.db", "service.db-wal", "service.db-shm"}
    named = client.get(f"/api/v1/runs/{run}/files", headers=bearer(keys["member"])).json()["items"]
    assert len(named) == (answer.status_code == 200)
    assert not any({"", ".", ".."} & set(one["path"].split("/")) for one in named)
    assert client.get(f"/api/v1/runs/{neighbour}/files", headers=bearer(keys["member"])).json()["items"] == []
    for method in ("GET", "DELETE"):
        again = client.request(method, f"{FILES}/0/{neighbour}/artifacts/{path}", headers=bearer(keys["member"]))
        assert again.status_code in (400, 404) or (method == "DELETE" and again.json() == {}), again.text
    for where in (
        f"{FILES}?path=0/{neighbour}/artifacts/{path}",
        f"{ROOT}/artifacts/list?run_id={neighbour}&path={path}",
    ):
        listed = client.get(where, headers=bearer(keys["member"]))
        assert listed.status_code in (400, 404) or listed.json().get("files") == [], listed.text


@pytest.mark.parametrize(
    "address", ["", "0", "0/x", "passwd", "0/models/m-1/artifacts/x", "1/RUN/artifacts/x", "0/RUN/x"]
)
def test_an_address_that_is_of_no_run_is_no_artifact(client: Client, keys: dict[str, str], address: str) -> None:
    run = begun(client, keys["member"])
    answer = client.put(f"{FILES}/{address.replace('RUN', run)}", content=b"x", headers=bearer(keys["member"]))
    assert answer.status_code in (400, 404, 405), answer.text


def test_a_file_is_sent_as_bytes_and_parts_of_it_too(client: Client, keys: dict[str, str]) -> None:
    run = begun(client, keys["member"])
    where = f"{FILES}/0/{run}/artifacts/page.html"
    assert client.put(where, content=b"<script>1</script>", headers=bearer(keys["member"])).json() == {}
    whole = client.get(where, headers=bearer(keys["reader"]))
    assert (whole.content, whole.headers["content-type"]) == (b"<script>1</script>", "application/octet-stream")
    assert whole.headers["x-content-type-options"] == "nosniff"
    assert whole.headers["content-disposition"].startswith("attachment")
    part = client.get(where, headers={**bearer(keys["reader"]), "Range": "bytes=1-6"})
    assert (part.status_code, part.content) == (206, b"script")
    assert client.delete(where, headers=bearer(keys["member"])).json() == {}
    error_of(client.get(where, headers=bearer(keys["reader"])), 404, "RESOURCE_DOES_NOT_EXIST")


def test_a_run_that_is_silent_for_long_is_running_still(
    client: Client, keys: dict[str, str], settings: Settings
) -> None:
    """A client of MLflow has no beat: between two epochs it says nothing."""
    run = begun(client, keys["member"])
    service = service_of(settings)
    project = service.projects.ensure("default")
    with service.database.write() as connection:
        connection.exec_driver_sql("UPDATE runs SET seen = seen - 100000")
    assert got(client, keys["member"], run)["info"]["status"] == "RUNNING"
    assert service.tracking.get(project, run).state == "running"
    assert [one.id for one in Tracking(service.database).find(project, parse("state = 'running'"))] == [run]
    service.database.close()
    service.door.close()


def test_what_headhunt_keeps_with_its_types_a_client_reads_as_text(client: Client, keys: dict[str, str]) -> None:
    run = "c" * 32
    headers = bearer(keys["member"])
    assert (
        client.put(f"/api/v1/runs/{run}", json={"name": "own", "tags": ["baseline"]}, headers=headers).status_code < 300
    )
    told(client, keys["member"], "/runs/log-batch", {"run_id": run, "params": [{"key": "lr", "value": "0.1"}]})
    read = got(client, keys["member"], run)
    assert read["data"]["params"] == [{"key": "lr", "value": "0.1"}]
    assert {"key": "baseline", "value": ""} in read["data"]["tags"]
    found = told(client, keys["member"], "/runs/search", {"experiment_ids": ["0"], "filter": "params.lr < 0.2"}).json()
    assert [one["info"]["run_id"] for one in found["runs"]] == [run]


def test_calls_that_are_not_served_say_so(client: Client, keys: dict[str, str]) -> None:
    for path in ("/api/2.0/mlflow/registered-models/create", "/api/3.0/mlflow/traces", "/api/2.0/mlflow/nothing?a=b"):
        message = error_of(client.post(path, json={}, headers=bearer(keys["member"])), 404, "ENDPOINT_NOT_FOUND")
        assert "not served here" in message


@pytest.fixture
def other(settings: Settings) -> Iterator[Client]:
    with TestClient(create_app(settings), raise_server_exceptions=False) as one:
        yield one


def test_a_batch_that_two_servers_take_is_kept_once(client: Client, other: Client, keys: dict[str, str]) -> None:
    run = begun(client, keys["member"])
    batch = {"run_id": run, "metrics": [{"key": "m", "value": i, "timestamp": i, "step": i} for i in range(500)]}
    for one in (client, other, client):
        assert told(one, keys["member"], "/runs/log-batch", batch).status_code == 200
    found = told(other, keys["member"], f"/metrics/get-history?run_id={run}&metric_key=m", method="GET").json()
    assert [one["value"] for one in found["metrics"]] == list(range(500))


@pytest.mark.parametrize("there", ["no JSON", '{"a": 1}', "[" * 100_000], ids=["no JSON", "no list", "nested"])
def test_a_model_is_noted_whatever_stands_in_its_tag(client: Client, keys: dict[str, str], there: str) -> None:
    run = begun(client, keys["member"])
    tag = {"run_id": run, "key": "mlflow.log-model.history", "value": there}
    assert told(client, keys["member"], "/runs/set-tag", tag).status_code == 200
    model = {"run_id": run, "model_json": '{"run_id": "x"}'}
    assert told(client, keys["member"], "/runs/log-model", model).status_code == 200
    tags = {one["key"]: one["value"] for one in got(client, keys["member"], run)["data"]["tags"]}
    assert tags["mlflow.log-model.history"] == '[{"run_id": "x"}]'

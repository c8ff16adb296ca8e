"""The application, asked as a program would ask it: keys, uploads, recommendations, errors. No server is started."""

import subprocess
import sys

import pytest

from service.database import Database
from service.jobs.queue import Queue
from service.settings import Settings
from tests.service.asking import Client, archive, bearer, send


def test_whoever_asks_can_see_that_it_lives(client: Client) -> None:
    assert client.get("/health").json()["status"] == "ok"
    assert client.get("/ready").json() == {"status": "ok"}


def test_an_archive_becomes_a_dataset(client: Client, keys: dict[str, str]) -> None:
    answer = send(client, keys["member"])
    assert answer.status_code == 201
    dataset = answer.json()
    assert (dataset["name"], dataset["images"], dataset["classes"]) == ("photos", 6, ["cat", "dog"])
    assert client.get(answer.headers["location"], headers=bearer(keys["reader"])).json() == dataset
    assert client.get("/api/v1/datasets", headers=bearer(keys["reader"])).json() == {"items": [dataset], "next": None}


def test_the_bare_bytes_do_as_well(client: Client, keys: dict[str, str]) -> None:
    headers = {**bearer(keys["member"]), "Content-Type": "application/zip"}
    answer = client.post("/api/v1/datasets?name=bare", headers=headers, content=archive())
    assert answer.status_code == 201
    assert answer.json()["version"] == send(client, keys["member"]).json()["version"]


def test_the_same_archive_twice_is_the_same_dataset_and_another_one_needs_another_name(
    client: Client, keys: dict[str, str]
) -> None:
    first = send(client, keys["member"])
    again = send(client, keys["member"])
    assert (again.status_code, again.json()["id"]) == (200, first.json()["id"])
    other = send(client, keys["member"], data=archive(seed=7))
    assert (other.status_code, other.json()["code"]) == (409, "name_taken")


def test_no_upload_leaves_a_draft_behind(client: Client, keys: dict[str, str], settings: Settings) -> None:
    send(client, keys["member"])
    send(client, keys["member"], "broken", b"PK no archive")
    assert not list((settings.home / "uploads").iterdir())


@pytest.mark.parametrize(
    ("name", "data", "status", "code"),
    [
        ("photos", b"", 400, "empty_upload"),
        ("photos", b"PK\x03\x04 nothing", 422, "not_an_archive"),
        (" ", None, 400, "bad_value"),
        ("x" * 201, None, 400, "bad_value"),
        ("a\nb", None, 400, "bad_value"),
    ],
)
def test_what_cannot_be_a_dataset_is_refused_with_its_own_code(
    client: Client, keys: dict[str, str], name: str, data: bytes | None, status: int, code: str
) -> None:
    answer = send(client, keys["member"], name, data)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_recommendation_is_a_job_that_can_be_followed_and_taken_back(client: Client, keys: dict[str, str]) -> None:
    send(client, keys["member"])
    asked = {"dataset": "photos", "budget": "30s", "limits": {"max_params": 10_000_000}}
    answer = client.post("/api/v1/recommendations", headers=bearer(keys["member"]), json=asked)
    assert answer.status_code == 202
    place = answer.headers["location"]
    assert answer.json()["state"] == "queued"
    assert client.get(place, headers=bearer(keys["reader"])).json()["id"] == answer.json()["id"]
    assert client.post(f"{place}/cancel", headers=bearer(keys["member"])).json()["state"] == "cancelled"
    events = client.get(f"{place}/events", headers=bearer(keys["reader"])).text
    assert "event: end" in events
    assert '"cancelled"' in events


def test_the_same_key_of_idempotency_is_the_same_job(client: Client, keys: dict[str, str]) -> None:
    send(client, keys["member"])
    headers = {**bearer(keys["member"]), "Idempotency-Key": "once"}
    ids = {
        client.post("/api/v1/recommendations", headers=headers, json={"dataset": "photos"}).json()["id"]
        for _ in range(3)
    }
    assert len(ids) == 1
    other = client.post("/api/v1/recommendations", headers=headers, json={"dataset": "photos", "budget": "9s"})
    assert (other.status_code, other.json()["code"]) == (422, "key_reused")


def test_what_a_job_told_can_be_read_from_where_one_stopped(
    client: Client, keys: dict[str, str], database: Database
) -> None:
    send(client, keys["member"])
    job = client.post("/api/v1/recommendations", headers=bearer(keys["member"]), json={"dataset": "photos"}).json()
    queue = Queue(database)
    claim = queue.claim("w", ("cpu", "any"))
    assert claim is not None
    for i in range(3):
        queue.tell(claim.fence, {"done": i})
    queue.finish(claim.fence, {"ranked": True})
    headers = {**bearer(keys["reader"]), "Last-Event-ID": "2"}
    text = client.get(f"/api/v1/recommendations/{job['id']}/events", headers=headers).text
    assert '{"done":2}' in text
    assert '{"done":1}' not in text
    assert '"ranked":true' in text


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "malformed_body"),
        (b"{", 400, "malformed_body"),
        (b'{"dataset": "\xff"}', 400, "malformed_body"),
        (b'{"dataset": NaN}', 400, "malformed_body"),
        (b"[" * 100_000, 400, None),
        (b'{"dataset": 3}', 400, "malformed_body"),
        (b'{"dataset": "photos", "bugdet": 3}', 400, "malformed_body"),
        (b'{"dataset": "photos", "budget": "soon"}', 400, "bad_value"),
        (b'{"dataset": "nothing"}', 404, "unknown_dataset"),
        (b'{"dataset": "' + b"x" * 2_000_000 + b'"}', 413, "too_large"),
    ],
)
def test_a_body_that_is_no_question_is_answered_with_what_is_wrong(
    client: Client, keys: dict[str, str], body: bytes, status: int, code: str | None
) -> None:
    headers = {**bearer(keys["member"]), "Content-Type": "application/json"}
    answer = client.post("/api/v1/recommendations", headers=headers, content=body)
    assert answer.status_code == status, answer.text
    assert code in (None, answer.json()["code"])
    assert "Traceback" not in answer.text


@pytest.mark.parametrize("path", ["/api/v1/nothing", "/api/v1/datasets/..%2f..%2fetc%2fpasswd", "/%00", "/etc/passwd"])
def test_what_is_not_there_is_not_found(client: Client, keys: dict[str, str], path: str) -> None:
    answer = client.get(path, headers=bearer(keys["owner"]))
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


def test_another_method_is_refused_and_told_which_do(client: Client) -> None:
    answer = client.delete("/api/v1/datasets")
    assert answer.status_code == 405
    assert "GET" in answer.headers["allow"]


def test_answers_tell_browsers_to_be_careful(client: Client) -> None:
    for path in ("/health", "/api/v1/nothing"):
        assert client.get(path).headers["x-content-type-options"] == "nosniff"


def test_the_application_loads_no_torch() -> None:
    words = "import sys, service.app; print('torch' in sys.modules, 'numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]

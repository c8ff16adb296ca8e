"""Runs over HTTP: begun, told of, looked at, removed. On both databases."""

import hashlib
import math
import uuid
from collections.abc import Mapping
from typing import Any

import pytest

from headhunt.track.journal import Ended, Kept, Known, Noted, Said, framed
from service.settings import Settings
from tests.service.asking import Client, bearer
from tests.tracking.telling import curve, journal, points

RUNS = "/api/v1/runs"
BINARY = {"Content-Type": "application/octet-stream"}


class Asking:
    """A member who tells of runs."""

    def __init__(self, client: Client, key: str) -> None:
        self.client, self.headers = client, bearer(key)

    def begin(self, **begun: Any) -> str:
        answer = self.client.put(f"{RUNS}/{uuid.uuid4().hex}", headers=self.headers, json=begun)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["id"])

    def tell(self, run: str, data: bytes, writer: str = "main", offset: int = 0) -> Any:
        where = f"{RUNS}/{run}/journal?writer={writer}&offset={offset}"
        return self.client.post(where, headers={**self.headers, **BINARY}, content=data)

    def get(self, path: str = "", **asked: Any) -> Any:
        return self.client.get(f"{RUNS}{path}", headers=self.headers, params=asked)

    def told_run(self, metrics: Mapping[str, float], **begun: Any) -> str:
        run = self.begin(**begun)
        assert self.tell(run, points(1, metrics)).status_code == 200
        return run


@pytest.fixture
def member(client: Client, keys: dict[str, str]) -> Asking:
    return Asking(client, keys["member"])


def test_a_run_is_begun_told_of_and_looked_at(member: Asking) -> None:
    run = member.begin(experiment="flowers", name="warm", intent="lower?", tags=["baseline"])
    data = curve([0.5, math.nan, math.inf]) + journal(
        Noted(1.0, "param", {"lr": 0.1}), Said(1.0, "out", "hello\n"), Known(1.0, {"code": {"commit": "abc"}})
    )
    assert member.tell(run, data).json() == {"kept": len(data)}
    found = member.get(f"/{run}").json()
    assert (found["state"], found["experiment"], found["tags"]) == ("running", "flowers", {"baseline": ""})
    assert (found["metrics"], found["params"]) == ({"loss": "inf"}, {"lr": 0.1})
    assert found["facts"] == {"code": {"commit": "abc"}}
    assert found["by"].startswith("key ")
    assert member.get(f"/{run}/journal").json() == {"main": len(data)}
    (metric,) = member.get(f"/{run}/metrics").json()["items"]
    assert (metric["name"], metric["count"], metric["last"], metric["max"]) == ("loss", 3, "inf", 0.5)
    (drawn,) = member.get(f"/{run}/curves", metric=["loss", "none"]).json()["items"]
    assert (drawn["values"], drawn["whole"]) == ([0.5, "nan", "inf"], True)
    (piece,) = member.get(f"/{run}/console").json()["items"]
    assert (piece["number"], piece["text"]) == (1, "hello\n")
    assert member.tell(run, journal(Ended(9.0, "finished")), offset=len(data)).status_code == 200
    assert member.get(f"/{run}").json()["state"] == "finished"


def test_the_same_id_is_the_same_run_and_no_id_is_none(member: Asking, keys: dict[str, str]) -> None:
    run = member.begin(name="first")
    again = member.client.put(f"{RUNS}/{run}", headers=member.headers, json={"name": "second"})
    assert (again.status_code, again.json()["name"]) == (200, "first")
    for wrong in ("x", "A" * 32, "f" * 33):
        assert member.client.put(f"{RUNS}/{wrong}", headers=member.headers, json={}).json()["code"] == "unknown_run"
    taken = member.client.put(f"{RUNS}/{run}", headers=bearer(keys["other"]), json={})
    assert (taken.status_code, taken.json()["code"]) == (404, "unknown_run")


def test_a_journal_that_is_damaged_or_of_tomorrow_says_so(member: Asking) -> None:
    good = curve([1.0])
    for wrong, code in ((b"\x03\x00\x00\x00\x00\x00\x00\x00abc", "broken_journal"),
                        (framed(["q", 1.0]), "unknown_record")):  # fmt: skip
        run = member.begin()
        answer = member.tell(run, good + wrong)
        assert (answer.status_code, answer.json()["code"]) == (422, code)
        assert member.get(f"/{run}/journal").json() == {"main": len(good)}


def test_what_a_journal_may_not_be(member: Asking, client: Client, keys: dict[str, str]) -> None:
    run = member.begin()
    assert member.tell(run, bytes(9 << 20)).status_code == 413
    assert member.tell(run, b"", writer="a/../b").status_code == 400
    assert member.tell("f" * 32, b"").status_code == 404
    where = f"{RUNS}/{run}/journal?writer=main"
    assert client.post(where, headers=member.headers, json={"a": 1}).status_code == 415
    read_only = client.post(where, headers={**bearer(keys["reader"]), **BINARY}, content=curve([1.0]))
    assert (read_only.status_code, read_only.json()["code"]) == (403, "not_allowed")
    assert client.post(f"{RUNS}/{run}/journal", headers={**member.headers, **BINARY}).status_code == 400


def test_telling_every_second_does_not_fill_the_audit(member: Asking, client: Client, keys: dict[str, str]) -> None:
    run = member.begin()
    for _ in range(3):
        member.tell(run, b"")
    client.patch(f"{RUNS}/{run}", headers=member.headers, json={"name": "other"})
    lines = client.get("/api/v1/audit", headers=bearer(keys["owner"])).json()["items"]
    actions = [line["action"] for line in lines]
    assert f"PATCH {RUNS}/{{run}}" in actions
    assert not [one for one in actions if "journal" in one]


def test_runs_are_found_by_what_they_came_to(member: Asking) -> None:
    low = member.told_run({"acc": 0.2, "loss": 3.0}, experiment="a", tags=["baseline"])
    high = member.told_run({"acc": 0.9}, experiment="a", name="best")
    none = member.told_run({"loss": 1.0}, experiment="b")

    def ids(**asked: Any) -> list[str]:
        return [one["id"] for one in member.get(**asked).json()["items"]]

    assert ids(query="metrics.acc > 0.5") == [high]
    assert ids(query="tags.baseline and metrics.loss = 3") == [low]
    assert ids(query="name = 'best'") == [high]
    assert ids(sort="metrics.acc") == [low, high, none]
    assert ids(sort="-metrics.acc") == [high, low, none]
    assert ids(sort="metrics.loss desc", experiment="a") == [low, high]
    refused = member.get(query="metrics.acc >")
    assert (refused.status_code, refused.json()["code"]) == (400, "bad_query")
    assert member.get(sort="metrics.").status_code == 400
    listed = member.client.get("/api/v1/experiments", headers=member.headers).json()["items"]
    assert [(one["name"], one["runs"]) for one in listed] == [("a", 2), ("b", 1)]


def test_pages_of_runs_leave_none_out_and_show_none_twice(member: Asking) -> None:
    runs = {member.told_run({"acc": float(number % 3)}) for number in range(7)}
    seen: list[str] = []
    asked: dict[str, Any] = {"limit": 3, "sort": "-metrics.acc"}
    while True:
        page = member.get(**asked).json()
        seen += [one["id"] for one in page["items"]]
        if page["next"] is None:
            break
        asked["after"] = page["next"]
    assert (len(seen), set(seen)) == (7, runs)
    member.client.delete(f"{RUNS}/{seen[5]}", headers=member.headers)
    gone = member.get(**asked)
    assert (gone.status_code, gone.json()["code"]) == (400, "bad_value")


def test_a_run_is_changed_resumed_and_removed(member: Asking) -> None:
    run = member.begin(tags=["old"])
    changed = member.client.patch(
        f"{RUNS}/{run}", headers=member.headers, json={"name": "n", "tags": {"old": None, "new": "1"}}
    ).json()
    assert (changed["name"], changed["intent"], changed["tags"]) == ("n", "", {"new": "1"})
    member.tell(run, journal(Ended(1.0, "failed", "Traceback")))
    again = member.client.post(f"{RUNS}/{run}/resume", headers=member.headers).json()
    assert (again["state"], again["error"]) == ("running", None)
    assert member.client.delete(f"{RUNS}/{run}", headers=member.headers).status_code == 204
    assert member.get(f"/{run}").status_code == 404


def test_two_runs_are_compared(member: Asking) -> None:
    one, other = member.told_run({"acc": 0.5, "same": 1.0}), member.told_run({"acc": 0.7, "same": 1.0})
    member.tell(one, journal(Noted(1.0, "param", {"lr": 0.1}), Known(1.0, {"code": {"commit": "a"}})), writer="b")
    member.tell(other, journal(Noted(1.0, "param", {"lr": 0.2}), Known(1.0, {"code": {"commit": "b"}})), writer="b")
    found = member.get(f"/{one}/compare/{other}").json()
    assert found["metrics"] == [{"name": "acc", "before": 0.5, "after": 0.7}]
    assert found["params"] == [{"name": "lr", "before": 0.1, "after": 0.2}]
    assert found["code"] == [{"name": "commit", "before": "a", "after": "b"}]
    assert member.get(f"/{one}/compare/{'f' * 32}").status_code == 404


def put_file(member: Asking, run: str, data: bytes, digest: str | None = None) -> Any:
    name = digest or hashlib.sha256(data).hexdigest()
    return member.client.put(f"{RUNS}/{run}/files/{name}", headers={**member.headers, **BINARY}, content=data)


def test_a_file_comes_and_goes_as_bytes(member: Asking) -> None:
    run, data = member.begin(), b"<script>alert(1)</script>" * 100
    digest = hashlib.sha256(data).hexdigest()
    assert put_file(member, run, data).status_code == 204
    assert member.get(f"/{run}/files/{digest}").status_code == 404, "the run does not name it yet"
    member.tell(run, journal(Kept(1.0, "../../page.html", digest, len(data), "file")))
    answer = member.get(f"/{run}/files/{digest}")
    assert (answer.status_code, answer.content) == (200, data)
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["x-content-type-options"] == "nosniff"
    part = member.client.get(f"{RUNS}/{run}/files/{digest}", headers={**member.headers, "Range": "bytes=8-12"})
    assert (part.status_code, part.content) == (206, b"alert"[:5])
    (file,) = member.get(f"/{run}/files").json()["items"]
    assert (file["path"], file["digest"], file["size"]) == ("../../page.html", digest, len(data))


def test_an_empty_file_is_a_file(member: Asking) -> None:
    run, digest = member.begin(), hashlib.sha256(b"").hexdigest()
    assert put_file(member, run, b"").status_code == 204
    member.tell(run, journal(Kept(1.0, "empty.txt", digest, 0)))
    assert member.get(f"/{run}/files/{digest}").content == b""


def test_a_file_that_is_another_one_is_refused(member: Asking, settings: Settings) -> None:
    run = member.begin()
    wrong = put_file(member, run, b"other", "a" * 64)
    assert (wrong.status_code, wrong.json()["code"]) == (422, "checksum_mismatch")
    assert put_file(member, run, b"data", "no-digest").status_code == 404
    assert put_file(member, "f" * 32, b"data").status_code == 404
    assert [path for path in settings.home.rglob("*") if path.is_file() and path.parent.name == "aa"] == []


def test_a_run_sees_only_files_that_it_names(member: Asking, client: Client, keys: dict[str, str]) -> None:
    """Naming the digest of another project's file does not make it one's own."""
    run, data = member.begin(), b"secret"
    digest = hashlib.sha256(data).hexdigest()
    put_file(member, run, data)
    member.tell(run, journal(Kept(1.0, "a", digest, len(data))))
    thief = Asking(client, keys["other"])
    theirs = thief.begin()
    thief.tell(theirs, journal(Kept(1.0, "a", digest, len(data))))
    assert thief.get(f"/{theirs}/files/{digest}").status_code == 404
    assert member.get(f"/{member.begin()}/files/{digest}").status_code == 404


def test_what_runs_tell_counts_for_the_project(client: Client, keys: dict[str, str], settings: Settings) -> None:
    import msgspec
    from litestar.testing import TestClient

    from service.app import create_app

    with TestClient(create_app(msgspec.structs.replace(settings, project_bytes=10_000))) as small:
        member = Asking(small, keys["member"])
        run = member.begin()
        data = curve([1.0] * 50)
        assert member.tell(run, data).status_code == 200
        much = curve([1.0] * 1000, first=50)
        refused = member.tell(run, much, offset=len(data))
        assert (refused.status_code, refused.json()["code"]) == (413, "over_quota")
        full = put_file(member, run, bytes(9_990))
        assert (full.status_code, full.json()["code"]) == (413, "over_quota")
        assert member.tell(run, curve([1.0], first=50), offset=len(data)).status_code == 200


def test_more_points_than_an_answer_should_hold_are_refused(member: Asking) -> None:
    run = member.told_run({"loss": 1.0})
    many = [f"m{number}" for number in range(100)]
    assert member.get(f"/{run}/curves", metric=["loss", *many[:4]], points=100_000).status_code == 200
    answer = member.get(f"/{run}/curves", metric=many, points=100_000)
    assert (answer.status_code, "at a time" in answer.json()["detail"]) == (400, True)


def test_a_change_takes_no_more_than_a_journal_would(member: Asking) -> None:
    run = member.begin()

    def change(**asked: Any) -> int:
        return int(member.client.patch(f"{RUNS}/{run}", headers=member.headers, json=asked).status_code)

    assert change(intent="x" * 300_000) == 200
    assert len(member.get(f"/{run}").json()["intent"]) == 256 * 1024
    assert change(tags={"a": "x" * 300_000}) == 400
    assert change(tags={f"t{number}": "" for number in range(10_001)}) == 400
    assert member.get(f"/{run}").json()["tags"] == {}
    assert change(tags={f"t{number}": "" for number in range(10_000)}) == 200

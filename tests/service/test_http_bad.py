"""Requests that nobody should send: every route that takes JSON, made from the route table, answers each with a problem
of its own, and the next good request succeeds."""

from collections.abc import Iterator
from typing import Any

import pytest
from litestar.testing import TestClient

from service.app import create_app
from service.database import Database
from service.jobs.queue import Queue
from service.parts import first_link
from service.settings import Settings
from tests.service.asking import Client, bearer, send

IDS = {
    "project": "default",
    "user": "admin",
    "job": "f" * 32,
    "dataset": "photos",
    "key": "k",
    "run": "e" * 32,
    "other": "d" * 32,
    "report": "c" * 32,
    "study": "b" * 32,
}
DEEP = b"[" * 100_000
BODIES: list[tuple[str, bytes, str]] = [
    ("empty", b"", "malformed_body"),
    ("cut off", b'{"name": "a', "malformed_body"),
    ("no object", b"[]", "malformed_body"),
    ("deep lists", DEEP, "too_deep"),
    ("deep lists that end", DEEP + b"]" * 100_000, "too_deep"),
    ("deep objects", b'{"a":' * 100_000, "too_deep"),
    ("deep in a field", b'{"colour":' + DEEP, "too_deep"),
    ("not UTF-8", b'{"name": "\xff"}', "malformed_body"),
    ("not UTF-8 in a key", b'{"\xff": 1}', "malformed_body"),
    ("half a character", b'{"name": "\\ud800"}', "malformed_body"),
    ("NaN", b'{"days": NaN}', "malformed_body"),
    ("Infinity", b'{"days": Infinity}', "malformed_body"),
    ("beyond all numbers", b'{"days": 1e999}', "malformed_body"),
    ("5,000 digits", b'{"days": ' + b"9" * 5000 + b"}", "malformed_body"),
    ("a NUL between", b'{"name":\0"a"}', "malformed_body"),
    ("an unknown field", b'{"colour": "red"}', "malformed_body"),
]


@pytest.fixture
def admin(settings: Settings, keys: dict[str, str]) -> Iterator[Client]:
    """A browser in which the first admin is signed in, who may ask every route."""
    app = create_app(settings)
    with TestClient(app, raise_server_exceptions=False) as one:
        link = first_link(app.state.service)
        one.headers["X-CSRF-Token"] = one.post("/api/v1/session", json={"token": link}).json()["csrf"]
        yield one


def routes(client: Client) -> list[tuple[str, str]]:
    return [
        (str(method), route.path_format.format(**IDS, number=1))
        for route in client.app.routes
        for handler in getattr(route, "route_handlers", ())
        for method in handler.http_methods
        if "data" in handler.parsed_fn_signature.parameters
    ]


def problem(answer: Any, status: int, code: str | None = None) -> dict[str, Any]:
    assert answer.status_code == status, (answer.request.url, answer.text[:300])
    assert answer.headers["content-type"] == "application/problem+json"
    told: dict[str, Any] = answer.json()
    assert code in (None, told["code"]), (answer.request.url, told)
    assert len(answer.content) < 3000
    assert "Traceback" not in answer.text
    assert "msgspec" not in answer.text
    return told


@pytest.mark.parametrize(("body", "code"), [one[1:] for one in BODIES], ids=[one[0] for one in BODIES])
def test_a_body_that_is_no_question_is_a_problem_on_every_route(admin: Client, body: bytes, code: str) -> None:
    there = routes(admin)
    assert len(there) > 10
    for method, path in there:
        answer = admin.request(method, path, content=body, headers={"Content-Type": "application/json"})
        problem(answer, 400, code)
    assert admin.get("/api/v1/session").status_code == 200


def test_a_field_that_nobody_knows_is_named(admin: Client) -> None:
    for method, path in routes(admin):
        told = problem(admin.request(method, path, json={"colour": "red"}), 400)
        assert "colour" in told["detail"] or "required" in told["detail"], (path, told)
    told = problem(admin.post("/api/v1/keys", json={"colour": "red"}), 400)
    assert "`colour`" in told["detail"]


@pytest.mark.parametrize("kind", ["application/xml", "text/xml", "text/plain", "application/x-www-form-urlencoded", ""])
def test_a_body_of_another_kind_is_not_taken(admin: Client, kind: str) -> None:
    for method, path in routes(admin):
        answer = admin.request(method, path, content=b"<a/>", headers={"Content-Type": kind} if kind else {})
        problem(answer, 415, "unsupported_type")


def test_what_is_too_long_is_not_read(admin: Client) -> None:
    long = b'{"name": "' + b"x" * 11_000_000 + b'"}'
    for method, path in routes(admin):
        if path == "/api/v1/blobs/missing":  # two hundred thousand digests are longer
            continue
        answer = admin.request(method, path, content=long, headers={"Content-Type": "application/json"})
        problem(answer, 413, "too_large")


def test_of_two_fields_of_one_name_the_last_counts(admin: Client) -> None:
    headers = {"Content-Type": "application/json"}
    answer = admin.post("/api/v1/keys", content=b'{"name": "first", "name": "last"}', headers=headers)
    assert answer.json()["key"]["name"] == "last"


# --- Addresses --------------------------------------------------------------------------------------------------------


def test_parameters_that_nobody_knows_or_that_come_twice_are_refused(admin: Client) -> None:
    tried = 0
    for route in admin.app.routes:
        for handler in getattr(route, "route_handlers", ()):
            if handler.opt.get("who", "nobody") in ("nobody", "anyone") or "GET" not in handler.http_methods:
                continue
            if "/schema" in route.path_format or "/mlflow" in route.path_format:  # MLflow's own words for what is wrong
                continue
            tried += 1
            path = route.path_format.format(**IDS, model="a/b", digest="0" * 64, domain="d", upload="u", number=1)
            told = problem(admin.get(f"{path}?colour=red"), 400, "unknown_field")
            assert "'colour'" in told["detail"]
            if "limit" in handler.opt["parameters"]:
                problem(admin.get(f"{path}?limit=1&limit=2"), 400, "bad_value")
    assert tried > 15


PAGES = [
    "limit=-1",
    "limit=0",
    "limit=1000000000",
    "limit=9223372036854775808",
    "limit=",
    "limit=x",
    "after=%00",
    "after=9223372036854775808",
    "after=bnVsbA",
    "after=WzFlOTk5XQ",
    "after=W25bbnVsbF0",
]


@pytest.mark.parametrize("query", PAGES)
def test_a_page_that_cannot_be_is_refused(admin: Client, query: str) -> None:
    for path in (
        "datasets",
        "jobs",
        "recommendations",
        "keys",
        "projects",
        "users",
        "audit",
        "history",
        "zoo/models",
        "studies",
    ):
        problem(admin.get(f"/api/v1/{path}?{query}"), 400)


@pytest.mark.parametrize("name", ["id; DROP TABLE jobs", "' OR 1=1 --", "__class__", "sort"])
def test_what_looks_like_sql_is_no_parameter(admin: Client, database: Database, name: str) -> None:
    for path in ("datasets", "jobs", "history", "zoo/domains"):
        problem(admin.get(f"/api/v1/{path}", params={name: "1"}), 400, "unknown_field")
    assert Queue(database).all("p") == []


def test_thousands_of_parameters_are_refused(admin: Client) -> None:
    query = "&".join(f"p{i}=1" for i in range(6_000))
    problem(admin.get(f"/api/v1/jobs?{query}"), 400, "unknown_field")


def test_a_method_that_is_not_there_is_told_those_that_are(admin: Client) -> None:
    for route in admin.app.routes:
        methods = set(getattr(route, "methods", ())) - {"OPTIONS"}
        if not route.path_format.startswith("/api/v1") or not methods:
            continue
        path = route.path_format.format(**IDS, model="a/b", digest="0", domain="d", upload="u", number=1)
        for method in {"GET", "POST", "PUT", "PATCH", "DELETE"} - methods:
            answer = admin.request(method, path)
            problem(answer, 405)
            assert methods <= {one.strip() for one in answer.headers["allow"].split(",")}, (method, path)


# --- Names ------------------------------------------------------------------------------------------------------------

NAMES = ["x" * 10_000, "", " ", "a\r\nSet-Cookie: b=1", "\u202egnp.exe", "a\0b", "\ud7ff\ue000"]
SHOWN = ["<script>alert(1)</script>", "{{7*7}}", "🐈", "é", "a'b\"c;--"]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_cannot_be_shown_is_refused(admin: Client, keys: dict[str, str], name: str) -> None:
    answer = admin.post("/api/v1/datasets", headers=bearer(keys["member"]), params={"name": name}, content=b"x")
    assert answer.status_code in (400, 415, 422), answer.text
    for place in ("projects", "users"):
        problem(admin.post(f"/api/v1/{place}", json={"name": name}), 400)


@pytest.mark.parametrize("name", SHOWN)
def test_a_strange_name_is_kept_as_it_is_and_no_header(client: Client, keys: dict[str, str], name: str) -> None:
    answer = send(client, keys["member"], name)
    assert (answer.status_code, answer.json()["name"]) == (201, name)
    assert client.get("/api/v1/datasets", headers=bearer(keys["reader"])).json()["items"][0]["name"] == name
    assert answer.headers["content-type"] == "application/json"
    assert "set-cookie" not in answer.headers

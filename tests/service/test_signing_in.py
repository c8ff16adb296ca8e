"""Who comes in and how: the first link, passwords, sessions, users, members, keys; and whoever guesses."""

import time
from collections.abc import Iterator

import pytest
from litestar.testing import TestClient

from service import access
from service.app import create_app
from service.parts import first_link, service_of
from service.settings import Settings
from tests.service.asking import Client, bearer, send

PASSWORD = "a long password"


@pytest.fixture
def stranger(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """Somebody else, at another browser, and at another server: it looks up every key at every request."""
    monkeypatch.setattr(access, "HELD_S", 0.0)
    with TestClient(create_app(settings), raise_server_exceptions=False) as one:
        yield one


@pytest.fixture
def page(client: Client, settings: Settings) -> Client:
    """A browser in which the first admin is signed in, by the link of the first start."""
    service = service_of(settings)
    link = first_link(service)
    service.database.close()
    me = client.post("/api/v1/session", json={"token": link}).json()
    client.headers["X-CSRF-Token"] = me["csrf"]
    return client


def test_a_public_project_may_be_read_by_everybody_and_changed_by_nobody_else(
    page: Client, keys: dict[str, str], stranger: Client
) -> None:
    there = {"Headhunt-Project": "default"}
    assert page.patch("/api/v1/projects/default", json={"public": True}).status_code == 200
    assert stranger.get("/api/v1/datasets", headers=there).status_code == 200
    assert stranger.get("/api/v1/datasets").status_code == 401
    theirs = {**bearer(keys["other"]), **there}
    assert stranger.get("/api/v1/datasets", headers=theirs).status_code == 200
    asked = {"dataset": "photos"}
    assert stranger.post("/api/v1/recommendations", headers=theirs, json=asked).status_code == 403
    assert page.patch("/api/v1/projects/default", json={"public": False}).status_code == 200
    assert stranger.get("/api/v1/datasets", headers=there).status_code == 401


def test_the_link_of_the_first_start_lets_in_once(page: Client, settings: Settings) -> None:
    me = page.get("/api/v1/session").json()
    assert (me["user"], me["admin"], me["role"]) == ("admin", True, "owner")
    service = service_of(settings)
    token, _ = service.people.link("admin")
    other, _ = service.people.link("admin")
    service.database.close()
    assert page.post("/api/v1/session", json={"token": token}).status_code == 401
    assert page.post("/api/v1/session", json={"token": other}).status_code == 200
    assert page.post("/api/v1/session", json={"token": other}).status_code == 401


def test_a_password_is_set_and_then_needed(page: Client) -> None:
    assert page.put("/api/v1/session/password", json={"new": "short"}).json()["code"] == "bad_value"
    assert page.put("/api/v1/session/password", json={"new": PASSWORD}).status_code == 204
    assert page.get("/api/v1/session").status_code == 401
    assert page.post("/api/v1/session", json={"name": "admin", "password": "another one"}).status_code == 401
    signed = page.post("/api/v1/session", json={"name": "admin", "password": PASSWORD})
    assert signed.status_code == 200
    cookie = signed.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    page.headers["X-CSRF-Token"] = signed.json()["csrf"]
    wrong = {"new": PASSWORD + "!", "old": "not that"}
    assert page.put("/api/v1/session/password", json=wrong).status_code == 403
    assert page.delete("/api/v1/session").status_code == 204
    assert page.get("/api/v1/session").status_code == 401


def test_a_session_needs_its_token_and_its_own_page(page: Client) -> None:
    body = {"name": "new"}
    bare = {"X-CSRF-Token": ""}
    assert page.post("/api/v1/projects", json=body, headers=bare).json()["code"] == "cross_site"
    strange = {"Origin": "https://evil.example"}
    assert page.post("/api/v1/projects", json=body, headers=strange).json()["code"] == "cross_site"
    assert page.post("/api/v1/session", json={"token": "x"}, headers=strange).json()["code"] == "cross_site"
    own = {"Origin": str(page.base_url).rstrip("/")}
    assert page.post("/api/v1/projects", json=body, headers=own).status_code == 201


def test_whoever_guesses_has_to_wait_and_locks_nobody_else_out(client: Client, settings: Settings) -> None:
    service = service_of(settings)
    first_link(service)
    for name in ("admin", service.people.add("kim").name):
        service.people.set_password(name, PASSWORD, None)
    answers = [client.post("/api/v1/session", json={"name": "admin", "password": str(i)}) for i in range(11)]
    assert [answer.status_code for answer in answers] == [401] * 10 + [429]
    assert int(answers[-1].headers["retry-after"]) > 0
    right = client.post("/api/v1/session", json={"name": "admin", "password": PASSWORD})
    assert right.json()["code"] == "too_many_tries"
    assert client.post("/api/v1/session", json={"name": "kim", "password": PASSWORD}).status_code == 200
    assert service.people.sign_in("admin", PASSWORD, "from elsewhere")
    service.database.close()


def test_users_are_added_made_members_and_removed(page: Client, stranger: Client) -> None:
    made = page.post("/api/v1/users", json={"name": "kim"})
    assert made.status_code == 201
    assert page.post("/api/v1/users", json={"name": "kim"}).json()["code"] == "name_taken"
    token = made.json()["link"].rpartition("#")[2]
    role = page.put("/api/v1/projects/default/members/kim", json={"role": "reader"})
    assert role.json()["role"] == "reader"
    me = stranger.post("/api/v1/session", json={"token": token}).json()
    stranger.headers["X-CSRF-Token"] = me["csrf"]
    assert stranger.get("/api/v1/datasets").status_code == 200
    assert stranger.post("/api/v1/keys", json={}).status_code == 403
    assert stranger.get("/api/v1/users").status_code == 403
    assert page.delete(f"/api/v1/users/{made.json()['user']['id']}").status_code == 204
    assert stranger.get("/api/v1/datasets").status_code == 401
    assert [one["name"] for one in page.get("/api/v1/projects/default/members").json()["items"]] == ["admin"]
    assert page.delete("/api/v1/users/admin").json()["code"] == "not_allowed"
    assert page.delete("/api/v1/projects/default/members/admin").json()["code"] == "not_allowed"


def test_keys_are_made_shown_once_and_revoked(page: Client, stranger: Client) -> None:
    made = page.post("/api/v1/keys", json={"name": "ci", "role": "member", "days": 3}).json()
    assert made["key"]["by"] == "admin"
    held = bearer(made["secret"])
    assert stranger.get("/api/v1/datasets", headers=held).status_code == 200
    assert stranger.post("/api/v1/keys", headers=held, json={"role": "reader"}).status_code == 403
    listed = page.get("/api/v1/keys")
    assert [one["id"] for one in listed.json()["items"]] == [made["key"]["id"]]
    assert made["secret"] not in listed.text
    assert page.delete(f"/api/v1/keys/{made['key']['id']}").json()["revoked"] is not None
    assert stranger.get("/api/v1/datasets", headers=held).status_code == 401


def test_what_was_changed_stands_in_the_audit(page: Client, keys: dict[str, str]) -> None:
    page.post("/api/v1/projects", json={"name": "second"})
    send(page, keys["member"])
    lines = page.get("/api/v1/audit?limit=1").json()
    (line,) = lines["items"]
    assert (line["action"], line["status"]) == ("POST /api/v1/datasets", 201)
    assert line["who"].startswith("key ")
    everything = page.get("/api/v1/audit").json()["items"]
    assert all(one["action"] != "POST /api/v1/projects" for one in everything), "that was another project"


def test_lists_come_in_pages_and_not_twice(page: Client) -> None:
    for i in range(5):
        page.post("/api/v1/projects", json={"name": f"p{i}"})
    first = page.get("/api/v1/projects?limit=4").json()
    second = page.get("/api/v1/projects", params={"limit": 4, "after": first["next"]}).json()
    names = [one["name"] for one in first["items"] + second["items"]]
    assert names == ["default", "p0", "p1", "p2", "p3", "p4"]
    assert second["next"] is None
    for wrong in ("limit=0", "limit=-1", "limit=1000000000", "limit=x", "after=!!", "after=W10x", "sort=id"):
        answer = page.get(f"/api/v1/projects?{wrong}")
        assert answer.status_code == 400, wrong
    assert page.get("/api/v1/projects?sort=id;DROP TABLE").json()["code"] == "unknown_field"


def test_what_has_not_changed_is_not_sent_again(client: Client, keys: dict[str, str]) -> None:
    send(client, keys["member"])
    first = client.get("/api/v1/datasets", headers=bearer(keys["reader"]))
    again = {**bearer(keys["reader"]), "If-None-Match": first.headers["etag"]}
    assert client.get("/api/v1/datasets", headers=again).status_code == 304
    send(client, keys["member"], "others")
    assert client.get("/api/v1/datasets", headers=again).status_code == 200


def test_wrong_keys_have_to_wait_and_right_ones_never_do(client: Client, keys: dict[str, str]) -> None:
    tried = [client.get("/api/v1/datasets", headers=bearer(f"hh_0_{i}")) for i in range(120)]
    assert tried[0].status_code == 401
    assert tried[-1].status_code == 429
    assert int(tried[-1].headers["retry-after"]) > 0
    assert client.get("/api/v1/datasets", headers=bearer(keys["reader"])).status_code == 200


@pytest.mark.parametrize(
    ("host", "status"),
    [("evil.example", 421), ("", 421), ("testserver.local", 200), ("127.0.0.1:8765", 200), ("[::1]:1", 200),
     ("localhost", 200), ("testserver.local.evil.example", 421)],
)  # fmt: skip
def test_another_server_s_name_gets_nothing(client: Client, keys: dict[str, str], host: str, status: int) -> None:
    answer = client.get("/api/v1/datasets", headers={**bearer(keys["reader"]), "Host": host})
    assert answer.status_code == status


def test_a_key_ends_with_its_member_and_may_no_more_than_they(page: Client, stranger: Client) -> None:
    token = page.post("/api/v1/users", json={"name": "bob"}).json()["link"].rpartition("#")[2]
    page.put("/api/v1/projects/default/members/bob", json={"role": "owner"})
    me = stranger.post("/api/v1/session", json={"token": token}).json()
    stranger.headers["X-CSRF-Token"] = me["csrf"]
    made = stranger.post("/api/v1/keys", json={"role": "owner"}).json()
    held = bearer(made["secret"])
    second = bearer(stranger.post("/api/v1/keys", headers=held, json={"role": "member"}).json()["secret"])
    assert stranger.get("/api/v1/keys", headers=held).status_code == 200
    page.put("/api/v1/projects/default/members/bob", json={"role": "reader"})
    assert stranger.get("/api/v1/keys", headers=held).status_code == 403
    assert stranger.get("/api/v1/datasets", headers=second).status_code == 200
    page.delete("/api/v1/projects/default/members/bob")
    for key in (held, second):
        assert stranger.get("/api/v1/datasets", headers=key).status_code == 401
    page.put("/api/v1/projects/default/members/bob", json={"role": "owner"})
    page.delete("/api/v1/users/bob")
    assert stranger.get("/api/v1/datasets", headers=held).status_code == 401


def test_a_key_that_ends_makes_none_that_does_not(client: Client, settings: Settings) -> None:
    service = service_of(settings)
    short = bearer(service.key("default", "owner", days=1.0))
    service.database.close()
    for days in (None, 5.0):
        made = client.post("/api/v1/keys", headers=short, json={"days": days}).json()["key"]
        assert made["expires"] - made["created"] < 86401
    sooner = client.post("/api/v1/keys", headers=short, json={"days": 0.5}).json()["key"]
    assert sooner["expires"] - sooner["created"] < 43201


def test_the_default_project_keeps_its_name_and_nobody_takes_it(page: Client) -> None:
    assert page.patch("/api/v1/projects/default", json={"name": "old"}).json()["code"] == "not_allowed"
    assert page.delete("/api/v1/projects/default").json()["code"] == "not_allowed"
    made = page.post("/api/v1/projects", json={"name": "mine"}).json()
    assert page.patch(f"/api/v1/projects/{made['id']}", json={"name": "default"}).json()["code"] == "name_taken"
    assert page.post("/api/v1/projects", json={"name": made["id"]}).json()["code"] == "bad_value"


def test_a_public_project_shows_neither_its_members_nor_the_zoo_to_strangers(page: Client, stranger: Client) -> None:
    made = page.post("/api/v1/projects", json={"name": "open", "public": True}).json()
    there = {"Headhunt-Project": "open"}
    assert stranger.get("/api/v1/datasets", headers=there).status_code == 200
    assert stranger.get(f"/api/v1/projects/{made['id']}/members").status_code == 403
    for path in ("zoo/models", "zoo/domains", "zoo/matrix", "history"):
        assert stranger.get(f"/api/v1/{path}", headers=there).status_code == 401, path


def test_whatever_goes_wrong_has_a_name(client: Client, keys: dict[str, str]) -> None:
    for path, status in (("/nothing", 404), ("/api/v1/datasets", 401), ("/health", 200)):
        answer = client.get(path, headers={"X-Request-Id": "mine-1"})
        assert (answer.status_code, answer.headers["x-request-id"]) == (status, "mine-1")
        assert answer.json().get("request_id", "mine-1") == "mine-1"
    hostile = client.get("/nothing", headers={"X-Request-Id": 'a b"c'}).headers["x-request-id"]
    assert hostile.isalnum()


def test_whoever_invents_methods_adds_no_numbers(client: Client, keys: dict[str, str]) -> None:
    for i in range(20):
        client.request(f"METHOD{i}", "/api/v1/datasets")
    text = client.get("/metrics", headers=bearer(keys["reader"])).text
    assert 'method="other"' in text
    assert "METHOD" not in text


def test_admins_read_what_belongs_to_no_project(page: Client, keys: dict[str, str]) -> None:
    page.post("/api/v1/users", json={"name": "kim"})
    lines = page.get("/api/v1/audit/all").json()["items"]
    assert "POST /api/v1/users" in {one["action"] for one in lines}
    assert page.get("/api/v1/audit/all", headers=bearer(keys["owner"])).status_code == 403


def test_a_key_that_was_revoked_here_holds_no_longer_and_elsewhere_for_a_moment(
    client: Client, keys: dict[str, str], settings: Settings
) -> None:
    held = bearer(keys["reader"])
    assert client.get("/api/v1/datasets", headers=held).status_code == 200
    own = keys["reader"].split("_")[1]
    assert client.delete(f"/api/v1/keys/{own}", headers=bearer(keys["owner"])).status_code == 200
    assert client.get("/api/v1/datasets", headers=held).status_code == 401
    other = bearer(keys["member"])
    assert client.get("/api/v1/datasets", headers=other).status_code == 200
    service = service_of(settings)
    service.keys.revoke(service.projects.ensure("default"), keys["member"].split("_")[1])
    service.database.close()
    began = time.monotonic()
    while client.get("/api/v1/datasets", headers=other).status_code == 200:
        assert time.monotonic() - began < 240
        time.sleep(0.05)

"""Who may what. The matrix of every route and every wrong caller is made from the route table: a route that forgets to
say whom it is for is nobody's, and fails here."""

from pathlib import Path
from typing import Any

import pytest

from headhunt.track.wire import ReportAsked
from headhunt.vocabulary import Domain
from service.database import Database
from service.failures import Guesses
from service.jobs.queue import Queue
from service.parts import service_of
from service.reporting import Reports
from service.settings import Settings
from tests.service.asking import Client, bearer, send
from tests.zoo.cards import card
from zoo.catalogue.store import Catalogue

NAMES = (
    *("dataset", "job", "user", "project", "key", "upload", "number", "model", "digest", "domain"),
    *("run", "other", "report", "study"),
)
"""What stands in paths."""
WORDS = ("anyone", "known", "user", "admin", "keeper", "reader", "member", "owner")
BODIES: dict[str, Any] = {
    "POST /api/v1/recommendations": {"dataset": "{dataset}"},
    "POST /api/v1/datasets/{dataset}/versions": {"name": "photos", "entries": []},
    "POST /api/v1/uploads": {"name": "photos", "size": 3},
    "POST /api/v1/blobs/missing": {"digests": []},
    "POST /api/v1/zoo/models": {"source": "timm:resnet18.a1_in1k"},
    "POST /api/v1/zoo/domains": {"dataset": "{dataset}"},
    "POST /api/v1/zoo/cells": {"domain": "mine", "dataset": "{dataset}", "network": "resnet18"},
    "POST /api/v1/reports": {"run": "{run}", "to": ["me@example.org"]},
    "POST /api/v1/runs/{run}/schedules": {"to": ["me@example.org"]},
    "POST /api/v1/runs/{run}/report": {"to": ["me@example.org"]},
    "POST /api/v1/tunings": {"dataset": "{dataset}", "models": ["pets/test_vit"]},
    "POST /api/v1/studies": {"name": "bowl", "space": {"x": 1}},
    "POST /api/v1/studies/{study}/resume": {"trials": 5},
    "POST /api/v1/studies/{study}/keys": {"name": "cluster"},
    "POST /api/v1/studies/{study}/trials": {"worker": "w"},
    "POST /api/v1/studies/{study}/trials/{number}/readings": {"token": "t"},
    "POST /api/v1/studies/{study}/trials/{number}/result": {"token": "t"},
    "POST /api/v1/studies/{study}/trials/{number}/release": {"token": "t"},
    "PATCH /api/v1/projects/{project}": {"public": False},
    "PUT /api/v1/runs/{run}": {"name": "warm"},
    "PATCH /api/v1/runs/{run}": {"name": "warm"},
    "PUT /api/v1/projects/{project}/members/{user}": {"role": "reader"},
}
"""What a request needs beside an id in its path, so that only the id can be what is wrong."""

PARAMETERS = {
    "POST /api/v1/runs/{run}/journal": "?writer=main",
    "GET /api/v1/runs/{run}/curves": "?metric=loss",
    "GET /api/v1/runs/{run}/points": "?metric=loss",
}
"""The same, of parameters."""
MADE = ("PUT /api/v1/runs/{run}",)
"""What is made under an id that the caller chose: it does not have to exist."""

SHARED = (
    "GET /api/v1/zoo/models/{model}",
    "GET /api/v1/zoo/weights/{digest}",
    "GET /api/v1/zoo/domains/{domain}",
)
"""What belongs to no project: the zoo, which readers of every project may read."""


MLFLOW = ("/api/2.0/", "/api/3.0/")


def routes_of(client: Client, everything: bool = False) -> list[tuple[str, str, str]]:
    """Every (method, path, whom it is for) of the application. Those of MLflow's protocol come with everything: their
    errors have words of their own, and tests/service/test_mlflow_client.py goes through their table."""
    return [
        (str(method), route.path_format, handler.opt.get("who", "nobody"))
        for route in client.app.routes
        for handler in getattr(route, "route_handlers", ())
        for method in handler.http_methods
        if method not in ("HEAD", "OPTIONS") and (everything or not route.path.startswith(MLFLOW))
    ]


@pytest.fixture
def ids(client: Client, keys: dict[str, str], settings: Settings, database: Database) -> dict[str, str]:
    """One real thing of the default project for each name that stands in a path."""
    service = service_of(settings)
    job = send(client, keys["member"]).json()
    asked = client.post("/api/v1/recommendations", headers=bearer(keys["member"]), json={"dataset": "photos"}).json()
    upload = client.post("/api/v1/uploads", headers=bearer(keys["member"]), json={"name": "parts", "size": 3}).json()
    user = service.people.add("somebody")
    project = service.projects.ensure("default")
    service.projects.put_member(project, user.id, "owner")
    service.database.close()
    key = keys["reader"].split("_")[1]
    return {
        "dataset": job["id"],
        "job": asked["id"],
        "user": user.id,
        "project": project,
        "key": key,
        "path": "openapi.json",
        "upload": upload["id"],
        "number": "1",
        "model": "digits/lenet",
        "domain": "digits",
        "digest": shelve(settings.home),
        "run": begun_run(client, keys),
        "report": scheduled(settings, project),
        "study": studied(client, keys),
        "other": "e" * 32,
    }


def begun_run(client: Client, keys: dict[str, str]) -> str:
    answer = client.put(f"/api/v1/runs/{'e' * 32}", headers=bearer(keys["member"]), json={})
    return str(answer.json()["id"])


def studied(client: Client, keys: dict[str, str]) -> str:
    body = {"name": "bowl", "space": {"x": {"type": "double", "low": 0, "high": 1}}}
    answer = client.post("/api/v1/studies", headers=bearer(keys["member"]), json=body)
    return str(answer.json()["id"])


def scheduled(settings: Settings, project: str) -> str:
    """A schedule of reports."""
    service = service_of(settings)
    asked = ReportAsked(("me@example.org",), experiment="flowers")
    made = Reports(service.database).add(project, asked)
    service.database.close()
    return made.id


def shelve(home: Path) -> str:
    """A model in the zoo; the digest of its weights."""
    weights = home / "weights" / f"{'d' * 64}.safetensors"
    weights.parent.mkdir()
    weights.write_bytes(b"weights")
    with Catalogue(home).change() as draft:
        draft.ensure_domain(Domain(name="digits"))
        draft.add_card(card("digits/lenet", weights=weights.stem))
    return weights.stem


def asked(client: Client, route: tuple[str, str], ids: dict[str, str], headers: dict[str, str]) -> Any:
    method, path = route
    body = BODIES.get(f"{method} {path}")
    body = {k: v.format(**ids) if isinstance(v, str) else v for k, v in body.items()} if body else None
    where = path.format(**ids) + PARAMETERS.get(f"{method} {path}", "")
    return client.request(method, where, headers=headers, **({"json": body} if body else {}))


def test_every_route_says_whom_it_is_for(client: Client) -> None:
    found = routes_of(client, everything=True)
    assert len(found) > 60
    assert {who for _, _, who in found} <= set(WORDS), [one for one in found if one[2] not in WORDS]
    open_ones = {f"{method} {path}" for method, path, who in found if who == "anyone"}
    pages = {"GET /", "GET /sign-in", "GET /pages/{name}"}
    assert open_ones == {"GET /health", "GET /ready", "POST /api/v1/session", *pages}


def test_no_route_opens_to_a_key_that_does_not_hold(client: Client, keys: dict[str, str], ids: dict[str, str]) -> None:
    wrong = ("", "Bearer", "Bearer x", "Basic abc", f"Bearer {keys['expired']}", f"Bearer {keys['revoked']}",
             f"Bearer {keys['member'][:-1]}", "Bearer hh_0_x", f"Bearer {keys['owner']}x")  # fmt: skip
    for method, path, who in routes_of(client):
        if who == "anyone":
            continue
        client.app.state.service.access.guesses = Guesses()
        for one in wrong:
            answer = asked(client, (method, path), ids, {"Authorization": one} if one else {})
            assert (answer.status_code, answer.json()["code"]) == (401, "not_signed_in"), (method, path, one)
    in_the_address = client.get(f"/api/v1/datasets?key={keys['owner']}&access_token={keys['owner']}")
    assert in_the_address.status_code == 401


def test_what_is_of_another_project_does_not_exist(
    client: Client, keys: dict[str, str], ids: dict[str, str], database: Database
) -> None:
    """Not even its owner's key tells whether an id of another project is real."""
    tried = 0
    for method, path, who in routes_of(client):
        if "{" in path and who in ("reader", "member", "owner") and f"{method} {path}" not in (*SHARED, *MADE):
            tried += 1
            real = asked(client, (method, path), ids, bearer(keys["other"]))
            unreal = asked(
                client, (method, path), {**dict.fromkeys(ids, "f" * 32), "number": "1"}, bearer(keys["other"])
            )
            assert real.status_code == unreal.status_code == 404, (method, path, real.text, unreal.text)
            assert real.json()["code"] == unreal.json()["code"], (method, path)
    assert tried > 10
    for one in MADE:
        method, _, path = one.partition(" ")
        assert asked(client, (method, path), ids, bearer(keys["other"])).status_code == 404, one
    assert Queue(database).get(ids["job"]).state == "queued"
    named = {**bearer(keys["other"]), "Headhunt-Project": "default"}
    assert client.get("/api/v1/datasets", headers=named).status_code == 404


def test_what_all_projects_share_is_read_by_the_readers_of_each(
    client: Client, keys: dict[str, str], ids: dict[str, str]
) -> None:
    there = [(method, path) for method, path, _ in routes_of(client) if f"{method} {path}" in SHARED]
    assert len(there) == len(SHARED)
    for route in there:
        assert asked(client, route, ids, bearer(keys["other"])).status_code == 200, route
        assert asked(client, route, dict.fromkeys(ids, "f" * 64), bearer(keys["other"])).status_code == 404, route


def test_only_those_who_keep_the_zoo_change_what_all_share(
    client: Client, keys: dict[str, str], ids: dict[str, str]
) -> None:
    kept = [(method, path) for method, path, who in routes_of(client) if who == "keeper"]
    assert len(kept) > 4
    for route in kept:
        for wrong in ("reader", "member", "other"):
            answer = asked(client, route, ids, bearer(keys[wrong]))
            assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed"), (route, wrong)
        assert asked(client, route, ids, bearer(keys["owner"])).status_code not in (401, 403), route


def test_a_role_may_do_what_it_may_and_nothing_more(
    client: Client, keys: dict[str, str], ids: dict[str, str], database: Database
) -> None:
    ranks = ("reader", "member", "owner")
    for method, path, who in routes_of(client):
        for role in ranks[: ranks.index(who)] if who in ranks else ():
            answer = asked(client, (method, path), ids, bearer(keys[role]))
            assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed"), (method, path, role)
        if who in ("user", "admin"):
            answer = asked(client, (method, path), ids, bearer(keys["owner"]))
            assert answer.status_code == 403, (method, path)
    assert Queue(database).get(ids["job"]).state == "queued"


def test_paths_made_of_dots_and_slashes_lead_nowhere(client: Client, keys: dict[str, str]) -> None:
    forms = ("..%2f..%2fetc%2fpasswd", "%252e%252e", "..%5c", "%2f%2fproc%2fself%2froot", "%23%2f..%2f", "a%00b")
    for method, path, who in routes_of(client):
        if "{" in path and who in ("reader", "member", "owner"):
            for form in forms:
                names = dict.fromkeys(
                    (
                        "dataset",
                        "job",
                        "user",
                        "project",
                        "key",
                        "upload",
                        "number",
                        "model",
                        "digest",
                        "domain",
                        "report",
                        "run",
                        "other",
                        "study",
                    ),
                    form,
                )
                answer = asked(client, (method, path), names, bearer(keys["owner"]))
                assert answer.status_code in (404, 405), (method, path, form, answer.text)
                assert "root:" not in answer.text

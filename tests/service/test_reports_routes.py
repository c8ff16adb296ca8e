"""Reports over HTTP: who may, what is refused, what is answered; and by the command, without a server."""

import io
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pypdfium2
import pytest
from litestar.testing import TestClient

from headhunt.cli.main import main
from headhunt.track.journal import Noted, Points
from headhunt.track.wire import RunBegun
from service.app import create_app
from service.database import Database
from service.mailing import SENDER, SMTP, mailing_of
from service.parts import service_of
from service.projects import Projects
from service.report_work import Reporting
from service.reporting import MOST_AN_HOUR
from service.settings import Settings
from tests.service.asking import Client, bearer
from tests.service.mail_server import USER, mail_server
from tests.tracking.telling import journal
from tracking.store import Tracking

RUN = "c" * 32
ME = ["me@example.org"]
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def mails(settings: Settings) -> Iterator[Client]:
    """A server that knows a mail server."""
    able = msgspec.structs.replace(settings, mails=True)
    with TestClient(create_app(able), raise_server_exceptions=False) as one:
        yield one


@pytest.fixture
def run(database: Database) -> str:
    return told_in(database)


def told_in(database: Database) -> str:
    project = Projects(database).ensure("default", make=True)
    tracking = Tracking(database)
    tracking.begin(project, RUN, RunBegun(experiment="flowers", name=f"꽃 {HOSTILE}"))
    points = [Points(1e9 + i, i, {"loss": 1.0 / (i + 1), "val_accuracy": i / 10}) for i in range(10)]
    tracking.append(project, RUN, "w", 0, journal(Noted(1e9, "param", {"epochs": 20, "lr": 0.1}), *points))
    return RUN


def test_a_report_is_looked_at_as_a_page_without_rights_and_as_a_paper(
    client: Client, keys: dict[str, str], run: str
) -> None:
    page = client.get(f"/api/v1/runs/{run}/report", headers=bearer(keys["reader"]))
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    rights = page.headers["content-security-policy"]
    assert rights.startswith("sandbox; default-src 'none'")
    assert "script" not in rights
    assert HOSTILE not in page.text
    assert "꽃 &lt;script&gt;" in page.text
    assert "50 %" in page.text  # 10 of 20 epochs
    paper = client.get(f"/api/v1/runs/{run}/report?as=pdf", headers=bearer(keys["reader"]))
    assert paper.headers["content-type"] == "application/pdf"
    document = pypdfium2.PdfDocument(io.BytesIO(paper.content))
    assert "꽃" in document[0].get_textpage().get_text_range()
    document.close()
    wrong = client.get(f"/api/v1/runs/{run}/report?as=doc", headers=bearer(keys["reader"]))
    assert wrong.status_code == 400


def test_the_process_that_answers_loads_nothing_that_draws(client: Client, keys: dict[str, str], run: str) -> None:
    drawing = ("fpdf", "uharfbuzz", "jinja2.sandbox")
    before = {name for name in drawing if name in sys.modules}
    assert client.get(f"/api/v1/runs/{run}/report", headers=bearer(keys["reader"])).status_code == 200
    assert {name for name in drawing if name in sys.modules} == before


def test_what_is_of_another_project_is_neither_shown_nor_mailed(mails: Client, keys: dict[str, str], run: str) -> None:
    other = bearer(keys["other"])
    assert mails.get(f"/api/v1/runs/{run}/report", headers=other).json()["code"] == "unknown_run"
    assert mails.get(f"/api/v1/runs/{run}/mails", headers=other).status_code == 404
    for path, body in (
        (f"runs/{run}/report", {"to": ME}),
        (f"runs/{run}/schedules", {"to": ME}),
        ("reports", {"to": ME, "run": run}),
    ):
        assert mails.post(f"/api/v1/{path}", headers=other, json=body).json()["code"] == "unknown_run", path
        assert mails.post(f"/api/v1/{path}", headers=bearer(keys["reader"]), json=body).status_code == 403, path


def test_schedules_are_made_listed_and_removed(mails: Client, keys: dict[str, str], run: str) -> None:
    mine = bearer(keys["member"])
    asked: dict[str, Any] = {"to": ME, "run": run, "every": "30m", "when": "loss  has not improved for 5 epochs"}
    made = mails.post("/api/v1/reports", headers=mine, json=asked)
    assert made.status_code == 201, made.text
    told = made.json()
    assert made.headers["location"] == f"/api/v1/reports/{told['id']}"
    assert (told["every_s"], told["when"]) == (1800.0, "loss has not improved for 5 epochs")
    again = mails.post(f"/api/v1/runs/{run}/schedules", headers=mine, json={**asked, "run": None})
    assert again.json()["id"] == told["id"]
    of_all = mails.post("/api/v1/reports", headers=mine, json={"to": ME, "experiment": "flowers"}).json()
    listed = mails.get("/api/v1/reports", headers=bearer(keys["reader"])).json()["items"]
    assert {one["id"] for one in listed} == {told["id"], of_all["id"]}
    page = mails.get("/api/v1/reports?limit=1", headers=mine).json()
    rest = mails.get("/api/v1/reports", params={"after": page["next"]}, headers=mine).json()
    assert [one["id"] for one in (*page["items"], *rest["items"])] == [of_all["id"], told["id"]]
    assert [one["id"] for one in mails.get(f"/api/v1/reports?run={run}", headers=mine).json()["items"]] == [told["id"]]
    assert mails.delete(f"/api/v1/reports/{told['id']}", headers=mine).status_code == 204
    assert mails.get(f"/api/v1/reports/{told['id']}", headers=mine).json()["code"] == "unknown_report"
    assert mails.get(f"/api/v1/reports/{of_all['id']}", headers=mine).json() == of_all


@pytest.mark.parametrize(
    ("body", "code"),
    [({"to": ["me@example.org\r\nBcc: x@y.z"]}, "bad_address"), ({"to": []}, "bad_address"),
     ({"to": [f"a{i}@b.c" for i in range(11)]}, "bad_address"), ({"to": ME, "template": "{{ x"}, "bad_template"),
     ({"to": ME, "template": "{{ ''.__class__ }}"}, "bad_template"), ({"to": "me@example.org"}, "malformed_body"),
     ({"to": ME, "unknown": 1}, "malformed_body"), ({}, "malformed_body")],
)  # fmt: skip
def test_what_cannot_be_mailed_is_refused_and_says_why(
    mails: Client, keys: dict[str, str], run: str, body: dict[str, Any], code: str
) -> None:
    answer = mails.post(f"/api/v1/runs/{run}/report", headers=bearer(keys["member"]), json=body)
    assert (answer.status_code, answer.json()["code"]) == (400, code), answer.text
    assert mails.get(f"/api/v1/runs/{run}/mails", headers=bearer(keys["member"])).json()["items"] == []


def test_a_condition_that_is_not_understood_is_refused_with_what_would_do(
    mails: Client, keys: dict[str, str], run: str
) -> None:
    asked = {"to": ME, "run": run, "when": "val_loss is bad"}
    answer = mails.post("/api/v1/reports", headers=bearer(keys["member"]), json=asked).json()
    assert answer["code"] == "bad_condition"
    assert "val_loss has not improved for 5 epochs" in answer["detail"]


def test_a_server_without_a_mail_server_says_so(client: Client, keys: dict[str, str], run: str) -> None:
    for path in (f"runs/{run}/report", f"runs/{run}/schedules"):
        answer = client.post(f"/api/v1/{path}", headers=bearer(keys["member"]), json={"to": ME})
        assert (answer.status_code, answer.json()["code"]) == (409, "no_mail_server")
        assert SMTP in answer.json()["detail"]


def test_nobody_mails_without_bound_by_this_server(mails: Client, keys: dict[str, str], run: str) -> None:
    answers = [
        mails.post(f"/api/v1/runs/{run}/report", headers=bearer(keys["member"]), json={"to": ME})
        for _ in range(MOST_AN_HOUR + 1)
    ]
    assert [one.status_code for one in answers] == [202] * MOST_AN_HOUR + [429]
    assert answers[-1].json()["code"] == "too_many_mails"


def test_a_mail_that_is_asked_for_arrives_and_links_to_its_run(
    mails: Client, keys: dict[str, str], run: str, database: Database, tmp_path: Path
) -> None:
    mine = bearer(keys["member"])
    asked = mails.post(f"/api/v1/runs/{run}/report", headers=mine, json={"to": ["me@example.org", "you@example.org"]})
    assert asked.status_code == 202
    with mail_server(tmp_path, "smtp") as box:
        mailing = mailing_of({SMTP: f"smtp://127.0.0.1:{box.port}", SENDER: USER})
        assert Reporting(database, mailing).tick() == 1
    (mail,) = mails.get(f"/api/v1/runs/{run}/mails", headers=mine).json()["items"]
    assert (mail["state"], mail["event"], mail["error"]) == ("sent", "now", None)
    assert box.to == [["me@example.org", "you@example.org"]]
    html = box.mails[0].get_body(("html",)).get_content()  # type: ignore[union-attr]
    assert HOSTILE not in html
    (link,) = re.findall(r'href="http://testserver.local(/projects/[0-9a-f]{32}/runs/[0-9a-f]{32})"', html)
    shown = mails.get(link, headers=bearer(keys["reader"]))
    assert shown.status_code == 200
    assert shown.headers["content-type"].startswith("text/html")
    assert run in shown.text
    assert mails.get(link).status_code == 401
    assert mails.get(link.replace("/projects/", "/projects/0")).status_code == 401
    asked_back = mails.get(link, headers={"Accept": "text/html,*/*"}, follow_redirects=False)
    assert (asked_back.status_code, asked_back.headers["location"]) == (303, f"/sign-in?then={link}")


# --- the command ------------------------------------------------------------------------------------------------------


@pytest.fixture
def at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with a run, and no server."""
    home = tmp_path / "home"
    monkeypatch.setenv("HEADHUNT_HOME", str(home))
    for name in (SMTP, SENDER, "HEADHUNT_SERVER"):
        monkeypatch.delenv(name, raising=False)
    service = service_of(Settings(home=home))
    told_in(service.database)
    service.database.close()
    service.door.close()
    return home


def test_the_command_writes_a_page_and_a_paper_and_mails(
    at_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    html, pdf = tmp_path / "out.html", tmp_path / "out.pdf"
    assert main(["report", RUN[:8], "--html", str(html), "--pdf", str(pdf)]) == 0
    assert "data:image/png;base64," in html.read_text("utf-8")
    assert pdf.read_bytes().startswith(b"%PDF")
    assert capsys.readouterr().out.split() == [str(html), str(pdf)]
    with mail_server(tmp_path, "smtp") as box:
        monkeypatch.setenv(SMTP, f"smtp://127.0.0.1:{box.port}")
        monkeypatch.setenv(SENDER, USER)
        assert main(["report", f"꽃 {HOSTILE}", "--mail", "me@example.org", "--mail", "you@example.org"]) == 0
    assert box.to == [["me@example.org", "you@example.org"]]


@pytest.mark.parametrize(
    ("words", "said"),
    [(["report", RUN], "--html"), (["report", RUN, "--mail", "me@example.org"], SMTP),
     (["report", RUN, "--mail", "me"], "no address"), (["report", "nobody", "--html", "x.html"], "No run named"),
     (["report", "f" * 32, "--html", "x.html"], "No run named"),
     (["report", RUN, "--html", "/nowhere/at/all/x.html"], "could not be written"),
     (["report", RUN, "--html", "x.html", "--template", "/nowhere.html"], "no file")],
)  # fmt: skip
def test_the_command_says_what_is_wrong(
    at_home: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    assert main(words) == 2
    assert said in capsys.readouterr().err


def test_the_command_fills_a_template_of_the_users(at_home: Path, tmp_path: Path) -> None:
    template, html = tmp_path / "own.html", tmp_path / "out.html"
    template.write_text("<b>{{ metrics[0].best | number }}</b>", "utf-8")
    assert main(["report", RUN, "--html", str(html), "--template", str(template)]) == 0
    assert html.read_text("utf-8") == "<b>0.1</b>"

"""`headhunt login`: a key for one server, kept for its owner's eyes, and what comes before what."""

import json
import stat
from pathlib import Path

import pytest

import headhunt
from headhunt.errors import BadValue, NotSignedIn
from headhunt.remote.credentials import Login, Logins, chosen, file_in, keep, logins_in
from service.parts import service_of
from service.settings import Settings
from tests.sdk.servers import Running, free_port, said

HERE, THERE = "http://here:8765", "http://there:8765"
PASSWORD = "a long and good pass phrase"


@pytest.fixture
def user(served: Running) -> str:
    """An owner of the default project, who has a password."""
    service = service_of(Settings(home=served.home))
    try:
        if "ada" not in {one.name for one in service.people.all()}:
            one = service.people.add("ada")
            service.people.follow(service.people.link("ada")[0], "")
            service.people.set_password(one.id, PASSWORD, None)
            service.projects.put_member(service.projects.ensure("default", make=True), one.id, "owner")
    finally:
        service.database.close()
    return "ada"


def test_a_login_with_a_key_is_asked_from_then_on_until_logout(served: Running, home: Path, photos: Path) -> None:
    done = said(home, "login", served.url + "/", "--key", "-", given=served.key + "\n")
    assert done.returncode == 0, done.stderr
    assert served.key not in done.stdout + done.stderr
    assert stat.S_IMODE(file_in(home).stat().st_mode) == 0o600
    assert not list(home.glob(".*draft"))
    rec = headhunt.suggest_model(photos, labels=False)
    assert len(rec) == 4  # this home has no model: the server answered
    with pytest.raises(headhunt.HeadhuntError, match="build-starter"):
        headhunt.suggest_model(photos, labels=False, server="local")
    assert "holds as before" in said(home, "logout").stdout
    assert chosen(None, None, home) is None
    with pytest.raises(headhunt.HeadhuntError, match="build-starter"):
        headhunt.suggest_model(photos, labels=False)
    again = said(home, "logout")
    assert (again.returncode, len(again.stderr.splitlines())) == (2, 1)


def test_a_login_with_a_password_makes_a_key_and_logout_revokes_it(served: Running, home: Path, user: str) -> None:
    done = said(home, "login", served.url, "--user", user, given=PASSWORD + "\n")
    assert done.returncode == 0, done.stderr
    login = logins_in(home).of(served.url)
    assert login is not None
    assert login.own
    assert PASSWORD not in file_in(home).read_text() + done.stdout
    assert chosen(None, None, home) is not None
    gone = said(home, "logout", served.url)
    assert "its key was revoked" in gone.stdout
    refused = said(home, "login", served.url, "--key", login.key)
    assert (refused.returncode, "does not take this key" in refused.stderr) == (2, True)


def test_a_wrong_password_or_project_keeps_nothing(served: Running, home: Path, user: str) -> None:
    wrong = said(home, "login", served.url, "--user", user, given="not it\n")
    assert (wrong.returncode, "this name with this password" in wrong.stderr) == (2, True)
    strange = said(home, "login", served.url, "--user", user, "--project", "nowhere", given=PASSWORD + "\n")
    assert (strange.returncode, "nowhere" in strange.stderr) == (2, True)
    assert not file_in(home).exists()


def test_a_login_that_fails_keeps_the_one_before(served: Running, home: Path) -> None:
    keep(Logins().with_login(Login(server=HERE, key="hh_a_b")), home)
    for words in (
        [served.url, "--key", "hh_no_no"],
        [f"http://127.0.0.1:{free_port()}", "--key", "hh_a_b"],
        ["host:8765", "--key", "hh_a_b"],
        [served.url, "--key", "hh_a_b", "--user", "ada"],
        [served.url, "--key", "hh_a_b", "--project", "x"],
        [served.url],
    ):
        done = said(home, "login", *words, given="")
        assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), words
    assert [one.server for one in logins_in(home).logins] == [HERE]


# --- What comes before what -------------------------------------------------------------------------------------------


@pytest.fixture
def two(home: Path) -> Path:
    for server, key in ((HERE, "hh_1_here"), (THERE, "hh_1_there")):
        keep(logins_in(home).with_login(Login(server=server, key=key)), home)
    return home


def picked(home: Path, server: str | None = None, key: str | None = None) -> tuple[str, str] | None:
    found = chosen(server, key, home)
    return None if found is None else (found.url, found.key)


def test_an_argument_comes_before_the_environment_and_that_before_the_login(
    two: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert picked(two) == (THERE, "hh_1_there")
    monkeypatch.setenv("HEADHUNT_SERVER", HERE + "/")
    assert picked(two) == (HERE, "hh_1_here")
    monkeypatch.setenv("HEADHUNT_API_KEY", "hh_2_env")
    assert picked(two) == (HERE, "hh_2_env")
    assert picked(two, key="hh_3_arg") == (HERE, "hh_3_arg")
    assert picked(two, server="local") is None


def test_a_key_is_never_chosen_for_another_server(two: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADHUNT_SERVER", HERE)
    monkeypatch.setenv("HEADHUNT_API_KEY", "hh_2_env")
    assert picked(two, server=THERE) == (THERE, "hh_1_there")
    with pytest.raises(NotSignedIn, match="headhunt login http://elsewhere"):
        picked(two, server="http://elsewhere")
    with pytest.raises(NotSignedIn):
        picked(two, server=THERE.replace("8765", "8766"))
    with pytest.raises(NotSignedIn):
        picked(two, server=THERE.replace("http:", "https:"))


def test_a_key_of_no_server_in_the_environment_is_not_chosen_for_plain_http_to_another_machine(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADHUNT_API_KEY", "hh_2_env")
    monkeypatch.delenv("HEADHUNT_SERVER", raising=False)
    for open_to in ("https://elsewhere", "http://127.0.0.1:8765", "http://localhost"):
        assert picked(home, server=open_to) == (open_to, "hh_2_env")
    with pytest.raises(NotSignedIn, match="HEADHUNT_SERVER=http://elsewhere"):
        picked(home, server="http://elsewhere")
    monkeypatch.setenv("HEADHUNT_SERVER", "http://elsewhere")
    assert picked(home, server="http://elsewhere") == ("http://elsewhere", "hh_2_env")


def test_the_environment_can_lead_back_to_this_machine(two: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADHUNT_SERVER", "local")
    assert picked(two) is None


def test_logging_out_of_the_default_leads_back_to_this_machine_not_to_another(two: Path) -> None:
    keep(logins_in(two).without(THERE), two)
    assert picked(two) is None
    assert picked(two, server=HERE) == (HERE, "hh_1_here")


def test_a_key_alone_is_no_server(home: Path) -> None:
    with pytest.raises(BadValue, match="no server"):
        chosen(None, "hh_a_b", home)
    with pytest.raises(BadValue, match="is given as 5"):
        headhunt.suggest_model("photos", server=5)  # type: ignore[arg-type]


def test_a_broken_file_of_logins_is_told_with_its_name(home: Path) -> None:
    home.mkdir()
    file_in(home).write_text('{"logins": 5}')
    with pytest.raises(BadValue, match=r"credentials\.json"):
        chosen(None, None, home)
    assert chosen("local", None, home) is None


def test_the_file_holds_what_it_should_and_no_more(two: Path) -> None:
    told = json.loads(file_in(two).read_text())
    assert told["default"] == THERE
    assert {one["server"] for one in told["logins"]} == {HERE, THERE}

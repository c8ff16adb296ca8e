"""`headhunt runs`: of the home, and of a server."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from headhunt.cli.main import main
from headhunt.track.journal import Ended, Kept, Known, Noted, Points
from service.app import create_app
from service.parts import service_of
from service.settings import Settings
from tests.service.asking import served
from tests.service.test_gathering import lay
from tests.tracking.telling import journal

ONE, OTHER = "a1" + "0" * 30, "b2" + "0" * 30


def told(acc: float, lr: float) -> bytes:
    return journal(
        Noted(1.0, "param", {"lr": lr}),
        Noted(1.0, "tag", {"note": "=1+1"}),
        Noted(1.0, "tag", {"mlflow.user": "somebody", "baseline": ""}),
        Known(1.0, {"code": {"command": ["python", "train.py", "a b"], "commit": "c0ffee" * 6, "dirty": True}}),
        Points(1e9, 0, {"system/cpu_percent": 17.0}),
        *(Points(1e9 + step, step, {"acc": acc * step, "loss": float("nan")}) for step in range(3)),
        Ended(5.0, "finished"),
    )


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "home"
    monkeypatch.setenv("HEADHUNT_HOME", str(place))
    for name in ("HEADHUNT_SERVER", "HEADHUNT_API_KEY", "HEADHUNT_DATABASE"):
        monkeypatch.delenv(name, raising=False)
    lay(place, told(0.4, 0.1), run=ONE)
    lay(place, told(0.2, 0.01), run=OTHER)
    return place


@pytest.fixture(params=["here", "at a server"])
def where(request: pytest.FixtureRequest, home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The same runs in the home, and at a server that has taken them in."""
    if request.param == "here":
        yield
        return
    settings = Settings(home=home)
    assert main(["runs", "list"]) == 0
    service = service_of(settings)
    key = service.key("default", "member")
    service.database.close()
    with served(create_app(settings)) as url:
        monkeypatch.setenv("HEADHUNT_HOME", str(home.parent / "elsewhere"))
        monkeypatch.setenv("HEADHUNT_SERVER", url)
        monkeypatch.setenv("HEADHUNT_API_KEY", key)
        yield


@pytest.fixture
def long(home: Path) -> list[int]:
    """Steps of more points than are drawn of a curve. The first half of them comes last, and one step twice."""
    steps = [*range(60_000, 120_000), *range(60_000), 7]
    data = journal(*(Points(1e9 + place, step, {"long": 0.5 * place}) for place, step in enumerate(steps)))
    lay(home, data, run=ONE, writer="late-2")
    return steps


@pytest.fixture
def many_files(home: Path) -> list[str]:
    """More than a page of a list."""
    paths = [f"images/{number:05}.png" for number in range(1200)]
    kept = (Kept(1.0, path, f"{number:064x}", 1, "image") for number, path in enumerate(paths))
    lay(home, journal(*kept), run=ONE, writer="files-3")
    return paths


def said(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    capsys.readouterr()
    status = main(["runs", *words])
    out, err = capsys.readouterr()
    assert status == 0, err
    return out


def test_runs_are_listed_shown_and_compared(where: None, capsys: pytest.CaptureFixture[str]) -> None:
    listed = said(capsys, "list", "--sort", "-metrics.acc")
    assert listed.index(ONE[:12]) < listed.index(OTHER[:12])
    found = said(capsys, "list", "--query", "params.lr < 0.05", "--json")
    assert [one["id"] for one in msgspec.json.decode(found)] == [OTHER]
    assert "no such run" in said(capsys, "list", "--query", "metrics.acc > 9")
    shown = said(capsys, "show", "a1")
    assert "finished" in shown
    assert "0.8" in shown
    compared = said(capsys, "compare", "a1", "b2")
    assert "lr" in compared
    assert "0.01" in compared


def test_runs_are_exported(where: None, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(said(capsys, "export"))))
    assert {row["id"]: row["metrics.acc"] for row in rows} == {ONE: "0.8", OTHER: "0.4"}
    assert {row["tags.note"] for row in rows} == {"'=1+1"}, "no spreadsheet takes it for a formula"
    assert {row["tags.baseline"] for row in rows} == {"true"}, "unlike a run that has no such tag"
    out = tmp_path / "points.csv"
    said(capsys, "export", "a1", "--points", "--out", str(out))
    points = [row for row in csv.DictReader(io.StringIO(out.read_text())) if row["metric"] == "loss"]
    assert [(row["step"], row["value"]) for row in points] == [("0", "nan"), ("1", "nan"), ("2", "nan")]
    whole = msgspec.json.decode(said(capsys, "export", "a1", "--points", "--format", "json"))
    assert whole[ONE][0]["values"] == [0.0, 0.4, 0.8]


@pytest.mark.parametrize("where", ["here", "at a server"], indirect=True)
def test_no_point_of_a_long_run_is_missing_from_its_export(
    long: list[int], where: None, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = msgspec.json.decode(said(capsys, "export", "a1", "--points", "--format", "json"))
    (found,) = [one for one in whole[ONE] if one["name"] == "long"]
    came = sorted(enumerate(long), key=lambda one: one[1])
    assert found["steps"] == [step for _, step in came]
    assert found["values"] == [0.5 * place for place, _ in came]
    assert (found["count"], found["whole"]) == (len(long), True)


def test_all_files_of_a_run_are_shown(many_files: list[str], where: None, capsys: pytest.CaptureFixture[str]) -> None:
    shown = said(capsys, "show", "a1")
    assert [path for path in many_files if path not in shown] == []


@pytest.fixture
def many_values(home: Path) -> None:
    """More than a list of runs carries."""
    params = {f"p{number:03}": "x" * 300 for number in range(150)}
    lay(home, journal(Noted(1.0, "param", params)), run=ONE, writer="values-4")


def test_an_export_of_a_list_has_whole_values(
    many_values: None, where: None, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = {row["id"]: row for row in csv.DictReader(io.StringIO(said(capsys, "export")))}
    assert {rows[ONE][f"params.p{number:03}"] for number in range(150)} == {"x" * 300}


def test_a_run_is_resumed_and_deleted(where: None, capsys: pytest.CaptureFixture[str]) -> None:
    words = said(capsys, "resume", "a1")
    assert f"id='{ONE}', resume=True" in words
    assert "python train.py 'a b'" in words, "as it can be typed again"
    assert msgspec.json.decode(said(capsys, "show", "a1", "--json"))["state"] == "running"
    said(capsys, "delete", "a1", "b2")
    assert "no runs yet" in said(capsys, "list")


def test_a_run_that_nobody_knows_or_that_fits_twice_is_told(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runs", "show", "zz"]) == 2
    assert "No run named 'zz'" in capsys.readouterr().err
    assert main(["runs", "show", "worm"]) == 2
    assert "Did you mean 'warm'?" in capsys.readouterr().err
    assert main(["runs", "show", "warm"]) == 2
    assert "fits 2 runs" in capsys.readouterr().err
    assert main(["runs", "list", "--query", "metrics.acc >"]) == 2
    assert main(["runs", "export", "--format", "xml"]) == 2


def test_what_a_run_is_judged_by_is_listed_and_its_surroundings_are_shown(
    where: None, capsys: pytest.CaptureFixture[str]
) -> None:
    listed = said(capsys, "list")
    assert "acc 0.8, loss nan" in listed
    assert "note==1+1" in listed
    assert "cpu" not in listed
    assert "mlflow" not in listed
    shown = said(capsys, "show", "a1")
    assert "mlflow.user=somebody" in shown
    assert "c0ffeec0ffee, with changes" in shown
    assert "python train.py 'a b'" in shown
    assert shown.index("loss") < shown.index("system/cpu_percent")


def test_an_empty_list_says_which_name_no_run_has(where: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, "list", "--query", "metrics.ac > 1 or tags.nope") == (
        "There is no such run. No run has metrics.ac nor tags.nope.\n"
    )
    assert said(capsys, "list", "--query", "metrics.acc > 9 and state = 'failed'") == "There is no such run.\n"
    assert "experiment 'birds'" in said(capsys, "list", "--experiment", "birds")
    assert said(capsys, "list", "--query", "metrics.ac > 1", "--json").strip() == "[]"


def test_surroundings_that_are_not_known_of_one_run_are_one_line(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lay(home, journal(Points(1e9, 0, {"acc": 0.1}), Ended(5.0, "failed")), run="c3" + "0" * 30)
    told = said(capsys, "compare", "a1", "c3")
    assert [line.split() for line in told.splitlines() if line.startswith("code")] == [
        ["code", "-", "known", "not", "known"]
    ]

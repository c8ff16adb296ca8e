"""`headhunt tune` as a user types it, and `rec.tune(...)` after a recommendation."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import headhunt
from headhunt.cli.main import main
from headhunt.errors import BadSpace, BadValue, HeadhuntError
from recommender.probe_plan import ProbePlan
from recommender.request import Request, rates_of
from tests.recommender.little_zoo import REFERENCE
from zoo.images.samples import open_sample
from zoo.repository import Zoo

SPACE = {"epochs": {"type": "integer", "low": 2, "high": 3}, "batch_size": {"type": "fixed", "value": 8}}


@pytest.fixture
def home(taught: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HEADHUNT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HEADHUNT_REFERENCE", REFERENCE)
    brief = ProbePlan(rungs=(3, 6), rates=(2e-3, 5e-3), device="cpu")
    for module in ("recommend", "request"):
        monkeypatch.setattr(f"recommender.{module}.plan_for", lambda _: brief)
    (tmp_path / "space.json").write_text(json.dumps(SPACE), encoding="utf-8")
    return Path(shutil.copytree(taught, tmp_path / "home"))


def said(capsys: pytest.CaptureFixture[str], *words: str | Path) -> str:
    status = main([str(word) for word in words])
    told = capsys.readouterr()
    assert status == 0, told.err
    return told.out


def test_tune_prints_trials_values_and_where_the_model_is(
    home: Path, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    space = home.parent / "space.json"
    words = ("tune", photos, "--model", "glyphs/test_resnet", "--trials", "2", "--space", space)
    out = said(capsys, *words)
    assert out.splitlines()[0].split()[:2] == ["trial", "loss"]
    assert "photos/test_resnet-from-glyphs: " in out
    assert "2 trials (2 complete) by" in out
    told = json.loads(said(capsys, *words, "--json"))
    assert told["card"]["id"] == "photos/test_resnet-from-glyphs"
    assert len(told["trials"]) == 2
    assert told["params"]["batch_size"] == 8
    assert {one["name"] for one in told["recommended"]["advice"]} == set(told["params"])


def test_tune_searches_on_the_part_that_was_asked_for(
    home: Path, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("tune", photos, "--model", "glyphs/test_resnet", "--trials", "2", "--space", home.parent / "space.json")
    assert "the best few were trained on all" in said(capsys, *words, "--part", "0.5")
    told = json.loads(said(capsys, *words, "--part", "0.5", "--json"))
    assert told["learned"][0] < told["learned"][1]
    assert json.loads(said(capsys, *words, "--part", "1", "--json"))["learned"] is None


def test_tune_searches_among_models_for_several_aims(
    home: Path, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    models = ("--model", "glyphs/test_resnet", "--model", "glyphs/test_efficientnet")
    aims = ("--aims", "accuracy,params", "--limits", "memory=1GB, latency=10s")
    out = said(capsys, "tune", photos, *models, *aims, "--trials", "3", "--space", home.parent / "space.json")
    assert out.splitlines()[0].split()[:4] == ["trial", "accuracy", "params", "model"]
    assert out.splitlines()[1].endswith("*")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--trials", "0"), "--trials 0 is out of range"),
        (("--trials", "many"), "--trials 'many' is not a number"),
        (("--seconds", "soon"), "'soon' cannot be kept"),
        (("--aims", "speed"), "speed"),
        (("--aims", "latency"), "Nothing but costs"),
        (("--limits", "latency"), "--limits 'latency' has no value"),
        (("--limits", "latency=fast"), "'fast' is not a time"),
        (("--limits", "height=2"), "height"),
        (("--space", "nowhere.json"), "'nowhere.json' is no file"),
        (("--model", "a/b", "--models", "2"), "Give one of the two"),
        (("--model", "a/b", "--budget", "5s"), "Leave it out"),
        (("--model", "a/b"), "a/b"),
        (("--model", "glyphs/test_resnet", "--algo", "best"), "best"),
        (("--model", "glyphs/test_resnet", "--study", "../x"), "'../x'"),
        (("--model", "glyphs/test_resnet", "--aims", "loss,latency"), "the same for all trials"),
        (("--seed", "-1"), "--seed -1 is out of range"),
        (("--top", "0"), "--top 0"),
        (("--part", "some"), "--part 'some' is no share"),
        (("--part", "2"), "part is 2.0"),
        (("--models", "0"), "--models 0 is out of range"),
        (("--space", '{"lr": {"type": "float"}}'), "lr: Invalid value 'float'"),
    ],
)
def test_what_cannot_be_tuned_is_one_line(
    home: Path, photos: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str
) -> None:
    assert main(["tune", str(photos), *words]) == 2
    told = capsys.readouterr()
    assert not told.out
    assert len(told.err.splitlines()) == 1
    assert said in told.err
    assert not (home / "studies").exists() or not list((home / "studies").glob("*/journal.log"))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("tune", "photo", "--model", "glyphs/test_resnet"), "No file or folder 'photo'"),
        (("tune", ".", "--model", "glyphs/resnet"), "No model named 'glyphs/resnet'"),
        (("tune", ".", "--aims", "speed"), "No aim named 'speed'"),
        (("tune", ".", "--limits", "height=2"), "No limit named 'height'"),
        (("suggest", "photo"), "No file or folder 'photo'"),
    ],
)
def test_what_was_mistyped_is_told_before_torch_is_loaded(home: Path, words: tuple[str, ...], said: str) -> None:
    script = "import sys; from headhunt.cli.main import main; code = main(sys.argv[1:]); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script, *words], check=True, capture_output=True, text=True)
    assert said in done.stderr
    assert done.stdout.strip() == "False"


def test_a_space_that_cannot_be_read_says_so(home: Path, photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home.parent / "space.json").write_text('{"lr": {"type": "double", "low": 1}}', encoding="utf-8")
    words = ["tune", str(photos), "--model", "glyphs/test_resnet", "--space", str(home.parent / "space.json")]
    assert main(words) == 2
    assert "The space cannot be read" in capsys.readouterr().err


def test_a_recommendation_is_tuned_and_its_probes_are_first_points(home: Path, photos: Path) -> None:
    rec = headhunt.suggest_model(photos, budget="60s")
    space = {"epochs": headhunt.integer(2, 3), "batch_size": 8}
    with open_sample(photos) as sample:
        rates = rates_of(Zoo(home), sample, rec.best.card, Request(budget=60.0))
    assert set(rates) <= {2e-3, 5e-3}
    assert rates
    looked = sorted((home / "features").iterdir())
    study = rec.tune(trials=8, space=space, study="mine")
    assert len((home / "studies" / "past.jsonl").read_bytes().splitlines()) == 1
    assert sorted((home / "features").iterdir()) == looked, "the recommendation had looked at them"
    assert [one.params["lr"] for one in study.trials][: len(rates)] == pytest.approx(rates)
    assert study.name == "mine"
    assert study.best.card.parent == rec.best.model
    assert not study.interrupted
    assert "trials by" in str(study) or "complete" in str(study)
    both = rec.tune(trials=3, models=2, space=space)
    assert [one.params["model"] for one in both.trials][:2] == [rec[0].model, rec[1].model]
    second = rec[1].tune(trials=1, space=space)
    assert second.best.card.parent == rec[1].model
    network, transform = second.best.load()
    assert network(transform(next(photos.rglob("*.png")))[None]).shape == (1, 3)


def test_what_cannot_be_asked_of_a_recommendation_is_refused(home: Path, photos: Path) -> None:
    rec = headhunt.suggest_model(photos, budget="60s")
    wrong: list[tuple[dict[str, object], type[HeadhuntError], str]] = [
        ({"models": 99}, BadValue, "models is 99, and the recommendation has"),
        ({"models": 0}, BadValue, "models is 0"),
        ({"trails": 3}, BadValue, "models|trails"),
        ({"space": {"rate": 1}}, BadSpace, "rate"),
        ({"trials": 1, "seconds": -1}, BadValue, "cannot be kept"),
    ]
    for options, kind, words in wrong:
        with pytest.raises(kind, match=words):
            rec.tune(**options)  # type: ignore[arg-type]

"""`headhunt suggest` as a user types it, with a little zoo; and `headhunt.suggest_model`, with what comes after it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from PIL import Image

import headhunt
from headhunt.cli.main import main
from headhunt.errors import BadValue, MissingFile, NeedTwoClasses
from recommender.experience import read_lessons
from recommender.finetune import FULL_EPOCHS
from recommender.probe_plan import ProbePlan
from service.here import runs_here
from service.settings import Settings
from tests.recommender.little_zoo import REFERENCE, little_zoo, stripes
from zoo.repository import Zoo


@pytest.fixture(scope="module")
def zoo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Zoo]:
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADHUNT_HOME", str(home))
        patch.setenv("HEADHUNT_REFERENCE", REFERENCE)
        brief = ProbePlan(rungs=(3, 6), rates=(2e-3,), device="cpu")
        for module in ("recommend", "request"):
            patch.setattr(f"recommender.{module}.plan_for", lambda _: brief)
        yield little_zoo(home)


@pytest.fixture(scope="module")
def photos(zoo: Zoo) -> Path:
    return stripes(zoo.home.parent / "photos")


def said(capsys: pytest.CaptureFixture[str], *words: str | Path) -> tuple[str, str]:
    status = main([str(word) for word in words])
    told = capsys.readouterr()
    assert status == 0, told.err
    return told.out, told.err


def fault(capsys: pytest.CaptureFixture[str], *words: str | Path) -> str:
    status = main([str(word) for word in words])
    told = capsys.readouterr()
    assert status == 2
    assert not told.out
    assert len(told.err.splitlines()) == 1, told.err
    return told.err


def test_suggest_prints_a_table_of_the_first(zoo: Zoo, photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, _ = said(capsys, "suggest", photos, "--budget", "30s", "--top", "2")
    assert len([line for line in out.splitlines() if "/test_" in line]) == 2
    assert "... and 2 more" in out


def test_suggest_prints_json_with_what_programs_need(
    zoo: Zoo, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = json.loads(said(capsys, "suggest", photos, "--budget", "30s", "--json")[0])
    assert {"sample", "candidates", "spent", "warnings"} <= told.keys()
    for one in told["candidates"]:
        assert {"rank", "model", "expected_accuracy", "interval", "tie_group", "evidence"} <= one.keys()
        low, high = one["interval"]
        assert low < one["expected_accuracy"] < high
    assert [one["rank"] for one in told["candidates"]] == [1, 2, 3, 4]


def test_every_condition_of_the_command_line_holds(zoo: Zoo, photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "no such text" in fault(capsys, "suggest", photos, "--text", "zzzqq")


def test_mistakes_in_the_words_are_told_before_the_engine_is_loaded() -> None:
    words = (
        "from headhunt.cli.main import main; print(main(['suggest', 'x', '--budget', 'soon']), 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", f"import sys; {words}"], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["2", "False"]
    assert "as 90s, 5m or 1h" in done.stderr


def test_a_promise_that_was_not_kept_is_owned_up_to(
    zoo: Zoo, photos: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headhunt.local.OVER", 0.0)
    _, err = said(capsys, "suggest", photos, "--budget", "30s")
    assert "instead of 30 s" in err


def test_where_nothing_was_looked_at_the_answer_says_so(
    zoo: Zoo, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recommender.recommend.Hunt.fits", lambda *_: False)
    out, _ = said(capsys, "suggest", stripes(tmp_path / "new"), "--budget", "30s")
    assert "No model was looked at" in out


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: headhunt.suggest_model(None),  # type: ignore[arg-type]
        lambda: headhunt.suggest_model("photos", limits="max_params"),  # type: ignore[arg-type]
        lambda: headhunt.suggest_model("photos", limits={1: 2}),  # type: ignore[dict-item]
        lambda: headhunt.suggest_model("photos", budget=True),
    ],
)
def test_values_of_other_kinds_are_refused_in_words(wrong: Callable[[], object]) -> None:
    with pytest.raises(BadValue):
        wrong()


def test_a_domain_of_the_zoo_can_be_asked_about_by_name(zoo: Zoo, capsys: pytest.CaptureFixture[str]) -> None:
    out, err = said(capsys, "suggest", "glyphs", "--budget", "30s")
    assert "already trained on" in out
    assert "stand last" in err


WRONG = [
    (["--budget", "soon"], "as 90s, 5m or 1h"),
    (["--top", "0"], "top"),
    (["--max-params", "10"], "nearest is"),
    (["--max-params", "many"], "many"),
    (["--license", "gpl"], "gpl"),
]


@pytest.mark.parametrize(("words", "what"), WRONG)
def test_a_wrong_word_is_one_line_that_says_what_would_do(
    zoo: Zoo, photos: Path, capsys: pytest.CaptureFixture[str], words: list[str], what: str
) -> None:
    assert what in fault(capsys, "suggest", photos, *words)


def test_a_sample_that_is_not_there_or_has_one_class_is_one_line(
    zoo: Zoo, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "No file or folder" in fault(capsys, "suggest", tmp_path / "nowhere")
    assert "one class" in fault(capsys, "suggest", stripes(tmp_path / "one", classes=1))
    labels = stripes(tmp_path / "labelled", splits=("",))
    (labels / "labels.csv").write_text("path,label\nnot-there.png,cat\n")
    assert "not-there.png" in fault(capsys, "suggest", labels)
    (tmp_path / "empty").mkdir()
    assert "no image" in fault(capsys, "suggest", tmp_path / "empty").lower()


def test_an_empty_zoo_says_how_to_fill_it(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADHUNT_HOME", str(tmp_path / "nothing"))
    assert "zoo build-starter" in fault(capsys, "suggest", photos)


# --- From Python ------------------------------------------------------------------------------------------------------


def test_the_best_can_be_loaded_and_answers_images(zoo: Zoo, photos: Path) -> None:
    rec = headhunt.suggest_model(photos, budget="30s", limits={"max_params": "10M"})
    model, transform = rec.best.load()
    assert model.training
    first = next((photos / "test").rglob("*.png"))
    images = [transform(first), transform(first.read_bytes()), transform(Image.open(first))]
    batch = torch.stack(images)
    assert batch.shape == (3, 3, 32, 32)
    assert torch.equal(images[0], images[1])
    assert torch.equal(images[0], images[2])
    assert model.eval()(batch).shape == (3, 3)
    with pytest.raises(BadValue, match="no picture that can be read"):
        transform(5)  # type: ignore[arg-type]


def test_finetuning_the_best_makes_a_model_an_outcome_and_a_lesson(zoo: Zoo, tmp_path: Path) -> None:
    photos = stripes(tmp_path / "to-tune", splits=("",))
    rec = headhunt.suggest_model(photos, budget="30s")
    run = rec.best.finetune(seconds=6)
    assert run.outcome.epochs is not None
    assert run.outcome.epochs >= FULL_EPOCHS
    assert zoo.card(run.card.id) == run.card
    assert run.card.parent == rec.best.model
    assert run.card.domain == "to-tune"
    assert run.accuracy == run.card.accuracy > 0.5
    assert zoo.history.rows()[-1] == run.outcome
    lesson = read_lessons(zoo.home / "experience.csv")[-1]
    assert (lesson.model, lesson.version, lesson.accuracy) == (
        rec.best.model,
        rec.facts.version,
        pytest.approx(run.accuracy),
    )
    assert lesson.signals.keys() == rec.best.facts.signals.keys()
    tuned = run.card.id
    with runs_here(Settings(home=zoo.home)) as here:
        found = here.tracking.find(here.project)
    parents = [run.parent for run in found if run.name == tuned]
    asked = [run for run in found if run.name == "recommendation for to-tune"]
    assert parents == [asked[0].id]
    again = rec.best.finetune(seconds=6)
    assert again.card.id != run.card.id
    assert len(read_lessons(zoo.home / "experience.csv")) == 1  # the same model on the same images: the newest counts


def test_what_a_model_made_of_images_that_it_knew_teaches_nothing(zoo: Zoo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recommender.finetune.FULL_EPOCHS", 0)
    before = read_lessons(zoo.home / "experience.csv")
    rec = headhunt.suggest_model("glyphs", budget="30s", allow_seen=True)
    knew = next(one for one in rec if one.card.domain == "glyphs")
    assert "seen-target" in knew.finetune(seconds="2s").outcome.flags
    assert read_lessons(zoo.home / "experience.csv") == before


@pytest.mark.parametrize("seconds", [0, -1, "soon", None, True])
def test_a_training_of_no_time_is_refused(zoo: Zoo, photos: Path, seconds: str | float) -> None:
    rec = headhunt.suggest_model(photos, budget="30s")
    with pytest.raises(BadValue, match="A training of"):
        rec.best.finetune(seconds=seconds)


def test_a_sample_that_changed_is_not_trained_on_as_if_it_had_not(zoo: Zoo, tmp_path: Path) -> None:
    photos = stripes(tmp_path / "changing")
    rec = headhunt.suggest_model(photos, budget="30s")
    next(photos.rglob("*.png")).unlink()
    with pytest.raises(BadValue, match="has changed since"):
        rec.best.finetune(seconds=2)


def test_errors_are_the_same_from_python(zoo: Zoo, tmp_path: Path) -> None:
    with pytest.raises(MissingFile):
        headhunt.suggest_model(tmp_path / "nowhere")
    with pytest.raises(NeedTwoClasses):
        headhunt.suggest_model(stripes(tmp_path / "one", classes=1))
    with pytest.raises(BadValue, match="budget"):
        headhunt.suggest_model(stripes(tmp_path / "two", classes=2), budget="-1s")


@pytest.mark.slow
def test_a_killed_suggest_loses_at_most_one_probe(zoo: Zoo, tmp_path: Path) -> None:
    """kill -9 in the middle of the short trainings; the probes that were finished are found again."""
    photos = stripes(tmp_path / "killed", classes=4, count=60)
    words = [
        sys.executable,
        "-c",
        "from headhunt.cli.main import run; run()",
        "suggest",
        str(photos),
        "--budget",
        "120s",
    ]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    running = subprocess.Popen(words, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until = time.monotonic() + 120
    while len(probes(zoo)) < 3 and time.monotonic() < until and running.poll() is None:
        time.sleep(0.02)
    running.send_signal(signal.SIGKILL)
    running.wait()
    before = probes(zoo)
    assert len(before) >= 3
    subprocess.run(words, env=environment, check=True, capture_output=True)
    after = probes(zoo)
    assert {path: after[path] for path in before} == before


def probes(zoo: Zoo) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in (zoo.home / "probes").rglob("*.json")}

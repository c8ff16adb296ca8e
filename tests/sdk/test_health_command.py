"""`headhunt health`, as a user types it. The reference network is a tiny one, so that nothing is trained first."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from discriminator.backbone import Backbone
from headhunt.cli.main import main
from zoo.images.pixels import View
from zoo.networks.building import build_network
from zoo.repository import Zoo


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def tiny(zoo: Zoo) -> Backbone:
        mean = (0.5, 0.5, 0.5)
        return Backbone("tiny", "0" * 64, View(32), mean, mean, lambda: build_network("test_resnet", classes=10))

    monkeypatch.setenv("HEADHUNT_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("headhunt.cli.health.reference", tiny)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Two classes of 30; one picture of train stands in test again, in a larger file."""
    rng = np.random.default_rng(0)
    for split, number in (("train", 30), ("test", 10)):
        for name in ("cat", "dog"):
            folder = tmp_path / "photos" / split / name
            folder.mkdir(parents=True)
            for i in range(number):
                rough = Image.fromarray(rng.integers(0, 256, (9, 9, 3), dtype=np.uint8))
                rough.resize((48, 48), Image.Resampling.BICUBIC).save(folder / f"{i}.png")
    with Image.open(tmp_path / "photos" / "train" / "cat" / "3.png") as picture:
        picture.resize((80, 80)).save(tmp_path / "photos" / "test" / "cat" / "again.png")
    return tmp_path / "photos"


def test_the_report_names_the_fault_and_the_files(photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["health", str(photos)]) == 0
    told = capsys.readouterr()
    assert "81 images, 2 classes" in told.out
    assert "SERIOUS leak: 1 pictures" in told.out
    assert "test/cat/again.png = train/cat/3.png" in told.out
    assert "naming the largest class: 50." in told.out
    assert told.err == "", "progress is for terminals"


def test_the_same_as_json(photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["health", str(photos), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["sample"], told["images"], told["classes"]) == (str(photos), 81, {"cat": 41, "dog": 40})
    assert told["findings"][0]["code"] == "leak"
    assert told["findings"][0]["groups"] == [["test/cat/again.png", "train/cat/3.png"]]
    assert set(told["baselines"]) == {"majority", "linear"}


def test_a_second_look_computes_no_features(
    photos: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["health", str(photos), "--json"]) == 0
    first = json.loads(capsys.readouterr().out)
    monkeypatch.setattr("discriminator.features.extract", None)
    assert main(["health", str(photos), "--json"]) == 0
    second = json.loads(capsys.readouterr().out)
    assert first.pop("seconds") != second.pop("seconds")
    assert first == second


def test_images_without_labels_get_what_needs_none(photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flat = photos.parent / "flat"
    flat.mkdir()
    for i, file in enumerate(sorted(photos.rglob("*.png"))):
        shutil.copy(file, flat / f"{i}.png")
    assert main(["health", str(flat)]) == 0
    told = capsys.readouterr().out
    assert "NOTE no_labels" in told
    assert "duplicates: 1 pictures" in told
    assert "largest class" not in told


@pytest.mark.parametrize("sample", ["nothing", "empty"])
def test_what_cannot_be_examined_is_told_in_a_line(sample: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("empty").mkdir()
    assert main(["health", sample]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("headhunt: ")
    assert told.err.count("\n") == 1

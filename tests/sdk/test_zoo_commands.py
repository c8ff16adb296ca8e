"""The commands as a user types them, in one process with a home of its own."""

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from headhunt.cli.main import main
from zoo.images.samples import open_sample

QUICK = ["--network", "test_vit", "--steps", "4", "--batch-size", "8"]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HEADHUNT_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Two classes that a network tells apart: bright and dark noise, in train and test."""
    chance = np.random.default_rng(0)
    for split, number in (("train", 24), ("test", 8)):
        for name, level in (("dark", 60), ("light", 190)):
            folder = tmp_path / "photos" / split / name
            folder.mkdir(parents=True)
            for i in range(number):
                pixels = chance.integers(level - 50, level + 50, (32, 32, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / f"{i}.png")
    return tmp_path / "photos"


def said(capsys: pytest.CaptureFixture[str], *words: str | Path) -> str:
    """What a command that succeeds prints."""
    status = main([str(word) for word in words])
    told = capsys.readouterr()
    assert status == 0, told.err
    return told.out


def test_a_cell_is_trained_shown_evaluated_and_removed(
    home: Path, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "photos/test_vit" in said(capsys, "zoo", "train", photos, "--domain", "photos", *QUICK)
    card = json.loads(said(capsys, "zoo", "show", "photos/test_vit", "--json"))
    assert card["classes"] == ["dark", "light"]
    assert card["input_size"] == 32
    evaluation = json.loads(said(capsys, "zoo", "evaluate", "photos/test_vit", photos, "--split", "test", "--json"))
    assert evaluation["model"] == "photos/test_vit"
    assert evaluation["sample"] == str(photos)
    assert (evaluation["split"], evaluation["n"]) == ("test", 16)
    assert evaluation["accuracy"] == pytest.approx(card["accuracy"])
    assert evaluation["seconds"] > 0
    outcome = json.loads(said(capsys, "zoo", "history", "--json"))[0]
    assert (outcome["model"], outcome["dataset"], outcome["version"]) == ("scratch/test_vit", "photos", card["version"])
    assert "photos" in said(capsys, "zoo", "matrix")
    said(capsys, "zoo", "remove", "photos/test_vit")
    assert json.loads(said(capsys, "zoo", "list", "--json")) == []
    assert not list((home / "weights").glob("*.safetensors"))


def test_a_domain_is_evaluated_by_its_name(home: Path, photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said(capsys, "zoo", "domain", "add", "mine", photos, "--license", "cc0-1.0")
    assert "cc0-1.0" in said(capsys, "zoo", "domain", "list")
    said(capsys, "zoo", "train", "mine", "--domain", "mine", *QUICK)
    assert json.loads(said(capsys, "zoo", "evaluate", "mine/test_vit", "mine", "--json"))["n"] == 16
    assert main(["zoo", "evaluate", "mine/test_vit", "mine", "--split", "val"]) == 2
    assert "mine has test, train" in capsys.readouterr().err


def test_a_child_starts_from_its_parents_weights(home: Path, photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said(capsys, "zoo", "train", photos, "--domain", "first", *QUICK)
    said(capsys, "zoo", "train", photos, "--domain", "second", "--parent", "first/test_vit", "--steps", "2")
    assert json.loads(said(capsys, "zoo", "show", "second/test_vit", "--json"))["parent"] == "first/test_vit"
    assert [row["model"] for row in json.loads(said(capsys, "zoo", "history", "--json"))] == [
        "scratch/test_vit",
        "first/test_vit",
    ]


def test_an_image_whose_pixels_turn_out_broken_is_left_out_and_named(
    home: Path, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = io.BytesIO()
    Image.fromarray(np.random.default_rng(1).integers(0, 256, (32, 32, 3), dtype=np.uint8)).save(good, "jpeg")
    data, middle = good.getvalue(), len(good.getvalue()) // 2
    for split in ("train", "test"):
        broken = data[:middle] + b"\xff\xd0" * 40 + data[middle + 80 :]
        (photos / split / "dark" / "broken.jpg").write_bytes(broken)
    for i in range(8):  # so that one broken image is less than 5 % of the test part
        Image.new("RGB", (32, 32), (i, i, 0)).save(photos / "test" / "dark" / f"more{i}.png")
    with open_sample(photos) as sample:
        assert not sample.refused, "its header already gives it away"
    for command in (["train", photos, "--domain", "p", *QUICK], ["evaluate", "p/test_vit", photos]):
        assert main(["zoo", *map(str, command)]) == 0
        assert "left out test/dark/broken.jpg: " in capsys.readouterr().err


def test_several_seeds_give_one_card_and_an_outcome_each(
    home: Path, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said(capsys, "zoo", "train", photos, "--domain", "photos", *QUICK, "--seeds", "0,1")
    assert [row["seed"] for row in json.loads(said(capsys, "zoo", "history", "--json"))] == [0, 1]
    assert len(json.loads(said(capsys, "zoo", "list", "--json"))) == 1


def test_a_timm_tag_comes_in_without_its_weights(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "at first use" in said(capsys, "zoo", "add", "timm:test_vit.r160_in1k", "--domain", "imagenet-1k")
    assert "imagenet-1k/test_vit.r160_in1k" in said(capsys, "zoo", "list", "--network", "test_*", "--max-params", "5M")


def test_a_pattern_adds_what_is_new(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said(capsys, "zoo", "add", "timm:test_vit.r160_in1k")
    assert "1 were there already" in said(capsys, "zoo", "add", "timm:test_vit*.r160_in1k")


def test_the_matrix_is_written_as_a_page(home: Path, photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said(capsys, "zoo", "add", "timm:test_vit.r160_in1k")
    said(capsys, "zoo", "matrix", "--html", "matrix.html")
    assert "test_vit" in Path("matrix.html").read_text(encoding="utf-8")


def test_outcomes_of_others_are_imported_once(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = tmp_path / "runs.csv"
    table.write_text("model,dataset,accuracy\na,flowers,0.9\nb,flowers,0.8\n", encoding="utf-8")
    assert "2 added" in said(capsys, "zoo", "import-history", table)
    assert "0 added" in said(capsys, "zoo", "import-history", table)
    said(capsys, "zoo", "history", "--csv", "all.csv")
    assert len(Path("all.csv").read_text(encoding="utf-8").splitlines()) == 3


def test_when_nothing_is_found_the_nearest_is_named(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said(capsys, "zoo", "add", "timm:test_vit.r160_in1k")
    assert "The nearest is imagenet-1k/test_vit.r160_in1k" in said(capsys, "zoo", "list", "--max-params", "10")


def test_the_largest_come_first_when_a_minus_says_so(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said(capsys, "zoo", "add", "timm:test_[rv][ei][st]*.r160_in1k")
    cards = json.loads(said(capsys, "zoo", "list", "--sort", "-params", "--json"))
    sizes = [card["params"] for card in cards]
    assert sizes == sorted(sizes, reverse=True)
    assert len(set(sizes)) > 1


def test_a_card_keeps_its_whole_protocol_and_the_history_the_epochs_that_were(
    home: Path, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said(capsys, "zoo", "train", photos, "--domain", "photos", *QUICK)
    protocol = json.loads(said(capsys, "zoo", "show", "photos/test_vit", "--json"))["protocol"]
    assert (protocol["steps"], protocol["lr"], protocol["optimiser"]) == (4, 2e-3, "adamw")
    row = json.loads(said(capsys, "zoo", "history", "--json"))[0]
    assert row["epochs"] == pytest.approx(4 * 8 / 40)  # 48 images, of which 8 are held out


def test_a_row_of_the_matrix_has_one_set_of_classes(
    home: Path, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said(capsys, "zoo", "domain", "add", "photos", photos, "--license", "cc0-1.0")
    for split in ("train", "test"):
        (photos / split / "dark").rename(photos / split / "night")
    assert main(["zoo", "train", str(photos), "--domain", "photos", *QUICK]) == 2
    assert "light, night" in capsys.readouterr().err


def test_a_model_inherits_the_licence_of_its_domain(
    home: Path, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said(capsys, "zoo", "domain", "add", "photos", photos, "--license", "cc0-1.0")
    said(capsys, "zoo", "train", "photos", "--domain", "photos", *QUICK)
    assert json.loads(said(capsys, "zoo", "show", "photos/test_vit", "--json"))["license"] == "cc0-1.0"


def test_who_evaluates_on_the_training_images_is_told(
    home: Path, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (photos / "train").rename(photos.parent / "plain")
    plain = str(photos.parent / "plain")
    said(capsys, "zoo", "train", plain, "--domain", "plain", *QUICK)
    assert main(["zoo", "evaluate", "plain/test_vit", plain]) == 0
    assert "was trained on" in capsys.readouterr().err
    assert "domain remove plain" in said(capsys, "zoo", "remove", "plain/*")
    assert "None of the 1 outcomes" in said(capsys, "zoo", "history", "--dataset", "plane")


WRONG = [
    (["zoo", "lst"], "Did you mean 'list'"),
    (["zoo", "show", "nothing"], "No model named 'nothing'"),
    (["zoo", "list", "--max-params", "many"], "many"),
    (["zoo", "list", "--sort", "beauty"], "beauty"),
    (["zoo", "add", "timm:resnet18.nope"], "resnet18.nope"),
    (["zoo", "add", "timm:resnt18"], "resnet18"),
    (["zoo", "add", "hf-hub:x/y"], "hf-hub:x/y"),
    (["zoo", "add", "missing.pth", "--network", "resnet18", "--domain", "d", "--input", "32"], "missing.pth"),
    (["zoo", "add", "missing.pth"], "--network"),
    (["zoo", "add", "timm:test_vit.r160_in1k", "--mean", "0.5"], "--mean"),
    (["zoo", "add", "w.pth", "--network", "resnet18", "--domain", "d", "--input", "x"], "--input 'x'"),
    (["zoo", "evaluate", "nothing", "photos"], "No model named 'nothing'"),
    (["zoo", "train", "nowhere", "--network", "test_vit", "--domain", "d"], "nowhere"),
    (["zoo", "train", "photos", "--domain", "d"], "--network"),
    (["zoo", "train", "photos", "--network", "resnt18", "--domain", "d"], "resnt18"),
    (["zoo", "train", "photos", "--network", "test_vit", "--domain", "../d"], "../d"),
    (["zoo", "train", "photos", "--network", "test_vit", "--domain", "d", "--lr", "-1"], "--lr -1"),
    (["zoo", "train", "photos", "--network", "test_vit", "--domain", "d", "--lr", "nan"], "--lr nan"),
    (["zoo", "train", "photos", "--network", "test_vit", "--domain", "d", "--batch-size", "0"], "--batch-size 0"),
    (["zoo", "train", "photos", "--network", "test_vit", "--domain", "d", "--batch-size", "1e9"], "--batch-size '1e9'"),
    (["zoo", "train", "photos", "--network", "test_vit", "--domain", "d", "--input", "1000000"], "--input 1000000"),
    (
        ["zoo", "train", "photos", "--network", "test_vit", "--domain", "d", "--optimiser", "lion"],
        "There are: adamw, sgd",
    ),
    (
        ["zoo", "train", "photos", "--network", "test_vit", "--domain", "d", "--steps", "5", "--epochs", "4"],
        "--steps 5 and --epochs 4",
    ),
    (["zoo", "train", "photos", "--network", "test_vit", "--domain", "d", "--seeds", "a"], "--seeds 'a'"),
    (["zoo", "train", "photos", "--network", "test_vit", "--domain", "d", "--seeds", "0,0"], "twice"),
    (["zoo", "train", "photos", "--network", "test_vit", "--domain", "d", "--seeds", "9" * 30], "4294967295"),
    (["zoo", "train", "photos", "--network", "test_vit", "--domain", "d", "--steps", "9" * 5000], "--steps"),
    (["zoo", "train", "photos", "--network", "test_vit", "--domain", "d", "--input", "8"], "3x8x8"),
    (["zoo", "train", "photos", "--network", "test_vit", "--domain", "d", "--name", ""], "''"),
    (["zoo", "import-history", "a\0b"], "cannot be read"),
    (["zoo", "remove", "nothing"], "nothing"),
    (["zoo", "domain", "remove", "nothing"], "nothing"),
    (["zoo", "domain", "add", "a/b", "photos"], "a/b"),
    (["zoo", "domain", "add", "mine", "nowhere.zip"], "nowhere.zip"),
    (["zoo", "import-history", "nowhere.csv"], "nowhere.csv"),
    (["zoo", "build-starter", "--workers", "0"], "--workers 0"),
    (["zoo", "measure", "nothing"], "nothing"),
]


@pytest.mark.parametrize(("words", "says"), WRONG, ids=[" ".join(words)[4:60] for words, _ in WRONG])
def test_a_mistake_is_answered_in_one_line(
    home: Path, photos: Path, capsys: pytest.CaptureFixture[str], words: list[str], says: str
) -> None:
    try:
        status = main(words)
    except SystemExit as leaving:
        status = int(str(leaving.code))
    told = capsys.readouterr()
    assert status == 2
    assert told.err.count("\n") == 1
    assert told.err.startswith("headhunt: ")
    assert says in told.err
    assert not list(home.rglob("*.safetensors"))
    assert not (home / "catalogue.json").exists()


def refused(capsys: pytest.CaptureFixture[str], *words: str | Path) -> str:
    """The last line of a command that fails; lines before it may tell what is odd in the sample."""
    status = main([str(word) for word in words])
    told = capsys.readouterr()
    assert (status, told.out) == (2, "")
    return told.err.splitlines()[-1]


def test_images_without_labels_cannot_be_counted(
    home: Path, photos: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    said(capsys, "zoo", "train", photos, "--domain", "photos", *QUICK)
    shutil.copytree(photos / "test" / "dark", tmp_path / "flat" / "flat")
    assert "has no labels" in refused(capsys, "zoo", "evaluate", "photos/test_vit", tmp_path / "flat")


def test_one_image_of_each_class_leaves_none_to_validate_on(
    home: Path, photos: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for name in ("dark", "light"):
        (tmp_path / "few" / name).mkdir(parents=True)
        shutil.copy(photos / "test" / name / "0.png", tmp_path / "few" / name)
    told = refused(capsys, "zoo", "train", tmp_path / "few", "--domain", "few", *QUICK)
    assert "Add images, two or more of a class" in told


def test_a_cell_is_trained_by_one_process_at_a_time(
    home: Path, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["zoo", "train", str(photos), "--domain", "photos", *QUICK[:2], "--batch-size", "8"]
    command = [sys.executable, "-c", "from headhunt.cli.main import run; run()", *words, "--steps", "100000"]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        while process.poll() is None and not list((home / "checkpoints").glob("*.lock")):
            time.sleep(0.01)
        assert "Another process is training photos/test_vit" in refused(capsys, *words, "--steps", "4")
    finally:
        process.kill()
        process.wait()
    said(capsys, *words, "--steps", "4")


def test_a_training_killed_in_the_middle_goes_on_and_ends_the_same(
    tmp_path: Path, photos: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["zoo", "train", str(photos), "--domain", "photos", "--network", "test_vit"]
    words += ["--steps", "400", "--batch-size", "8"]
    command = [sys.executable, "-c", "from headhunt.cli.main import run; run()", *words]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    while process.poll() is None and not list((home / "checkpoints").glob("*.pt")):
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, "the training was over before it could be killed"
    assert not (home / "catalogue.json").exists()
    subprocess.run(command, env=environment, check=True, capture_output=True)
    resumed = json.loads(said(capsys, "zoo", "show", "photos/test_vit", "--json"))
    other = {**environment, "HEADHUNT_HOME": str(tmp_path / "other")}
    subprocess.run(command, env=other, check=True, capture_output=True)
    assert not list((home / "checkpoints").glob("*.pt"))
    assert (tmp_path / "other" / "weights" / f"{resumed['weights']}.safetensors").exists()


CIFAR = {"resnet20": 80.35, "resnet32": 82.00, "resnet44": 82.35, "resnet56": 83.55}
DATA = os.environ.get("HEADHUNT_DATA")


@pytest.mark.skipif(DATA is None, reason="HEADHUNT_DATA names no folder with the real weights and images")
@pytest.mark.parametrize("name", CIFAR)
def test_the_real_cifar10_networks_come_in_and_reach_what_they_reach(
    home: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    folder = Path(DATA or "")
    view = ["--input", "32", "--mean", "0.485", "0.456", "0.406", "--std", "0.229", "0.224", "0.225"]
    network = ["--network", f"examples.cifar_resnet:{name}", "--domain", "cifar10"]
    said(capsys, "zoo", "add", folder / "weights" / f"cifar10_{name}.th", *network, *view)
    images = folder / "images" / "cifar10.zip"
    found = json.loads(said(capsys, "zoo", "evaluate", f"cifar10/{name}", images, "--split", "test", "--json"))
    assert found["n"] == 2000
    assert 100 * found["accuracy"] == pytest.approx(CIFAR[name], abs=0.5)

"""`headhunt data`, as a user types it."""

import json

import pytest
from PIL import Image

from headhunt.cli.main import main
from headhunt.errors import BadValue, UnknownVersion
from headhunt.remote.data import TAG, chosen_of
from headhunt.track.wire import Run
from tests.recommender.little_zoo import REFERENCE, little_zoo, stripes
from tests.tracking.folders import plain, put
from zoo.images.samples import open_sample


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HEADHUNT_HOME", str(tmp_path / "home"))


@pytest.fixture
def folder(tmp_path):
    plain(tmp_path / "photos")
    return tmp_path / "photos"


def said(capsys, *words) -> str:
    assert main(["data", *map(str, words)]) == 0
    return capsys.readouterr().out


def test_a_folder_is_added_listed_compared_and_brought_back(folder, tmp_path, capsys):
    assert "30e8003352221771fdb83b26d030c289.dir" in said(capsys, "add", folder, "--note", "raw")
    assert main(["data", "diff", "photos"]) == 2
    assert "one version is kept, 30e800335222" in capsys.readouterr().err
    put(folder, "b/new.txt")
    said(capsys, "add", folder)
    assert [line.split()[0] for line in said(capsys, "list").splitlines()] == ["name", "photos", "photos"]
    told = said(capsys, "diff", "photos")
    assert "1 added:\n  + b/new.txt" in told
    assert "b" in told.splitlines()[-1].split()
    said(capsys, "checkout", "30e8003352", tmp_path / "again")
    assert json.loads(said(capsys, "diff", "30e8003352", tmp_path / "again", "--json"))["same"] == 3


def test_a_folder_of_images_is_told_with_both_ids(tmp_path, capsys):
    for name in ("cat", "dog"):
        for number in range(2):
            place = put(tmp_path / "pets", f"{name}/{number}.png")
            Image.new("RGB", (8, 8), (number * 90, len(name), 7)).save(place)
    told = json.loads(said(capsys, "add", tmp_path / "pets", "--json"))
    with open_sample(tmp_path / "pets") as sample:
        assert told["images"] == sample.version.id
    assert json.loads(said(capsys, "diff", told["images"], "pets", "--json"))["same"] == 4


@pytest.mark.parametrize(
    "words",
    [("add", "nowhere"), ("checkout", "unknown", "x"), ("diff", "unknown", "x"), ("diff", "unknown")],
)
def test_a_mistake_is_one_line(words, capsys):
    assert main(["data", *words]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def refused(capsys, *words) -> str:
    assert main(["data", *map(str, words)]) == 2
    told = capsys.readouterr().err
    assert len(told.splitlines()) == 1
    return told


def test_a_version_that_is_not_there_is_told_by_what_there_is(folder, tmp_path, capsys):
    said(capsys, "add", folder)
    assert "No version of data named 'photo'. Did you mean 'photos'?" in refused(capsys, "checkout", "photo", "x")
    assert "No version of data named 'photo'" in refused(capsys, "list", "photo")
    for file in (tmp_path / "home" / "data" / "files").rglob("*"):
        if file.is_file():
            file.unlink()
    assert "3 files of version 30e8003352221771fdb83b26d030c289.dir are not kept here" in refused(
        capsys, "checkout", "photos", tmp_path / "x"
    )


def test_an_empty_path_is_not_the_folder_that_one_stands_in(folder, capsys, monkeypatch):
    said(capsys, "add", folder)
    monkeypatch.chdir(folder)
    put(folder, "mine.txt")
    assert "path of the folder is empty" in refused(capsys, "checkout", "photos", "")
    assert "path of the folder is empty" in refused(capsys, "add", "")
    assert (folder / "mine.txt").exists()


@pytest.mark.parametrize("words", [("--name", "x" * 300), ("--name", "a\nb"), ("--note", "n" * 5000)])
def test_a_name_or_a_note_that_cannot_be_kept_is_refused(folder, capsys, words):
    assert "Give up to 250" in (told := refused(capsys, "add", folder, *words)) or "Shorten it" in told


@pytest.mark.parametrize(("text", "wanted"), [("a", None), ("abc", None), ("aaaaaa", "many"), ("aaaaaab", 1), ("b", 2)])
def test_at_a_server_a_name_comes_before_the_beginning_of_an_id_and_that_is_of_one_version(text, wanted):
    ids = ["aaaaaaa" + "0" * 25, "aaaaaab" + "0" * 25, "bbbbbbb" + "0" * 25]
    runs = [
        Run(
            id=f"{n}" * 32,
            experiment="data",
            name="b" if n == 2 else "c",
            state="finished",
            started=n,
            seen=n,
            tags=tags,
        )
        for n, tags in enumerate({TAG: f"{one}.dir"} for one in ids)
    ]
    if wanted in (None, "many"):
        with pytest.raises(BadValue if wanted else UnknownVersion):
            chosen_of(runs, text, "http://127.0.0.1:1")
    else:
        assert chosen_of(runs, text, "http://127.0.0.1:1") == runs[wanted]


def test_a_shift_of_the_images_is_told_from_other_images_of_the_same_kind(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("HEADHUNT_REFERENCE", REFERENCE)
    little_zoo(tmp_path / "home")
    said(capsys, "add", stripes(tmp_path / "day", splits=("",)), "--name", "day")
    said(capsys, "add", stripes(tmp_path / "night", classes=3, splits=("",)), "--name", "night")
    for path in (tmp_path / "night").rglob("*.png"):
        Image.open(path).point(lambda value: value // 4).save(path)
    told = json.loads(said(capsys, "diff", "day", tmp_path / "night", "--shift", "--json"))
    assert told["shift"]["p"] < 0.01
    assert told["shift"]["distance"] > 2 * told["shift"]["chance"]
    assert "no shift" in said(capsys, "diff", "day", "night", "--shift")

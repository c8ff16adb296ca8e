"""`headhunt zoo near`, as a user types it, with a little zoo."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from headhunt.cli.main import main
from tests.recommender.little_zoo import REFERENCE, little_zoo, stripes
from zoo.repository import Zoo


@pytest.fixture(scope="module")
def zoo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Zoo]:
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADHUNT_HOME", str(home))
        patch.setenv("HEADHUNT_REFERENCE", REFERENCE)
        yield little_zoo(home)


def told(capsys: pytest.CaptureFixture[str], *words: str | Path) -> str:
    status = main(["zoo", "near", *map(str, words)])
    said = capsys.readouterr()
    assert (status, said.err) == (0, ""), "progress is for terminals"
    return said.out


def test_a_domain_is_nearest_to_itself_and_its_models_come_first(zoo: Zoo, capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(told(capsys, "glyphs", "--json"))
    assert found["sample"] == "glyphs"
    assert [one["name"] for one in found["domains"]] == ["glyphs", "solids"]
    assert found["domains"][0]["distance"] < 0.5 * found["domains"][1]["distance"]
    assert [one["name"].partition("/")[0] for one in found["models"]] == ["glyphs", "glyphs", "solids", "solids"]


def test_the_tables_show_domains_then_models_as_many_as_asked_for(
    zoo: Zoo, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    domains, models = told(capsys, stripes(tmp_path / "photos"), "--top", "1").strip().split("\n\n")
    assert domains.splitlines()[0].split() == ["domain", "distance", "images"]
    assert models.splitlines()[0].split() == ["model", "distance", "network", "params", "accuracy"]
    assert len(domains.splitlines()) == len(models.splitlines()) == 2
    assert models.splitlines()[1].startswith(domains.splitlines()[1].split()[0] + "/")


def test_an_empty_zoo_says_how_to_get_something_to_compare_with(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADHUNT_HOME", str(tmp_path / "nothing"))
    photos = stripes(tmp_path / "photos")
    assert main(["zoo", "near", str(photos), "--json"]) == 0
    said = capsys.readouterr()
    assert "zoo domain add" in said.err
    assert (found := json.loads(said.out))["domains"] == found["models"] == []
    assert not (tmp_path / "nothing" / "reference").exists()


@pytest.mark.parametrize(("words", "what"), [(["nowhere"], "No file or folder"), (["glyphs", "--top", "0"], "--top 0")])
def test_what_cannot_be_answered_is_told_in_a_line(
    zoo: Zoo, capsys: pytest.CaptureFixture[str], words: list[str], what: str
) -> None:
    assert main(["zoo", "near", *words]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert what in said.err
    assert said.err.count("\n") == 1

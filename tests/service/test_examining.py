"""The job of a health examination, as a worker's child runs it: a real sample, a real network, a real result."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from headhunt.vocabulary import Health
from service.data.rows import Target
from service.examining import run
from service.jobs.worker import Work
from service.parts import service_of
from service.settings import Settings
from service.work import KINDS
from tests.recommender.little_zoo import REFERENCE, little_zoo
from tests.zoo.images import many, zip_of


def test_an_examination_finds_what_is_wrong_with_a_dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADHUNT_REFERENCE", REFERENCE)
    home = tmp_path / "home"
    little_zoo(home)
    service = service_of(Settings(home=home))
    twice = many(20) | {"cat/copy.png": many(20)["cat/1.png"]}
    archive = zip_of(twice.items(), tmp_path / "x.zip")
    made, _ = service.datasets.add(Target(service.projects.ensure("default", make=True), "pets"), archive)
    service.database.close()
    told: list[Any] = []
    work = Work(home, "", {"version": made.version, "name": "pets"}, None, lambda body, step=None: told.append(body))
    found = msgspec.json.decode(msgspec.json.encode(run(work)), type=Health)
    assert (found.sample, found.version, found.images) == ("pets", made.version, 21)
    assert found.findings
    assert told[0]["words"] == "looking at: reference network"
    assert KINDS["health"] == "service.examining:run"

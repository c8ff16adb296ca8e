"""Keeping the zoo over HTTP: what is taken in and what is refused; then the jobs, as a worker's child runs them."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from headhunt.errors import NameTaken, UnknownNetwork, UnknownWeights, WeightsUnavailable
from headhunt.vocabulary import Domain, Protocol
from headhunt.wire import CellAsked, Job, ModelAdded
from service import zoo_work
from service.database import Database
from service.jobs.queue import Queue
from service.settings import Settings
from tests.service.asking import Client, send
from tests.service.keeping import keeper, put, work
from tests.zoo.cards import filled
from tests.zoo.images import folder_of, many
from zoo.catalogue.store import Catalogue
from zoo.images.blobs import Blobs
from zoo.images.samples import open_sample
from zoo.repository import Zoo

__all__ = ["keeper"]


# --- Models of timm ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", ["timm:resnet18.a1_in1k", "timm:convnext_*.fb_in22k", "recommended"])
def test_models_are_ordered_by_what_the_command_takes(keeper: Client, database: Database, source: str) -> None:
    answer = put(keeper, "models", {"source": source, "domain": "mine"}, **{"Idempotency-Key": "a"})
    assert answer.status_code == 202
    job = msgspec.json.decode(answer.content, type=Job)
    assert answer.headers["location"] == f"/api/v1/jobs/{job.id}"
    assert (job.kind, job.state) == ("add", "queued")
    assert Queue(database).spec(job.id)["asked"] == {"source": source, "domain": "mine"}
    again = put(keeper, "models", {"source": source, "domain": "mine"}, **{"Idempotency-Key": "a"})
    assert again.json()["id"] == job.id


@pytest.mark.parametrize(
    "source",
    [
        "local-dir:/etc",
        "timm:local-dir:/etc",
        "hf-hub:x/y",
        "timm:hf-hub:x/y",
        "hf_hub:x/y",
        "file:/etc/passwd",
        "../../x",
        "timm:../../x",
        "/etc/passwd",
        "weights.safetensors",
        "http://127.0.0.1/x",
        "timm:http://127.0.0.1/x",
        "resnet18\0",
        "timm:resnet18\0",
        "timm:resnet18\n",
        "x" * 10_000,
        "timm:" + "x" * 10_000,
        "os:system",
        "",
    ],
)
def test_a_source_that_is_no_tag_of_timm_is_refused_before_anybody_looks(
    keeper: Client, database: Database, source: str
) -> None:
    answer = put(keeper, "models", {"source": source})
    assert (answer.status_code, answer.json()["code"]) == (422, "unknown_model")
    assert len(answer.content) < 1000
    assert keeper.get("/api/v1/jobs").json()["items"] == []


def test_the_job_takes_in_a_tag_as_the_command_does(tmp_path: Path) -> None:
    one, told = work(tmp_path, {"asked": ModelAdded(source="timm:test_vit.r160_in1k")})
    result = zoo_work.add(one)
    card = Zoo(tmp_path).card("imagenet-1k/test_vit.r160_in1k")
    assert result.models == (card.id,)
    assert card.measured is not None
    assert [body["words"] for body in told] == [card.id]
    with pytest.raises(NameTaken):
        zoo_work.add(work(tmp_path, one.spec)[0])
    assert zoo_work.add(work(tmp_path, one.spec, step={})[0]).there == (card.id,)


def test_a_pattern_takes_in_what_is_missing(tmp_path: Path) -> None:
    zoo_work.add(work(tmp_path, {"asked": ModelAdded(source="timm:test_vit.r160_in1k", domain="mine")})[0])
    result = zoo_work.add(work(tmp_path, {"asked": ModelAdded(source="timm:test_vit*", domain="mine")})[0])
    assert result.there == ("mine/test_vit.r160_in1k",)
    assert len(result.models) > 1


@pytest.mark.parametrize(
    ("source", "error"),
    [("timm:resnet18.nope", UnknownWeights), ("timm:resnt18", UnknownNetwork), ("timm:nothing_*", UnknownWeights)],
)
def test_the_job_says_what_timm_does_not_have(tmp_path: Path, source: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        zoo_work.add(work(tmp_path, {"asked": ModelAdded(source=source)})[0])


def test_without_a_hub_the_job_fails_and_tells_no_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    with pytest.raises(WeightsUnavailable) as caught:
        zoo_work.add(work(tmp_path, {"asked": ModelAdded(source="timm:test_vit.r160_in1k", fetch=True)})[0])
    assert str(tmp_path) not in str(caught.value)


# --- Models and domains go and come -----------------------------------------------------------------------------------


def test_a_model_is_removed_with_its_weights(keeper: Client, settings: Settings) -> None:
    filled(settings.home, "digits/lenet")
    assert keeper.delete("/api/v1/zoo/models/digits/lenet").status_code == 204
    assert keeper.get("/api/v1/zoo/models").json()["items"] == []
    assert keeper.delete("/api/v1/zoo/models/digits/lenet").json()["code"] == "unknown_model"


def test_a_dataset_becomes_a_domain_that_goes_when_no_model_stands_on_it(
    keeper: Client, keys: dict[str, str], settings: Settings
) -> None:
    dataset = send(keeper, keys["owner"]).json()
    made = put(keeper, "domains", {"dataset": "photos", "name": "pets", "description": "ours", "license": "mit"})
    assert made.status_code == 201
    domain = msgspec.json.decode(made.content, type=Domain)
    assert (domain.version, domain.classes, domain.images) == (dataset["version"], ("cat", "dog"), 6)
    assert keeper.get(made.headers["location"]).json() == made.json()
    assert put(keeper, "domains", {"dataset": "photos", "name": "pets"}).json()["code"] == "name_taken"
    assert put(keeper, "domains", {"dataset": "nothing"}).json()["code"] == "unknown_dataset"
    assert put(keeper, "domains", {"dataset": "photos", "name": "a/b"}).status_code == 400
    filled(settings.home, "pets/lenet")
    assert keeper.delete("/api/v1/zoo/domains/pets").json()["code"] == "in_use"
    keeper.delete("/api/v1/zoo/models/pets/lenet")
    assert keeper.delete("/api/v1/zoo/domains/pets").status_code == 204
    assert keeper.get("/api/v1/zoo/domains/pets").json()["code"] == "unknown_domain"


# --- Cells ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"domain": "mine", "network": "resnet18"}, 404, "unknown_domain"),
        ({"domain": "digits", "network": "resnet18"}, 422, "bad_value"),
        ({"domain": "mine", "dataset": "nothing", "network": "resnet18"}, 404, "unknown_dataset"),
        ({"domain": "mine", "dataset": "photos"}, 422, "bad_value"),
        ({"domain": "mine", "dataset": "photos", "parent": "digits/nobody"}, 404, "unknown_model"),
        ({"domain": "mine", "dataset": "photos", "network": "os:system"}, 422, "unknown_network"),
        ({"domain": "mine", "dataset": "photos", "network": "hf-hub:x/y"}, 422, "unknown_network"),
        ({"domain": "../x", "dataset": "photos", "network": "resnet18"}, 400, "bad_value"),
        ({"domain": "digits", "dataset": "photos", "network": "lenet"}, 409, "name_taken"),
        *(
            ({"domain": "mine", "dataset": "photos", "network": "resnet18", "protocol": wrong}, 422, "bad_value")
            for wrong in (
                {"batch_size": 0},
                {"batch_size": -1},
                {"batch_size": 10**9},
                {"input_size": 10**6},
                {"epochs": 0},
                {"lr": 100.0},
                {"seeds": []},
                {"seeds": [1, 1]},
                {"seeds": [-1]},
                {"seeds": list(range(100))},
                {"momentum": 5.0},
            )
        ),
        ({"domain": "mine", "dataset": "photos", "network": "resnet18", "protocol": {"layers": []}}, 400, None),
    ],
)
def test_a_cell_that_cannot_be_filled_is_refused_at_once(
    keeper: Client, keys: dict[str, str], settings: Settings, body: dict[str, Any], status: int, code: str | None
) -> None:
    filled(settings.home, "digits/lenet")
    send(keeper, keys["owner"])
    answer = put(keeper, "cells", body)
    assert answer.status_code == status, answer.text
    assert code in (None, answer.json()["code"])


def test_a_cell_is_ordered_on_a_dataset_or_on_a_domain(
    keeper: Client, keys: dict[str, str], database: Database
) -> None:
    dataset = send(keeper, keys["owner"]).json()
    first = put(keeper, "cells", {"domain": "pets", "dataset": "photos", "network": "resnet18"})
    assert (first.status_code, first.json()["kind"], first.json()["dataset"]) == (202, "train", dataset["id"])
    put(keeper, "domains", {"dataset": "photos", "name": "pets"})
    second = put(keeper, "cells", {"domain": "pets", "network": "resnet18", "protocol": {"epochs": 2.0}})
    spec = Queue(database).spec(second.json()["id"])
    assert (spec["version"], spec["name"]) == (dataset["version"], "pets")
    assert msgspec.convert(spec["asked"], CellAsked).protocol == Protocol(epochs=2.0)


def stored(home: Path, count: int = 8) -> str:
    with open_sample(folder_of(many(count), home / "photos")) as sample:
        return sample.store(Blobs(home / "blobs")).id


def test_the_job_trains_tells_and_fills_the_cell_once(tmp_path: Path) -> None:
    asked = CellAsked(domain="pets", network="test_vit", protocol=Protocol(epochs=2, batch_size=4, precision="fp32"))
    spec = {"asked": asked, "version": stored(tmp_path), "name": "photos"}
    one, told = work(tmp_path, spec)
    result = zoo_work.train(one)
    assert result.card.id == "pets/test_vit"
    assert result.card.protocol == asked.protocol
    assert [row.dataset for row in result.outcomes] == ["pets"]
    assert told[-1]["done"] == told[-1]["total"]
    assert {int(body["epoch"]) for body in told[1:]} >= {0, 1}
    assert all(body["stage"] == "training" for body in told)
    again = zoo_work.train(work(tmp_path, spec, step={})[0])
    assert (again.card, again.outcomes) == (result.card, result.outcomes), "it died before it said so"
    with pytest.raises(NameTaken):
        zoo_work.train(work(tmp_path, spec)[0])
    assert list(Catalogue(tmp_path).read().cards) == ["pets/test_vit"]

"""Keeping the zoo over HTTP: what is taken in and what is refused; then the jobs, as a worker's child runs them."""

import json
import os
import struct
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa
import torch
from safetensors.torch import save
from sqlalchemy.exc import OperationalError

from headhunt.errors import (
    NameTaken,
    NonFiniteWeights,
    UnknownNetwork,
    UnknownWeights,
    WeightsMismatch,
    WeightsUnavailable,
)
from headhunt.vocabulary import Domain, Protocol
from headhunt.wire import CellAsked, Job, ModelAdded, WeightsSent
from service import zoo_work
from service.collecting import Collector
from service.database import Database
from service.jobs.queue import Queue
from service.jobs.worker import Work
from service.settings import Settings
from service.store import LocalStore
from tests.service.asking import Client, bearer, send
from tests.zoo.cards import filled
from tests.zoo.images import folder_of, many
from zoo.catalogue.store import Catalogue
from zoo.images.blobs import Blobs
from zoo.images.samples import open_sample
from zoo.networks.building import build_network
from zoo.repository import Zoo

STATE = {"a": torch.zeros(2, 3), "b": torch.ones(4)}


@pytest.fixture
def keeper(client: Client, keys: dict[str, str]) -> Client:
    client.headers.update(bearer(keys["owner"]))
    return client


def put(client: Client, place: str, body: dict[str, Any], **headers: str) -> Any:
    return client.post(f"/api/v1/zoo/{place}", json=body, headers=headers)


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


def work(home: Path, spec: dict[str, Any], step: Any = None) -> tuple[Work, list[dict[str, Any]]]:
    """A job as a child of a worker gets it; what it tells is kept."""
    told: list[dict[str, Any]] = []
    plain = msgspec.json.decode(msgspec.json.encode(spec))
    return Work(home, "p", plain, step, lambda body, step=None: told.append(body)), told


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


# --- Weights that are sent --------------------------------------------------------------------------------------------

WHERE = "/api/v1/zoo/weights?network=test_vit&domain=mine"


def sent(client: Client, data: bytes, url: str = WHERE, **headers: str) -> Any:
    return client.post(url, content=data, headers={"Content-Type": "application/octet-stream", **headers})


def header(told: Any, values: bytes = b"", length: int | None = None) -> bytes:
    text = json.dumps(told).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + values


def tensor(begin: int, end: int, dtype: str = "F32", shape: tuple[int, ...] = (1,)) -> dict[str, Any]:
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [begin, end]}


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        (b"", 400, "empty_upload"),
        (b"PK\x03\x04" + b"\0" * 100, 415, "safetensors_only"),
        (b"\x80\x04\x95" + b"." * 100, 415, "safetensors_only"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 100, 415, "safetensors_only"),
        (b"short", 415, "safetensors_only"),
        (save(STATE)[:-1], 422, "broken_weights"),
        (save(STATE) + b"x", 422, "broken_weights"),
        (save(STATE)[:40], 422, "broken_weights"),
        (header({"a": tensor(0, 4)}, b"0000", 2**62), 422, "broken_weights"),
        (header({"a": tensor(0, 4), "b": tensor(0, 4)}, b"0000"), 422, "broken_weights"),
        (header({"a": tensor(0, 4), "b": tensor(8, 12)}, b"0" * 12), 422, "broken_weights"),
        (header({"a": tensor(0, 4, shape=(2,))}, b"0000"), 422, "broken_weights"),
        (header({"a": tensor(0, 4, shape=(-1, -1))}, b"0000"), 422, "broken_weights"),
        (header({"a": tensor(0, 4, dtype="OBJECT")}, b"0000"), 422, "broken_weights"),
        (header({"a": tensor(4, 0)}, b"0000"), 422, "broken_weights"),
        (header({"__metadata__": {"a": "b"}}), 422, "broken_weights"),
        (header({"a": 3}, b"0000"), 422, "broken_weights"),
        (header({"a": tensor(0, 2**70)}, b"0000"), 422, "broken_weights"),
        (struct.pack("<Q", 100) + b"{" + b"[" * 99, 422, "broken_weights"),
    ],
)
def test_a_file_that_is_no_safetensors_is_refused_at_once_and_leaves_nothing(
    keeper: Client, settings: Settings, data: bytes, status: int, code: str
) -> None:
    answer = sent(keeper, data)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert not list((settings.home / "uploads").iterdir())
    assert keeper.get("/api/v1/jobs").json()["items"] == []


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("domain=mine", 400, "bad_value"),
        ("network=test_vit", 400, "bad_value"),
        ("network=os:system&domain=mine", 422, "unknown_network"),
        ("network=../x&domain=mine", 422, "unknown_network"),
        ("network=test_vit&domain=../x", 400, "bad_value"),
        ("network=test_vit&domain=mine&name=a/b", 400, "bad_value"),
        ("network=test_vit&domain=mine&input_size=1000000", 422, "bad_spec"),
        ("network=test_vit&domain=mine&input_size=many", 400, "bad_value"),
        ("network=test_vit&domain=mine&mean=0.5", 422, "bad_spec"),
        ("network=test_vit&domain=mine&std=300&std=3&std=3", 422, "bad_spec"),
        ("network=test_vit&domain=mine&colour=red", 400, "unknown_field"),
        ("network=test_vit&domain=digits&name=lenet", 409, "name_taken"),
    ],
)
def test_what_is_said_of_the_weights_is_looked_at_before_they_come(
    keeper: Client, settings: Settings, query: str, status: int, code: str
) -> None:
    filled(settings.home, "digits/lenet")
    answer = sent(keeper, save(STATE), f"/api/v1/zoo/weights?{query}")
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


def test_weights_come_as_bytes_and_as_nothing_else(keeper: Client) -> None:
    answer = keeper.post(WHERE, content=save(STATE), headers={"Content-Type": "application/zip"})
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_type")


def test_weights_that_were_sent_wait_for_their_job_once(keeper: Client, settings: Settings, database: Database) -> None:
    drafts = settings.home / "uploads"
    url = f"{WHERE}&mean=0.5&mean=0.4&mean=0.3&classes=cat&classes=dog&input_size=32&license=mit"
    first = sent(keeper, save(STATE), url, **{"Idempotency-Key": "k"})
    again = sent(keeper, save(STATE), url, **{"Idempotency-Key": "k"})
    assert (first.status_code, again.json()["id"]) == (202, first.json()["id"])
    spec = Queue(database).spec(first.json()["id"])
    assert msgspec.convert(spec["asked"]["sent"], WeightsSent) == WeightsSent(
        network="test_vit",
        domain="mine",
        mean=(0.5, 0.4, 0.3),
        classes=("cat", "dog"),
        input_size=32,
        license="mit",
    )
    (draft,) = drafts.iterdir()
    assert draft.name == spec["draft"]
    assert draft.read_bytes() == save(STATE)


def test_weights_wait_for_as_long_as_their_job_does(keeper: Client, settings: Settings, database: Database) -> None:
    first, second = (sent(keeper, save(STATE), f"{WHERE}&name={name}").json()["id"] for name in "ab")
    ended = keeper.post(f"/api/v1/jobs/{first}/cancel")
    assert ended.status_code == 200, ended.text
    for path in (settings.home / "uploads").iterdir():
        os.utime(path, (0, 0))
    assert sent(keeper, save(STATE), f"{WHERE}&name=c").status_code == 202
    found = Collector(database, settings.home, LocalStore(settings.home)).collect()
    assert found is not None
    assert found.drafts == 1
    assert (settings.home / "uploads" / Queue(database).spec(second)["draft"]).is_file()


def test_weights_stay_when_the_database_fails_after_the_order(
    keeper: Client, settings: Settings, database: Database
) -> None:
    """The answer is lost, the job is not."""

    def fails(_: Any, __: Any, statement: str, *___: Any) -> None:
        if statement.startswith("SELECT jobs.spec"):
            raise OperationalError(statement, None, Exception("gone"))

    sa.event.listen(sa.Engine, "before_cursor_execute", fails)
    try:
        answer = sent(keeper, save(STATE))
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", fails)
    assert (answer.status_code, answer.json()["code"]) == (503, "service_unavailable")
    (job,) = keeper.get("/api/v1/jobs").json()["items"]
    assert (settings.home / "uploads" / Queue(database).spec(job["id"])["draft"]).is_file()


def network_state(**change: torch.Tensor) -> dict[str, torch.Tensor]:
    torch.manual_seed(1)
    return dict(build_network("test_vit", classes=2, input_size=32).state_dict()) | change


def kept(home: Path, state: dict[str, torch.Tensor]) -> str:
    name = f"weights-{'1' * 32}.safetensors"
    (home / "uploads").mkdir(exist_ok=True)
    (home / "uploads" / name).write_bytes(save(state))
    return name


def test_the_job_makes_a_model_of_weights_that_were_sent(tmp_path: Path) -> None:
    said = WeightsSent(network="test_vit", domain="mine", input_size=32, classes=("cat", "dog"))
    spec = {"asked": {"sent": said}, "draft": kept(tmp_path, network_state())}
    assert zoo_work.add(work(tmp_path, spec)[0]).models == ("mine/test_vit",)
    card = Zoo(tmp_path).card("mine/test_vit")
    assert (card.head, card.classes, card.input_size) == (2, ("cat", "dog"), 32)
    assert torch.equal(Zoo(tmp_path).state(card)["norm.weight"], network_state()["norm.weight"])
    assert not list((tmp_path / "uploads").iterdir())
    assert zoo_work.add(work(tmp_path, spec, step={})[0]).models == ("mine/test_vit",), "it died before it said so"


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"norm.weight": torch.full((64,), torch.nan)}, NonFiniteWeights),
        ({"norm.weight": torch.ones(7)}, WeightsMismatch),
        ({"more": torch.ones(7)}, WeightsMismatch),
    ],
)
def test_the_job_refuses_values_and_shapes_that_cannot_be(
    tmp_path: Path, change: dict[str, torch.Tensor], error: type[Exception]
) -> None:
    said = WeightsSent(network="test_vit", domain="mine", input_size=32)
    with pytest.raises(error) as caught:
        zoo_work.add(work(tmp_path, {"asked": {"sent": said}, "draft": kept(tmp_path, network_state(**change))})[0])
    assert "uploads" not in str(caught.value)
    assert not list((tmp_path / "uploads").iterdir())
    assert not Zoo(tmp_path).catalogue.read().cards


@pytest.mark.parametrize("name", ["../catalogue.json", f"weights-{'2' * 32}.safetensors"])
def test_the_job_says_when_its_file_is_gone(tmp_path: Path, name: str) -> None:
    (tmp_path / "catalogue.json").write_text("{}")
    said = WeightsSent(network="test_vit", domain="mine")
    with pytest.raises(WeightsUnavailable, match="no longer here"):
        zoo_work.add_sent(work(tmp_path, {"asked": {"sent": said}, "draft": name})[0])


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

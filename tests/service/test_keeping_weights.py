"""Weights that are sent: looked at before and while they come, kept for as long as their job waits, made a model of."""

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

from headhunt.errors import NonFiniteWeights, WeightsMismatch, WeightsUnavailable
from headhunt.wire import WeightsSent
from service import zoo_work
from service.collecting import Collector
from service.database import Database
from service.jobs.queue import Queue
from service.settings import Settings
from service.store import LocalStore
from tests.service.asking import Client
from tests.service.keeping import keeper, work
from tests.zoo.cards import filled
from zoo.networks.building import build_network
from zoo.repository import Zoo

__all__ = ["keeper"]
STATE = {"a": torch.zeros(2, 3), "b": torch.ones(4)}
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

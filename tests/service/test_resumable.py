"""Archives in parts: in any order, twice, at once, and cut off anywhere. On both databases."""

import hashlib
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from headhunt.errors import UnknownUpload
from service.data.parcels import Parcels
from service.parts import service_of
from service.settings import Settings
from service.store import LocalStore, Writable
from service.uploads import LARGEST, Draft, new_file
from tests.service.asking import Client, archive, bearer


def begin(client: Client, key: str, data: bytes, **more: Any) -> Any:
    asked = {"name": "photos", "size": len(data), "digest": hashlib.sha256(data).hexdigest(), **more}
    return client.post("/api/v1/uploads", headers=bearer(key), json=asked)


def part(client: Client, key: str, upload: str, number: int, data: bytes) -> Any:
    headers = {**bearer(key), "Content-Type": "application/octet-stream"}
    return client.put(f"/api/v1/uploads/{upload}/parts/{number}", headers=headers, content=data)


def finish(client: Client, key: str, upload: str) -> Any:
    return client.post(f"/api/v1/uploads/{upload}/finish", headers=bearer(key))


def pieces_of(data: bytes, count: int = 4) -> dict[int, bytes]:
    step = -(-len(data) // count)
    return {i + 1: data[i * step : (i + 1) * step] for i in range(count)}


def test_parts_come_in_any_order_and_twice(client: Client, keys: dict[str, str], settings: Settings) -> None:
    data, key = archive(8), keys["member"]
    made = begin(client, key, data)
    assert made.status_code == 201
    own = made.json()["id"]
    assert client.get(made.headers["location"], headers=bearer(key)).json() == made.json()
    pieces = pieces_of(data)
    for number in (3, 1, 1):
        assert part(client, key, own, number, pieces[number]).status_code == 200
    early = finish(client, key, own)
    assert (early.status_code, early.json()["code"]) == (409, "upload_incomplete")
    part(client, key, own, 4, pieces[4])
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda number: part(client, key, own, number, pieces[number]), (2, 2, 3, 2)))
    there = client.get(f"/api/v1/uploads/{own}", headers=bearer(key)).json()
    assert (there["parts"], there["received"]) == ([1, 2, 3, 4], len(data))
    done = finish(client, key, own)
    assert (done.status_code, done.json()["images"]) == (201, 16), done.text
    again = finish(client, key, own)
    assert (again.status_code, again.json()["id"]) == (200, done.json()["id"])
    late = part(client, key, own, 1, pieces[1])
    assert (late.status_code, late.json()["code"]) == (409, "has_ended")
    assert not list((settings.home / "uploads").iterdir())


def test_finishing_from_two_connections_is_as_once(client: Client, keys: dict[str, str]) -> None:
    data = archive(4)
    own = begin(client, keys["member"], data).json()["id"]
    part(client, keys["member"], own, 1, data)
    with ThreadPoolExecutor(3) as threads:
        answers = list(threads.map(lambda _: finish(client, keys["member"], own), range(3)))
    assert {answer.status_code for answer in answers} <= {200, 201}, [answer.text for answer in answers]
    assert len({answer.json()["id"] for answer in answers}) == 1


def test_a_part_that_was_wrong_can_be_sent_again(client: Client, keys: dict[str, str]) -> None:
    data, key = archive(4), keys["member"]
    own = begin(client, key, data).json()["id"]
    pieces = pieces_of(data, 2)
    part(client, key, own, 1, b"x" * len(pieces[1]))
    part(client, key, own, 2, pieces[2])
    wrong = finish(client, key, own)
    assert (wrong.status_code, wrong.json()["code"]) == (422, "checksum_mismatch")
    part(client, key, own, 1, pieces[1])
    assert finish(client, key, own).status_code == 201


def test_a_part_whose_place_another_took_is_kept_no_longer(
    client: Client, keys: dict[str, str], settings: Settings
) -> None:
    own = begin(client, keys["member"], b"data" * 9).json()["id"]
    for i in range(9):
        assert part(client, keys["member"], own, 1, b"part %d" % i).status_code == 200
    assert [path.read_bytes() for path in parts_in(settings)] == [b"part 8"]


def parts_in(settings: Settings) -> list[Path]:
    return [path for path in (settings.home / "uploads").rglob("*") if path.is_file()]


def test_parts_that_were_lost_are_asked_for_again(client: Client, keys: dict[str, str], settings: Settings) -> None:
    data, key = archive(4), keys["member"]
    own = begin(client, key, data).json()["id"]
    pieces = pieces_of(data)
    for number, piece in pieces.items():
        part(client, key, own, number, piece)
    for lost in parts_in(settings):
        if lost.name[:5] in ("00002", "00004"):
            lost.unlink()
    early = finish(client, key, own)
    assert (early.status_code, early.json()["code"]) == (409, "upload_incomplete"), early.text
    assert client.get(f"/api/v1/uploads/{own}", headers=bearer(key)).json()["parts"] == [1, 3]
    for number in (2, 4):
        assert part(client, key, own, number, pieces[number]).status_code == 200
    assert finish(client, key, own).status_code == 201


class Overtaken(LocalStore):
    """Somebody else does something just before the parts are joined."""

    then: Callable[[], Any]

    def join(self, upload: str, names: Collection[str], into: Writable) -> None:
        self.then()
        super().join(upload, names, into)


def finish_overtaken(settings: Settings, client: Client, key: str, then: Callable[[str], Any]) -> Any:
    data = archive(4)
    own = begin(client, key, data).json()["id"]
    part(client, key, own, 1, data)
    service = service_of(settings)
    store = Overtaken(settings.home)
    store.then = lambda: then(own)
    late = Parcels(service.database, store, service.holdings, service.datasets)
    lane = ThreadPoolExecutor(2)
    with new_file(settings.home / "uploads") as file, lane:
        try:
            return late.finish(service.projects.ensure("default"), own, Draft(file, lane, LARGEST))
        finally:
            service.database.close()


def test_whoever_finishes_second_gets_what_the_first_has_made(
    client: Client, keys: dict[str, str], settings: Settings
) -> None:
    first = []
    made, new = finish_overtaken(
        settings, client, keys["member"], lambda own: first.append(finish(client, keys["member"], own))
    )
    assert (made.id, new) == (first[0].json()["id"], False)


def test_an_upload_that_is_removed_while_it_is_finished_is_unknown(
    client: Client, keys: dict[str, str], settings: Settings
) -> None:
    with pytest.raises(UnknownUpload):
        finish_overtaken(
            settings,
            client,
            keys["member"],
            lambda own: client.delete(f"/api/v1/uploads/{own}", headers=bearer(keys["member"])),
        )


def test_the_key_of_an_upload_whose_dataset_was_removed_is_free(client: Client, keys: dict[str, str]) -> None:
    data, headers = archive(4), {**bearer(keys["member"]), "Idempotency-Key": "once"}
    asked = {"name": "photos", "size": len(data)}
    ids = []
    for _ in range(2):
        ids.append(client.post("/api/v1/uploads", headers=headers, json=asked).json()["id"])
        part(client, keys["member"], ids[-1], 1, data)
        assert finish(client, keys["member"], ids[-1]).status_code == 201
        assert client.post("/api/v1/uploads", headers=headers, json=asked).json()["id"] == ids[-1]
        client.delete("/api/v1/datasets/photos", headers=bearer(keys["member"]))
    assert ids[0] != ids[1]


def test_the_same_key_is_the_same_upload(client: Client, keys: dict[str, str]) -> None:
    data = archive(4)
    headers = {**bearer(keys["member"]), "Idempotency-Key": "once"}
    asked = {"name": "photos", "size": len(data)}
    ids = {client.post("/api/v1/uploads", headers=headers, json=asked).json()["id"] for _ in range(3)}
    assert len(ids) == 1
    other = client.post("/api/v1/uploads", headers=headers, json={**asked, "size": 5})
    assert (other.status_code, other.json()["code"]) == (422, "key_reused")


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"size": 0}, 400, "bad_value"),
        ({"size": -1}, 400, "bad_value"),
        ({"size": 2**62}, 413, "too_large"),
        ({"name": ""}, 400, "bad_value"),
        ({"digest": "x"}, 400, "bad_value"),
        ({"more": 1}, 400, "malformed_body"),
    ],
)
def test_what_cannot_be_an_upload_is_refused(
    client: Client, keys: dict[str, str], change: dict[str, Any], status: int, code: str
) -> None:
    answer = begin(client, keys["member"], b"data", **change)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


@pytest.mark.parametrize("number", [0, -1, 10_001, 2**63])
def test_parts_have_numbers_that_can_be(client: Client, keys: dict[str, str], number: int) -> None:
    own = begin(client, keys["member"], b"data").json()["id"]
    assert part(client, keys["member"], own, number, b"data").status_code == 404


def test_more_than_was_announced_is_not_kept(client: Client, keys: dict[str, str], settings: Settings) -> None:
    own = begin(client, keys["member"], b"data").json()["id"]
    for number, data in ((1, b"data and more"), (2, b"12345")):
        answer = part(client, keys["member"], own, number, data)
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert part(client, keys["member"], own, 1, b"").json()["code"] == "empty_upload"
    kept = [path for path in (settings.home / "uploads").rglob("*") if path.is_file()]
    assert kept == []


def test_an_upload_that_is_removed_leaves_nothing(client: Client, keys: dict[str, str], settings: Settings) -> None:
    own = begin(client, keys["member"], b"data").json()["id"]
    part(client, keys["member"], own, 1, b"data")
    assert any(path.is_file() for path in (settings.home / "uploads").rglob("*"))
    assert client.delete(f"/api/v1/uploads/{own}", headers=bearer(keys["member"])).status_code == 204
    assert client.get(f"/api/v1/uploads/{own}", headers=bearer(keys["member"])).status_code == 404
    assert not list(Path(settings.home / "uploads").iterdir())

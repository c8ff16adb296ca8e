"""Datasets over HTTP: in versions, described by digests, examined, removed. On both databases."""

import io
import tarfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import pytest
from litestar.exceptions import ValidationException

from headhunt.vocabulary import Entry
from headhunt.wire import DatasetListed
from service.database import Database
from service.jobs.queue import Queue
from service.parts import service_of
from service.routes.datasets import STEP, listed_in
from service.settings import Settings
from tests.service.asking import Client, archive, bearer, send
from tests.zoo.images import folder_of, many, picture
from zoo.images.samples import open_sample


def entries_of(files: dict[str, bytes], folder: Path) -> tuple[str, list[dict[str, Any]]]:
    """The version and the entries of these files, as a client finds them."""
    with open_sample(folder_of(files, folder)) as sample:
        return sample.version.id, msgspec.to_builtins(list(sample.version.entries))


def tar_with(files: dict[str, bytes]) -> bytes:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return held.getvalue()


def send_blobs(client: Client, key: str, files: dict[str, bytes]) -> Any:
    headers = {**bearer(key), "Content-Type": "application/x-tar"}
    return client.post("/api/v1/blobs", headers=headers, content=tar_with(files))


def describe(client: Client, key: str, entries: list[dict[str, Any]], name: str = "photos") -> Any:
    return client.post("/api/v1/datasets", headers=bearer(key), json={"name": name, "entries": entries})


def missing(client: Client, key: str, entries: list[dict[str, Any]]) -> list[str]:
    digests = [entry["digest"] for entry in entries]
    answer = client.post("/api/v1/blobs/missing", headers=bearer(key), json={"digests": digests})
    assert answer.status_code == 200, answer.text
    return list(answer.json()["digests"])


def test_a_dataset_is_described_and_only_what_is_missing_is_sent(
    client: Client, keys: dict[str, str], tmp_path: Path
) -> None:
    files = many(10)
    version, entries = entries_of(files, tmp_path / "photos")
    key = keys["member"]
    assert len(missing(client, key, entries)) == 10
    refused = describe(client, key, entries)
    assert (refused.status_code, refused.json()["code"]) == (409, "blobs_missing")
    kept = send_blobs(client, key, {f"{i}": data for i, data in enumerate(files.values())})
    assert (kept.status_code, kept.json()) == (200, {"kept": 10, "refused": []})
    assert missing(client, key, entries) == []
    made = describe(client, key, entries)
    assert made.status_code == 201, made.text
    assert (made.json()["version"], made.json()["images"]) == (version, 10)
    again = describe(client, key, entries)
    assert (again.status_code, again.json()) == (200, made.json())


def test_a_description_comes_to_what_the_archive_comes_to(
    client: Client, keys: dict[str, str], tmp_path: Path, settings: Settings
) -> None:
    files = {f"train/{name}": data for name, data in many(8).items()}
    files |= {f"val/{name}": picture(50 + i) for i, name in enumerate(many(4))} | {"train/lone/x.png": picture(0)}
    _, entries = entries_of(files, tmp_path / "photos")
    sent = send(client, keys["member"], "sent", data=tar_with(files)).json()
    told = describe(client, keys["member"], entries, "told").json()
    assert told["warnings"]
    assert {**told, "id": "", "name": "", "created": 0} == {**sent, "id": "", "name": "", "created": 0}


def test_files_of_other_projects_are_not_spoken_of(client: Client, keys: dict[str, str], tmp_path: Path) -> None:
    files = many(6)
    _, entries = entries_of(files, tmp_path / "photos")
    send_blobs(client, keys["other"], files)
    assert len(missing(client, keys["member"], entries)) == 6
    assert describe(client, keys["member"], entries).json()["code"] == "blobs_missing"


GOOD = {"path": "cat/1.png", "digest": "0" * 64, "size": 3, "label": "cat", "split": None}


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ([{"path": "../x.png"}], 422, "bad_name"),
        ([{"path": "/x.png"}], 422, "bad_name"),
        ([{"path": "a\0.png"}], 422, "bad_name"),
        ([{"path": "a//b.png"}], 422, "bad_name"),
        ([{"path": ".hidden/b.png"}], 422, "bad_name"),
        ([{"path": "e\u0301.png"}], 422, "bad_name"),
        ([{"path": "x" * 5000}], 422, "header_too_large"),
        ([{"path": ""}], 422, "bad_name"),
        ([{}, {"path": "CAT/1.png"}], 422, "duplicate_name"),
        ([{"label": ""}], 422, "bad_labels"),
        ([{"label": "x\0y"}], 422, "bad_labels"),
        ([{"label": "x" * 513}], 422, "bad_labels"),
        ([{"split": "train"}], 422, "bad_labels"),
        ([{"split": "nonsense"}], 422, "bad_labels"),
        ([{"path": "train/x.png"}], 422, "bad_labels"),
        ([{"digest": "0" * 63}], 400, "bad_value"),
        ([{"digest": "../../etc/passwd"}], 400, "bad_value"),
        ([{"label": f"c{i}", "path": f"{i}.png"} for i in range(10_001)], 422, "too_many_classes"),
        ([], 422, "no_images"),
        ([{"size": -1}], 409, "blobs_missing"),
        ([{"size": 2**70}], 409, "blobs_missing"),
        ([{"colour": "red"}], 400, "malformed_body"),
        ([{}], 409, "blobs_missing"),
    ],
)
def test_every_word_of_a_description_is_checked(
    client: Client, keys: dict[str, str], changes: list[dict[str, Any]], status: int, code: str
) -> None:
    answer = describe(client, keys["member"], [{**GOOD, **change} for change in changes])
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert len(answer.text) < 1500
    assert client.get("/api/v1/datasets", headers=bearer(keys["member"])).json()["items"] == []


def test_a_long_description_is_decoded_in_steps_and_its_faults_are_told_by_their_place() -> None:
    entries = [{"path": f"a/{i}.png", "digest": "0" * 64, "size": i, "label": "\u00e9"} for i in range(2 * STEP + 1)]
    body = msgspec.json.encode({"name": "photos", "entries": entries})
    assert listed_in(body) == msgspec.json.decode(body, type=DatasetListed)
    entries[STEP + 7]["size"] = "much"
    wrong = msgspec.json.encode({"name": "photos", "entries": entries})
    with pytest.raises(ValidationException, match=rf"\$\.entries\[{STEP + 7}\]\.size"):
        listed_in(wrong)


def test_a_size_that_is_not_so_is_refused(client: Client, keys: dict[str, str], tmp_path: Path) -> None:
    files = many(4)
    _, entries = entries_of(files, tmp_path / "photos")
    send_blobs(client, keys["member"], files)
    entries[2]["size"] += 1
    answer = describe(client, keys["member"], entries)
    assert (answer.status_code, answer.json()["code"]) == (422, "size_mismatch")


def test_what_is_no_image_is_told_and_not_kept(client: Client, keys: dict[str, str]) -> None:
    kept = send_blobs(client, keys["member"], {"a": picture(1), "b": b"<svg/>", "labels.csv": b"file,label"}).json()
    assert kept["kept"] == 1
    assert sorted((one["member"], one["code"]) for one in kept["refused"]) == [
        ("b", "not_an_image"),
        ("labels.csv", "not_an_image"),
    ]


def test_a_dataset_grows_by_versions_and_says_what_changed(
    client: Client, keys: dict[str, str], tmp_path: Path
) -> None:
    first = send(client, keys["member"]).json()
    files = {"archive": ("more.zip", archive(5))}
    place = f"/api/v1/datasets/{first['id']}"
    second = client.post(f"{place}/versions", headers=bearer(keys["member"]), files=files)
    assert (second.status_code, second.json()["number"], second.json()["id"]) == (201, 2, first["id"])
    again = client.post(f"{place}/versions", headers=bearer(keys["member"]), files=files)
    assert (again.status_code, again.json()) == (200, second.json())
    assert client.get(place, headers=bearer(keys["reader"])).json()["number"] == 2
    listed = client.get(f"{place}/versions?limit=1", headers=bearer(keys["reader"])).json()
    assert [one["number"] for one in listed["items"]] == [2]
    rest = client.get(f"{place}/versions", params={"after": listed["next"]}, headers=bearer(keys["reader"])).json()
    assert [(one["number"], one["version"]) for one in rest["items"]] == [(1, first["version"])]
    told = client.get(f"{place}/diff?before=1&after=2", headers=bearer(keys["reader"])).json()
    assert (told["added"], told["removed"], told["balance"]) == (4, 0, {"cat": [3, 5], "dog": [3, 5]})
    assert sorted(told["added_paths"]) == ["cat/3.png", "cat/4.png", "dog/3.png", "dog/4.png"]
    assert client.get(f"{place}/diff", headers=bearer(keys["reader"])).json() == told
    unknown = client.get(f"{place}/diff?before=1&after=3", headers=bearer(keys["reader"]))
    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_version")
    older = client.post(f"{place}/versions", headers=bearer(keys["member"]), files={"archive": ("p.zip", archive())})
    assert (older.status_code, older.json()["number"]) == (201, 3), "an older state is a version again"


def test_a_version_can_be_described(client: Client, keys: dict[str, str], tmp_path: Path) -> None:
    send(client, keys["member"], data=tar_with(many(6)))
    _, entries = entries_of(many(4), tmp_path / "photos")
    body = {"name": "photos", "entries": entries}
    made = client.post("/api/v1/datasets/photos/versions", headers=bearer(keys["member"]), json=body)
    assert (made.status_code, made.json()["number"], made.json()["images"]) == (201, 2, 4)


def test_parallel_posts_of_one_name_make_one_dataset(client: Client, keys: dict[str, str]) -> None:
    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(lambda i: send(client, keys["member"], data=archive(seed=i % 2)), range(6)))
    codes = [answer.status_code for answer in answers]
    assert codes.count(201) == 1, codes
    assert codes.count(409) == 3, codes
    assert len({answer.json()["id"] for answer in answers if answer.status_code < 400}) == 1


def test_parallel_versions_are_numbered_without_gaps(client: Client, keys: dict[str, str]) -> None:
    first = send(client, keys["member"]).json()
    place = f"/api/v1/datasets/{first['id']}/versions"

    def add(i: int) -> int:
        files = {"archive": ("p.zip", archive(seed=10 + i))}
        return int(client.post(place, headers=bearer(keys["member"]), files=files).json()["number"])

    with ThreadPoolExecutor(4) as threads:
        assert sorted(threads.map(add, range(4))) == [2, 3, 4, 5]


def test_no_name_can_be_taken_for_an_id(client: Client, keys: dict[str, str]) -> None:
    first = send(client, keys["member"]).json()
    answer = send(client, keys["member"], first["id"], archive(seed=5))
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_value")


def test_health_is_a_job(client: Client, keys: dict[str, str], database: Database) -> None:
    first = send(client, keys["member"]).json()
    answer = client.post("/api/v1/datasets/photos/health", headers=bearer(keys["member"]))
    assert (answer.status_code, answer.json()["kind"], answer.json()["dataset"]) == (202, "health", first["id"])
    claim = Queue(database).claim("w")
    assert claim is not None
    assert msgspec.json.decode(claim.spec) == {"version": first["version"], "name": "photos"}


def test_a_dataset_in_use_stays_and_a_removed_one_gives_its_room_back(  # row 88
    client: Client, keys: dict[str, str], settings: Settings
) -> None:
    send(client, keys["member"])
    kept = send(client, keys["member"], "kept", archive(2)).json()
    job = client.post("/api/v1/recommendations", headers=bearer(keys["member"]), json={"dataset": "photos"}).json()
    busy = client.delete("/api/v1/datasets/photos", headers=bearer(keys["member"]))
    assert (busy.status_code, busy.json()["code"]) == (409, "in_use")
    client.post(f"/api/v1/recommendations/{job['id']}/cancel", headers=bearer(keys["member"]))
    assert client.delete("/api/v1/datasets/photos", headers=bearer(keys["member"])).status_code == 204
    assert client.delete("/api/v1/datasets/photos", headers=bearer(keys["member"])).status_code == 404
    service = service_of(settings)
    assert service.projects.one(service.projects.ensure("default")).bytes == kept["bytes"]
    service.database.close()
    assert client.get(f"/api/v1/recommendations/{job['id']}", headers=bearer(keys["reader"])).status_code == 200


@pytest.mark.parametrize("spoil", [Path.unlink, lambda place: place.write_bytes(b"{")])
def test_a_dataset_whose_manifest_is_lost_can_be_removed_and_the_others_lose_nothing(
    client: Client, keys: dict[str, str], settings: Settings, spoil: Callable[[Path], Any]
) -> None:
    key = keys["member"]
    made = {name: send(client, key, name, archive(count)).json() for name, count in (("a", 2), ("b", 3), ("c", 4))}
    spoil(settings.home / "versions" / f"{made['c']['version']}.json")
    service = service_of(settings)
    project = service.projects.ensure("default")
    assert client.delete("/api/v1/datasets/b", headers=bearer(key)).status_code == 204
    assert service.projects.one(project).bytes == made["c"]["bytes"]
    assert client.delete("/api/v1/datasets/c", headers=bearer(key)).status_code == 204
    assert service.projects.one(project).bytes == made["c"]["bytes"]
    assert client.delete("/api/v1/datasets/a", headers=bearer(key)).status_code == 204
    assert service.projects.one(project).bytes == made["c"]["bytes"] - made["a"]["bytes"]
    service.database.close()


def test_a_file_counts_once_in_each_project(client: Client, keys: dict[str, str], settings: Settings) -> None:
    one = send(client, keys["member"]).json()
    send(client, keys["member"], "again")
    send(client, keys["other"])
    service = service_of(settings)
    for name in ("default", "other"):
        assert service.projects.one(service.projects.ensure(name)).bytes == one["bytes"]
    service.database.close()


def test_a_file_that_was_lost_is_asked_for_again(
    client: Client, keys: dict[str, str], settings: Settings, tmp_path: Path
) -> None:
    """So that a client which knows its files heals the server."""
    files = many(4)
    _, entries = entries_of(files, tmp_path / "photos")
    send_blobs(client, keys["member"], files)
    lost = Entry(**entries[0]).digest
    (settings.home / "blobs" / lost[:2] / lost).unlink()
    assert missing(client, keys["member"], entries) == [lost]
    assert send_blobs(client, keys["member"], files).json()["kept"] == 4
    assert missing(client, keys["member"], entries) == []

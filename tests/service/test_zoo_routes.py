"""The zoo over HTTP: models and their weights, domains, the matrix, the history."""

import hashlib
from pathlib import Path

import msgspec
import pytest

from headhunt.vocabulary import Domain, ModelCard, Outcome
from headhunt.wire import MatrixShown, Page
from service.settings import Settings
from tests.service.asking import Client, bearer
from tests.zoo.cards import card
from zoo.catalogue.store import Catalogue
from zoo.history.pages import HistoryPages
from zoo.history.store import History

WEIGHTS = bytes(range(256)) * 20
DIGEST = hashlib.sha256(WEIGHTS).hexdigest()
CARDS = (
    card("birds/resnet18", network="resnet18", params=11_000_000, accuracy=0.9, license="mit"),
    card("birds/resnet50", network="resnet50", params=25_000_000, accuracy=0.8),
    card("digits/lenet", network="lenet", params=60_000, weights=DIGEST, classes=("0", "1"), head=2),
    card("digits/resnet18", network="resnet18", params=11_000_000),
)


@pytest.fixture
def home(settings: Settings) -> Path:
    """A zoo of four models on two domains; the weights of one are here."""
    with Catalogue(settings.home).change() as draft:
        for one in CARDS:
            draft.ensure_domain(Domain(name=one.domain))
            draft.add_card(one)
    weights = settings.home / "weights"
    weights.mkdir()
    (weights / f"{DIGEST}.safetensors").write_bytes(WEIGHTS)
    (weights / f"{'0' * 64}.safetensors").write_bytes(b"of no card")
    return settings.home


@pytest.fixture
def reader(home: Path, client: Client, keys: dict[str, str]) -> Client:
    client.headers.update(bearer(keys["reader"]))
    return client


def ids(client: Client, query: str = "") -> list[str]:
    answer = client.get(f"/api/v1/zoo/models?{query}")
    assert answer.status_code == 200, answer.text
    return [one.id for one in msgspec.json.decode(answer.content, type=Page[ModelCard]).items]


def test_all_models_are_listed_by_id_as_whole_cards(reader: Client) -> None:
    answer = reader.get("/api/v1/zoo/models")
    assert msgspec.json.decode(answer.content, type=Page[ModelCard]).items == CARDS
    again = reader.get("/api/v1/zoo/models", headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304


def test_models_are_found_by_the_conditions_of_the_command(reader: Client) -> None:
    assert ids(reader, "domain=birds") == ["birds/resnet18", "birds/resnet50"]
    assert ids(reader, "network=lenet&network=*50") == ["birds/resnet50", "digits/lenet"]
    assert ids(reader, "max_params=11M&domain=birds") == ["birds/resnet18"]
    assert ids(reader, "min_accuracy=85%25") == ["birds/resnet18"]
    assert ids(reader, "here=true") == ["digits/lenet"]
    assert ids(reader, "text=MIT") == ["birds/resnet18"]
    assert ids(reader, "knows=0&knows=1") == ["digits/lenet"]
    assert ids(reader, "domain=nothing") == []
    assert ids(reader, "sort=-params") == ["birds/resnet50", "birds/resnet18", "digits/resnet18", "digits/lenet"]


def test_pages_of_a_sorted_list_go_on_where_a_model_was_removed(reader: Client, home: Path) -> None:
    first = reader.get("/api/v1/zoo/models?sort=-params&limit=2").json()
    assert [one["id"] for one in first["items"]] == ["birds/resnet50", "birds/resnet18"]
    with Catalogue(home).change() as draft:
        draft.remove_card("birds/resnet50")
    assert ids(reader, f"sort=-params&limit=9&after={first['next']}") == ["digits/resnet18", "digits/lenet"]


@pytest.mark.parametrize(
    ("query", "code", "said"),
    [
        ("colour=red", "unknown_field", "'colour'"),
        ("max-params=5M", "unknown_field", "Did you mean"),
        ("__class__=1", "unknown_field", "'__class__'"),
        ("id;DROP TABLE=1", "unknown_field", "DROP"),
        ("max_params=many", "bad_value", "'many'"),
        ("max_params=-1", "bad_value", "'-1'"),
        ("min_accuracy=2", "bad_value", "'2'"),
        ("here=perhaps", "bad_value", "'perhaps'"),
        ("sort=beauty", "bad_value", "'beauty'"),
        ("sort=id&sort=params", "bad_value", "twice"),
        ("limit=0", "malformed_body", None),
        ("after=W10", "bad_value", None),
    ],
)
def test_a_condition_that_is_not_understood_is_refused_by_name(
    reader: Client, query: str, code: str, said: str | None
) -> None:
    answer = reader.get(f"/api/v1/zoo/models?{query}")
    assert answer.status_code == 400
    if said is not None:
        assert (answer.json()["code"], said in answer.json()["detail"]) == (code, True), answer.text


def test_one_model_is_known_by_its_id(reader: Client) -> None:
    answer = reader.get("/api/v1/zoo/models/digits/lenet")
    assert msgspec.json.decode(answer.content, type=ModelCard) == CARDS[2]
    missing = reader.get("/api/v1/zoo/models/digits/lennet")
    assert (missing.status_code, missing.json()["code"]) == (404, "unknown_model")
    assert "'digits/lenet'" in missing.json()["detail"]


def test_weights_come_as_they_lie_on_the_disk(reader: Client) -> None:
    answer = reader.get(f"/api/v1/zoo/weights/{DIGEST}")
    assert answer.content == WEIGHTS
    assert answer.headers["content-length"] == str(len(WEIGHTS))
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["etag"] == f'"{DIGEST}"'
    again = reader.get(f"/api/v1/zoo/weights/{DIGEST}", headers={"If-None-Match": f'"{DIGEST}"'})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    ("asked", "status", "part"),
    [
        ("bytes=0-9", 206, slice(0, 10)),
        ("bytes=5000-", 206, slice(5000, None)),
        ("bytes=-7", 206, slice(-7, None)),
        ("bytes=5100-999999", 206, slice(5100, None)),
        ("bytes=9-3", 200, slice(None)),
        ("bytes=0-1,5-6", 200, slice(None)),
        ("rows=0-1", 200, slice(None)),
        ("bytes=-", 200, slice(None)),
        ("bytes=5120-", 416, slice(0, 0)),
        ("bytes=-0", 416, slice(0, 0)),
    ],
)
def test_a_part_of_the_weights_can_be_asked_for(reader: Client, asked: str, status: int, part: slice) -> None:
    answer = reader.get(f"/api/v1/zoo/weights/{DIGEST}", headers={"Range": asked})
    assert (answer.status_code, answer.content) == (status, WEIGHTS[part])
    if status == 206:
        first = part.indices(len(WEIGHTS))[0]
        assert answer.headers["content-range"] == f"bytes {first}-{first + len(answer.content) - 1}/{len(WEIGHTS)}"


def test_a_part_of_what_has_changed_comes_whole(reader: Client) -> None:
    headers = {"Range": "bytes=0-9", "If-Range": '"another"'}
    assert reader.get(f"/api/v1/zoo/weights/{DIGEST}", headers=headers).content == WEIGHTS


@pytest.mark.parametrize("digest", ["0" * 64, "f" * 64, "catalogue", "..%2fcatalogue.json", DIGEST.upper()])
def test_weights_that_no_card_names_are_not_there(reader: Client, digest: str) -> None:
    assert reader.get(f"/api/v1/zoo/weights/{digest}").status_code == 404


def test_weights_that_were_removed_meanwhile_are_not_found(reader: Client, home: Path) -> None:
    (home / "weights" / f"{DIGEST}.safetensors").unlink()
    assert reader.get(f"/api/v1/zoo/weights/{DIGEST}").json()["code"] == "unknown_weights"


def test_domains_and_matrix_tell_what_stands_where(reader: Client) -> None:
    assert [one["name"] for one in reader.get("/api/v1/zoo/domains").json()["items"]] == ["birds", "digits"]
    matrix = msgspec.json.decode(reader.get("/api/v1/zoo/matrix").content, type=MatrixShown)
    assert matrix.networks == ("lenet", "resnet18", "resnet50")
    assert matrix.cells["digits"] == {"lenet": ("digits/lenet",), "resnet18": ("digits/resnet18",)}
    assert matrix.best == {"birds": {"resnet18": 0.9, "resnet50": 0.8}, "digits": {}}


def outcome(i: int) -> Outcome:
    return Outcome(model=f"m/{i % 3}", dataset=f"d{i % 2}", accuracy=i / 100, created=str(i))


def test_the_history_comes_in_pages_the_newest_first(reader: Client, home: Path) -> None:
    History(home).append(outcome(i) for i in range(10))
    first = reader.get("/api/v1/history?limit=4").json()
    History(home).append([outcome(10)])
    second = reader.get("/api/v1/history", params={"limit": 100, "after": first["next"]}).json()
    told = [one["created"] for one in first["items"] + second["items"]]
    assert told == [str(i) for i in reversed(range(10))]
    some = reader.get("/api/v1/history?model=m/1&dataset=d0").json()["items"]
    assert [one["created"] for one in some] == ["10", "4"]
    assert reader.get("/api/v1/history?moddel=x").json()["code"] == "unknown_field"


def test_a_zoo_without_models_and_without_history_is_empty(client: Client, keys: dict[str, str]) -> None:
    client.headers.update(bearer(keys["reader"]))
    for place in ("zoo/models", "zoo/domains", "history"):
        assert client.get(f"/api/v1/{place}").json() == {"items": [], "next": None}


def test_a_broken_file_of_the_server_is_told_without_its_name(reader: Client, home: Path) -> None:
    (home / "catalogue.json").write_text("{")
    answer = reader.get("/api/v1/zoo/models")
    assert (answer.status_code, answer.json()["code"]) == (503, "catalogue_broken")
    assert str(home) not in answer.text


# --- The pages of the history -----------------------------------------------------------------------------------------


def test_pages_of_the_history_see_what_is_added_cut_short_and_replaced(tmp_path: Path) -> None:
    pages, history = HistoryPages(tmp_path), History(tmp_path)
    assert pages.newest(5) == []
    history.append([outcome(1), outcome(2)])
    assert [row for _, row in pages.newest(5)] == [outcome(2), outcome(1)]
    with history.path.open("ab") as file:
        file.write(b'{"model":"m/9","dataset":"d"')
    assert [row for _, row in pages.newest(5)] == [outcome(2), outcome(1)]
    history.append([outcome(3)])
    assert [row for _, row in pages.newest(5)] == [outcome(3), outcome(2), outcome(1)]
    with history.path.open("ab") as file:
        file.write(msgspec.json.encode(outcome(4)))
    assert [row for _, row in pages.newest(1)] == [outcome(4)]
    history.path.unlink()
    history.append([outcome(5)])
    assert [row for _, row in pages.newest(5)] == [outcome(5)]


def test_what_was_read_of_the_history_is_not_read_again(tmp_path: Path) -> None:
    history, pages = History(tmp_path), HistoryPages(tmp_path)
    history.append(outcome(i) for i in range(50))
    pages.newest(1)
    size = history.path.stat().st_size
    with history.path.open("r+b") as file:
        file.write(b"x" * 20)  # at the beginning, where nobody looks any more
    history.append([outcome(50)])
    assert [row for _, row in pages.newest(2)] == [outcome(50), outcome(49)]
    assert history.path.stat().st_size > size

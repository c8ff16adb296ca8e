"""The winner of a server's recommendation is loaded and trained here, with the server's weights."""

import shutil
from pathlib import Path

import httpx2
import msgspec
import pytest
import torch

import headhunt
from headhunt.errors import BadSpec, BadValue, BrokenWeights, UnknownName
from headhunt.recommendation import Recommendation
from headhunt.remote import engine, weights
from headhunt.remote.transport import Server
from headhunt.vocabulary import ModelCard
from headhunt.wire import Page
from tests.sdk.servers import Running, said
from tests.zoo import cards
from zoo.repository import Zoo

QUICK = {"labels": False}


@pytest.fixture
def rec(served: Running, home: Path, photos: Path) -> Recommendation:
    return headhunt.suggest_model(photos, labels=False, server=served.url, key=served.key)


def test_the_command_lists_the_models_of_a_server_and_those_of_this_home(served: Running, home: Path) -> None:
    server = {"HEADHUNT_API_KEY": served.key}
    listed = said(home, "zoo", "list", "--server", served.url, "--network", "test_resnet", **server)
    assert listed.returncode == 0, listed.stderr
    assert "glyphs/test_resnet" in listed.stdout
    assert "test_efficientnet" not in listed.stdout
    assert "There are no models yet" in said(home, "zoo", "list", **server).stdout
    assert said(home, "zoo", "list", "--server", served.url, HEADHUNT_API_KEY="hh_wrong").returncode == 2


def test_the_best_is_fetched_once_and_is_the_network_of_the_server(
    rec: Recommendation, served: Running, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network, transform = rec.best.load()
    assert network.training
    there = Zoo(served.home).state(rec.best.card)
    here = network.state_dict()
    same = [name for name in there if name in here and there[name].shape == here[name].shape]
    assert len(same) > len(there) / 2
    assert all(torch.equal(there[name], here[name]) for name in same)
    kept = Zoo(home).card(rec.best.model)
    assert (kept.weights, kept.network, kept.measured) == (rec.best.card.weights, rec.best.card.network, None)
    assert [one.name for one in (home / "weights").iterdir()] == [f"{kept.weights}.safetensors"]
    monkeypatch.setattr(weights, "fetch", None)
    rec.best.load()
    assert transform is not None


def test_the_best_is_trained_here_on_the_same_images(rec: Recommendation, home: Path, photos: Path) -> None:
    run = rec.best.finetune(seconds=4)
    zoo = Zoo(home)
    assert zoo.card(run.card.id) == run.card
    assert run.card.parent == rec.best.model
    assert zoo.history.rows()[-1] == run.outcome
    next(photos.rglob("*.png")).unlink()
    with pytest.raises(BadValue, match="has changed since"):
        rec.best.finetune(seconds=4)


def test_the_best_is_tuned_here_with_the_servers_weights(rec: Recommendation, home: Path) -> None:
    study = rec.tune(trials=2, space={"epochs": headhunt.integer(1, 2), "batch_size": 8})
    assert study.best.card.parent == rec.best.model
    assert Zoo(home).card(study.best.card.id) == study.best.card
    assert (home / "studies" / study.name).is_dir()


@pytest.mark.parametrize("seconds", [0, "soon"])
def test_a_training_of_no_time_is_refused_before_anything_is_fetched(
    rec: Recommendation, home: Path, seconds: str | float
) -> None:
    with pytest.raises(BadValue, match="A training of"):
        rec.best.finetune(seconds=seconds)
    assert not (home / "weights").exists()


def test_a_job_that_is_found_by_its_id_can_be_loaded_but_not_trained(served: Running, home: Path, photos: Path) -> None:
    with served.server() as server:
        job, _ = engine.ask(server, home, photos, QUICK)
        found = engine.answer(server, home, engine.find(server, job.id))
    assert found.best.load()[0].training
    with pytest.raises(BadValue, match="suggest_model"):
        found.best.finetune(seconds=4)
    with pytest.raises(BadValue, match="suggest_model"):
        found.tune(trials=1)


def test_another_model_of_that_name_keeps_it(rec: Recommendation, served: Running, taught: Path, home: Path) -> None:
    shutil.copytree(taught, home, dirs_exist_ok=True)
    zoo = Zoo(home)
    others = [card for card in zoo.catalogue.read().cards.values() if card.network == rec.best.card.network]
    other = next(card for card in others if card.weights != rec.best.card.weights)
    with zoo.catalogue.change() as draft:
        draft.replace_card(msgspec.structs.replace(rec.best.card, weights=other.weights, measured=None))
    rec.best.load()
    assert zoo.card(rec.best.model).weights == other.weights
    taken = zoo.card(f"{rec.best.model}-{str(rec.best.card.weights)[:8]}")
    assert taken.weights == rec.best.card.weights
    rec.best.load()
    assert len([name for name in zoo.catalogue.read().cards if name.startswith(rec.best.model)]) == 2


def test_a_server_has_no_code_of_its_choice_run_here(served: Running, home: Path) -> None:
    card = msgspec.structs.replace(card_of(served), id="glyphs/evil", network="os:getcwd")
    with served.server() as server, pytest.raises(BadSpec, match="code of its own"):
        weights.taken_in(server, Zoo(home), card)
    assert not home.exists()


def card_of(served: Running) -> ModelCard:
    return next(iter(Zoo(served.home).catalogue.read().cards.values()))


class Torn(httpx2.BaseTransport):
    """The connection breaks after so many bytes of every answer that is a file."""

    def __init__(self, after: int) -> None:
        self.way, self.after, self.ranges = httpx2.HTTPTransport(), after, list[str]()

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        answer = self.way.handle_request(request)
        if "/weights/" not in request.url.path:
            return answer
        self.ranges.append(request.headers.get("range", ""))
        data = answer.read()
        return httpx2.Response(answer.status_code, headers=answer.headers, stream=Breaking(data, self.after))

    def close(self) -> None:
        self.way.close()


class Breaking(httpx2.SyncByteStream):
    def __init__(self, data: bytes, after: int) -> None:
        self.data, self.after = data, after

    def __iter__(self):  # type: ignore[no-untyped-def]
        yield self.data[: self.after]
        if len(self.data) > self.after:
            raise httpx2.ReadError("torn")


def test_weights_whose_way_is_torn_go_on_where_they_stopped(served: Running, home: Path) -> None:
    card, way = card_of(served), Torn(150_000)
    zoo = Zoo(home)
    with Server(served.url, served.key, transport=way) as server:
        server.greet()
        weights.taken_in(server, zoo, card)
    assert way.ranges[0] == ""
    assert way.ranges[1] == "bytes=150000-"
    assert zoo.weights.load(str(card.weights)).keys()


def test_weights_that_are_not_what_was_asked_for_are_thrown_away(served: Running, home: Path) -> None:
    zoo, card = Zoo(home), card_of(served)
    with served.server() as server:
        with pytest.raises(UnknownName):
            weights.fetch(server, "0" * 64, zoo.weights)
        with pytest.raises(BrokenWeights, match="other bytes"):
            weights.fetch(Changed(server), str(card.weights), zoo.weights)  # type: ignore[arg-type]
    assert list((home / "weights").iterdir()) == []


def test_no_more_weights_are_taken_than_the_card_says(home: Path) -> None:
    """Endless ones would fill the disk before their digest is looked at."""
    zoo = Zoo(home)
    card = msgspec.structs.replace(cards.card("glyphs/small"), weights="a" * 64, weights_bytes=1000)
    with Server("http://127.0.0.1", transport=Endless()) as server, pytest.raises(BrokenWeights, match="1,000 bytes"):
        weights.taken_in(server, zoo, card)
    assert list((home / "weights").iterdir()) == []
    assert not zoo.catalogue.read().cards


class Endless(httpx2.BaseTransport):
    """Sends weights, and more, and does not end."""

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, headers={"Content-Type": "application/octet-stream"}, stream=Flood())


class Flood(httpx2.SyncByteStream):
    def __iter__(self):  # type: ignore[no-untyped-def]
        for _ in range(1000):  # an end, so that the test ends where nothing stops it
            yield b"x" * 100


class Changed:
    """A server that sends other weights than were asked for."""

    def __init__(self, server: Server) -> None:
        self.url, self.patience = server.url, server.patience
        self.server = server

    def opened(self, method: str, path: str, **options: object) -> object:
        digests = {str(card.weights) for card in self.cards()}
        return self.server.opened(method, f"/zoo/weights/{(digests - {path.rpartition('/')[2]}).pop()}", **options)

    def cards(self) -> tuple[ModelCard, ...]:
        return self.server.ask("GET", "/zoo/models", Page[ModelCard]).items

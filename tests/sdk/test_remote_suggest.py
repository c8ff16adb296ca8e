"""The same answer from a server as from this process, the same errors; only the files that it lacks are sent."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

import headhunt
from headhunt.errors import HeadhuntError, NoModelMeets, NotAllowed
from headhunt.progress import Progress
from headhunt.recommendation import Recommendation
from headhunt.remote import engine, sending
from headhunt.remote.asking import answered
from headhunt.remote.jobs import Job
from headhunt.remote.transport import Server
from headhunt.wire import Dataset
from tests.recommender.little_zoo import stripes
from tests.sdk.servers import Running, said


class Counting(httpx2.BaseTransport):
    """The real network, and what was sent over it."""

    def __init__(self) -> None:
        self.way = httpx2.HTTPTransport()
        self.sent: list[tuple[str, str, int]] = []

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        self.sent.append((request.method, request.url.path.removeprefix("/api/v1"), len(request.read())))
        return self.way.handle_request(request)

    def close(self) -> None:
        self.way.close()

    def files(self) -> list[int]:
        """The bytes of each request that sent files."""
        return [size for method, path, size in self.sent if (method, path) == ("POST", "/blobs")]

    def bytes(self) -> int:
        return sum(size for _, _, size in self.sent)


@pytest.fixture
def counting() -> Counting:
    return Counting()


@pytest.fixture
def server(served: Running, counting: Counting) -> Iterator[Server]:
    with Server(served.url, served.key, transport=counting) as one:
        yield one


QUICK = {"labels": False}
"""By resemblance alone: a second's work."""


def quick(server: Server, home: Path, photos: Path, **asked: object) -> Recommendation:
    return engine.suggest(server, home, photos, {**QUICK, **asked})


def test_a_server_gives_the_answer_that_this_process_gives(
    served: Running, taught: Path, home: Path, tmp_path: Path
) -> None:
    """All short trainings of so few images end within the budget, so both sides know the same."""
    photos = stripes(tmp_path / "same", count=7)
    shutil.copytree(taught, home)
    told: list[Progress] = []
    there = headhunt.suggest_model(
        photos, budget="15m", home=home, server=served.url, key=served.key, progress=told.append
    )
    here = headhunt.suggest_model(photos, budget="15m", home=home, server="local")
    assert [one.model for one in there] == [one.model for one in here]
    assert [one.expected_accuracy for one in there] == [one.expected_accuracy for one in here]
    assert [one.tie_group for one in there] == [one.tie_group for one in here]
    for fact in ("sample", "version", "images", "classes", "advice", "warnings", "refused", "majority"):
        assert getattr(there.facts, fact) == getattr(here.facts, fact), fact
    assert {"sending", "domain", "features", "training"} <= {one.stage for one in told}
    assert told[-1].leaders


def test_what_is_asked_of_a_server_holds_there(server: Server, home: Path, photos: Path) -> None:
    rec = quick(server, home, photos, limits={"network": ["test_resnet"], "max_params": "10M", "domain": None})
    assert {one.card.network for one in rec} == {"test_resnet"}
    with pytest.raises(NoModelMeets, match="nearest"):
        quick(server, home, photos, limits={"max_params": 10})


def test_only_files_that_the_server_lacks_are_sent(
    server: Server, counting: Counting, home: Path, tmp_path: Path
) -> None:
    photos = stripes(tmp_path / "growing", classes=4, count=6)
    quick(server, home, photos)
    assert len(counting.files()) == 1
    first = counting.bytes()
    counting.sent.clear()

    quick(server, home, photos)
    assert counting.files() == []
    assert counting.bytes() < first / 10

    extra = next((tmp_path / "growing").rglob("*.png"))
    data = extra.read_bytes() + b"one more"
    (extra.parent / "new.png").write_bytes(data)
    counting.sent.clear()
    rec = quick(server, home, photos)
    (sent,) = counting.files()
    assert len(data) < sent < len(data) + 20_000
    newest = server.ask("GET", "/datasets/growing", Dataset)
    assert (newest.number, newest.version) == (2, rec.facts.version)


def test_files_go_in_pieces_of_bounded_size(
    server: Server, counting: Counting, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "SENT_AT_ONCE", 20_000)
    monkeypatch.setattr(sending, "ASKED_AT_ONCE", 10)
    photos = stripes(tmp_path / "pieces", classes=5, count=6)
    quick(server, home, photos)
    assert len(counting.files()) > 3
    assert len([path for _, path, _ in counting.sent if path == "/blobs/missing"]) > 3


def test_the_same_picture_twice_is_sent_once(server: Server, counting: Counting, home: Path, tmp_path: Path) -> None:
    photos = stripes(tmp_path / "twice", classes=2, count=2)
    for one in list(photos.rglob("*.png")):
        shutil.copy(one, one.with_name("copy-" + one.name))
    whole = sum(one.stat().st_size for one in photos.rglob("*.png"))
    quick(server, home, photos)
    assert sum(counting.files()) < 0.75 * whole + 20_000


def test_what_was_left_out_here_is_told_as_by_this_process(server: Server, home: Path, tmp_path: Path) -> None:
    photos = stripes(tmp_path / "odd", count=12)
    (photos / "train" / "width-0" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (refusal,) = quick(server, home, photos).facts.refused
    assert refusal.member.endswith("broken.png")


@pytest.mark.parametrize(
    ("make", "asked"),
    [
        (lambda place: place / "nowhere", {}),
        (lambda place: stripes(place / "one", classes=1, count=4), {}),
        (lambda place: (place / "empty").mkdir() or place / "empty", {}),
        (lambda place: stripes(place / "two", classes=2, count=4), {"limits": {"max_params": 10}}),
        (lambda place: stripes(place / "two", classes=2, count=4), {"limits": {"colour": "red"}}),
        (lambda place: stripes(place / "two", classes=2, count=4), {"budget": "0s"}),
    ],
    ids=["nowhere", "one class", "empty", "nobody meets", "no such limit", "no time"],
)
def test_errors_are_the_same_here_and_there(
    served: Running, taught: Path, home: Path, tmp_path: Path, make: object, asked: dict[str, object]
) -> None:
    photos = make(tmp_path)  # type: ignore[operator]
    shutil.copytree(taught, home)
    raised = []
    for url in ("local", served.url):
        with pytest.raises(HeadhuntError) as caught:
            headhunt.suggest_model(photos, server=url, key=served.key, **asked)
        raised.append((type(caught.value), str(caught.value)))
    assert raised[0] == raised[1]


def test_an_answer_that_was_had_is_asked_for_anew_and_one_that_was_not_is_found(
    server: Server, home: Path, photos: Path
) -> None:
    first, _ = engine.ask(server, home, photos, QUICK)
    again, _ = engine.ask(server, home, photos, QUICK)
    assert again.id == first.id
    engine.answer(server, home, first)
    assert answered(home)[-1] == first.id
    third, _ = engine.ask(server, home, photos, QUICK)
    assert third.id != first.id
    other, _ = engine.ask(server, home, photos, {**QUICK, "allow_seen": True})
    assert other.id not in (first.id, third.id)


def test_a_job_that_was_cancelled_or_failed_is_not_found_for_ever(server: Server, home: Path, photos: Path) -> None:
    first, _ = engine.ask(server, home, photos, {"budget": "60s"})
    server.ask("POST", f"/recommendations/{first.id}/cancel", Job)
    with pytest.raises(headhunt.HeadhuntError, match="cancelled"):
        engine.answer(server, home, first)
    second, _ = engine.ask(server, home, photos, {"budget": "60s"})
    assert second.id != first.id
    server.ask("POST", f"/recommendations/{second.id}/cancel", Job)

    def failing() -> str:
        job, _ = engine.ask(server, home, photos, {"limits": {"max_params": 10}})
        with pytest.raises(NoModelMeets):
            engine.answer(server, home, job)
        return job.id

    assert failing() != failing()


def test_a_reader_is_told_that_it_may_not(served: Running, home: Path, photos: Path) -> None:
    key = said(served.home, "key", "create", "--role", "reader").stdout.strip()
    with pytest.raises(NotAllowed, match="member"):
        headhunt.suggest_model(photos, server=served.url, key=key)


# --- As a command -----------------------------------------------------------------------------------------------------


def test_the_command_prints_what_the_server_says(served: Running, home: Path, photos: Path) -> None:
    words = ("suggest", photos, "--server", served.url, "--no-labels", "--json")
    done = said(home, *words, HEADHUNT_API_KEY=served.key)
    assert done.returncode == 0, done.stderr
    assert [one["rank"] for one in json.loads(done.stdout)["candidates"]] == [1, 2, 3, 4]


def test_one_need_not_wait_and_finds_the_job_again(served: Running, home: Path, photos: Path) -> None:
    there = {"HEADHUNT_SERVER": served.url, "HEADHUNT_API_KEY": served.key}
    asked = said(home, "suggest", photos, "--no-labels", "--no-wait", **there)
    assert asked.returncode == 0, asked.stderr
    (line,) = asked.stdout.splitlines()
    job = line.split()[0]
    assert f"{served.url}/api/v1/recommendations/{job}" in line
    shown = said(home, "suggest", "--job", job, "--json", **there)
    assert shown.returncode == 0, shown.stderr
    assert json.loads(shown.stdout)["sample"] == "photos"
    strange = said(home, "suggest", "--job", "f" * 32, **there)
    assert strange.returncode == 2
    assert "No job" in strange.stderr


def test_words_that_need_a_server_say_so(home: Path) -> None:
    for words in (["suggest", "x", "--no-wait"], ["suggest", "--job", "a"]):
        done = said(home, *words)
        assert done.returncode == 2
        assert "--server" in done.stderr
    for words in (["suggest"], ["suggest", "x", "--job", "a"]):
        done = said(home, *words)
        assert "either images" in done.stderr


def test_asking_a_server_loads_no_torch(served: Running, home: Path, photos: Path) -> None:
    code = (
        "import sys, headhunt\n"
        f"rec = headhunt.suggest_model({str(photos)!r}, labels=False, server={served.url!r}, key={served.key!r})\n"
        "print(len(rec), *[name for name in ('torch', 'numpy', 'timm', 'litestar') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["4"]

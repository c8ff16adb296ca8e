"""`rec.tune(...)` and `headhunt tune --server`: a job of a real server, followed, killed, cancelled."""

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest

import headhunt
from headhunt.errors import BadSpace, BadValue, HeadhuntError, Interrupted, NotAllowed, UnknownModel
from headhunt.progress import Progress
from headhunt.remote import tuning
from headhunt.remote.jobs import Job
from headhunt.studies.tuned import TuningAsked
from headhunt.studies.wire import StudyShown, TrialShown
from headhunt.wire import Page
from tests.recommender.little_zoo import stripes
from tests.sdk.servers import Running, running, said, until
from zoo.repository import Zoo

SPACE = {"epochs": headhunt.integer(1, 2), "batch_size": 8}
LONG = {"epochs": 20, "batch_size": 8}
MODEL = "glyphs/test_resnet"


@pytest.fixture(scope="module")
def owned(taught: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server, and the key of an owner of the default project: who may keep models in its zoo."""
    with running(Path(shutil.copytree(taught, tmp_path_factory.mktemp("owned") / "home"))) as one:
        one.key = said(one.home, "key", "create", "--role", "owner").stdout.strip()
        yield one


def trials_of(served: Running, study: str) -> list[TrialShown]:
    with served.server() as server:
        return list(server.ask("GET", f"/studies/{study}/trials", Page[TrialShown]).items)


def state_of(served: Running, study: str) -> str:
    with served.server() as server:
        return server.ask("GET", f"/studies/{study}", StudyShown).state


def test_a_recommendation_of_a_server_is_tuned_there(owned: Running, home: Path, photos: Path) -> None:
    rec = headhunt.suggest_model(photos, budget="30s", server=owned.url, key=owned.key)
    told = list[Progress]()
    study = rec.tune(trials=4, space=SPACE, study="there", progress=told.append)
    assert (study.name, [one.state for one in study.trials]) == ("there", ["complete"] * 4)
    assert Zoo(owned.home).card(study.best.card.id) == study.best.card
    assert study.best.card.parent == rec.best.model
    assert not (home / "studies").exists(), "nothing was searched here"
    assert "4 trials (4 complete)" in str(study)
    assert study.recommended.params == study.best.params
    assert {one.name for one in study.slices()} >= {"lr", "epochs"}
    network, transform = study.best.load()
    assert network(transform(next(photos.rglob("*.png")))[None]).shape == (1, 3)
    assert (told[-1].done, told[-1].total) == (4, 4)
    assert [one.value for one in trials_of(owned, "there")] == [one.value for one in study.trials]
    again = rec.tune(trials=4, space=SPACE, study="there")
    assert (again.best.card, again.best.params) == (study.best.card, study.best.params)


def test_what_was_wrong_there_is_the_error_that_it_is_here(owned: Running, home: Path, photos: Path) -> None:
    rec = headhunt.suggest_model(photos, labels=False, server=owned.url, key=owned.key)
    wrong: list[tuple[dict[str, object], type[HeadhuntError], str]] = [
        ({"models": 99}, BadValue, "models is 99"),
        ({"space": {"rate": 1}}, BadSpace, "rate"),
        ({"aims": ("loss", "latency")}, BadValue, "the same for all trials"),
        ({"study": "../x"}, BadValue, "'../x'"),
    ]
    for options, kind, words in wrong:
        with pytest.raises(kind, match=words):
            rec.tune(**options)  # type: ignore[arg-type]


def test_the_command_follows_a_tuning_of_a_server(owned: Running, home: Path, photos: Path, tmp_path: Path) -> None:
    (tmp_path / "space.json").write_bytes(headhunt.spaces.to_json(headhunt.spaces.checked(SPACE)))
    server = {"HEADHUNT_SERVER": owned.url, "HEADHUNT_API_KEY": owned.key}
    words = ("tune", photos, "--model", MODEL, "--trials", "2", "--space", tmp_path / "space.json", "--study", "typed")
    done = said(home, *words, **server)
    assert done.returncode == 0, done.stderr
    assert "2 trials (2 complete)" in done.stdout
    assert "kept as study 'typed'" in done.stdout
    assert "typed" in said(home, "study", "list", **server).stdout
    wrong = said(home, "tune", photos, "--model", "a/b", **server)
    assert wrong.returncode == 2
    assert "a/b" in wrong.stderr


def test_whoever_may_not_keep_models_is_told(served: Running, home: Path, photos: Path) -> None:
    with served.server() as server, pytest.raises(NotAllowed, match="This needs an owner, and you are a member here"):
        tuning.tune_models(server, home, photos, TuningAsked(models=(MODEL,)))


def test_the_command_of_whoever_may_not_tunes_here_with_the_servers_model(
    served: Running, home: Path, photos: Path
) -> None:
    server = {"HEADHUNT_SERVER": served.url, "HEADHUNT_API_KEY": served.key}
    space = '{"epochs": 1, "batch_size": 8}'
    done = said(home, "tune", photos, "--model", MODEL, "--trials", "1", "--space", space, **server)
    assert done.returncode == 0, done.stderr
    assert "This needs an owner, and you are a member here" in done.stderr
    assert "So it is tuned on this machine." in done.stderr
    assert {MODEL, "photos/test_resnet-from-glyphs"} <= set(Zoo(home).catalogue.read().cards)


def test_models_that_a_server_does_not_have_are_named(owned: Running, home: Path, photos: Path) -> None:
    with owned.server() as server, pytest.raises(UnknownModel, match="a/b"):
        tuning.tune_models(server, home, photos, TuningAsked(models=("a/b",)))


def children_of(pid: int) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            words = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(words[1]) == pid:
            found.append(int(path.parent.name))
    return found


def below(pid: int) -> list[int]:
    """All that it started, and they."""
    return [one for child in children_of(pid) for one in (child, *below(child))]


class Following(Thread):
    def __init__(self, served: Running, home: Path, photos: Path, asked: TuningAsked) -> None:
        super().__init__()
        self.served, self.home, self.photos, self.asked = served, home, photos, asked
        self.told, self.error = list[Progress](), None
        self.study: headhunt.tuned.TunedStudy | None = None
        self.start()

    def run(self) -> None:
        try:
            with self.served.server(patience=120.0) as server:
                self.study = tuning.tune_models(server, self.home, self.photos, self.asked, self.told.append)
        except HeadhuntError as error:
            self.error = error

    def done(self) -> int:
        return max((one.done for one in self.told if one.stage == "trials"), default=0)


def test_kills_of_the_worker_and_of_the_server_lose_no_trial_that_ended(
    taught: Path, tmp_path: Path, home: Path
) -> None:
    photos = stripes(tmp_path / "long", count=20)
    with running(Path(shutil.copytree(taught, tmp_path / "mortal"))) as mortal:
        mortal.key = said(mortal.home, "key", "create", "--role", "owner").stdout.strip()
        asked = TuningAsked(models=(MODEL,), trials=8, space=LONG, study="long", curtail=False)
        one = Following(mortal, home, photos, asked)
        until(lambda: one.done() >= 2)
        before = [trial for trial in trials_of(mortal, "long") if trial.state == "complete"]
        assert mortal.process is not None
        for pid in below(mortal.process.pid):
            os.kill(pid, signal.SIGKILL)
        until(lambda: one.done() >= 4)
        mortal.kill()
        mortal.start()
        one.join(240)
        assert one.study is not None, one.error
        trials = trials_of(mortal, "long")
        assert [trial.state for trial in trials] == ["complete"] * 8
        assert trials[: len(before)] == before
        assert len(one.study.trials) == 8


def test_a_cancelled_tuning_ends_within_two_seconds(owned: Running, home: Path, tmp_path: Path) -> None:
    photos = stripes(tmp_path / "cancelled", count=20)
    one = Following(owned, home, photos, TuningAsked(models=(MODEL,), trials=200, space=LONG, study="dropped"))
    until(lambda: one.done() >= 1)
    with owned.server() as server:
        job = server.ask("GET", "/studies/dropped", StudyShown).job
        server.ask("POST", f"/jobs/{job}/cancel", Job)
        one.join(240)
        ended = server.ask("GET", f"/jobs/{job}", Job)
    assert isinstance(one.error, Interrupted)
    assert (ended.state, state_of(owned, "dropped")) == ("cancelled", "stopped")
    assert ended.ended is not None
    assert all(trial.state == "complete" for trial in trials_of(owned, "dropped"))

"""A tuning as a job: asked for over HTTP, done as a worker does it, its study kept with those of the service."""

import io
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from litestar.testing import TestClient

import headhunt
from headhunt.errors import BadSpace, BadValue, InUse, NoBest
from headhunt.spaces import fixed, to_json
from headhunt.studies.tuned import TuningDone
from headhunt.wire import JobFault
from service.app import create_app
from service.database import Database
from service.jobs.queue import Claim, Queue
from service.jobs.worker import Post, work_of
from service.settings import Settings
from service.tunings.job import lanes_on, run
from service.tunings.keeping import DeskStudy, Passed
from service.work import KINDS
from tests.recommender.little_zoo import stripes
from tests.service.asking import Client, bearer
from tests.service.studying import problem
from tests.tuning.little_models import little_models
from tuning.bench import Model
from tuning.recommended import Recommended
from tuning.tune import Wish, tune
from zoo.images.samples import open_sample
from zoo.repository import Zoo

TUNINGS, STUDIES, JOBS = "/api/v1/tunings", "/api/v1/studies", "/api/v1/jobs"
SPACE = msgspec.json.decode(to_json({"epochs": headhunt.integer(2, 4)})) | {"batch_size": 16, "augment": "none"}
MODEL = "blank/test_resnet"


class Killed(BaseException):
    """As kill -9 of the process that does the work."""


class Place:
    """A server without workers, and a worker without a process."""

    def __init__(self, client: Client, key: str, settings: Settings) -> None:
        self.client, self.headers, self.settings = client, bearer(key), settings
        self.database = Database(settings.database_url)
        self.queue = Queue(self.database)
        self.told: list[Any] = []

    def post(self, path: str, body: Any = None) -> Any:
        return self.client.post(path, headers=self.headers, json={} if body is None else body)

    def get(self, path: str) -> Any:
        return self.client.get(path, headers=self.headers).json()

    def ask(self, **more: Any) -> Any:
        body = {"dataset": "photos", "models": [MODEL], "trials": 3, "space": SPACE, "study": "first", "algo": "tpe"}
        answer = self.post(TUNINGS, {name: one for name, one in (body | more).items() if one is not ...})
        assert answer.status_code == 202, answer.text
        return answer.json()

    def claim(self) -> Claim:
        found = self.queue.claim("worker", ("cpu", "any"))
        assert found is not None
        return found

    def work(
        self,
        claim: Claim,
        heard: Callable[[Any], None] = lambda _: None,
        ray: str | None = None,
        dying: bool = False,
    ) -> TuningDone:
        """What a child does with it. heard: is called with all that is told. dying: a kill leaves its trial open."""
        post = Post(self.settings.database_url, self.settings.home, KINDS)
        made = work_of(post, claim, self.queue)

        def tell(body: Any, step: Any = None) -> None:
            made.tell(body, step=step)
            self.told.append(body)
            heard(body)

        def leave(seconds: float) -> Any:
            self.queue.release(claim.fence, seconds)
            raise Killed

        with pytest.MonkeyPatch.context() as patch:
            if dying:
                patch.setattr(DeskStudy, "free", lambda *_: None)
            done = run(replace(made, tell=tell, leave=leave, ray=ray))
        assert self.queue.finish(claim.fence, done)
        return done

    def trials(self, study: str = "first") -> list[Any]:
        return list(self.get(f"{STUDIES}/{study}/trials")["items"])


def placed(settings: Settings, tmp_path: Path) -> Iterator[Place]:
    little_models(settings.home, ("test_resnet", "test_vit"))
    with TestClient(create_app(settings), raise_server_exceptions=False) as client:
        key = client.app.state["service"].key("default", "owner")
        made = Place(client, key, settings)
        send_photos(made, tmp_path)
        yield made
        made.database.close()


place = pytest.fixture(placed, name="place")


def send_photos(place: Place, folder: Path, name: str = "photos", count: int = 12) -> None:
    held = io.BytesIO()
    photos = stripes(folder / name, count=count)
    with zipfile.ZipFile(held, "w") as file:
        for path in sorted(photos.rglob("*.png")):
            file.write(path, path.relative_to(photos))
    files = {"archive": ("photos.zip", held.getvalue())}
    answer = place.client.post("/api/v1/datasets", headers=place.headers, files=files, data={"name": name})
    assert answer.status_code == 201, answer.text


def test_a_tuning_ends_with_a_model_of_the_zoo_and_a_study_of_the_service(place: Place) -> None:
    job = place.ask()
    assert (job["kind"], job["state"]) == ("tune", "queued")
    done = place.work(place.claim())
    assert [one.state for one in done.trials] == ["complete"] * 3
    assert Zoo(place.settings.home).card(done.card.id) == done.card
    study = place.get(f"{STUDIES}/first")
    assert (study["state"], study["counts"], study["job"]) == ("done", {"complete": 3}, job["id"])
    assert study["best"]["number"] == done.best
    assert [one["value"] for one in place.trials()] == [one.value for one in done.trials]
    ended = place.get(f"{JOBS}/{job['id']}")
    assert msgspec.json.decode(msgspec.json.encode(done)) == ended["result"]
    trials = [one for one in place.told if one["stage"] == "trials"]
    assert [(one["done"], one["total"]) for one in trials][3:6] == [(0, 3), (1, 3), (2, 3)]
    assert trials[-1]["best"].number == done.best


def test_it_is_what_the_same_search_finds_without_a_server(place: Place, tmp_path: Path) -> None:
    place.ask(trials=5, algo="auto")
    done = place.work(place.claim())
    zoo = little_models(tmp_path / "home of my own", ("test_resnet",))
    space = headhunt.spaces.from_json(msgspec.json.encode(SPACE | {"batch_size": fixed(16), "augment": fixed("none")}))
    with open_sample(tmp_path / "photos") as sample:
        here = tune(zoo, sample, [Model(zoo.card(MODEL))], Wish(trials=5, space=space, name="first"))
    assert [one.params for one in done.trials] == [one.params for one in here.study.trials()]
    assert [one.value for one in done.trials] == pytest.approx([one.value for one in here.study.trials()])
    assert (done.plan.algo, done.best) == (here.study.about.algo, here.best.number) == ("gp", done.best)
    assert msgspec.convert(done.recommended, Recommended).params == here.recommended.params
    assert done.card.accuracy == (here.card and here.card.accuracy)


def test_on_a_part_and_after_other_tunings_of_the_project(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADHUNT_REFERENCE", MODEL)
    place.ask(part=0.5, trials=5, algo="random")
    first = place.work(place.claim())
    assert first.learned is not None
    part, whole = first.learned
    assert part < whole
    send_photos(place, tmp_path, "others", count=10)
    place.ask(dataset="others", study="second", algo="random", part=False)
    second = place.work(place.claim())
    assert second.learned is None
    good = [one.params for one in first.trials]
    assert any(one.params in good for one in second.trials)
    assert not (place.settings.home / "studies" / "past.jsonl").exists()  # which is the command line's
    refused = place.post(TUNINGS, {"dataset": "photos", "models": [MODEL], "part": 2})
    assert "part is 2" in refused.json()["detail"]


def test_several_aims_and_limits_are_kept_with_the_study(place: Place) -> None:
    models = [MODEL, "blank/test_vit"]
    place.ask(models=models, aims=["accuracy", "params"], limits={"accuracy": 0.01, "params": "90M"}, algo="random")
    done = place.work(place.claim())
    study = place.get(f"{STUDIES}/first")
    assert study["aims"] == {"accuracy": "maximize", "params": "minimize"}
    for one in place.trials():
        assert set(one["values"]) == set(study["aims"])
        assert one["measured"]["params"] > 0
        assert one["within"] is True
    assert study["best"]["number"] in done.front or study["best"]["value"] == pytest.approx(
        max(one["values"]["accuracy"] for one in place.trials())
    )
    assert done.front


def test_after_a_kill_at_most_the_running_trial_is_run_again(place: Place) -> None:
    job = place.ask(trials=4)
    first = place.claim()
    with pytest.raises(Killed):
        place.work(first, killed_at(2), dying=True)
    before, tried = place.trials(), place.told[-1]["words"]
    assert [one["state"] for one in before] == ["complete", "complete", "running"]
    place.queue.fail(first.fence, JobFault(code="worker_died", words="It died."), wait_s=0.0)
    done = place.work(place.claim())
    after = place.trials()
    assert [one["state"] for one in after] == ["complete"] * 4
    assert after[:2] == before[:2]
    assert after[2]["params"] == before[2]["params"]
    assert [one["words"] for one in place.told].count(tried) == 2, "it was run again"
    assert place.get(f"{JOBS}/{job['id']}")["attempt"] == 2
    assert len(done.trials) == 4


def killed_at(count: int) -> Callable[[Any], None]:
    """When so many trials have ended, and one more runs."""

    def heard(body: Any) -> None:
        if body["done"] == count and "lr" in body["words"]:
            raise Killed

    return heard


def test_what_the_trials_tell_are_runs_of_the_project(place: Place) -> None:
    job = place.ask(trials=2)
    place.work(place.claim())
    runs = {one["name"]: one for one in place.get("/api/v1/runs")["items"]}
    assert {"study first", "trial 0 of first", "trial 1 of first"} <= set(runs)
    study = runs["study first"]["id"]
    whole = place.get(f"/api/v1/runs/{runs['trial 0 of first']['id']}")
    assert (whole["parent"], whole["tags"]["job"]) == (study, job["id"])
    assert "val_loss" in str(whole["metrics"])


def test_a_paused_study_gives_its_place_free_and_goes_on_when_it_is_resumed(place: Place) -> None:
    job = place.ask(trials=3)

    def pause(body: Any) -> None:
        if body["done"] == 1 and "lr" in body["words"]:
            assert place.post(f"{STUDIES}/first/pause").status_code == 200

    with pytest.raises(Killed):
        place.work(place.claim(), pause)
    waiting = place.get(f"{JOBS}/{job['id']}")
    assert (waiting["state"], place.get(f"{STUDIES}/first")["state"]) == ("queued", "paused")
    assert [one["state"] for one in place.trials()] == ["complete", "complete"], "the one that ran went on"
    assert place.queue.claim("worker", ("cpu", "any")) is None, "nobody looks at it"
    assert place.post(f"{STUDIES}/first/resume").status_code == 200
    place.work(place.claim())
    assert [one["state"] for one in place.trials()] == ["complete"] * 3


def test_a_study_that_is_stopped_keeps_the_best_so_far(place: Place) -> None:
    place.ask(trials=30)

    def stop(body: Any) -> None:
        if body["done"] == 2 and "lr" in body["words"]:
            assert place.post(f"{STUDIES}/first/stop").status_code == 200

    done = place.work(place.claim(), stop)
    assert [one.state for one in done.trials] == ["complete", "complete", "stopped"]
    assert done.best < 2
    assert place.get(f"{STUDIES}/first")["state"] == "stopped"


def test_only_its_job_runs_the_trials_of_a_tuning(place: Place) -> None:
    place.ask(trials=2)
    claim = place.claim()
    with pytest.raises(Killed):
        place.work(claim, killed_at(1))
    problem(place.post(f"{STUDIES}/first/trials"), 409, "in_use")
    place.ask(trials=2)
    other = place.claim()
    with pytest.raises(InUse, match="searches the study 'first' already"):
        place.work(other)


def test_a_tuning_in_which_no_trial_ends_with_a_number_says_why(place: Place) -> None:
    wild = SPACE | {"lr": 1e25, "head_first": 0.0}
    place.ask(trials=2, space=wild)
    with pytest.raises(NoBest, match="diverged"):
        place.work(place.claim())
    assert place.get(f"{STUDIES}/first")["state"] == "failed"


@pytest.mark.parametrize(
    ("wrong", "status", "code", "words"),
    [
        ({"dataset": "elsewhere"}, 404, "unknown_dataset", "elsewhere"),
        ({"dataset": ...}, 400, "bad_value", "No dataset is named"),
        ({"models": []}, 400, "bad_value", "Name what to tune"),
        ({"models": ["blank/test_resnt"]}, 404, "unknown_model", "blank/test_resnet"),
        ({"models": [MODEL, MODEL]}, 400, "bad_value", "each once"),
        ({"models": ..., "recommendation": "0" * 32}, 404, "unknown_job", "0000"),
        ({"trials": 0}, 400, "bad_value", "trials is 0"),
        ({"seconds": "soon"}, 400, "bad_value", "soon"),
        ({"seed": -1}, 400, "bad_value", "seed"),
        ({"aims": ["latncy"]}, 400, "bad_value", "latency"),
        ({"aims": ["latency"]}, 400, "bad_value", "costs"),
        ({"limits": {"loss": 1}}, 400, "bad_value", "limits nothing"),
        ({"algo": "tpee"}, 400, "bad_value", "tpe"),
        ({"study": "../etc"}, 400, "bad_value", "letters"),
        ({"study": "f" * 32}, 400, "bad_value", "look like an id"),
        ({"space": {"epochs": {"type": "integer", "low": 1, "high": 10**400}}}, 400, "bad_space", "too large"),
        ({"space": {"lr": {"type": "double", "low": 1, "high": 0.1}}}, 400, "bad_space", "above"),
        ({"space": {"lr": {"type": "double", "low": 0, "high": 1, "log": True}}}, 400, "bad_space", "logarithm"),
        ({"trails": 3}, 400, "malformed_body", "trails"),
    ],
)
def test_what_cannot_be_is_refused_before_there_is_a_job(
    place: Place, wrong: dict[str, Any], status: int, code: str, words: str
) -> None:
    body = {"dataset": "photos", "models": [MODEL], **wrong}
    answer = place.post(TUNINGS, {name: one for name, one in body.items() if one is not ...})
    assert words in problem(answer, status, code)
    assert place.get(JOBS)["items"] == []


@pytest.mark.parametrize(
    ("wrong", "error", "words"),
    [
        ({"space": SPACE | {"lrr": 0.1}}, BadSpace, "lr"),
        ({"space": SPACE | {"epochs": 0}}, BadSpace, "epochs"),
        ({"aims": ["loss", "latency"]}, BadValue, "With one model"),
        ({"algo": "cmaes", "space": {}}, BadSpace, "cmaes"),
    ],
)
def test_what_only_the_trainer_knows_fails_the_job(
    place: Place, wrong: dict[str, Any], error: type[Exception], words: str
) -> None:
    place.ask(**wrong)
    with pytest.raises(error, match=words):
        place.work(place.claim())


def test_another_question_needs_another_name(place: Place) -> None:
    place.ask(trials=2)
    place.work(place.claim())
    place.ask(trials=2, seed=7)
    with pytest.raises(BadValue, match="searched something else"):
        place.work(place.claim())
    assert place.get(f"{STUDIES}/first")["state"] == "done"


@pytest.mark.parametrize(
    ("cores", "gpu", "lanes"),
    [(1, False, (1, 1)), (2, False, (1, 2)), (8, False, (2, 4)), (16, True, (1, 16)), (96, False, (8, 12))],
)
def test_trials_run_beside_each_other_where_there_are_cores_for_it(
    cores: int, gpu: bool, lanes: tuple[int, int]
) -> None:
    assert lanes_on(cores, gpu) == lanes


def test_a_cluster_that_is_not_there_costs_no_trial(place: Place) -> None:
    place.ask(trials=2)
    done = place.work(place.claim(), ray="127.0.0.1:1")
    assert [one.state for one in done.trials] == ["complete", "complete"]
    assert "the Ray cluster could not be used" in done.warnings[-1]


def test_a_trial_that_kills_its_process_every_time_is_given_up(place: Place) -> None:
    place.ask(trials=2)
    for _ in range(5):
        claim = place.claim()
        with pytest.raises(Killed):
            place.work(claim, killed_at(0), dying=True)
        place.queue.fail(claim.fence, JobFault(code="worker_died", words="It died."), wait_s=0.0)
    done = place.work(place.claim())
    assert [one.state for one in done.trials] == ["failed", "complete"]
    assert "5 processes died" in done.trials[0].reason


def test_what_a_cancelled_job_still_says_changes_nothing(place: Place) -> None:
    job = place.ask(trials=2)
    claim = place.claim()

    def cancel(body: Any) -> None:
        if body["done"] == 1 and "lr" in body["words"]:
            assert place.post(f"{JOBS}/{job['id']}/cancel").status_code == 200

    with pytest.raises(Passed):
        place.work(claim, cancel)
    study = place.get(f"{STUDIES}/first")
    assert (study["state"], study["counts"]) == ("stopped", {"complete": 1})

"""A tuning ends, by its job or against it: what becomes of its study, and who goes on with it."""

from typing import Any

import pytest

from headhunt.wire import JobFault
from tests.service.studying import problem
from tests.service.test_tunings import JOBS, SPACE, STUDIES, Killed, Place, killed_at, placed

place = pytest.fixture(placed, name="place")


def test_an_ended_study_that_is_resumed_gets_another_job(place: Place) -> None:
    first = place.ask(trials=2)
    place.work(place.claim())
    assert place.post(f"{STUDIES}/first/resume", {"trials": 4}).status_code == 200
    done = place.work(place.claim())
    assert len(done.trials) == 4
    assert place.get(f"{STUDIES}/first")["job"] != first["id"]


def test_a_cancelled_tuning_stops_its_study_and_the_same_question_goes_on(place: Place) -> None:
    job = place.ask(trials=3)
    claim = place.claim()
    with pytest.raises(Killed):
        place.work(claim, killed_at(1))
    assert place.post(f"{JOBS}/{job['id']}/cancel").status_code == 200
    place.queue.cancelled(claim.fence)
    study = place.get(f"{STUDIES}/first")
    assert (study["state"], study["counts"]) == ("stopped", {"complete": 1})
    place.ask(trials=3)
    assert len(place.work(place.claim()).trials) == 3


def test_a_study_that_is_resumed_while_the_best_is_trained_ends_with_its_job(place: Place) -> None:
    place.ask(trials=2)
    states = []

    def resume(body: Any) -> None:
        if body["words"] == "training the best once more":
            states.append(place.post(f"{STUDIES}/first/resume").json()["state"])

    place.work(place.claim(), resume)
    assert states == ["running"]
    assert place.get(f"{STUDIES}/first")["state"] == "done"


def test_a_job_that_ends_without_a_word_leaves_no_study_that_looks_alive(place: Place) -> None:
    job = place.ask(trials=2)
    claim = place.claim()
    with pytest.raises(Killed):
        place.work(claim, killed_at(1), dying=True)
    fault = JobFault(code="out_of_memory", words="The job took more than it may have.")
    assert place.queue.fail(claim.fence, fault, again=False)
    study = place.get(f"{STUDIES}/first")
    assert (study["state"], place.get(STUDIES)["items"][0]["state"]) == ("failed", "failed")
    assert job["id"] in study["why"]
    assert place.post(f"{STUDIES}/first/resume").json()["state"] == "running"
    assert len(place.work(place.claim()).trials) == 2


def test_one_job_comes_after_another_however_often_it_is_asked_for(place: Place) -> None:
    place.ask(trials=1)
    place.work(place.claim())
    for _ in range(2):
        assert place.post(f"{STUDIES}/first/resume").status_code == 200
    problem(place.post(f"{STUDIES}/first/resume", {"trials": 5}), 409, "in_use")
    assert len(place.get(f"{JOBS}")["items"]) == 2


def test_more_seconds_are_the_same_question_and_no_longer_so_many_trials(place: Place) -> None:
    place.ask(trials=1)
    place.work(place.claim())
    place.ask(trials=..., seconds="1h")
    with pytest.raises(Killed):
        place.work(place.claim(), killed_at(2))
    assert place.get(f"{STUDIES}/first")["trials"] is None


def test_a_study_whose_job_goes_on_is_not_removed(place: Place) -> None:
    job = place.ask(trials=2)
    claim = place.claim()
    with pytest.raises(Killed):
        place.work(claim, killed_at(1))

    def remove() -> Any:
        return place.client.delete(f"{STUDIES}/first", headers=place.headers)

    assert job["id"] in problem(remove(), 409, "in_use")
    place.post(f"{JOBS}/{job['id']}/cancel")
    place.queue.cancelled(claim.fence)
    assert remove().status_code == 204


def test_a_deleted_study_leaves_no_model_to_the_next_of_its_name(place: Place) -> None:
    place.ask(trials=1)
    first = place.work(place.claim())
    assert place.client.delete(f"{STUDIES}/first", headers=place.headers).status_code == 204
    place.ask(trials=1, space=SPACE | {"epochs": 3})
    other = place.work(place.claim())
    assert (first.best, other.best) == (0, 0)
    assert other.card.id != first.card.id

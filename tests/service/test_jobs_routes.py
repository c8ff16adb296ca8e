"""Jobs over HTTP, and following them: by one, by many, to the end, or until somebody leaves."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping

import httpx
import msgspec
import pytest

from headhunt.errors import BadValue
from headhunt.vocabulary import Ranked, Ranking
from headhunt.wire import Comparison, Job, Page
from service.app import create_app
from service.database import Database
from service.following import STILL_THERE, Following
from service.jobs.queue import Fence, News, Order, Queue
from service.keys import Keys
from service.settings import Settings
from tests.service.asking import Client, archive, bearer, send, served
from tests.zoo.cards import card

PATIENCE_S = 240.0


@pytest.fixture
def queue(database: Database) -> Queue:
    return Queue(database)


@pytest.fixture
def member(client: Client, keys: dict[str, str]) -> Client:
    client.headers.update(bearer(keys["member"]))
    return client


def ask(client: Client, **more: object) -> Job:
    answer = client.post("/api/v1/recommendations", json={"dataset": "photos", **more})
    assert answer.status_code == 202, answer.text
    return msgspec.json.decode(answer.content, type=Job)


def begun(queue: Queue) -> Fence:
    claim = queue.claim("w", ("cpu", "any"))
    assert claim is not None
    return claim.fence


def test_jobs_of_every_kind_are_listed_by_kind_and_state(member: Client, queue: Queue, keys: dict[str, str]) -> None:
    send(member, keys["member"])
    first, second = ask(member), ask(member)
    third = queue.put(Order(project=project_of(member), kind="train", spec={}))
    queue.put(Order(project="another", kind="train", spec={}))
    member.post(f"/api/v1/jobs/{first.id}/cancel")

    def listed(query: str) -> list[str]:
        answer = member.get(f"/api/v1/jobs{query}")
        return [one.id for one in msgspec.json.decode(answer.content, type=Page[Job]).items]

    assert listed("") == [third.id, second.id, first.id]
    assert listed("?kind=train") == [third.id]
    assert listed("?state=cancelled") == [first.id]
    assert listed("?kind=recommend&state=queued") == [second.id]
    assert member.get("/api/v1/jobs?state=lost").status_code == 400
    assert member.get("/api/v1/jobs?stat=done").json()["code"] == "unknown_field"
    assert member.get(f"/api/v1/recommendations/{third.id}").status_code == 404


def project_of(client: Client) -> str:
    return str(client.get("/api/v1/session").json()["project"])


def test_a_job_that_runs_shows_what_it_told_last(member: Client, queue: Queue) -> None:
    job = queue.put(Order(project=project_of(member), kind="train", spec={}))
    fence = begun(queue)
    assert member.get(f"/api/v1/jobs/{job.id}").json()["progress"] is None
    queue.tell(fence, {"stage": "one"})
    queue.tell(fence, {"stage": "two"})
    assert member.get(f"/api/v1/jobs/{job.id}").json()["progress"] == {"stage": "two"}
    queue.finish(fence, {"card": 1})
    told = member.get(f"/api/v1/jobs/{job.id}").json()
    assert (told["progress"], told["result"], told["state"]) == (None, {"card": 1}, "done")


def test_only_a_job_that_has_ended_is_removed_and_only_one_that_has_not_is_cancelled(
    member: Client, queue: Queue
) -> None:
    job = queue.put(Order(project=project_of(member), kind="train", spec={}))
    place = f"/api/v1/jobs/{job.id}"
    assert member.delete(place).json()["code"] == "in_use"
    assert member.post(f"{place}/cancel").json()["state"] == "cancelled"
    assert member.post(f"{place}/cancel").status_code == 200
    assert member.delete(place).status_code == 204
    assert member.delete(place).status_code == 404
    done = queue.put(Order(project=project_of(member), kind="train", spec={}))
    queue.finish(begun(queue), {})
    assert member.post(f"/api/v1/jobs/{done.id}/cancel").json()["code"] == "has_ended"


def test_one_job_too_many_is_429(member: Client, keys: dict[str, str]) -> None:
    member.app.state.service.queue.most_waiting = 1
    send(member, keys["member"])
    ask(member)
    answer = member.post("/api/v1/recommendations", json={"dataset": "photos"})
    assert (answer.status_code, answer.json()["code"]) == (429, "too_many_jobs")


# --- Again, and side by side ------------------------------------------------------------------------------------------


def test_a_question_is_asked_again_as_it_was(member: Client, keys: dict[str, str], queue: Queue) -> None:
    dataset = send(member, keys["member"]).json()
    job = ask(member, budget="45s", limits={"max_params": 5}, labels=False)
    again = member.post(f"/api/v1/recommendations/{job.id}/repeat", headers={"Idempotency-Key": "k"})
    assert again.status_code == 202
    assert again.headers["location"].endswith(again.json()["id"])
    assert again.json()["id"] != job.id
    assert again.json()["dataset"] == dataset["id"]
    assert queue.spec(again.json()["id"])["asked"] == queue.spec(job.id)["asked"] | {"dataset": dataset["id"]}
    same = member.post(f"/api/v1/recommendations/{job.id}/repeat", headers={"Idempotency-Key": "k"})
    assert same.json()["id"] == again.json()["id"]


def ranking(*models: str, version: str = "v") -> Ranking:
    ranked = tuple(
        Ranked(
            rank=i,
            model=model,
            expected_accuracy=1 - i / 10,
            interval=None,
            tie_group=1,
            why="",
            evidence=(),
            moved={},
            card=card(model),
        )
        for i, model in enumerate(models, 1)
    )
    return Ranking(
        sample="photos", version=version, images=3, classes=("a", "b"), candidates=ranked, spent={}, budget=None,
        warnings=(), refused=(), advice=(), resembles={}, out_of_domain=None, majority=None, settled=False,
    )  # fmt: skip


def test_two_recommendations_stand_side_by_side(member: Client, keys: dict[str, str], queue: Queue) -> None:
    send(member, keys["member"])
    before, after, waiting = ask(member), ask(member), ask(member)
    queue.finish(begun(queue), ranking("a/x", "a/y"))
    queue.finish(begun(queue), ranking("a/y", "a/z", version="w"))
    place = "/api/v1/recommendations/compare"
    answer = member.get(place, params={"before": before.id, "after": after.id})
    found = msgspec.json.decode(answer.content, type=Comparison)
    assert not found.same_images
    assert [(one.model, one.ranks) for one in found.models] == [("a/y", (2, 1)), ("a/z", (None, 2)), ("a/x", (1, None))]
    assert found.models[2].expected == (0.9, None)
    unready = member.get(place, params={"before": before.id, "after": waiting.id})
    assert (unready.status_code, unready.json()["code"]) == (409, "not_ready")
    assert member.get(place, params={"before": before.id}).status_code == 400
    strange = member.get(place, params={"before": before.id, "after": "f" * 32})
    assert (strange.status_code, strange.json()["code"]) == (404, "unknown_job")


# --- Following --------------------------------------------------------------------------------------------------------


def test_every_follower_is_told_everything_once_from_where_it_stopped(queue: Queue) -> None:
    job = queue.put(Order(project="p", kind="k", spec={})).id
    fence = begun(queue)
    queue.tell(fence, {"at": 1})

    async def story() -> list[list[bytes]]:
        following = Following(queue, look_s=0.01)
        followers = [asyncio.create_task(collected(following.told(job, after))) for after in (0, 0, 1, 3)]
        await patiently(lambda: job in following.channels and following.channels[job].seen == 1)
        for i in range(2, 5):
            await asyncio.to_thread(queue.tell, fence, {"at": i})
        await asyncio.to_thread(queue.finish, fence, {"well": True})
        found = [await one for one in followers]
        assert not following.channels
        return found

    told = asyncio.run(story())
    numbers = [[int(one.split(b"\n")[0].removeprefix(b"id: ")) for one in texts[:-1]] for texts in told]
    assert numbers == [[1, 2, 3, 4], [1, 2, 3, 4], [2, 3, 4], [4]]
    assert all(texts[-1].startswith(b"event: end") and b'"well":true' in texts[-1] for texts in told)


def test_who_comes_late_or_is_slow_misses_nothing(queue: Queue) -> None:
    job = queue.put(Order(project="p", kind="k", spec={})).id
    fence = begun(queue)
    for i in range(400):
        queue.tell(fence, {"at": i})

    async def story() -> list[bytes]:
        following = Following(queue, look_s=0.01)
        slow = following.told(job)
        first = [await anext(slow)]
        await patiently(lambda: following.channels[job].seen == 400)
        await asyncio.to_thread(queue.finish, fence, None)
        return first + [one async for one in slow]

    told = asyncio.run(story())
    assert [one.split(b"\n")[0] for one in told[:-1]] == [b"id: %d" % i for i in range(1, 401)]


def test_a_job_that_is_removed_ends_the_stream(queue: Queue) -> None:
    job = queue.put(Order(project="p", kind="k", spec={})).id

    async def story() -> list[bytes]:
        following = Following(queue, look_s=0.01)
        told = asyncio.create_task(collected(following.told(job)))
        await patiently(lambda: job in following.channels)
        await asyncio.to_thread(queue.cancel, job)
        await asyncio.to_thread(queue.remove, job, "p")
        return await told

    assert all(not one.startswith(b"id") for one in asyncio.run(story()))


def test_in_silence_a_comment_tells_that_somebody_is_there(queue: Queue) -> None:
    job = queue.put(Order(project="p", kind="k", spec={})).id

    async def story() -> bytes:
        following = Following(queue, look_s=0.01, quiet_s=0.05)
        told = following.told(job)
        found = await anext(told)
        await told.aclose()  # type: ignore[attr-defined]
        return found

    assert asyncio.run(story()) == STILL_THERE


def test_a_look_that_fails_whatever_the_reason_is_not_the_last(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    job = queue.put(Order(project="p", kind="k", spec={})).id
    fence = begun(queue)
    news, failures = queue.news, [RuntimeError("can't start new thread"), BadValue("Something."), OSError(24, "files")]

    def fails_first(seen: Mapping[str, int]) -> dict[str, News]:
        if failures:
            raise failures.pop()
        return news(seen)

    monkeypatch.setattr(queue, "news", fails_first)

    async def story() -> list[bytes]:
        told = asyncio.create_task(collected(Following(queue, look_s=0.01).told(job)))
        await patiently(lambda: not failures)
        await asyncio.to_thread(queue.finish, fence, {"well": True})
        async with asyncio.timeout(PATIENCE_S):
            return await told

    assert asyncio.run(story())[-1].startswith(b"event: end")


async def collected(told: AsyncIterator[bytes]) -> list[bytes]:
    return [one async for one in told]


async def patiently(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not true():
            await asyncio.sleep(0.005)


# --- Over a socket ----------------------------------------------------------------------------------------------------


@pytest.fixture
def server(settings: Settings) -> Iterator[tuple[str, Following]]:
    """The application on a socket of loopback, and its following."""
    app = create_app(settings)
    with served(app) as url:
        yield f"{url}/api/v1", app.state.following


def test_when_the_client_leaves_nobody_looks_any_more(
    server: tuple[str, Following], keys: dict[str, str], queue: Queue
) -> None:
    url, following = server
    with httpx.Client(headers=bearer(keys["member"])) as client:
        sent = client.post(f"{url}/datasets", files={"archive": ("photos.zip", archive())}, data={"name": "photos"})
        assert sent.status_code == 201
        job = client.post(f"{url}/recommendations", json={"dataset": "photos"}).json()["id"]
        queue.tell(begun(queue), {"stage": "domain"})
        for place in ("jobs", "recommendations"):
            with client.stream("GET", f"{url}/{place}/{job}/events") as told:
                assert told.headers["content-type"].startswith("text/event-stream")
                lines = told.iter_lines()
                assert next(lines) == "id: 1"
                assert job in following.channels
            until(lambda: not following.channels)
        assert client.get(f"{url}/jobs/{'f' * 32}/events").status_code == 404


def test_following_ends_when_the_key_is_revoked(
    server: tuple[str, Following], keys: dict[str, str], queue: Queue, settings: Settings
) -> None:
    url, following = server
    following.allowed_s = 0.05
    with httpx.Client(headers=bearer(keys["reader"]), timeout=PATIENCE_S) as client:
        project = client.get(f"{url}/session").json()["project"]
        job = queue.put(Order(project=project, kind="k", spec={})).id
        fence = begun(queue)
        queue.tell(fence, {"at": 1})
        with client.stream("GET", f"{url}/jobs/{job}/events") as told:
            lines = told.iter_lines()
            assert next(lines) == "id: 1"
            queue.tell(fence, {"at": 2})
            until(lambda: next(lines) == "id: 2")
            Keys(queue.database).revoke(project, keys["reader"].split("_")[1])
            assert not any(line.startswith("event: end") for line in lines)
        until(lambda: not following.channels)
    assert queue.get(job).state == "running"


def test_many_who_follow_are_one_look(server: tuple[str, Following], keys: dict[str, str], queue: Queue) -> None:
    """A hundred streams are open on one database of eight connections, and all of them end."""
    url, following = server
    with httpx.Client(headers=bearer(keys["reader"]), timeout=PATIENCE_S) as client:
        project = client.get(f"{url}/session").json()["project"]
    jobs = [queue.put(Order(project=project, kind="k", spec={})).id for _ in range(10)]

    async def ends(client: httpx.AsyncClient, job: str) -> bool:
        async with client.stream("GET", f"{url}/jobs/{job}/events") as told:
            return any([line == "event: end" async for line in told.aiter_lines()])

    async def story() -> list[bool]:
        limits = httpx.Limits(max_connections=200)
        async with httpx.AsyncClient(headers=bearer(keys["reader"]), timeout=PATIENCE_S, limits=limits) as client:
            followers = [asyncio.create_task(ends(client, jobs[i % 10])) for i in range(100)]
            await patiently(lambda: sum(one.followers for one in list(following.channels.values())) == 100)
            for job in jobs:
                await asyncio.to_thread(queue.cancel, job)
            return await asyncio.gather(*followers)

    assert asyncio.run(story()) == [True] * 100


def until(true: Callable[[], bool]) -> None:
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < PATIENCE_S
        time.sleep(0.01)

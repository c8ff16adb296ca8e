"""What is asked of a tuning, looked at before there is a job: all that needs no network and no image. No torch."""

from typing import Any

import msgspec

from headhunt.durations import seconds_of
from headhunt.errors import BadValue, NotReady, UnknownJob, did_you_mean
from headhunt.spaces import as_parameter
from headhunt.studies.tuned import TuningAsked
from headhunt.tuned import share_of
from headhunt.wire import Job, RecommendationAsked
from service.jobs.queue import Queue
from service.ordering import Asked
from service.parts import Service
from service.studies.store import check_name

KIND, RECOMMEND = "tune", "recommend"
ATTEMPTS = 12
"""A search of hours outlives more deaths than a job of minutes; a trial that kills its process is given up before."""
TRIALS = 40
MOST_TRIALS, MOST_MODELS = 100_000, 1_000


class Candidate(msgspec.Struct, frozen=True):
    """Of a ranking, what is needed here."""

    model: str
    expected_accuracy: float | None = None
    interval: tuple[float, float] | None = None
    flags: tuple[str, ...] = ()


class Ranked(msgspec.Struct, frozen=True):
    version: str
    candidates: tuple[Candidate, ...]


def asked_of(service: Service, project: str, asked: TuningAsked, whose: tuple[str, str]) -> Asked:
    """The job to be ordered. whose: the name and the id of whoever asks. Raises what would do, as errors of ours."""
    check(asked)
    if asked.recommendation is None:
        if not asked.models:
            raise BadValue("Name what to tune: models, as ['starter/resnet18'], or a recommendation by its job.")
        found = service.datasets.get(project, named(asked))
        models = [{"model": service.repository.card(one).id} for one in asked.models]
        facts: dict[str, Any] = {}
    else:
        before = recommendation(service.queue, asked.recommendation, project)
        found = service.datasets.get(project, asked.dataset or str(before.dataset))
        ranked = ranking_of(before)
        if ranked.version != found.version:
            raise BadValue(f"{found.name} has changed since it was ranked. Ask for a recommendation again.")
        models = [expected(one) for one in chosen(asked, ranked)]
        spec = msgspec.convert(service.queue.spec(before.id)["asked"], RecommendationAsked)
        facts = {"recommended": spec}
    who, owner = whose
    spec_of = {"asked": asked, "version": found.version, "name": found.name, "models": models, "by": who}
    return Asked(KIND, {**spec_of, "owner": owner, **facts}, "any", found.id, attempts=ATTEMPTS)


def check(asked: TuningAsked) -> None:
    from tuning.goals import goals
    from tuning.journal import checked as checked_name
    from tuning.samplers import SAMPLERS

    goals(asked.aims, asked.limits)
    seconds_of(asked.seconds, "A search")
    if asked.trials is not None and not 1 <= asked.trials <= MOST_TRIALS:
        raise BadValue(f"trials is {asked.trials}. Give a whole number from 1 to {MOST_TRIALS:,}.")
    if not 0 <= asked.seed < 2**32:
        raise BadValue(f"The seed is {asked.seed}. Take a whole number from 0 to 4,294,967,295.")
    if asked.algo not in ("auto", *SAMPLERS):
        raise BadValue(did_you_mean("algorithm", asked.algo, ["auto", *SAMPLERS]))
    if asked.study is not None:
        check_name(checked_name(asked.study))
    if not isinstance(asked.part, bool):
        share_of(asked.part)
    for name, one in asked.space.items():
        as_parameter(name, one)
    if len(asked.models) > MOST_MODELS or len(set(asked.models)) < len(asked.models):
        raise BadValue(f"{len(asked.models)} models are named. Name each once, {MOST_MODELS:,} at most.")


def named(asked: TuningAsked) -> str:
    if not asked.dataset:
        raise BadValue("No dataset is named. Give its id or its name.")
    return asked.dataset


def recommendation(queue: Queue, job: str, project: str) -> Job:
    """One that is done. Raises UnknownJob, NotReady."""
    found = queue.get(job, project)
    if found.kind != RECOMMEND:
        raise UnknownJob(job)
    if found.state != "done":
        raise NotReady(f"The recommendation {job} is {found.state}. Wait until it is done, or ask for another.")
    return found


def ranking_of(job: Job) -> Ranked:
    assert job.result is not None  # noqa: S101 - it is done
    return msgspec.json.decode(job.result, type=Ranked)


def chosen(asked: TuningAsked, ranked: Ranked) -> list[Candidate]:
    """Those that are named, or the best that does not know the images already."""
    known = {one.model: one for one in ranked.candidates}
    for name in asked.models:
        if name not in known:
            raise BadValue(did_you_mean("candidate", name, known, "Name models of the recommendation."))
    if asked.models:
        return [known[name] for name in asked.models]
    clean = [one for one in ranked.candidates if "seen-images" not in one.flags] or list(ranked.candidates)
    if not clean:
        raise BadValue("The recommendation has no candidate: nobody was ranked. Name models.")
    return clean[:1]


def expected(one: Candidate) -> dict[str, Any]:
    return {"model": one.model, "accuracy": one.expected_accuracy, "interval": one.interval}

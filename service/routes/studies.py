"""Studies: made, looked at, paused; and their trials, which workers in any language ask for and tell of."""

from typing import Annotated, Any, Literal

from litestar import Request, Response, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter

from headhunt.errors import NotAllowed
from headhunt.studies.sheets import as_csv, as_json
from headhunt.studies.wire import (
    Given,
    GivenBack,
    MoreTrials,
    Reading,
    StudyAsked,
    StudyKeyAsked,
    StudyShown,
    TrialAsked,
    TrialResult,
    TrialShown,
    Verdict,
)
from headhunt.wire import KeyAsked, NewKey, Page
from service.access import Caller
from service.headers import Again
from service.paging import Paging, page_of, polled
from service.parts import Service
from service.studies.judging import ImportanceShown, judged
from service.studies.small import check_no_job
from service.studies.store import Maker
from service.tunings.state import check_removable, goes_on, woken

TAGS = ["studies"]
EVERY = 10_000_000
Format = Annotated[Literal["csv", "json"], QueryParameter(name="as", description="csv or json.")]
Method = Annotated[str, QueryParameter(name="method", max_length=40, description="ped-anova or fanova.")]


# --- Studies ----------------------------------------------------------------------------------------------------------


@post("/studies", who="member", tags=TAGS, also=(200,))
async def make_study(
    service: NamedDependency[Service],
    caller: NamedDependency[Caller],
    data: JSONBody[StudyAsked],
    again: Again = None,
) -> Response[StudyShown]:
    """A study of this name, or the one that there is, if it has this space: then 200."""

    def work() -> tuple[StudyShown, bool]:
        maker = Maker(caller.project, caller.who, caller.owner or "", again)
        made, new = service.studies.make(maker, data)
        if new and not made.private:
            facts = {"algo": made.algo, "direction": made.direction, "seed": made.seed, "trials": made.trials}
            service.desk.runs.study_begun(caller.project, made.id, made.name, facts, caller.who)
        return made, new

    made, new = await service.desk.apart(work)
    return Response(made, status_code=201 if new else 200, headers={"Location": f"/api/v1/studies/{made.id}"})


@get("/studies", sync_to_thread=True, who="reader", tags=TAGS)
def list_studies(
    request: Request[Any, Any, Any],
    service: NamedDependency[Service],
    caller: NamedDependency[Caller],
    paging: NamedDependency[Paging],
) -> Response[Page[StudyShown]]:
    """The newest first; private ones for those who may see them."""
    found = service.studies.all(caller, paging.cursor(float, str), paging.limit + 1)
    return polled(request, page_of(found, paging.limit, lambda one: (one.created, one.id)))


@get("/studies/{study:str}", sync_to_thread=True, who="reader", study_key=True, tags=TAGS)
def get_study(
    request: Request[Any, Any, Any],
    service: NamedDependency[Service],
    caller: NamedDependency[Caller],
    study: FromPath[str],
) -> Response[StudyShown]:
    """By id or name."""
    return polled(request, service.studies.shown(service.studies.get(caller, study)))


@post("/studies/{study:str}/pause", status_code=200, who="member", tags=TAGS)
async def pause_study(
    service: NamedDependency[Service], caller: NamedDependency[Caller], study: FromPath[str]
) -> StudyShown:
    """No trial is given until it is resumed; those that run go on."""
    return await service.desk.apart(state_set, service, caller, study, "paused")


@post("/studies/{study:str}/resume", status_code=200, who="member", tags=TAGS)
async def resume_study(
    service: NamedDependency[Service],
    caller: NamedDependency[Caller],
    study: FromPath[str],
    data: JSONBody[MoreTrials],
) -> StudyShown:
    """It goes on, also where it had ended: with more trials or seconds, where these were spent."""
    return await service.desk.apart(state_set, service, caller, study, "running", data)


@post("/studies/{study:str}/stop", status_code=200, who="member", tags=TAGS)
async def stop_study(
    service: NamedDependency[Service], caller: NamedDependency[Caller], study: FromPath[str]
) -> StudyShown:
    """It ends; trials that run are told so with their next reading, and what they came to is taken."""
    return await service.desk.apart(state_set, service, caller, study, "stopped")


def state_set(service: Service, caller: Caller, study: str, state: Any, more: MoreTrials | None = None) -> StudyShown:
    row = service.studies.get(caller, study)
    if state == "running":
        goes_on(service, caller, row, more)
    service.desk.set_state(row.id, state, more)
    woken(service, row)
    return service.studies.shown(service.studies.get(caller, row.id))


@delete("/studies/{study:str}", status_code=204, who="member", tags=TAGS)
async def remove_study(
    service: NamedDependency[Service], caller: NamedDependency[Caller], study: FromPath[str]
) -> None:
    """For good: whoever made it, and owners of the project. The runs of its trials stay."""

    def work() -> None:
        row = service.studies.get(caller, study)
        if row.owner_id != caller.owner and not caller.may("owner"):
            raise NotAllowed(
                f"The study {row.name!r} is somebody else's. Its owner and those of the project remove it."
            )
        check_removable(service, row)
        service.desk.end(row)
        service.studies.remove(row.id)
        service.access.forget()

    await service.desk.apart(work)


@post("/studies/{study:str}/keys", sync_to_thread=True, who="member", tags=TAGS)
def add_study_key(
    service: NamedDependency[Service],
    caller: NamedDependency[Caller],
    study: FromPath[str],
    data: JSONBody[StudyKeyAsked],
) -> Response[NewKey]:
    """For workers: it asks and tells of the trials of this study, reads it, and does nothing else. The secret is in
    this answer, and never again."""
    row = service.studies.get(caller, study)
    asked = KeyAsked(name=data.name or f"study {row.name}", role="member", days=data.days)
    made = service.keys.create(caller.project, asked, caller.user, by=caller.key, study=row.id)
    return Response(made, status_code=201, headers={"Location": f"/api/v1/keys/{made.key.id}"})


@get("/studies/{study:str}/importance", who="reader", study_key=True, tags=TAGS, refuses=(409,))
async def get_importance(
    service: NamedDependency[Service],
    caller: NamedDependency[Caller],
    study: FromPath[str],
    method: Method = "ped-anova",
) -> ImportanceShown:
    """Which parameters mattered, and what the number means."""
    return await service.desk.aside(judged, service, caller, study, method)


@get("/studies/{study:str}/export", who="reader", study_key=True, tags=TAGS, gives=("text/csv", "application/json"))
async def export_study(
    service: NamedDependency[Service],
    caller: NamedDependency[Caller],
    study: FromPath[str],
    kind: Format = "csv",
) -> Response[bytes]:
    """All trials as a table, or as JSON with their readings."""

    def work() -> bytes:
        row = service.studies.get(caller, study)
        trials = service.desk.trials(row.id, -1, EVERY)
        facts = service.studies.shown(row)
        return as_csv(facts, trials) if kind == "csv" else as_json(facts, trials)

    body = await service.desk.aside(work)
    media = "text/csv" if kind == "csv" else "application/json"
    return Response(body, media_type=media, headers={"Content-Disposition": f"attachment; filename=study.{kind}"})


# --- Trials -----------------------------------------------------------------------------------------------------------


@get("/studies/{study:str}/trials", who="reader", study_key=True, tags=TAGS)
async def list_trials(
    request: Request[Any, Any, Any],
    service: NamedDependency[Service],
    caller: NamedDependency[Caller],
    study: FromPath[str],
    paging: NamedDependency[Paging],
) -> Response[Page[TrialShown]]:
    """By number, with their readings."""
    (after,) = paging.cursor(int) or (-1,)

    def work() -> list[TrialShown]:
        return service.desk.trials(service.studies.get(caller, study).id, after, paging.limit + 1)

    found = await service.desk.apart(work)
    return polled(request, page_of(found, paging.limit, lambda one: (one.number,)))


@post("/studies/{study:str}/trials", who="member", study_key=True, tags=TAGS, also=(200,), quiet=True)
async def ask_trial(
    service: NamedDependency[Service],
    caller: NamedDependency[Caller],
    study: FromPath[str],
    data: JSONBody[TrialAsked],
    again: Again = None,
) -> Response[Given]:
    """The next trial: 201; or why there is none now: 200, with Retry-After where it is worth asking again. The same
    Idempotency-Key is the same trial."""

    def work() -> Given:
        row = service.studies.get(caller, study)
        check_no_job(row)
        return service.desk.ask(row.id, data, again, caller.who)

    given = await service.desk.apart(work)
    headers = {} if given.retry_s is None else {"Retry-After": str(round(given.retry_s))}
    return Response(given, status_code=200 if given.trial is None else 201, headers=headers)


@post("/studies/{study:str}/trials/{number:int}/readings", status_code=200, who="member", study_key=True, tags=TAGS,
      quiet=True)  # fmt: skip
async def add_reading(
    service: NamedDependency[Service],
    caller: NamedDependency[Caller],
    study: FromPath[str],
    number: FromPath[int],
    data: JSONBody[Reading],
) -> Verdict:
    """How it does at a step: whether it shall stop, and why. Without a step, a sign of life."""

    def work() -> Verdict:
        return service.desk.hear(service.studies.get(caller, study).id, number, data)

    return await service.desk.apart(work)


@post("/studies/{study:str}/trials/{number:int}/result", status_code=200, who="member", study_key=True, tags=TAGS,
      quiet=True)  # fmt: skip
async def add_result(
    service: NamedDependency[Service],
    caller: NamedDependency[Caller],
    study: FromPath[str],
    number: FromPath[int],
    data: JSONBody[TrialResult],
) -> TrialShown:
    """What came of it; told again, nothing changes. A number that is none is a failed trial."""

    def work() -> TrialShown:
        return service.desk.tell(service.studies.get(caller, study).id, number, data)

    return await service.desk.apart(work)


@post("/studies/{study:str}/trials/{number:int}/release", status_code=204, who="member", study_key=True, tags=TAGS,
      quiet=True)  # fmt: skip
async def give_back(
    service: NamedDependency[Service],
    caller: NamedDependency[Caller],
    study: FromPath[str],
    number: FromPath[int],
    data: JSONBody[GivenBack],
) -> None:
    """Its worker ends without a result: somebody else gets its parameters."""

    def work() -> None:
        service.desk.give_back(service.studies.get(caller, study).id, number, data.token)

    await service.desk.apart(work)


ROUTES = (
    make_study,
    list_studies,
    get_study,
    pause_study,
    resume_study,
    stop_study,
    remove_study,
    add_study_key,
    get_importance,
    export_study,
    list_trials,
    ask_trial,
    add_reading,
    add_result,
    give_back,
)

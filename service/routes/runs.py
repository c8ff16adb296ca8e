"""Runs of trainings: begun, told of by their journals as they are, looked at, compared, removed."""

from typing import Annotated, Any

from litestar import Request, Response, delete, get, patch, post, put
from litestar.concurrency import sync_to_thread
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter

from headhunt.errors import BadValue, UnsupportedType, printable
from headhunt.track.wire import (
    Curve,
    CurvePart,
    Experiment,
    JournalKept,
    Metric,
    Printed,
    Run,
    RunBegun,
    RunChange,
    RunFile,
    RunsCompared,
)
from headhunt.vocabulary import MIB
from headhunt.wire import Page
from service.access import Caller
from service.asked import LONGEST
from service.compared_data import with_data
from service.data.arriving import room_of
from service.gathering import forget
from service.paging import Paging, cursor_of, page_of, polled
from service.parts import Service
from service.ranges import file_answer
from service.uploads import draft, pump
from tracking.comparing import compared
from tracking.query import parse, parse_order

TAGS = ["runs"]
BINARY = "application/octet-stream"
LARGEST_PIECE = 8 * MIB
"""Of a journal, at once: half a million points. It is read in memory."""
MOST_CURVES, LONGEST_QUERY = 100, 20_000
MOST_POINTS = 500_000
"""Of all curves of an answer together: each is a hundred bytes of memory while it is written."""
Of = Annotated[str | None, QueryParameter(max_length=LONGEST, description="Only runs of this experiment.")]
Asked = Annotated[
    str | None,
    QueryParameter(
        name="query",
        max_length=LONGEST_QUERY,
        description="As: metrics.val_accuracy > 0.9 and params.lr < 0.01 and tags.baseline",
    ),
]
Points = Annotated[int, QueryParameter(name="points", ge=4, le=100_000, description="Of each curve, at most.")]
Writer = Annotated[str, QueryParameter(name="writer", max_length=64, description="Whose journal it is.")]
Offset = Annotated[int, QueryParameter(name="offset", ge=0, le=2**62, description="Where in it the body begins.")]
Named = Annotated[str, QueryParameter(name="metric", max_length=LONGEST, description="Its name.")]
First = Annotated[int, QueryParameter(name="first", ge=0, le=2**40, description="The place of the first, from 0.")]
Number = Annotated[int, QueryParameter(name="after", ge=0, le=2**31 - 1, description="Only what came after this one.")]


@put("/runs/{run:str}", sync_to_thread=True, who="member", tags=TAGS)
def begin_run(
    service: NamedDependency[Service], caller: NamedDependency[Caller], run: FromPath[str], data: JSONBody[RunBegun]
) -> Run:
    """A run is to be. Its id is chosen by whoever begins it: 32 digits and letters a to f, by chance. The same id again
    is the same run, and changes nothing."""
    return service.tracking.begin(caller.project, run, data, caller.who)


@post(
    "/runs/{run:str}/journal",
    status_code=200,
    request_max_body_size=LARGEST_PIECE,
    who="member",
    tags=TAGS,
    takes=(BINARY,),
    quiet=True,
)
async def add_journal(
    request: Request[Any, Any, Any],
    service: NamedDependency[Service],
    caller: NamedDependency[Caller],
    run: FromPath[str],
    writer: Writer,
    offset: Offset = 0,
) -> JournalKept:
    """A piece of a journal as it is. What has come before is passed over, a piece that leaves a gap is not taken: the
    answer says from where to go on. An empty body says that the run is alive."""
    if request.content_type[0] not in (BINARY, ""):
        raise UnsupportedType(f"A journal cannot come as {printable(request.content_type[0], 80)!r}. Send {BINARY}.")
    body = await request.body()
    return await sync_to_thread(service.run_room.append, caller.project, run, (writer, offset), body)


@get("/runs/{run:str}/journal", sync_to_thread=True, who="reader", tags=TAGS)
def get_journal(
    service: NamedDependency[Service], caller: NamedDependency[Caller], run: FromPath[str]
) -> dict[str, int]:
    """How far the journal of each writer has come in, in bytes."""
    return service.tracking.journal(caller.project, run)


@get("/runs", sync_to_thread=True, who="reader", tags=TAGS, filters=("sort",), repeated=("sort",))
def list_runs(
    request: Request[Any, Any, Any],
    service: NamedDependency[Service],
    caller: NamedDependency[Caller],
    paging: NamedDependency[Paging],
    wanted: Asked = None,
    experiment: Of = None,
) -> Response[Page[Run]]:
    """Those that a query holds for, the newest first, or by `sort`: `metrics.loss`, `-params.lr`, `started desc`."""
    query = parse(wanted) if wanted else None
    orders = [parse_order(order_of(one)) for one in request.query_params.getall("sort", [])]
    (after,) = paging.cursor(str) or (None,)
    found = service.tracking.find(caller.project, query, orders, after, paging.limit + 1, experiment=experiment)
    return polled(request, page_of(found, paging.limit, lambda one: (one.id,)))


def order_of(text: str) -> str:
    """`-metrics.loss` is `metrics.loss desc`, as for all other lists."""
    return f"{text[1:]} desc" if text.startswith("-") else text


@get("/runs/{run:str}", sync_to_thread=True, who="reader", tags=TAGS)
def get_run(
    request: Request[Any, Any, Any],
    service: NamedDependency[Service],
    caller: NamedDependency[Caller],
    run: FromPath[str],
) -> Response[Run]:
    """With all that is known of its surroundings."""
    return polled(request, service.tracking.get(caller.project, run))


@patch("/runs/{run:str}", sync_to_thread=True, who="member", tags=TAGS)
def change_run(
    service: NamedDependency[Service], caller: NamedDependency[Caller], run: FromPath[str], data: JSONBody[RunChange]
) -> Run:
    """Its name, its intent, its tags: null takes a tag away."""
    return service.tracking.change(caller.project, run, data)


@post("/runs/{run:str}/resume", status_code=200, sync_to_thread=True, who="member", tags=TAGS)
def resume_run(service: NamedDependency[Service], caller: NamedDependency[Caller], run: FromPath[str]) -> Run:
    """What had ended is running again, for a training that goes on."""
    return service.tracking.resume(caller.project, run)


@delete("/runs/{run:str}", status_code=204, sync_to_thread=True, who="member", tags=TAGS)
def remove_run(service: NamedDependency[Service], caller: NamedDependency[Caller], run: FromPath[str]) -> None:
    """For good, with all that it told."""
    service.tracking.remove(caller.project, run)
    forget(service.settings.home, run)


@get("/runs/{run:str}/metrics", sync_to_thread=True, who="reader", tags=TAGS)
def list_metrics(
    request: Request[Any, Any, Any],
    service: NamedDependency[Service],
    caller: NamedDependency[Caller],
    run: FromPath[str],
) -> Response[Page[Metric]]:
    """All of them in numbers, by name, on one page."""
    return polled(request, Page(items=tuple(service.tracking.metrics(caller.project, run)), next=None))


@get(
    "/runs/{run:str}/curves",
    sync_to_thread=True,
    who="reader",
    tags=TAGS,
    filters=("metric",),
    repeated=("metric",),
    needed=("metric",),
)
def get_curves(
    request: Request[Any, Any, Any],
    service: NamedDependency[Service],
    caller: NamedDependency[Caller],
    run: FromPath[str],
    most: Points = 2000,
) -> Response[Page[Curve]]:
    """`?metric=loss&metric=val_loss`: those that there are, by step. A long one is thinned out so that the lowest and
    the highest of every stretch stay."""
    names = list(dict.fromkeys(request.query_params.getall("metric", [])))
    if not 0 < len(names) <= MOST_CURVES:
        raise BadValue(f"{len(names)} metrics are named. Give 1 to {MOST_CURVES}, as ?metric=loss&metric=val_loss.")
    if len(names) * most > MOST_POINTS:
        raise BadValue(f"{len(names)} curves of {most:,} points are more than {MOST_POINTS:,}. Ask for some at a time.")
    return polled(request, Page(items=tuple(service.tracking.curves(caller.project, run, names, most)), next=None))


@get("/runs/{run:str}/points", sync_to_thread=True, who="reader", tags=TAGS)
def get_points(
    request: Request[Any, Any, Any],
    service: NamedDependency[Service],
    caller: NamedDependency[Caller],
    run: FromPath[str],
    metric: Named,
    first: First = 0,
    most: Points = 50_000,
) -> Response[CurvePart]:
    """All points of a metric, in parts, none left out: as they came, which need not be by step. `next` is where the
    next part begins; what comes meanwhile moves nothing."""
    return polled(request, service.tracking.told_part(caller.project, run, metric, first, most))


@get("/runs/{run:str}/console", sync_to_thread=True, who="reader", tags=TAGS)
def get_console(
    request: Request[Any, Any, Any],
    service: NamedDependency[Service],
    caller: NamedDependency[Caller],
    run: FromPath[str],
    paging: NamedDependency[Paging],
) -> Response[Page[Printed]]:
    """What the program printed, from the beginning."""
    (after,) = paging.cursor(int) or (0,)
    found = service.tracking.console(caller.project, run, min(max(after, 0), 2**31 - 1), paging.limit + 1)
    return polled(request, page_of(found, paging.limit, lambda one: (one.number,)))


@get("/runs/{run:str}/files", sync_to_thread=True, who="reader", tags=TAGS)
def list_files(
    request: Request[Any, Any, Any],
    service: NamedDependency[Service],
    caller: NamedDependency[Caller],
    run: FromPath[str],
    paging: NamedDependency[Paging],
) -> Response[Page[RunFile]]:
    """By path, and by step."""
    after = paging.cursor(int)
    first = min(max(after[0], 0), 2**31 - 1) if after else 0
    found = service.tracking.files(caller.project, run, first, paging.limit + 1)
    more = cursor_of((first + paging.limit,)) if len(found) > paging.limit else None
    return polled(request, Page(items=tuple(found[: paging.limit]), next=more))


@get("/runs/{run:str}/lacking", sync_to_thread=True, who="reader", tags=TAGS)
def list_lacking(
    request: Request[Any, Any, Any],
    service: NamedDependency[Service],
    caller: NamedDependency[Caller],
    run: FromPath[str],
    paging: NamedDependency[Paging],
) -> Response[Page[str]]:
    """Digests of files that the run names and that are not there: they did not come, or came more than a day before the
    journal that names them, and were collected. Whoever has them sends them again."""
    (after,) = paging.cursor(str) or ("",)
    found = service.tracking.lacking(caller.project, run, after, paging.limit + 1)
    return polled(request, page_of(found, paging.limit, lambda one: (one,)))


@put(
    "/runs/{run:str}/files/{digest:str}",
    status_code=204,
    request_max_body_size=None,
    who="member",
    tags=TAGS,
    takes=(BINARY,),
)
async def put_file(
    request: Request[Any, Any, Any],
    service: NamedDependency[Service],
    caller: NamedDependency[Caller],
    run: FromPath[str],
    digest: FromPath[str],
) -> None:
    """A file as the bare body, by its SHA-256. The journal says what the run calls it."""
    await sync_to_thread(service.run_files.check, caller.project, run, digest)
    if request.content_type[0] not in (BINARY, ""):
        raise UnsupportedType(f"A file cannot come as {printable(request.content_type[0], 80)!r}. Send {BINARY}.")
    room = await room_of(request, service, caller)
    async with draft(service.settings.home, room.most) as file:
        await pump(request.stream(), file, file.write)
        if file.size:
            await file.run(file.finish)
        await file.run(service.run_files.keep, caller.project, digest, file)


@get("/runs/{run:str}/files/{digest:str}", sync_to_thread=True, who="reader", tags=TAGS, media_type=BINARY)
def get_file(
    request: Request[Any, Any, Any],
    service: NamedDependency[Service],
    caller: NamedDependency[Caller],
    run: FromPath[str],
    digest: FromPath[str],
) -> Response[bytes]:
    """A file that this run names; parts of it by Range. It is sent as nothing but bytes, whatever it is."""
    return file_answer(request, service.run_files.path(caller.project, run, digest), digest, digest)


@get("/runs/{run:str}/compare/{other:str}", sync_to_thread=True, who="reader", tags=TAGS)
def compare_runs(
    request: Request[Any, Any, Any],
    service: NamedDependency[Service],
    caller: NamedDependency[Caller],
    run: FromPath[str],
    other: FromPath[str],
) -> Response[RunsCompared]:
    """Where two runs differ: parameters, code, surroundings, and what came of them; data, where the project holds both
    versions as datasets."""
    before, after = (service.tracking.get(caller.project, one) for one in (run, other))
    return polled(request, with_data(service.datasets, caller.project, compared(before, after)))


@get("/experiments", sync_to_thread=True, who="reader", tags=TAGS)
def list_experiments(
    request: Request[Any, Any, Any], service: NamedDependency[Service], caller: NamedDependency[Caller]
) -> Response[Page[Experiment]]:
    """Names for runs that belong together, on one page."""
    return polled(request, Page(items=tuple(service.tracking.experiments(caller.project)), next=None))


ROUTES = (
    begin_run,
    add_journal,
    get_journal,
    list_runs,
    get_run,
    change_run,
    resume_run,
    remove_run,
    list_metrics,
    get_curves,
    get_points,
    get_console,
    list_files,
    list_lacking,
    put_file,
    get_file,
    compare_runs,
    list_experiments,
)

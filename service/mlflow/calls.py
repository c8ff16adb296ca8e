"""Every call of the protocol in one table: where it is asked, who may, what is asked, who answers."""

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec
from litestar import Request, Response
from litestar.concurrency import sync_to_thread
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler

from headhunt.errors import BadValue, one_line
from headhunt.wire import Role
from service.access import Caller
from service.mlflow import artifacts, experiments, links, models, runs, searching, structs, telling
from service.mlflow.desk import Desk, desk_of
from service.parts import Service

LARGEST = 8 << 20
"""Of a body. Clients of MLflow send a batch of a megabyte at most, and descriptions of datasets beside."""


OFTEN = ("/runs/log-", "/runs/set-tag", "/runs/outputs")
"""What a training tells while it goes: it would drown the audit."""


class Call(NamedTuple):
    method: str
    path: str
    who: Role
    asked: type[msgspec.Struct]
    answer: Callable[[Desk, Any], dict[str, Any]]


CALLS = (
    Call("POST", "/experiments/create", "member", structs.NewExperiment, experiments.create),
    Call("GET", "/experiments/get", "reader", structs.OfExperiment, experiments.get),
    Call("GET", "/experiments/get-by-name", "reader", structs.ByName, experiments.by_name),
    Call("POST", "/experiments/search", "reader", structs.ExperimentsSearched, experiments.search),
    Call("GET", "/experiments/search", "reader", structs.ExperimentsSearched, experiments.search),
    Call("POST", "/experiments/update", "member", structs.Renamed, experiments.rename),
    Call("POST", "/experiments/delete", "member", structs.OfExperiment, experiments.delete),
    Call("POST", "/experiments/restore", "member", structs.OfExperiment, experiments.restore),
    Call("POST", "/experiments/set-experiment-tag", "member", structs.ExperimentTag, experiments.set_tag),
    Call("POST", "/experiments/delete-experiment-tag", "member", structs.ExperimentKey, experiments.delete_tag),
    Call("POST", "/runs/create", "member", structs.NewRun, runs.create),
    Call("GET", "/runs/get", "reader", structs.OfRun, runs.get),
    Call("POST", "/runs/update", "member", structs.RunUpdated, runs.update),
    Call("POST", "/runs/delete", "member", structs.OfRun, runs.delete),
    Call("POST", "/runs/restore", "member", structs.OfRun, runs.restore),
    Call("POST", "/runs/search", "reader", structs.RunsSearched, searching.search),
    Call("POST", "/runs/log-metric", "member", structs.OneMetric, telling.metric),
    Call("POST", "/runs/log-parameter", "member", structs.OnePair, telling.param),
    Call("POST", "/runs/log-batch", "member", structs.Batch, telling.batch),
    Call("POST", "/runs/set-tag", "member", structs.OnePair, telling.set_tag),
    Call("POST", "/runs/delete-tag", "member", structs.OneKey, telling.delete_tag),
    Call("POST", "/runs/log-model", "member", structs.OldModel, telling.log_model),
    Call("POST", "/runs/log-inputs", "member", structs.Inputs, links.inputs),
    Call("POST", "/runs/outputs", "member", structs.Outputs, links.outputs),
    Call("GET", "/metrics/get-history", "reader", structs.HistoryAsked, runs.history),
    Call("GET", "/artifacts/list", "reader", structs.FilesAsked, artifacts.of_run),
    Call("POST", "/logged-models", "member", structs.NewModel, models.create),
    Call("POST", "/logged-models/search", "reader", structs.ModelsSearched, models.search),
    Call("GET", "/logged-models/{model_id:str}", "reader", structs.ModelAsked, models.get),
    Call("PATCH", "/logged-models/{model_id:str}", "member", structs.ModelFinal, models.finalize),
    Call("DELETE", "/logged-models/{model_id:str}", "member", structs.OfModel, models.delete),
    Call("PATCH", "/logged-models/{model_id:str}/tags", "member", structs.ModelTags, models.set_tags),
    Call("DELETE", "/logged-models/{model_id:str}/tags/{tag_key:str}", "member", structs.ModelTag, models.delete_tag),
    Call("POST", "/logged-models/{model_id:str}/params", "member", structs.ModelParams, models.add_params),
    Call(
        "GET",
        "/logged-models/{model_id:str}/artifacts/directories",
        "reader",
        structs.ModelFiles,
        artifacts.of_model,
    ),
)


def handler_of(call: Call) -> HTTPRouteHandler:
    """What it asks for comes as JSON, or, where nothing is changed by asking, in the address."""

    async def answer(
        request: Request[Any, Any, Any], service: NamedDependency[Service], caller: NamedDependency[Caller]
    ) -> Response[bytes]:
        body = b"" if call.method == "GET" else await request.body()
        asked = read(call, request, body)
        if call.who != "reader":
            await sync_to_thread(service.run_room.check, caller.project, len(body))
        found = await sync_to_thread(call.answer, desk_of(service.database, caller), asked)
        return Response(msgspec.json.encode(found), media_type="application/json")

    answer.__name__ = f"mlflow_{call.answer.__name__}"
    fields = msgspec.structs.fields(call.asked)
    return HTTPRouteHandler(
        call.path,
        http_method=[call.method],  # type: ignore[list-item]
        status_code=200,
        request_max_body_size=LARGEST,
        include_in_schema=False,
        who=call.who,
        filters=tuple(one.name for one in fields) if call.method == "GET" else (),
        repeated=("order_by",),
        quiet=call.who == "reader" or call.path.startswith(OFTEN),
    )(answer)


def read(call: Call, request: Request[Any, Any, Any], body: bytes) -> Any:
    """Raises BadValue."""
    if call.method == "GET":
        told: dict[str, Any] = {name: request.query_params.get(name) for name in request.query_params}
        if "order_by" in told:
            told["order_by"] = request.query_params.getall("order_by")
    else:
        told = decoded(body)
    try:
        return msgspec.convert({**told, **request.path_params}, call.asked, strict=False)
    except (msgspec.ValidationError, OverflowError) as error:
        raise BadValue(f"The request is not understood: {one_line(error)}.") from error


def decoded(body: bytes) -> dict[str, Any]:
    try:
        told = msgspec.json.decode(body or b"{}")
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise BadValue("The body is no JSON in UTF-8, or nested too deeply. Send an object.") from error
    if not isinstance(told, dict):
        raise BadValue("The body is no object. Send what MLflow's clients send.")
    return told

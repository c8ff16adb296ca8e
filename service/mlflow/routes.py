"""Where MLflow's clients ask: calls, artifacts, and what is said of all that is not served."""

from typing import Any

import msgspec
from litestar import Request, Response, Router, delete, get, put, route
from litestar.concurrency import sync_to_thread
from litestar.di import NamedDependency
from litestar.enums import HttpMethod
from litestar.params import FromPath

from service.access import Caller
from service.data.arriving import room_of
from service.mlflow import artifacts
from service.mlflow.calls import CALLS, handler_of
from service.mlflow.desk import desk_of
from service.mlflow.problems import NoSuchCall, answered
from service.parts import Service
from service.ranges import file_answer
from service.uploads import draft, pump

NOT_HERE = ("workspaces_enabled", "trace_archival_enabled", "multipart_uploads_enabled", "multipart_downloads_enabled")
ANY = (HttpMethod.GET, HttpMethod.POST, HttpMethod.PUT, HttpMethod.PATCH, HttpMethod.DELETE)


@get("/mlflow-artifacts/artifacts", sync_to_thread=True, who="reader", filters=("path",), include_in_schema=False)
def list_files(
    request: Request[Any, Any, Any], service: NamedDependency[Service], caller: NamedDependency[Caller]
) -> Response[bytes]:
    """What lies in a folder; names alone."""
    desk = desk_of(service.database, caller)
    place = artifacts.place_of(desk, request.query_params.get("path", ""))
    return json({"files": artifacts.listed(desk, place)})


@get("/mlflow-artifacts/artifacts/{address:path}", sync_to_thread=True, who="reader", include_in_schema=False)
def get_file(
    request: Request[Any, Any, Any],
    service: NamedDependency[Service],
    caller: NamedDependency[Caller],
    address: FromPath[str],
) -> Response[Any]:
    """It is sent as nothing but bytes, whatever it is."""
    desk = desk_of(service.database, caller)
    place = artifacts.place_of(desk, address)
    digest = artifacts.digest_at(desk, place)
    return file_answer(request, service.run_files.path(caller.project, place.run, digest), digest, digest)


@put(
    "/mlflow-artifacts/artifacts/{address:path}",
    status_code=200,
    request_max_body_size=None,
    who="member",
    include_in_schema=False,
)
async def put_file(
    request: Request[Any, Any, Any],
    service: NamedDependency[Service],
    caller: NamedDependency[Caller],
    address: FromPath[str],
) -> Response[bytes]:
    """The bare body. Under one path the newest holds."""
    desk = desk_of(service.database, caller)
    place = await sync_to_thread(artifacts.need_file, desk, address)
    room = await room_of(request, service, caller)
    async with draft(service.settings.home, room.most) as file:
        await pump(request.stream(), file, file.write)
        if file.size:
            await file.run(file.finish)
        digest, size = file.digest, file.size
        await file.run(service.run_files.keep, caller.project, digest, file)
        await file.run(artifacts.note, desk, place, digest, size)
    return json({})


@delete(
    "/mlflow-artifacts/artifacts/{address:path}",
    status_code=200,
    sync_to_thread=True,
    who="member",
    include_in_schema=False,
)
def remove_file(
    service: NamedDependency[Service], caller: NamedDependency[Caller], address: FromPath[str]
) -> Response[bytes]:
    desk = desk_of(service.database, caller)
    artifacts.remove(desk, artifacts.place_of(desk, address))
    return json({})


@get("/3.0/mlflow/server-info", sync_to_thread=False, who="known", include_in_schema=False)
def server_info() -> Response[bytes]:
    """Clients ask before they send or fetch large files."""
    return json({"store_type": "headhunt", **dict.fromkeys(NOT_HERE, False)})


@route(
    ["/2.0/mlflow/{call:path}", "/2.0/mlflow-artifacts/{call:path}", "/3.0/mlflow/{call:path}"],
    http_method=ANY,
    sync_to_thread=False,
    who="known",
    include_in_schema=False,
    open_to_parameters=True,
)
def no_such_call(call: FromPath[str]) -> Response[bytes]:
    raise NoSuchCall(f"{call[:200]} of MLflow's protocol is not served here. See docs/tracking.md for what is.")


def json(value: Any) -> Response[bytes]:
    return Response(msgspec.json.encode(value), media_type="application/json")


ROUTES = Router(
    "/api",
    route_handlers=[
        Router("/2.0/mlflow", route_handlers=[handler_of(call) for call in CALLS]),
        Router("/2.0", route_handlers=[list_files, get_file, put_file, remove_file]),
        server_info,
        no_such_call,
    ],
    exception_handlers={Exception: answered},
)

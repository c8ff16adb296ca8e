"""The twin of benchmarks/service.py: the routes that are compared, in FastAPI, with pydantic's models.

    python -m benchmarks.service_fastapi --port N --workers 0

What is not FastAPI's is the service's own: the same database and statements, the same access, queue, log and measures,
the same uvicorn with the same options. The models have the fields of the structs, and are made from the rows.
"""

import argparse
import hashlib
import logging
import time
from typing import Annotated, Any, Generic, TypeVar

import msgspec
import uvicorn
from fastapi import Depends, FastAPI, HTTPException, Query, Request, Response
from pydantic import BaseModel
from sqlalchemy.engine import Row
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

import headhunt
from headhunt.errors import HeadhuntError
from headhunt.home import home_folder
from service.access import Caller
from service.logs import log_as_json
from service.measures import Measures
from service.naming import new_name
from service.parts import Service, service_of
from service.requests import HEADERS
from service.serve import listening, options
from service.settings import Settings

T = TypeVar("T")
log = logging.getLogger("headhunt.requests")


class Page(BaseModel, Generic[T]):
    items: list[T]
    next: str | None = None


class DatasetOut(BaseModel):
    id: str
    name: str
    version: str
    number: int
    images: int
    bytes: int
    classes: list[str]
    splits: list[str]
    refused: list[dict[str, Any]]
    refused_count: int
    warnings: list[str]
    created: float


class JobOut(BaseModel):
    id: str
    kind: str
    state: str
    attempt: int
    created: float
    started: float | None
    ended: float | None
    cancelling: bool
    result: Any | None
    error: dict[str, Any] | None
    dataset: str | None
    by: str | None


class Surroundings:
    """A name for each request, its line in the log, its numbers and its headers, as plain ASGI, the cheapest way."""

    def __init__(self, app: ASGIApp, measures: Measures) -> None:
        self.app, self.measures = app, measures

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        name, began = new_name(), time.perf_counter()

        async def surrounded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for key, value in {**HEADERS, "X-Request-Id": name}.items():
                    headers.setdefault(key, value)
                self._note(scope, name, message["status"], time.perf_counter() - began)
            await send(message)

        await self.app(scope, receive, surrounded)

    def _note(self, scope: Scope, name: str, status: int, took: float) -> None:
        method, route = scope["method"], getattr(scope.get("route"), "path", "unknown")
        self.measures.request(method, route, status, took)
        who = scope.get("state", {}).get("who", "nobody")
        told = {"method": method, "route": route, "status": status, "ms": round(1000 * took, 2), "who": who}
        log.info("%s %s %s", method, route, status, extra={"request_id": name, "told": told})


def create_twin(settings: Settings) -> FastAPI:
    service = service_of(settings)
    app = FastAPI(title="headhunt", version=headhunt.__version__)
    app.add_middleware(Surroundings, measures=Measures(service.database, settings))

    @app.get("/health")
    async def health() -> dict[str, str]:
        return {"status": "ok", "version": headhunt.__version__}

    @app.get("/ready")
    def ready() -> dict[str, str]:
        with service.database.read() as connection:
            connection.exec_driver_sql("SELECT 1")
        return {"status": "ok"}

    add_routes(app, service)
    return app


def add_routes(app: FastAPI, service: Service) -> None:
    def caller(request: Request) -> Caller:
        try:
            found = service.access.caller(request, "reader")  # type: ignore[arg-type] # it has all that is looked at
        except HeadhuntError as error:
            raise HTTPException(401, str(error)) from error
        request.state.who = found.who
        return found

    Signed = Annotated[Caller, Depends(caller)]
    Limit = Annotated[int, Query(ge=1, le=1000)]

    @app.get("/api/v1/datasets", response_model=Page[DatasetOut])
    def all_datasets(request: Request, who: Signed, limit: Limit = 100, after: str | None = None) -> Response:
        with service.database.read() as connection:
            given = {"of": who.project, "most": limit + 1}
            rows = connection.execute(service.datasets._newest, given).all()
        items = [dataset_of(row) for row in rows[:limit]]
        return polled(request, Page[DatasetOut](items=items, next=after if len(rows) > limit else None))

    @app.get("/api/v1/datasets/{dataset}", response_model=DatasetOut)
    def one_dataset(request: Request, who: Signed, dataset: str) -> Response:
        with service.database.read() as connection:
            row = connection.execute(service.datasets._named, {"of": who.project, "named": dataset}).first()
        if row is None:
            raise HTTPException(404)
        return polled(request, dataset_of(row))

    @app.get("/api/v1/recommendations/{job}", response_model=JobOut)
    def one_recommendation(request: Request, who: Signed, job: str) -> Response:
        with service.database.read() as connection:
            row = connection.execute(service.queue._one, {"job": job}).first()
        if row is None or row.project != who.project:
            raise HTTPException(404)
        return polled(request, job_of(row))


def polled(request: Request, value: BaseModel) -> Response:
    body = value.model_dump_json().encode()
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    asked = request.headers.get("if-none-match", "")
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if tag in {one.strip().removeprefix("W/") for one in asked.split(",")}:
        return Response(None, status_code=304, headers=headers)
    return Response(body, media_type="application/json", headers=headers)


def dataset_of(row: Row[Any]) -> DatasetOut:
    own = {"id": row.id, "name": row.name, "version": row.version, "number": row.latest, "created": row.created}
    return DatasetOut(**msgspec.json.decode(row.facts), **own)


def job_of(row: Row[Any]) -> JobOut:
    return JobOut(
        id=row.id,
        kind=row.kind,
        state=row.state,
        attempt=row.attempt,
        created=row.created,
        started=row.started,
        ended=row.ended,
        cancelling=row.cancel and row.state == "running",
        result=None if row.result is None else msgspec.json.decode(row.result),
        error=None if row.error is None or row.state == "done" else msgspec.json.decode(row.error),
        dataset=row.dataset,
        by=row.by,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--workers", type=int)
    settings = Settings(home=home_folder(), port=parser.parse_args().port)
    with listening(settings) as place:
        log_as_json()
        uvicorn.Server(uvicorn.Config(create_twin(settings), **options(settings))).run([place])


if __name__ == "__main__":
    main()

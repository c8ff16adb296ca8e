"""The twin of benchmarks/service.py: the routes that are compared, in FastAPI, with pydantic's models.

    python -m benchmarks.service_fastapi --port N --workers 0

What is not FastAPI's is the service's own: the same database and statements, the same keys, the same queue, the same
uvicorn with the same options. The models have the fields of the vocabulary's structs, and are made from the rows.
"""

import argparse
import secrets
from typing import Annotated, Any

import msgspec
import sqlalchemy as sa
import uvicorn
from fastapi import Depends, FastAPI, Header, HTTPException
from pydantic import BaseModel
from sqlalchemy.engine import Row
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

import headhunt
from headhunt.errors import HeadhuntError, NotSignedIn
from headhunt.home import home_folder
from service.app import HEADERS, service_of
from service.jobs.queue import Order
from service.keys import Caller
from service.serve import listening, options
from service.settings import Settings
from service.tables import datasets, jobs


class DatasetOut(BaseModel):
    id: str
    name: str
    version: str
    images: int
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


class AskedIn(BaseModel):
    dataset: str
    budget: str = "60s"
    limits: dict[str, Any] = {}
    labels: bool = True
    allow_seen: bool = False


class Named:
    """A name for each request and the same headers on each answer, as plain ASGI: the cheapest that there is."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        scope.setdefault("state", {})["request_id"] = secrets.token_hex(8)
        await self.app(scope, receive, with_headers)


def create_twin(settings: Settings) -> FastAPI:
    service = service_of(settings)
    mine = datasets.c.project == sa.bindparam("of")
    same = (datasets.c.id == sa.bindparam("named")) | (datasets.c.name == sa.bindparam("named"))
    all_of = sa.select(datasets).where(mine).order_by(datasets.c.created.desc(), datasets.c.id)
    one_of = sa.select(datasets).where(mine, same)
    one_job = sa.select(jobs).where(jobs.c.id == sa.bindparam("job"))
    app = FastAPI(title="headhunt", version=headhunt.__version__)
    app.add_middleware(Named)

    def caller(authorization: Annotated[str, Header()] = "") -> Caller:
        kind, _, token = authorization.partition(" ")
        try:
            if kind.lower() != "bearer":
                raise NotSignedIn("No key.")
            return service.keys.caller(token.strip())
        except HeadhuntError as error:
            raise HTTPException(401, str(error)) from error

    Signed = Annotated[Caller, Depends(caller)]

    @app.get("/health")
    async def health() -> dict[str, str]:
        return {"status": "ok", "version": headhunt.__version__}

    @app.get("/ready")
    def ready() -> dict[str, str]:
        with service.database.read() as connection:
            connection.exec_driver_sql("SELECT 1")
        return {"status": "ok"}

    @app.get("/api/v1/datasets")
    def all_datasets(who: Signed) -> list[DatasetOut]:
        with service.database.read() as connection:
            rows = connection.execute(all_of, {"of": who.project}).all()
        return [dataset_of(row) for row in rows]

    @app.get("/api/v1/datasets/{dataset}")
    def one_dataset(who: Signed, dataset: str) -> DatasetOut:
        with service.database.read() as connection:
            row = connection.execute(one_of, {"of": who.project, "named": dataset}).first()
        if row is None:
            raise HTTPException(404)
        return dataset_of(row)

    @app.post("/api/v1/recommendations", status_code=202)
    def ask(who: Signed, asked: AskedIn) -> JobOut:
        found = service.datasets.get(who.project, asked.dataset)
        spec = {"asked": asked.model_dump(), "version": found.version, "name": found.name}
        job = service.queue.put(Order(who.project, "recommend", spec))
        return JobOut.model_validate(msgspec.to_builtins(job))

    @app.get("/api/v1/recommendations/{job}")
    def one_recommendation(who: Signed, job: str) -> JobOut:
        with service.database.read() as connection:
            row = connection.execute(one_job, {"job": job}).first()
        if row is None or row.project != who.project:
            raise HTTPException(404)
        return job_of(row)

    return app


def dataset_of(row: Row[Any]) -> DatasetOut:
    return DatasetOut(
        id=row.id, name=row.name, version=row.version, created=row.created, **msgspec.json.decode(row.facts)
    )


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
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--workers", type=int)
    settings = Settings(home=home_folder(), port=parser.parse_args().port)
    with listening(settings) as place:
        uvicorn.Server(uvicorn.Config(create_twin(settings), **options(settings))).run([place])


if __name__ == "__main__":
    main()

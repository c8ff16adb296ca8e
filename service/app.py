"""The application: `create_app(settings)` joins database, queue, keys and routes. It imports no torch."""

import secrets
from typing import Any

from litestar import Litestar, Request, Router, get
from litestar.datastructures import MutableScopeHeaders
from litestar.di import NamedDependency, Provide
from litestar.openapi import OpenAPIConfig
from litestar.types import Message, Scope

import headhunt
from service.database import Database
from service.datasets import Datasets
from service.jobs.queue import Queue
from service.keys import Keys
from service.problems import answered
from service.routes.datasets import add_dataset, get_dataset, list_datasets
from service.routes.recommendations import ask, cancel, follow, get_recommendation
from service.routes.state import Service
from service.settings import Settings
from service.tables import metadata

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}
ROUTES = (add_dataset, list_datasets, get_dataset, ask, get_recommendation, cancel, follow)


def service_of(settings: Settings) -> Service:
    """The parts, without the web. Makes the tables that are not there."""
    settings.home.mkdir(parents=True, exist_ok=True)
    database = Database(settings.database_url)
    database.make(metadata)
    queue = Queue(database, settings.lease_s)
    return Service(settings, database, queue, Keys(database), Datasets(database, settings.home))


def create_app(settings: Settings) -> Litestar:
    service = service_of(settings)
    return Litestar(
        [health, ready, Router("/api/v1", route_handlers=ROUTES)],
        dependencies={"service": Provide(lambda: service, sync_to_thread=False)},
        exception_handlers={Exception: answered},
        before_request=name_request,
        before_send=[add_headers],
        request_max_body_size=settings.max_json_bytes,
        openapi_config=OpenAPIConfig(title="headhunt", version=headhunt.__version__, path="/api/schema"),
        on_shutdown=[service.database.close],
        debug=False,
    )


@get("/health", sync_to_thread=False)
def health() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok", "version": headhunt.__version__}


@get("/ready", sync_to_thread=True)
def ready(service: NamedDependency[Service]) -> dict[str, str]:
    """The database answers, too."""
    with service.database.read() as connection:
        connection.exec_driver_sql("SELECT 1")
    return {"status": "ok"}


def name_request(request: Request[Any, Any, Any]) -> None:
    """Every request has a name, which its answer, its log lines and its job carry."""
    request.state.request_id = secrets.token_hex(8)


async def add_headers(message: Message, _: Scope) -> None:
    """To every answer, those about errors included."""
    if message["type"] == "http.response.start":
        headers = MutableScopeHeaders.from_message(message)
        for name, value in HEADERS.items():
            headers.setdefault(name, value)

"""The application: `create_app(settings)` joins the parts and the routes. It imports no torch."""

from typing import Any

from litestar import Litestar, Request, Response, Router, get
from litestar.datastructures import State
from litestar.di import NamedDependency, Provide

from headhunt import __version__
from service.access import Caller, allowed
from service.asked import note_parameters
from service.describing import described
from service.following import Following
from service.measures import Measures
from service.mlflow import routes as mlflow
from service.paging import paging_of
from service.parts import Service, service_of
from service.patience import patient
from service.problems import answered
from service.requests import Surroundings, begin
from service.routes import ROUTES, pages, reports
from service.settings import Settings


def create_app(settings: Settings) -> Litestar:
    service = service_of(settings)
    measures = Measures(service.database, settings)
    following = Following(service.queue)
    app = Litestar(
        [
            health,
            ready,
            metrics,
            *pages.ROUTES,
            reports.show_page,
            Router("/api/v1", route_handlers=ROUTES),
            mlflow.ROUTES,
        ],
        dependencies={
            "service": Provide(lambda: service, sync_to_thread=False),
            "measures": Provide(lambda: measures, sync_to_thread=False),
            "following": Provide(lambda: following, sync_to_thread=False),
            "caller": Provide(caller_of, sync_to_thread=False),
            "paging": Provide(paging_of, sync_to_thread=False),
        },
        guards=[allowed],
        exception_handlers={Exception: answered},
        middleware=[patient(settings.patience_s)],
        before_request=begin,
        before_send=[Surroundings(service, measures)],
        request_max_body_size=settings.max_json_bytes,
        openapi_config=described(),
        on_shutdown=[following.close, service.desk.close, service.door.close, service.database.close],
        state=State({"service": service, "following": following}),
        debug=False,
    )
    note_parameters(app)
    return app


def caller_of(request: Request[Any, Any, Any], service: NamedDependency[Service]) -> Caller:  # noqa: ARG001
    """Whom the guard found. One dependency asks for the other, so that they come one by one: the framework makes a task
    for each of those that could come at the same time, which takes longer than all that they do."""
    found: Caller = request.state.caller
    return found


@get("/health", sync_to_thread=False, who="anyone", tags=["state"])
def health() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok", "version": __version__}


@get("/ready", sync_to_thread=True, who="anyone", tags=["state"])
def ready(service: NamedDependency[Service]) -> dict[str, str]:
    """The database answers, too."""
    with service.database.read() as connection:
        connection.exec_driver_sql("SELECT 1")
    return {"status": "ok"}


@get("/metrics", sync_to_thread=True, who="known", tags=["state"], media_type="text/plain")
def metrics(measures: NamedDependency[Measures]) -> Response[bytes]:
    """For Prometheus; any key that holds may read it."""
    return Response(measures.text(), media_type="text/plain; version=0.0.4")

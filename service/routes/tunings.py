"""Tunings: asked for here, followed as jobs, paused and resumed as studies."""

from typing import Any

from litestar import Request, Response, post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from headhunt.studies.tuned import TuningAsked
from headhunt.wire import Job
from service.access import Caller
from service.headers import Again
from service.ordering import accepted, order_of
from service.parts import Service
from service.routes.keeping import shared
from service.tunings.asking import asked_of

TAGS = ["studies"]


@post("/tunings", status_code=202, sync_to_thread=True, who="keeper", tags=TAGS)
def ask_tuning(
    request: Request[Any, Any, Any],
    service: NamedDependency[Service],
    caller: NamedDependency[Caller],
    data: JSONBody[TuningAsked],
    again: Again = None,
) -> Response[Job]:
    """Search for the hyper-parameters of a fine-tuning, and keep the best in the zoo: a job of the kind `tune`. Its
    study is one of the project's."""
    project = shared(service)
    asked = asked_of(service, project, data, (caller.who, caller.owner or ""))
    return accepted(service.queue, order_of(request, caller, asked, again, project))


ROUTES = (ask_tuning,)

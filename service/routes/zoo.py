"""The zoo, which all projects share: models, domains, the matrix, weights, the history."""

from typing import Annotated, Any

from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter

from headhunt.vocabulary import Domain, ModelCard, Outcome
from headhunt.wire import MatrixShown, Page
from service.asked import LONGEST
from service.paging import Paging, cursor_of, page_of, polled
from service.parts import Service
from service.ranges import file_answer
from service.repository import CONDITIONS, REPEATED

TAGS = ["zoo"]
Sort = Annotated[
    str, QueryParameter(name="sort", max_length=64, description="A fact, as params; -params for the largest first.")
]
Named = Annotated[str | None, QueryParameter(max_length=LONGEST, description="Only of this one.")]


@get("/zoo/models", sync_to_thread=True, who="known", tags=TAGS, filters=(*CONDITIONS, "sort"), repeated=REPEATED)
def list_models(
    request: Request[Any, Any, Any],
    service: NamedDependency[Service],
    paging: NamedDependency[Paging],
    sort: Sort = "id",
) -> Response[Page[ModelCard]]:
    """The models that meet every condition: `?max_params=5M&network=resnet*`, as in `headhunt zoo list`."""
    conditions = {name: request.query_params.getall(name) for name in CONDITIONS if name in request.query_params}
    found = service.repository.cards(conditions, sort, paging.cursor(str, int), paging.limit + 1)
    places = {card.id: place for place, card in found}
    return polled(request, page_of([card for _, card in found], paging.limit, lambda card: places[card.id]))


@get("/zoo/models/{model:path}", sync_to_thread=True, who="known", tags=TAGS)
def get_model(
    request: Request[Any, Any, Any], service: NamedDependency[Service], model: FromPath[str]
) -> Response[ModelCard]:
    """All that is known of one model; its id is DOMAIN/NAME."""
    return polled(request, service.repository.card(model.removeprefix("/")))


@get("/zoo/weights/{digest:str}", sync_to_thread=True, who="known", tags=TAGS, media_type="application/octet-stream")
def get_weights(
    request: Request[Any, Any, Any], service: NamedDependency[Service], digest: FromPath[str]
) -> Response[bytes]:
    """The safetensors file that a card names as its `weights`; parts of it by Range."""
    path = service.repository.weights(digest)
    return file_answer(request, path, digest, f"{digest}.safetensors")


@get("/zoo/domains", sync_to_thread=True, who="known", tags=TAGS)
def list_domains(
    request: Request[Any, Any, Any], service: NamedDependency[Service], paging: NamedDependency[Paging]
) -> Response[Page[Domain]]:
    """By name."""
    (after,) = paging.cursor(str) or ("",)
    return polled(
        request,
        page_of(service.repository.domains(after, paging.limit + 1), paging.limit, lambda one: (one.name,)),
    )


@get("/zoo/matrix", sync_to_thread=True, who="known", tags=TAGS)
def show_matrix(request: Request[Any, Any, Any], service: NamedDependency[Service]) -> Response[MatrixShown]:
    """Data x Network: which models stand in each cell, and the best accuracy known there."""
    return polled(request, service.repository.matrix())


@get("/history", sync_to_thread=True, who="known", tags=TAGS, filters=("model", "dataset"))
def list_outcomes(
    request: Request[Any, Any, Any],
    service: NamedDependency[Service],
    paging: NamedDependency[Paging],
    model: Named = None,
    dataset: Named = None,
) -> Response[Page[Outcome]]:
    """What came of trainings, the newest first."""
    (before,) = paging.cursor(int) or (None,)
    found = service.repository.outcomes(model, dataset, before, paging.limit + 1)
    shown = found[: paging.limit]
    more = cursor_of((shown[-1][0],)) if len(found) > paging.limit else None
    return polled(request, Page(items=tuple(row for _, row in shown), next=more))


ROUTES = (list_models, get_model, get_weights, list_domains, show_matrix, list_outcomes)

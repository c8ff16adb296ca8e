"""Keeping the zoo: models taken in, trained and removed, domains published. What takes long is a job."""

from pathlib import Path
from typing import Any

import msgspec
from litestar import Request, Response, delete, get, post
from litestar.concurrency import sync_to_thread
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from headhunt.errors import BadValue, HeadhuntError, ServiceUnavailable, UnsupportedType, one_line, printable
from headhunt.vocabulary import Domain
from headhunt.wire import CellAsked, DomainAsked, Job, ModelAdded, WeightsSent
from service.access import Caller
from service.data.arriving import bytes_into, room_of
from service.drafts import kept_draft, sent_name
from service.headers import Again
from service.ordering import accepted, order_of
from service.paging import polled
from service.parts import Service
from service.projects import DEFAULT
from service.uploads import LARGEST, draft
from zoo.networks.safetensors_header import check_header

TAGS = ["zoo"]
SEVERAL = ("mean", "std", "classes")
BINARY = "application/octet-stream"


@post("/zoo/models", status_code=202, sync_to_thread=True, who="keeper", tags=TAGS)
def add_models(
    request: Request[Any, Any, Any],
    service: NamedDependency[Service],
    caller: NamedDependency[Caller],
    data: JSONBody[ModelAdded],
    again: Again = None,
) -> Response[Job]:
    """Models of timm, by tag or pattern, or the recommended ones: a job of the kind `add`."""
    asked = service.stocking.models(data)
    return accepted(service.queue, order_of(request, caller, asked, again, shared(service)))


@post(
    "/zoo/weights",
    status_code=202,
    request_max_body_size=None,
    who="keeper",
    tags=TAGS,
    filters=WeightsSent.__struct_fields__,
    repeated=SEVERAL,
    needed=("network", "domain"),
    takes=(BINARY,),
)
async def send_weights(
    request: Request[Any, Any, Any],
    service: NamedDependency[Service],
    caller: NamedDependency[Caller],
    again: Again = None,
) -> Response[Job]:
    """A safetensors file as the bare body, and what it is as parameters: a job of the kind `add` checks every value."""
    if request.content_type[0] != BINARY:
        raise UnsupportedType(f"Weights cannot come as {printable(request.content_type[0], 80)!r}. Send {BINARY}.")
    sent = sent_by(request)
    await sync_to_thread(service.stocking.check_weights, sent)
    room = await room_of(request, service, caller, part=LARGEST)
    async with draft(service.settings.home, room.most) as file:
        await bytes_into(request, room, file)
        kept, digest = await file.run(checked, service.settings.home, Path(file.name)), file.digest
    try:
        await sync_to_thread(service.store.send, {sent_name(kept.name): kept})
        asked = service.stocking.weights(sent, kept, digest)
        order = order_of(request, caller, asked, again, await sync_to_thread(shared, service))
        answer = await sync_to_thread(accepted, service.queue, order)
    except HeadhuntError as error:  # anything else may come after the order was written: then a job waits for the file
        if not isinstance(error, ServiceUnavailable):
            kept.unlink(missing_ok=True)
        raise
    if (await sync_to_thread(service.queue.spec, answer.content.id)).get("draft") != kept.name:
        kept.unlink(missing_ok=True)  # this key has brought the same before
    return answer


@delete("/zoo/models/{model:path}", status_code=204, sync_to_thread=True, who="keeper", tags=TAGS)
def remove_model(service: NamedDependency[Service], model: FromPath[str]) -> None:
    """Its card, and its weights where no other card has them."""
    service.repository.remove(model.removeprefix("/"))


@post("/zoo/domains", status_code=201, sync_to_thread=True, who="keeper", tags=TAGS)
def add_domain(service: NamedDependency[Service], data: JSONBody[DomainAsked]) -> Response[Domain]:
    """A dataset of the default project becomes a row of the zoo, which everybody may see."""
    made = service.stocking.publish(data, shared(service))
    return Response(made, status_code=201, headers={"Location": f"/api/v1/zoo/domains/{made.name}"})


@get("/zoo/domains/{domain:str}", sync_to_thread=True, who="known", tags=TAGS)
def get_domain(
    request: Request[Any, Any, Any], service: NamedDependency[Service], domain: FromPath[str]
) -> Response[Domain]:
    return polled(request, service.repository.shelf().domain(domain))


@delete("/zoo/domains/{domain:str}", status_code=204, sync_to_thread=True, who="keeper", tags=TAGS)
def remove_domain(service: NamedDependency[Service], domain: FromPath[str]) -> None:
    """One that no model stands on. Its images stay where they are."""
    service.repository.remove_domain(domain)


@post("/zoo/cells", status_code=202, sync_to_thread=True, who="keeper", tags=TAGS)
def fill_cell(
    request: Request[Any, Any, Any],
    service: NamedDependency[Service],
    caller: NamedDependency[Caller],
    data: JSONBody[CellAsked],
    again: Again = None,
) -> Response[Job]:
    """Train a network on a domain of the zoo: a job of the kind `train`."""
    asked = service.stocking.cell(data, shared(service))
    return accepted(service.queue, order_of(request, caller, asked, again, shared(service)))


def shared(service: Service) -> str:
    """The project whose datasets may become domains, and whose jobs work on the zoo."""
    return service.projects.ensure(DEFAULT, make=True)


def sent_by(request: Request[Any, Any, Any]) -> WeightsSent:
    """Raises BadValue."""
    given = {name: request.query_params.getall(name) for name in dict.fromkeys(request.query_params)}
    try:
        plain = {name: values if name in SEVERAL else values[-1] for name, values in given.items()}
        return msgspec.convert(plain, WeightsSent, strict=False)
    except msgspec.ValidationError as error:
        raise BadValue(f"A parameter is missing or wrong: {one_line(error)}.") from error


def checked(home: Path, path: Path) -> Path:
    """The draft under its own name, if it can be safetensors. Raises SafetensorsOnly, BrokenWeights."""
    with path.open("rb") as file:
        check_header(file, path.stat().st_size)
    return kept_draft(home, path)


ROUTES = (add_models, send_weights, remove_model, add_domain, get_domain, remove_domain, fill_cell)

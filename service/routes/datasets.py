"""Datasets: send an archive, see what is there."""

from pathlib import Path
from typing import Any

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from headhunt.errors import BadValue, UnsupportedType
from headhunt.wire import Dataset, Page
from service.access import Caller
from service.paging import Paging, page_of, polled
from service.parts import Service
from service.uploads import bare, draft, form

TAGS = ["datasets"]
SUFFIXES = (".tar.gz", ".tgz", ".tar", ".zip")


@post("/datasets", request_max_body_size=None, who="member", tags=TAGS)
async def add_dataset(
    request: Request[Any, Any, Any], service: NamedDependency[Service], caller: NamedDependency[Caller]
) -> Response[Dataset]:
    """A zip or tar of images with a folder for each class: as the file `archive` of a form, or as the bare body."""
    kind, options = request.content_type
    async with draft(service.settings.home) as file:
        if kind == "multipart/form-data":
            fields, filename = await form(request.stream(), options.get("boundary", ""), file)
            name = fields.get("name") or stem_of(filename)
        elif kind in ("application/octet-stream", "application/zip", "application/x-tar", "application/gzip"):
            name = request.query_params.get("name", "")
            if not name:
                raise BadValue("The dataset has no name. Send it as ?name=NAME, or as the field 'name' of a form.")
            await bare(request.stream(), file)
        else:
            raise UnsupportedType(f"An archive cannot come as {kind or 'nothing'!r}. Send a form, or application/zip.")
        found, new = await file.run(service.datasets.add, caller.project, name, Path(file.name))
    return Response(found, status_code=201 if new else 200, headers={"Location": f"/api/v1/datasets/{found.id}"})


@get("/datasets", sync_to_thread=True, who="reader", tags=TAGS)
def list_datasets(
    request: Request[Any, Any, Any],
    service: NamedDependency[Service],
    caller: NamedDependency[Caller],
    paging: NamedDependency[Paging],
) -> Response[Page[Dataset]]:
    """The newest first."""
    found = service.datasets.all(caller.project, paging.cursor(float, str), paging.limit + 1)
    return polled(request, page_of(found, paging.limit, lambda one: (one.created, one.id)))


@get("/datasets/{dataset:str}", sync_to_thread=True, who="reader", tags=TAGS)
def get_dataset(
    request: Request[Any, Any, Any],
    service: NamedDependency[Service],
    caller: NamedDependency[Caller],
    dataset: FromPath[str],
) -> Response[Dataset]:
    """By id or by name."""
    return polled(request, service.datasets.get(caller.project, dataset))


def stem_of(filename: str) -> str:
    """`photos.tar.gz` is called photos. It names nothing on the disk."""
    plain = filename.replace("\\", "/").rpartition("/")[2]
    return next((plain[: -len(suffix)] for suffix in SUFFIXES if plain.lower().endswith(suffix)), plain)


ROUTES = (add_dataset, list_datasets, get_dataset)

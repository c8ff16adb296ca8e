"""The OpenAPI description, at /api/schema/openapi.json: it, too, is for those who have a key.

The framework describes paths, parameters and docstrings. What all routes have in common is added here, in one place:
the structs as msgspec reads them, the answers to what goes wrong, the parameters that a route names as `filters=`,
the bodies that are no JSON (`takes=`, `gives=`), what else may be refused (`refuses=`), examples.
"""

from collections.abc import Iterator
from typing import Any, get_args, get_origin

import msgspec
from litestar import Litestar, Request, Router
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme
from litestar.routes import HTTPRoute

from headhunt import __version__
from headhunt.wire import Problem
from service.access import PROJECT
from service.asked import LONGEST
from service.examples import EXAMPLES
from service.problems import PROBLEM

KEY = "key"
HERE = "/api/schema"
REF = "#/components/schemas/{name}"
WORDS = {
    400: "What was sent is not understood: `detail` says which part.",
    401: "No key came with the request, or one that does not hold.",
    403: "The key holds, and may not do this.",
    404: "There is no such thing, or it belongs to another project.",
    409: "It cannot be done now: the name is taken, somebody works with it, or it is over.",
    413: "More came than is taken.",
    415: "It came as a kind of content that is not taken.",
    421: "The request names another server.",
    422: "Understood, and impossible.",
    429: "Too many failed attempts: wait for as long as Retry-After says.",
    503: "A part of the server does not answer. Try again.",
    507: "The server's disk is full.",
}
FACTS: dict[str, dict[str, Any]] = {
    "here": {"type": "boolean"},
    "input_size": {
        "anyOf": [{"type": "integer", "minimum": 8, "maximum": 2048}, {"type": "string", "maxLength": LONGEST}]
    },
    "mean": {"type": "number", "minimum": 0, "maximum": 1},
    "std": {"type": "number", "minimum": 0, "maximum": 1},
}
"""Parameters that are no text."""
IDS = {"pattern": "^[^/\\x00]+$", "minLength": 1, "maxLength": 200}
SLASHED = {"pattern": "^[^/\\x00]+/[^/\\x00]+$", "minLength": 3, "maxLength": 400}
"""Of a model: DOMAIN/NAME."""
BINARY = {"type": "string", "format": "binary"}
FORM = {
    "type": "object",
    "properties": {"archive": BINARY, "name": {"type": "string", "minLength": 1, "maxLength": 200}},
    "required": ["archive"],
}
EVENT = {"type": "object", "properties": {key: {"type": "string"} for key in ("id", "event", "data")}}
RAW = {
    "application/octet-stream": BINARY,
    "text/event-stream": EVENT,
    "text/html": {"type": "string"},
    "text/csv": {"type": "string"},
    "application/pdf": BINARY,
}
"""What is sent as it is."""


class Whole(JsonRenderPlugin):
    """The description with what is added here."""

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:  # noqa: ARG002
        return self.render_json(request, description_of(request.app))


def described() -> OpenAPIConfig:
    return OpenAPIConfig(
        title="headhunt",
        version=__version__,
        description="Which pre-trained model to start from. Errors are application/problem+json with a stable code.",
        openapi_router=Router(HERE, route_handlers=[], opt={"who": "known"}),
        render_plugins=[Whole(path="/openapi.json")],
        components=Components(security_schemes={KEY: SecurityScheme(type="http", scheme="bearer")}),
        security=[{KEY: []}],
        use_handler_docstrings=True,
    )


def description_of(app: Litestar) -> dict[str, Any]:
    """Made once, and kept with the application."""
    kept: dict[str, Any] | None = app.state.get("description")
    if kept is None:
        kept = completed(app)
        app.state["description"] = kept
    return kept


def completed(app: Litestar) -> dict[str, Any]:
    document = app.openapi_schema.to_schema()
    document["paths"] = {path: one for path, one in document["paths"].items() if not path.startswith(HERE)}
    operations = list(operations_of(app, document))
    answers = {handler: answer_of(handler) for _, handler in operations}
    bodies = {handler: body_of(handler) for _, handler in operations}
    types = [Problem, *(one for one in (*answers.values(), *bodies.values()) if is_struct(one))]
    schemas, components = msgspec.json.schema_components(types, ref_template=REF)
    refs = dict(zip(types, schemas, strict=True))
    document["components"]["schemas"] = components
    for kind, example in EXAMPLES.items():
        if kind.__name__ in components:
            components[kind.__name__]["examples"] = [msgspec.json.decode(msgspec.json.encode(example))]
    for operation, handler in operations:
        operation["parameters"] = list(parameters(operation, handler))
        if handler.opt.get("who") == "anyone":
            operation["security"] = []
        add_body(operation, handler, refs.get(bodies[handler]))
        add_answers(operation, handler, refs.get(answers[handler]))
    return document


def operations_of(app: Litestar, document: dict[str, Any]) -> Iterator[tuple[dict[str, Any], HTTPRouteHandler]]:
    for route in app.routes:
        if isinstance(route, HTTPRoute) and route.path_format in document["paths"]:
            for method, (handler, _) in route.route_handler_map.items():
                operation = document["paths"][route.path_format].get(method.lower())
                if operation is not None:
                    yield operation, handler


def answer_of(handler: HTTPRouteHandler) -> Any:
    """`Response[Page[Job]]` answers a Page[Job]."""
    told = handler.parsed_fn_signature.return_type.annotation
    return get_args(told)[0] if get_origin(told) is not None and not is_struct(told) and get_args(told) else told


def body_of(handler: HTTPRouteHandler) -> Any:
    data = handler.parsed_fn_signature.parameters.get("data")
    return handler.opt.get("struct") if data is None else data.annotation


def is_struct(kind: Any) -> bool:
    return isinstance(get_origin(kind) or kind, type) and issubclass(get_origin(kind) or kind, msgspec.Struct)


# --- What is asked ----------------------------------------------------------------------------------------------------


def parameters(operation: dict[str, Any], handler: HTTPRouteHandler) -> Iterator[dict[str, Any]]:
    there = set()
    for one in operation.get("parameters", ()):
        there.add(one["name"])
        schema = without_null(one["schema"])
        if one["in"] == "path":
            more = SLASHED if one["name"] == "model" else IDS
            first = 0 if handler.opt.get("study_key") else 1  # trials are counted from 0
            schema = {**schema, **(more if schema.get("type") == "string" else {"minimum": first})}
        yield {"name": one["name"], "in": one["in"], "required": one["required"], "schema": schema} | (
            {"description": one["description"]} if one.get("description") else {}
        )
    several = handler.opt.get("repeated", ())
    for name in handler.opt.get("filters", ()):
        if name not in there:
            one = FACTS.get(name, {"type": "string", "maxLength": LONGEST})
            yield {
                "name": name,
                "in": "query",
                "required": name in handler.opt.get("needed", ()),
                "schema": {"type": "array", "items": one} if name in several else one,
            }
    if handler.opt.get("who") in ("reader", "member", "owner", "keeper") and "project" not in there:
        yield {
            "name": PROJECT,
            "in": "header",
            "required": False,
            "schema": {"type": "string", "maxLength": 64},
            "description": "The project, by name or id, where it is not that of the key.",
        }


def without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """In an address or a header nobody can say null."""
    kinds = [one for one in schema.get("oneOf", ()) if one.get("type") != "null"]
    if len(kinds) != 1:
        return schema
    return {**kinds[0], **{name: value for name, value in schema.items() if name not in ("oneOf", "default")}}


def add_body(operation: dict[str, Any], handler: HTTPRouteHandler, ref: dict[str, Any] | None) -> None:
    if ref is not None:
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": ref}}}
    for kind in handler.opt.get("takes", ()):
        body = operation.setdefault("requestBody", {"required": True, "content": {}})
        body["content"][kind] = {"schema": FORM if kind.startswith("multipart/") else BINARY}


# --- What is answered -------------------------------------------------------------------------------------------------


def add_answers(operation: dict[str, Any], handler: HTTPRouteHandler, ref: dict[str, Any] | None) -> None:
    usual = str(handler.status_code)
    words = operation["responses"].get(usual, {}).get("description", "Well.")
    kind = str(getattr(handler.media_type, "value", handler.media_type))
    content = {"application/json": {"schema": ref}} if ref is not None else operation["responses"][usual].get("content")
    kinds = handler.opt.get("gives", (kind,))
    if any(kind in RAW for kind in kinds):
        content = {kind: {"schema": RAW.get(kind, {})} for kind in kinds}
    answers = {usual: {"description": words} | ({"content": content} if content and usual != "204" else {})}
    for status in handler.opt.get("also", ()):
        answers[str(status)] = answers[usual]
    if "GET" in handler.http_methods and handler.opt.get("who") != "anyone":
        answers["304"] = {"description": "Nothing has changed since the ETag in If-None-Match."}
    for status in problems_of(operation, handler):
        answers[str(status)] = {
            "description": WORDS[status],
            "content": {PROBLEM: {"schema": {"$ref": REF.format(name="Problem")}}},
        }
    operation["responses"] = dict(sorted(answers.items()))


def problems_of(operation: dict[str, Any], handler: HTTPRouteHandler) -> Iterator[int]:
    """Which may come: by whom the route is for, what stands in its path, and whether it takes a body."""
    who, changes = handler.opt.get("who"), bool({"POST", "PUT", "PATCH", "DELETE"} & handler.http_methods)
    yield from (400, 421, 429, 503)
    if who != "anyone" or changes:
        yield from (401, 403)
    if who not in ("anyone", "known") or any(one["in"] == "path" for one in operation["parameters"]):
        yield 404
    if changes:
        yield from (409, 422, 507)
    if "requestBody" in operation:
        yield from (413, 415)
    yield from handler.opt.get("refuses", ())

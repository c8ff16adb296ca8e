"""What is wrong with a request before anybody looks at what it asks for: parameters that no route knows, given twice
or too long, a body of another kind than JSON, or nested beyond sense.

A route knows the parameters that it declares, and those it names: `filters=`, and `repeated=` for what may come several
times.
"""

from typing import Any

from litestar import Litestar, Request
from litestar.routes import HTTPRoute

from headhunt.errors import BadValue, UnknownField, UnsupportedType, printable

KNOWN = "parameters"
JSON = "application/json"
LONGEST = 400
"""Characters of a parameter that a route reads by its name."""


def note_parameters(app: Litestar) -> None:
    """Once, when the application is made: each route is told what it knows."""
    for route in app.routes:
        if isinstance(route, HTTPRoute):
            for handler, model in route.route_handler_map.values():
                declared = {one.field_alias for one in model.expected_query_params}
                handler.opt[KNOWN] = frozenset((*declared, *handler.opt.get("filters", ())))


def check_asked(request: Request[Any, Any, Any]) -> None:
    """Raises UnknownField, BadValue, UnsupportedType. A filter that is not understood must not be passed over."""
    handler = request.route_handler
    if handler.opt.get("open_to_parameters"):  # it refuses whatever is asked
        return
    known, named = handler.opt.get(KNOWN, frozenset()), handler.opt.get("filters", ())
    repeated = handler.opt.get("repeated", ())
    for name in dict.fromkeys(request.query_params):
        if name not in known:
            raise UnknownField(printable(name, 80), known)
        values = request.query_params.getall(name)
        if name not in repeated and len(values) > 1:
            raise BadValue(f"{name!r} is given twice. Give it once.")
        if name in named and max(map(len, values)) > LONGEST:
            raise BadValue(f"{name!r} has more than {LONGEST} characters.")
    if "data" in handler.parsed_fn_signature.parameters and request.content_type[0] != JSON:
        raise UnsupportedType(
            f"{printable(request.content_type[0], 80) or 'Nothing'!r} is not taken here. Send {JSON}."
        )

"""The OpenAPI description, at /api/schema/openapi.json: it, too, is for those who have a key."""

from litestar import Router
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme

from headhunt import __version__

KEY = "key"


def described() -> OpenAPIConfig:
    return OpenAPIConfig(
        title="headhunt",
        version=__version__,
        description="Which pre-trained model to start from. Errors are application/problem+json with a stable code.",
        openapi_router=Router("/api/schema", route_handlers=[], opt={"who": "known"}),
        render_plugins=[JsonRenderPlugin(path="/openapi.json")],
        components=Components(security_schemes={KEY: SecurityScheme(type="http", scheme="bearer")}),
        security=[{KEY: []}],
        use_handler_docstrings=True,
    )

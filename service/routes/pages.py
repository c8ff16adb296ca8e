"""Files of the pages, by their names in a table: no path comes from outside."""

from functools import cache
from pathlib import Path

from litestar import MediaType, Response, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import Redirect

HERE = Path(__file__).parent.parent / "pages"
TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".html": MediaType.HTML}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; form-action 'self';"
    " frame-ancestors 'none'; base-uri 'none'"
)


@get("/", sync_to_thread=False, who="anyone", include_in_schema=False)
def home() -> Redirect:
    return Redirect("/sign-in")


@get("/sign-in", sync_to_thread=False, who="anyone", include_in_schema=False, filters=("then",))
def sign_in_page() -> Response[bytes]:
    return page("sign-in.html")


@get("/pages/{name:str}", sync_to_thread=False, who="anyone", include_in_schema=False)
def file(name: FromPath[str]) -> Response[bytes]:
    if name not in files():
        raise NotFoundException
    return page(name)


@cache
def files() -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in HERE.iterdir() if path.suffix in TYPES}


def page(name: str) -> Response[bytes]:
    headers = {"Content-Security-Policy": POLICY, "Cache-Control": "no-cache"}
    return Response(files()[name], media_type=TYPES[Path(name).suffix], headers=headers)


ROUTES = (home, sign_in_page, file)

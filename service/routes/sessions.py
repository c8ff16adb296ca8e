"""Signing in and out, for pages: the session lies in a cookie that scripts cannot read."""

from typing import Any

from litestar import Request, Response, delete, get, post, put
from litestar.datastructures import Cookie
from litestar.di import NamedDependency
from litestar.params import JSONBody

from headhunt.errors import HeadhuntError
from headhunt.wire import Me, NewPassword, SignIn
from service.access import PROJECT, Caller, address_of, check_page
from service.parts import Service
from service.people import SESSION, SESSION_S

TAGS = ["session"]


@post("/session", status_code=200, sync_to_thread=True, who="anyone", tags=TAGS)
def sign_in(request: Request[Any, Any, Any], service: NamedDependency[Service], data: JSONBody[SignIn]) -> Response[Me]:
    """By a name and a password, or by the token of a one-time link."""
    check_page(request)
    where = address_of(request)
    people = service.people
    token = people.follow(data.token, where) if data.token else people.sign_in(data.name, data.password, where)
    one = people.session(token)
    me = Me(user=one.name, key=None, admin=one.admin, project=None, role=None, csrf=one.csrf)
    return Response(me, cookies=[cookie_of(request, service, token, int(SESSION_S))])


@get("/session", sync_to_thread=True, who="known", study_key=True, tags=TAGS)
def who_am_i(request: Request[Any, Any, Any], service: NamedDependency[Service], caller: NamedDependency[Caller]) -> Me:
    """Who the server takes one for; the token that a page's requests need; the project, where one is asked for."""
    user = caller.name if caller.user else None
    found = caller
    if caller.user is not None and not caller.project:
        try:
            found = service.access.in_project(caller, request.headers.get(PROJECT))
        except HeadhuntError:
            found = caller
    return Me(
        user=user,
        key=caller.key,
        admin=caller.admin,
        project=found.project or None,
        role=found.role,
        csrf=caller.csrf,
        study=caller.study,
    )


@delete("/session", sync_to_thread=True, who="user", tags=TAGS)
def sign_out(request: Request[Any, Any, Any], service: NamedDependency[Service]) -> Response[None]:
    service.people.sign_out(request.cookies.get(SESSION, ""))
    return Response(None, status_code=204, cookies=[cookie_of(request, service, "", 0)])


@put("/session/password", status_code=204, sync_to_thread=True, who="user", tags=TAGS)
def set_password(
    service: NamedDependency[Service], caller: NamedDependency[Caller], data: JSONBody[NewPassword]
) -> None:
    """The old one is needed, unless a one-time link let one in. All sessions of this user end, this one too."""
    service.people.set_password(caller.user or "", data.new, None if caller.linked else data.old)


def cookie_of(request: Request[Any, Any, Any], service: Service, token: str, seconds: int) -> Cookie:
    """Not for scripts, not for other sites, and only encrypted where headhunt is reached so."""
    secure = request.url.scheme == "https" or (service.settings.url or "").startswith("https:")
    return Cookie(key=SESSION, value=token, max_age=seconds, httponly=True, secure=secure, samesite="strict")


ROUTES = (sign_in, who_am_i, sign_out, set_password)

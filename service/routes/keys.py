"""API keys of a project. Nobody makes a key that may do more than they may themselves."""

from litestar import Response, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from headhunt.errors import NotAllowed
from headhunt.wire import Key, KeyAsked, NewKey, Page
from service.access import Caller
from service.paging import Paging, page_of
from service.parts import Service

TAGS = ["keys"]


@get("/keys", sync_to_thread=True, who="owner", tags=TAGS)
def list_keys(
    service: NamedDependency[Service], caller: NamedDependency[Caller], paging: NamedDependency[Paging]
) -> Page[Key]:
    """Without their secrets, which nobody has any longer."""
    (after,) = paging.cursor(str) or ("",)
    found = service.keys.all(caller.project, after, paging.limit + 1)
    return page_of(found, paging.limit, lambda one: (one.id,))


@post("/keys", sync_to_thread=True, who="member", tags=TAGS)
def add_key(
    service: NamedDependency[Service], caller: NamedDependency[Caller], data: JSONBody[KeyAsked]
) -> Response[NewKey]:
    """The secret is in this answer, and never again. A member's own key makes none: users and owners do."""
    if not caller.may(data.role) or (caller.user is None and not caller.may("owner")):
        raise NotAllowed(f"A {caller.role} cannot make a key for a {data.role} here. Ask an owner of the project.")
    made = service.keys.create(caller.project, data, caller.user, by=caller.key)
    return Response(made, status_code=201, headers={"Location": f"/api/v1/keys/{made.key.id}"})


@delete("/keys/{key:str}", status_code=200, sync_to_thread=True, who="reader", tags=TAGS)
def revoke_key(service: NamedDependency[Service], caller: NamedDependency[Caller], key: FromPath[str]) -> Key:
    """From now on it does not hold; it stays in the list. Owners revoke any, and each key itself."""
    if key != caller.key and not caller.may("owner"):
        raise NotAllowed("Owners of the project revoke keys; a key revokes only itself.")
    return service.keys.revoke(caller.project, key)


ROUTES = (list_keys, add_key, revoke_key)

"""Users: admins add them and take them away. A new one gets a one-time link, and sets a password with it."""

from litestar import Response, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from headhunt.wire import Invited, NewUser, Page, User
from service.paging import Paging, page_of
from service.parts import Service

TAGS = ["users"]


@get("/users", sync_to_thread=True, who="admin", tags=TAGS)
def list_users(service: NamedDependency[Service], paging: NamedDependency[Paging]) -> Page[User]:
    """By name."""
    (after,) = paging.cursor(str) or ("",)
    return page_of(service.people.all(after, paging.limit + 1), paging.limit, lambda one: (one.name,))


@post("/users", sync_to_thread=True, who="admin", tags=TAGS)
def add_user(service: NamedDependency[Service], data: JSONBody[NewUser]) -> Response[Invited]:
    one = service.people.add(data.name, data.admin)
    return Response(invited(service, one), status_code=201, headers={"Location": f"/api/v1/users/{one.id}"})


@get("/users/{user:str}", sync_to_thread=True, who="admin", tags=TAGS)
def get_user(service: NamedDependency[Service], user: FromPath[str]) -> User:
    return service.people.get(user)


@post("/users/{user:str}/link", sync_to_thread=True, who="admin", tags=TAGS)
def new_link(service: NamedDependency[Service], user: FromPath[str]) -> Invited:
    """For somebody who forgot the password. Links made before no longer hold."""
    return invited(service, service.people.get(user))


@delete("/users/{user:str}", status_code=204, sync_to_thread=True, who="admin", tags=TAGS)
def remove_user(service: NamedDependency[Service], user: FromPath[str]) -> None:
    service.people.remove(user)


def invited(service: Service, one: User) -> Invited:
    token, expires = service.people.link(one.id)
    return Invited(user=one, link=service.settings.link(token), expires=expires)


ROUTES = (list_users, add_user, get_user, new_link, remove_user)

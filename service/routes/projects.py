"""Projects, their members, and the record of who did what there."""

from litestar import Response, delete, get, patch, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from headhunt.errors import NotAllowed
from headhunt.wire import AuditLine, Member, MemberRole, NewProject, Page, Project, ProjectChange
from service.access import Caller
from service.paging import Paging, page_of
from service.parts import Service

TAGS = ["projects"]


@get("/projects", sync_to_thread=True, who="user", tags=TAGS)
def list_projects(
    service: NamedDependency[Service], caller: NamedDependency[Caller], paging: NamedDependency[Paging]
) -> Page[Project]:
    """Those one is a member of, and those that are public; by name."""
    (after,) = paging.cursor(str) or ("",)
    return page_of(service.projects.all(caller.user, after, paging.limit + 1), paging.limit, lambda one: (one.name,))


@post("/projects", sync_to_thread=True, who="user", tags=TAGS)
def add_project(
    service: NamedDependency[Service], caller: NamedDependency[Caller], data: JSONBody[NewProject]
) -> Response[Project]:
    """Whoever makes a project owns it."""
    made = service.projects.add(data.name, data.public, caller.user or "")
    return Response(made, status_code=201, headers={"Location": f"/api/v1/projects/{made.id}"})


@get("/projects/{project:str}", sync_to_thread=True, who="reader", tags=TAGS)
def get_project(service: NamedDependency[Service], caller: NamedDependency[Caller], project: FromPath[str]) -> Project:
    """With what it takes of the disk."""
    return service.projects.one(caller.project, caller.user)


@patch("/projects/{project:str}", sync_to_thread=True, who="owner", tags=TAGS)
def change_project(
    service: NamedDependency[Service],
    caller: NamedDependency[Caller],
    project: FromPath[str],
    data: JSONBody[ProjectChange],
) -> Project:
    """Rename it, make it public or private."""
    service.projects.change(caller.project, data)
    return service.projects.one(caller.project, caller.user)


@delete("/projects/{project:str}", status_code=204, sync_to_thread=True, who="owner", tags=TAGS)
def remove_project(service: NamedDependency[Service], caller: NamedDependency[Caller], project: FromPath[str]) -> None:
    """With all that belongs to it. What runs has to be cancelled first."""
    service.projects.remove(caller.project)


@get("/projects/{project:str}/members", sync_to_thread=True, who="reader", tags=TAGS)
def list_members(
    service: NamedDependency[Service],
    caller: NamedDependency[Caller],
    paging: NamedDependency[Paging],
    project: FromPath[str],
) -> Page[Member]:
    if caller.guest:
        raise NotAllowed("Only members see who else is one.")
    (after,) = paging.cursor(str) or ("",)
    found = service.projects.members(caller.project, after, paging.limit + 1)
    return page_of(found, paging.limit, lambda one: (one.name,))


@put("/projects/{project:str}/members/{user:str}", sync_to_thread=True, who="owner", tags=TAGS)
def put_member(
    service: NamedDependency[Service],
    caller: NamedDependency[Caller],
    project: FromPath[str],
    user: FromPath[str],
    data: JSONBody[MemberRole],
) -> Member:
    """A user, by id or name, becomes a member, or has another role from now on."""
    return service.projects.put_member(caller.project, user, data.role)


@delete("/projects/{project:str}/members/{user:str}", status_code=204, sync_to_thread=True, who="owner", tags=TAGS)
def remove_member(
    service: NamedDependency[Service], caller: NamedDependency[Caller], project: FromPath[str], user: FromPath[str]
) -> None:
    service.projects.remove_member(caller.project, user)


@get("/audit", sync_to_thread=True, who="owner", tags=TAGS)
def list_audit(
    service: NamedDependency[Service], caller: NamedDependency[Caller], paging: NamedDependency[Paging]
) -> Page[AuditLine]:
    """Who did what in this project, the newest first."""
    found = service.audit.lines(caller.project, paging.cursor(float, str), paging.limit + 1)
    return page_of(found, paging.limit, lambda one: (one.at, one.id))


@get("/audit/all", sync_to_thread=True, who="admin", tags=TAGS)
def list_whole_audit(service: NamedDependency[Service], paging: NamedDependency[Paging]) -> Page[AuditLine]:
    """Of all projects, and of what belongs to none: users, projects made, commands on the server's machine."""
    found = service.audit.lines(None, paging.cursor(float, str), paging.limit + 1)
    return page_of(found, paging.limit, lambda one: (one.at, one.id))


ROUTES = (
    list_projects,
    add_project,
    get_project,
    change_project,
    remove_project,
    list_members,
    put_member,
    remove_member,
    list_audit,
    list_whole_audit,
)

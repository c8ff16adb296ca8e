"""Who asks, and what they may. Every route says who it is for: `@get("/datasets", who="reader")`; one that does not
say it is for nobody.

    anyone      nobody need be signed in
    known       any key that holds, any user who is signed in
    user        a user who is signed in, not a key
    admin       a user who runs the server
    keeper       whoever looks after the zoo, which all projects share: an owner of the default project, or an admin
    reader, member, owner     in the project that is asked for: that of the key, or the one that a user's request names
                              in the header Headhunt-Project. What is public may be read by everybody.

What belongs to another project does not exist: 404, never 403.
"""

import hmac
import time
from dataclasses import dataclass, replace
from typing import Any, get_args

from litestar.concurrency import sync_to_thread
from litestar.connection import ASGIConnection
from litestar.exceptions import NotFoundException
from litestar.handlers import BaseRouteHandler

from headhunt.errors import CrossSite, HeadhuntError, NotAllowed, NotSignedIn, UnknownProject
from headhunt.wire import Role
from service.failures import Guesses
from service.hosts import Hosts
from service.keys import REFUSED, Held, Keys
from service.naming import name_of
from service.people import SESSION, People
from service.projects import DEFAULT, Projects

ROLES: tuple[Role, ...] = get_args(Role)
PROJECT = "Headhunt-Project"
CSRF = "X-CSRF-Token"
HELD_S, MOST_HELD = 1.0, 1000
"""A key is looked up once a second: one that was revoked by another process may hold for so long."""
SAFE = ("GET", "HEAD", "OPTIONS")
Connection = ASGIConnection[Any, Any, Any, Any]


@dataclass(frozen=True)
class Caller:
    """project, role: where the request goes, and what the caller may do there; empty where it goes to no project."""

    project: str = ""
    role: Role | None = None
    key: str | None = None
    user: str | None = None
    name: str = ""
    admin: bool = False
    csrf: str | None = None
    guest: bool = False
    """No member: the project is public."""
    linked: bool = False
    """Came in by a one-time link, and may set a password without knowing the old one."""
    maker: str | None = None
    """The user who made the key."""
    study: str | None = None
    """The key is for the trials of this study, and for nothing else."""

    def may(self, role: Role) -> bool:
        return self.role is not None and ROLES.index(self.role) >= ROLES.index(role)

    @property
    def owner(self) -> str | None:
        """To whom belongs what is made: the user, also where a key of theirs asks."""
        return self.user or self.maker or self.key

    @property
    def who(self) -> str:
        if self.user is not None:
            return f"user {self.name}"
        return f"key {self.key} {self.name}".strip() if self.key else "nobody"


class Access:
    """Knows callers by their keys, their sessions, or not at all."""

    def __init__(self, keys: Keys, people: People, projects: Projects, hosts: Hosts) -> None:
        self.keys, self.people, self.projects, self.hosts = keys, people, projects, hosts
        self.guesses = Guesses()
        self._held: dict[str, tuple[float, Held]] = {}

    def caller(self, connection: Connection, wanted: str) -> Caller:
        """Raises NotSignedIn, NotAllowed, UnknownProject, CrossSite."""
        if wanted == "anyone":
            return Caller()
        self.hosts.check(connection.headers.get("host", ""))
        caller = self._known(connection)
        named = connection.path_params.get("project") or connection.headers.get(PROJECT)
        if wanted in ROLES or (wanted == "keeper" and not caller.admin):
            caller = self.in_project(caller, named)
        if wanted == "keeper" and not caller.admin:
            check(caller, "owner")
            if caller.project != self.projects.ensure(DEFAULT):
                raise NotAllowed("All projects share the zoo: owners of the default project and admins look after it.")
            return caller
        check(caller, wanted)
        return caller

    def _known(self, connection: Connection) -> Caller:
        kind, _, token = connection.headers.get("authorization", "").partition(" ")
        if kind:
            if kind.lower() != "bearer" or not token.strip():
                raise NotSignedIn(REFUSED)
            held = self._holder(connection, token.strip())
            return Caller(held.project, held.role, key=held.key, name=held.name, maker=held.user, study=held.study)
        cookie = connection.cookies.get(SESSION)
        if not cookie:
            return Caller()
        one = self.people.session(cookie)
        if connection.scope.get("method") not in SAFE:
            check_origin(connection, one.csrf)
        return Caller(user=one.user, name=one.name, admin=one.admin, csrf=one.csrf, linked=one.linked)

    def _holder(self, connection: Connection, token: str) -> Held:
        now = time.monotonic()
        known = self._held.get(token)
        if known is not None and known[0] > now:
            return known[1]
        try:
            held = self.keys.holder(token)
        except NotSignedIn:
            self.guesses.add(address_of(connection))
            raise
        if len(self._held) >= MOST_HELD:
            self._held.clear()
        self._held[token] = now + HELD_S, held
        return held

    def forget(self) -> None:
        """Something was changed here: from now on every key is looked up again."""
        self._held.clear()

    def in_project(self, caller: Caller, named: str | None) -> Caller:
        """The caller where the request goes: its key's project, one it is a member of, or a public one."""
        if caller.key is not None and named is None:
            return caller
        if caller.key is None and caller.user is None and named is None:
            raise NotSignedIn(REFUSED)
        found = self.projects.find(named, caller.user)
        if caller.key is not None and found is not None and found.id == caller.project:
            return caller
        if found is None or (found.role is None and not found.public):
            if caller.key is None and caller.user is None:
                raise NotSignedIn(REFUSED)
            raise UnknownProject(named or "default")
        return replace(caller, project=found.id, role=found.role or "reader", guest=found.role is None)


def a(role: str) -> str:
    return f"an {role}" if role == "owner" else f"a {role}"


def check(caller: Caller, wanted: str) -> None:
    """Deny by default: a word that is not known here is nobody's."""
    known = caller.key is not None or caller.user is not None
    if wanted in ("known", "user", "admin") and not known:
        raise NotSignedIn(REFUSED)
    if wanted == "known":
        return
    if wanted == "user" and caller.user is not None:
        return
    if wanted in ("admin", "keeper") and caller.user is not None and caller.admin:
        return
    if wanted in ROLES and caller.may(wanted):
        return
    if wanted in ROLES:
        raise NotAllowed(
            f"This needs {a(wanted)}, and you are {a(caller.role or 'guest')} here. Ask an owner of the project."
        )
    raise NotAllowed(
        "This is for users who are signed in, not for keys." if wanted == "user" else "This is for admins."
    )


def check_origin(connection: Connection, csrf: str) -> None:
    """A session rides on a cookie, which a browser sends along whoever asks: so a page has to show that it is ours."""
    check_page(connection)
    if not hmac.compare_digest(connection.headers.get(CSRF, "").encode(), csrf.encode()):
        raise CrossSite(f"The request lacks its token. Send what GET /api/v1/session says as csrf, in {CSRF}.")


def check_page(connection: Connection) -> None:
    """Browsers say which page sent a request."""
    origin = connection.headers.get("origin")
    if origin is not None and origin.partition("://")[2] != connection.headers.get("host", ""):
        raise CrossSite("Another site sent this request. Open headhunt's own page.")


def address_of(connection: Connection) -> str:
    return connection.client.host if connection.client else ""


async def allowed(connection: Connection, handler: BaseRouteHandler) -> None:
    """The guard of all routes."""
    name_of(connection.scope)
    if any("\0" in str(value) for value in connection.path_params.values()):
        raise NotFoundException
    service = connection.app.state.service
    wanted = handler.opt.get("who", "nobody")
    try:
        if at_once(service.database.is_sqlite, connection, wanted):
            connection.state.caller = service.access.caller(connection, wanted)
        else:
            connection.state.caller = await sync_to_thread(service.access.caller, connection, wanted)
        check_scope(connection.state.caller, handler)
    except HeadhuntError:
        connection.state.caller = None
        raise


def check_scope(caller: Caller, handler: BaseRouteHandler) -> None:
    """A study's key is for the routes that say so, which look whether it is their study."""
    if caller.study is not None and not handler.opt.get("study_key") and handler.opt.get("who") != "anyone":
        raise NotAllowed("This key is for the trials of one study alone. Take a key of the project.")


def at_once(sqlite: bool, connection: Connection, wanted: str) -> bool:
    """Where no thread need be asked: there is nothing to look up, or a key in SQLite, where no reader waits for anybody
    and which takes less time than the way to a thread and back."""
    return wanted == "anyone" or (sqlite and wanted in (*ROLES, "known") and "authorization" in connection.headers)

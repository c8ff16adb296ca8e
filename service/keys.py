"""API keys: shown once, kept as a hash, for one project, with a role; they expire and can be revoked.

A key is `hh_<id>_<secret>`. The secret is 256 random bits, so a plain SHA-256 of it tells nobody anything: there is
nothing to guess, as there is with passwords.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import get_args

import sqlalchemy as sa

from headhunt.errors import BadValue, NotSignedIn, UnknownProject, printable
from headhunt.vocabulary import Role
from service.database import Database
from service.tables import api_keys, projects

DEFAULT = "default"
ROLES: tuple[Role, ...] = get_args(Role)
"""Each may do what those before it may."""
DAY_S = 86400.0
REFUSED = "This needs a key that holds. Send 'Authorization: Bearer KEY'; 'headhunt key create' makes one."


@dataclass(frozen=True)
class Caller:
    """Who asks: the project of the key, and what it may do there."""

    project: str
    role: Role
    key: str

    def may(self, role: Role) -> bool:
        return ROLES.index(self.role) >= ROLES.index(role)


class Keys:
    """The projects and keys of a database."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def project(self, name: str, make: bool = False) -> str:
        """The id of a project of that name. Raises UnknownProject."""
        with self.database.write() as connection:
            found = connection.execute(sa.select(projects.c.id).where(projects.c.name == name)).scalar()
            if found is None and not make:
                known = connection.execute(sa.select(projects.c.name)).scalars().all()
                raise UnknownProject(name, known)
            if found is None:
                check_name(name)
                found = secrets.token_hex(16)
                row = {"id": found, "name": name, "created": self.database.now}
                connection.execute(sa.insert(projects).values(row))
            return str(found)

    def create(self, project: str, role: Role = "member", name: str = "", days: float | None = None) -> str:
        """A new key of the project with this id. It is told this once."""
        if role not in ROLES:
            raise BadValue(f"No role {role!r}. There are: {', '.join(ROLES)}.")
        if days is not None and not 0 < days < 36500:
            raise BadValue(f"A key cannot hold for {days:g} days. Give a number above 0, or none for ever.")
        key, secret = secrets.token_hex(8), secrets.token_urlsafe(32)
        row = {
            "id": key,
            "project": project,
            "name": name,
            "role": role,
            "secret_hash": hashed(secret),
            "created": self.database.now,
            "expires": None if days is None else self.database.now + days * DAY_S,
        }
        with self.database.write() as connection:
            connection.execute(sa.insert(api_keys).values(row))
        return f"hh_{key}_{secret}"

    def revoke(self, key: str) -> bool:
        """From now on it does not hold. False: there was none, or it was revoked before."""
        with self.database.write() as connection:
            mine = (api_keys.c.id == key) & api_keys.c.revoked.is_(None)
            return connection.execute(sa.update(api_keys).where(mine).values(revoked=self.database.now)).rowcount > 0

    def caller(self, token: str) -> Caller:
        """Who holds this key. Raises NotSignedIn, with the same words whatever is wrong with it."""
        kind, _, rest = token.partition("_")
        key, _, secret = rest.partition("_")
        wanted = sa.select(api_keys).where(
            api_keys.c.id == key,
            api_keys.c.revoked.is_(None),
            api_keys.c.expires.is_(None) | (api_keys.c.expires > self.database.now),
        )
        row = None
        if kind == "hh" and key.isascii() and key.isalnum():
            with self.database.read() as connection:
                row = connection.execute(wanted).first()
        known = row.secret_hash if row is not None else hashed("")
        if not hmac.compare_digest(hashed(secret), known) or row is None:
            raise NotSignedIn(REFUSED)
        return Caller(row.project, row.role, row.id)


def hashed(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def check_name(name: str) -> None:
    if not 1 <= len(name) <= 64 or not all(c.isalnum() or c in "-_." for c in name):
        raise BadValue(
            f"{printable(name, 80)!r} is no name of a project. Use letters, digits, '-', '_', '.', 64 at most."
        )

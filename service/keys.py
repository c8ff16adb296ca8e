"""API keys: shown once, kept as a hash, for one project, with a role; they expire and can be revoked.

A key is `hh_<id>_<secret>`. The secret is 256 random bits, so a plain SHA-256 of it tells nobody anything: there is
nothing to guess, as there is with passwords.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import Any, get_args

import sqlalchemy as sa
from sqlalchemy.engine import Row

from headhunt.errors import BadValue, NotSignedIn, UnknownKey, printable
from headhunt.wire import Key, KeyAsked, NewKey, Role
from service.database import Database
from service.tables import api_keys, members, users

ROLES: tuple[Role, ...] = get_args(Role)
DAY_S = 86400.0
LONGEST = 128
REFUSED = "This needs a key that holds. Send 'Authorization: Bearer KEY'; 'headhunt key create' makes one."


@dataclass(frozen=True)
class Held:
    """What a key that holds is for."""

    key: str
    name: str
    project: str
    role: Role
    user: str | None = None
    """Who made it."""
    study: str | None = None
    """The only thing that it is for."""


class Keys:
    """The keys of a database."""

    def __init__(self, database: Database) -> None:
        self.database = database
        whose = (members.c.project == api_keys.c.project) & (members.c.user == api_keys.c.user)
        held = sa.select(api_keys, members.c.role.label("now")).outerjoin(members, whose)
        self._holds = held.where(
            api_keys.c.id == sa.bindparam("key"),
            api_keys.c.revoked.is_(None),
            api_keys.c.expires.is_(None) | (api_keys.c.expires > database.now),
        )

    def create(
        self,
        project: str,
        asked: KeyAsked,
        user: str | None = None,
        by: str | None = None,
        *,
        study: str | None = None,
    ) -> NewKey:
        """A new key of the project with this id. Its secret is told this once.

        user: it may no more than this member may, and ends with the membership. by: the key that makes it, whose
        member and end it has. study: it is for the trials of this one alone.
        """
        check(asked)
        key, secret = secrets.token_hex(8), secrets.token_urlsafe(32)
        expires = None if asked.days is None else self.database.now + asked.days * DAY_S
        row = {
            "id": key,
            "project": project,
            "user": user,
            "name": asked.name,
            "role": asked.role,
            "secret_hash": hashed(secret),
            "created": self.database.now,
            "expires": expires,
            "study": study,
        }
        with self.database.write() as connection:
            if by is not None:
                maker = connection.execute(sa.select(api_keys).where(api_keys.c.id == by)).one()
                row |= {"user": maker.user, "expires": sooner(maker.expires, expires)}
            connection.execute(sa.insert(api_keys).values(row))
            made = connection.execute(self._shown().where(api_keys.c.id == key)).one()
        return NewKey(key=key_of(made), secret=f"hh_{key}_{secret}")

    def all(self, project: str, after: str = "", limit: int = 100) -> list[Key]:
        """In the order of their ids, revoked and expired ones too."""
        wanted = self._shown().where(api_keys.c.project == project, api_keys.c.id > after)
        with self.database.read() as connection:
            return [key_of(row) for row in connection.execute(wanted.order_by(api_keys.c.id).limit(limit))]

    def revoke(self, project: str, key: str) -> Key:
        """From now on it does not hold. Raises UnknownKey."""
        mine = (api_keys.c.id == key) & (api_keys.c.project == project)
        now = sa.func.coalesce(api_keys.c.revoked, self.database.now)
        with self.database.write() as connection:
            if not connection.execute(sa.update(api_keys).where(mine).values(revoked=now)).rowcount:
                raise UnknownKey(key)
            return key_of(connection.execute(self._shown().where(mine)).one())

    def holder(self, token: str) -> Held:
        """Raises NotSignedIn, with the same words whatever is wrong with the key."""
        kind, _, rest = token.partition("_")
        key, _, secret = rest.partition("_")
        row = None
        if kind == "hh" and key.isascii() and key.isalnum():
            with self.database.read() as connection:
                row = connection.execute(self._holds, {"key": key}).first()
        known = row.secret_hash if row is not None else hashed("")
        if not hmac.compare_digest(hashed(secret), known) or row is None:
            raise NotSignedIn(REFUSED)
        if row.user is not None and row.now is None:  # whoever made it is no member any longer
            raise NotSignedIn(REFUSED)
        role = row.role if row.user is None else min(row.role, row.now, key=ROLES.index)
        return Held(row.id, row.name, row.project, role, row.user, row.study)

    def _shown(self) -> sa.Select[Any]:
        return sa.select(api_keys, users.c.name.label("by")).outerjoin(users, users.c.id == api_keys.c.user)


def sooner(one: float | None, other: Any) -> Any:
    """Of two ends, the first; None: there is no end."""
    if one is None or other is None:
        return one if other is None else other
    return sa.case((other < one, other), else_=one)


def key_of(row: Row[Any]) -> Key:
    return Key(**{name: getattr(row, name) for name in Key.__struct_fields__})


def hashed(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def role_named(text: str) -> Role:
    found = next((role for role in ROLES if role == text), None)
    if found is None:
        raise BadValue(f"No role {printable(text, 40)!r}. There are: {', '.join(ROLES)}.")
    return found


def check(asked: KeyAsked) -> None:
    role_named(asked.role)
    if asked.days is not None and not 0 < asked.days < 36500:
        raise BadValue(f"A key cannot hold for {asked.days:g} days. Give a number above 0, or none for ever.")
    if len(asked.name) > LONGEST or not (asked.name.isprintable() or not asked.name):
        raise BadValue(
            f"{printable(asked.name, 80)!r} is no name of a key. Give {LONGEST} printable characters at most."
        )

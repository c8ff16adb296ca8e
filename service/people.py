"""Users, their passwords, their sessions, and the one-time links that let somebody in without a password.

Passwords are kept by Argon2 with the parameters its authors recommend (RFC 9106, low memory). The tokens of sessions
and links are 256 random bits, of which only the SHA-256 is kept.
"""

import secrets
import uuid
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.profiles import RFC_9106_LOW_MEMORY
from sqlalchemy.engine import Connection, Row

from headhunt.errors import BadValue, NameTaken, NotAllowed, NotSignedIn, UnknownUser, printable
from headhunt.wire import User
from service.database import Database
from service.failures import Failures
from service.keys import hashed
from service.projects import AN_ID
from service.tables import members, sessions, sign_in_links, users

SESSION = "headhunt_session"
SESSION_S, LINK_S = 30 * 86400.0, 86400.0
SHORTEST, LONGEST = 10, 1024
WRONG = "This name and this password do not belong together."
OVER = "You are not signed in, or no longer. Sign in again."
SPENT = "This link does not hold (any longer). 'headhunt user link NAME' on the server's machine makes another."
TRIES, FROM, FOR_NAME, WITHIN_S = 10, 100, 1000, 900.0
"""Wrong tries in a quarter of an hour: at one name from one address, from one address, at one name."""

NOBODYS = "$argon2id$v=19$m=65536,t=3,p=4$mJoYucBzNcYyTG0rrg2yTQ$vhzSUaJZKKYVd3/mxGzemPPQx1NzohWf1pYQVVlZzO4"
"""What a name that nobody has is compared with, so that it takes as long as any other: of 16 random bytes that nobody
knows. It stands here since to make one takes a fifth of a second, at every start of a server and for every command."""


@dataclass(frozen=True)
class Session:
    """One user at one browser."""

    user: str
    name: str
    admin: bool
    csrf: str
    linked: bool


class People:
    """The users of a database."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.failures = Failures(database, WITHIN_S)
        self._hasher = PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)

    # --- users ---

    def add(self, name: str, admin: bool = False) -> User:
        check_name(name)
        row = {"id": uuid.uuid4().hex, "name": name, "admin": admin, "created": self.database.now}
        try:
            with self.database.write() as connection:
                connection.execute(sa.insert(users).values(row))
                return user_of(connection.execute(sa.select(users).where(users.c.name == name)).one())
        except sa.exc.IntegrityError as error:
            raise NameTaken(f"There is a user {name!r} already. Give another name.") from error

    def all(self, after: str = "", limit: int = 100) -> list[User]:
        """Those who may sign in, by name."""
        here = users.c.disabled.is_(None) & (users.c.name > after)
        wanted = sa.select(users).where(here).order_by(users.c.name).limit(limit)
        with self.database.read() as connection:
            return [user_of(row) for row in connection.execute(wanted)]

    def nobody_yet(self) -> bool:
        """There is no user, and never was one."""
        with self.database.read() as connection:
            return connection.execute(sa.select(users.c.id).limit(1)).first() is None

    def get(self, named: str) -> User:
        """By id or name. Raises UnknownUser."""
        with self.database.read() as connection:
            return user_of(self._row(connection, named))

    def remove(self, named: str) -> None:
        """They can no longer sign in; what they did keeps their name. The last admin stays."""
        with self.database.write() as connection:
            one = self._row(connection, named)
            others = (users.c.id != one.id) & users.c.admin & users.c.disabled.is_(None)
            if one.admin and not connection.execute(sa.select(sa.func.count()).where(others)).scalar():
                raise NotAllowed(f"{one.name} is the only admin. Make another one first.")
            freed = f"{one.name[:50]}~{one.id[:12]}"  # the name may be given to somebody else
            gone = {"name": freed, "disabled": self.database.now, "password": None}
            connection.execute(sa.update(users).where(users.c.id == one.id).values(gone))
            for table in (sessions, sign_in_links, members):
                connection.execute(sa.delete(table).where(table.c.user == one.id))

    def set_password(self, user: str, new: str, old: str | None) -> None:
        """`old` None: whoever asks has shown who they are. All other sessions and links end."""
        if not SHORTEST <= len(new) <= LONGEST:
            raise BadValue(f"A password has {SHORTEST} to {LONGEST} characters; this one has {len(new)}.")
        with self.database.read() as connection:
            row = self._row(connection, user)
        if old is not None and row.password is not None and not self._fits(row.password, old):
            raise NotAllowed("The old password is another one.")
        kept = self._hasher.hash(new.encode("utf-8", "surrogatepass"))
        with self.database.write() as connection:
            connection.execute(sa.update(users).where(users.c.id == row.id).values(password=kept))
            for table in (sessions, sign_in_links):
                connection.execute(sa.delete(table).where(table.c.user == row.id))

    # --- signing in ---

    def sign_in(self, name: str, password: str, where: str) -> str:
        """A session's token. Raises NotSignedIn with the same words whatever is wrong, TooManyTries after ten."""
        subjects = subjects_of(name, where)
        self.failures.check(subjects)
        with self.database.read() as connection:
            mine = (users.c.name == name) & users.c.disabled.is_(None)
            row = connection.execute(sa.select(users).where(mine)).first()
        kept = NOBODYS if row is None or row.password is None else row.password
        if not self._fits(kept, password) or row is None or row.password is None:
            self.failures.add(subjects)
            raise NotSignedIn(WRONG)
        return self._begin(row.id, linked=False)

    def link(self, named: str) -> tuple[str, float]:
        """The token of a link that lets this user in once, and when it ends. Links made before no longer hold."""
        token = secrets.token_urlsafe(32)
        with self.database.write() as connection:
            one = self._row(connection, named)
            connection.execute(sa.delete(sign_in_links).where(sign_in_links.c.user == one.id))
            now = self.database.now
            row = {"id": hashed(token), "user": one.id, "created": now, "expires": now + LINK_S}
            connection.execute(sa.insert(sign_in_links).values(row))
            mine = sign_in_links.c.id == hashed(token)
            expires = connection.execute(sa.select(sign_in_links.c.expires).where(mine)).scalar_one()
        return token, float(expires)

    def follow(self, token: str, where: str) -> str:
        """The link is used up. Raises NotSignedIn."""
        self.failures.check({f"from {where}": FROM})
        held = (sign_in_links.c.id == hashed(token)) & (sign_in_links.c.expires > self.database.now)
        with self.database.write() as connection:
            user = connection.execute(sa.select(sign_in_links.c.user).where(held)).scalar()
            gone = connection.execute(sa.delete(sign_in_links).where(held)).rowcount
        if user is None or not gone:
            self.failures.add({f"from {where}": FROM})
            raise NotSignedIn(SPENT)
        return self._begin(user, linked=True)

    def session(self, token: str) -> Session:
        """Raises NotSignedIn."""
        held = (sessions.c.id == hashed(token)) & (sessions.c.expires > self.database.now) & users.c.disabled.is_(None)
        wanted = sa.select(sessions, users.c.name, users.c.admin).join(users, users.c.id == sessions.c.user).where(held)
        with self.database.read() as connection:
            row = connection.execute(wanted).first()
        if row is None:
            raise NotSignedIn(OVER)
        return Session(row.user, row.name, row.admin, row.csrf, row.linked)

    def sign_out(self, token: str) -> None:
        with self.database.write() as connection:
            connection.execute(sa.delete(sessions).where(sessions.c.id == hashed(token)))

    def _begin(self, user: str, linked: bool) -> str:
        token, now = secrets.token_urlsafe(32), self.database.now
        row = {"id": hashed(token), "user": user, "csrf": secrets.token_urlsafe(24), "linked": linked}
        with self.database.write() as connection:
            connection.execute(sa.insert(sessions).values(**row, created=now, expires=now + SESSION_S))
        return token

    def _fits(self, kept: str, password: str) -> bool:
        if len(password) > LONGEST:
            return False
        try:
            return self._hasher.verify(kept, password.encode("utf-8", "surrogatepass"))
        except (VerificationError, InvalidHashError):
            return False

    def _row(self, connection: Connection, named: str) -> Row[Any]:
        mine = ((users.c.id == named) | (users.c.name == named)) & users.c.disabled.is_(None)
        row = connection.execute(sa.select(users).where(mine)).first()
        if row is None:
            raise UnknownUser(named)
        return row


def subjects_of(name: str, where: str) -> dict[str, int]:
    """What is counted, and how often it may be wrong. Ten tries at somebody else's name lock nobody out but oneself."""
    short = name[:60]
    return {f"name {short} from {where}": TRIES, f"from {where}": FROM, f"name {short}": FOR_NAME}


def user_of(row: Row[Any]) -> User:
    return User(
        id=row.id,
        name=row.name,
        admin=row.admin,
        created=row.created,
        has_password=row.password is not None,
        disabled=row.disabled,
    )


def check_name(name: str) -> None:
    if AN_ID.fullmatch(name) or not 1 <= len(name) <= 64 or not all(c.isalnum() or c in "-_.@+" for c in name):
        raise BadValue(
            f"{printable(name, 80)!r} is no name of a user. Use letters, digits and '-_.@+', 64 at most, as in a mail"
            " address."
        )

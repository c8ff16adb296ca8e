"""Which server is asked, and with which key: an argument, else the environment, else the last `headhunt login`.

    HOME/credentials.json     {"default": URL, "logins": [{"server", "key", ...}]}, for its owner's eyes only

A key belongs to one server. HEADHUNT_API_KEY belongs to HEADHUNT_SERVER where that is set, and is not sent to another
one that a call names. Where that is not set, it goes to whatever server a call names, but not over plain http to
another machine.
"""

import os
from pathlib import Path

import msgspec

from headhunt.errors import BadValue, NotSignedIn, NotWritten, one_line
from headhunt.remote.address import LOCAL, address, in_the_clear
from headhunt.vocabulary import Struct
from zoo.files import discard, draft_beside, put_in_place

SERVER, KEY = "HEADHUNT_SERVER", "HEADHUNT_API_KEY"


class Login(Struct, frozen=True):
    """own: the login made this key, so a logout may revoke it."""

    server: str
    key: str
    own: bool = False


class Logins(Struct, frozen=True):
    """Every server that this home has signed in to; `default` is asked where none is named."""

    default: str | None = None
    logins: tuple[Login, ...] = ()

    def of(self, server: str) -> Login | None:
        return next((one for one in self.logins if one.server == server), None)

    def with_login(self, login: Login) -> "Logins":
        others = tuple(one for one in self.logins if one.server != login.server)
        return Logins(default=login.server, logins=(*others, login))

    def without(self, server: str) -> "Logins":
        """Nobody takes the place of the default: then this machine is asked."""
        left = tuple(one for one in self.logins if one.server != server)
        return Logins(default=None if self.default == server else self.default, logins=left)


class Chosen(Struct, frozen=True):
    """The server to ask."""

    url: str
    key: str


def chosen(server: str | None, key: str | None, home: Path) -> Chosen | None:
    """None: this process does the work. Raises BadValue, NotSignedIn."""
    url = server_of(server, home)
    if url is None:
        if key is not None and server is None:
            raise BadValue("A key was given, and no server. Give server='http://host:8765' with it.")
        return None
    found = key if key is not None else key_of(url, home)
    if not found:
        also = f" and {SERVER}={url}" if in_the_clear(url) else ""
        raise NotSignedIn(f"There is no key for {url}. Sign in once, 'headhunt login {url}', or set {KEY}{also}.")
    return Chosen(url=url, key=found)


def server_of(server: str | None, home: Path) -> str | None:
    if not isinstance(server, str | None):
        raise BadValue(f"The server is given as {server!r}. Give its URL, as 'http://host:8765', or 'local'.")
    named = server if server is not None else os.environ.get(SERVER) or logins_in(home).default or LOCAL
    return None if named == LOCAL else address(named)


def key_of(url: str, home: Path) -> str | None:
    """From the environment, unless it belongs to another server; else from the login there."""
    given, named = os.environ.get(KEY), os.environ.get(SERVER)
    if given and (in_the_clear(url) is None if not named or named == LOCAL else address(named) == url):
        return given.strip()
    login = logins_in(home).of(url)
    return None if login is None else login.key


# --- The file ---------------------------------------------------------------------------------------------------------


def file_in(home: Path) -> Path:
    return home / "credentials.json"


def logins_in(home: Path) -> Logins:
    path = file_in(home)
    try:
        return msgspec.json.decode(path.read_bytes(), type=Logins)
    except FileNotFoundError:
        return Logins()
    except (OSError, msgspec.DecodeError) as error:
        raise BadValue(
            f"{path} cannot be read: {one_line(error)}. Remove it, and 'headhunt login URL' again."
        ) from error


def keep(logins: Logins, home: Path) -> None:
    """As a whole, and never for a moment readable by others."""
    path = file_in(home)
    draft = draft_beside(path)
    try:
        home.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(logins)))
        put_in_place(draft, path)
    except OSError as error:
        raise NotWritten(f"{path} could not be written: {one_line(error)}. The login is not kept.") from error
    finally:
        discard(draft)

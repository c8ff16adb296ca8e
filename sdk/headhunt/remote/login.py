"""How a key comes to this machine, and goes."""

import platform
from pathlib import Path

from headhunt.errors import HeadhuntError, NotAllowed, NotSignedIn, printable
from headhunt.remote.credentials import Login, Logins, keep, logins_in
from headhunt.remote.transport import Server
from headhunt.wire import Key, KeyAsked, Me, NewKey, SignIn

PROJECT, CSRF = "Headhunt-Project", "X-CSRF-Token"


def with_key(server: Server, key: str, home: Path) -> Me:
    """Keep a key that the server takes. `server` speaks with it already."""
    me = server.greet()
    if me.project is None:
        raise NotSignedIn(f"{server.url} knows no project for this key. Get another from an owner of the project.")
    keep(logins_in(home).with_login(Login(server=server.url, key=key)), home)
    return me


def with_password(server: Server, who: SignIn, project: str | None, home: Path) -> NewKey:
    """Sign in, have a key made for this machine, sign out, keep the key."""
    me = signed_in(server, who)
    headers = {CSRF: me.csrf or ""}
    named = {PROJECT: project} if project else {}
    name = printable(platform.node() or "headhunt login", 100)
    try:
        made = server.ask("POST", "/keys", NewKey, body=KeyAsked(name=name), headers={**headers, **named})
    finally:
        forget_session(server, headers)
    keep(logins_in(home).with_login(Login(server=server.url, key=made.secret, own=True)), home)
    return made


def signed_in(server: Server, who: SignIn) -> Me:
    try:
        return server.ask("POST", "/session", Me, body=who)
    except NotSignedIn:
        raise NotSignedIn(f"{server.url} does not know this name with this password. Try again.") from None


def forget_session(server: Server, headers: dict[str, str]) -> None:
    try:
        server.ask("DELETE", "/session", type(None), headers=headers)
    except HeadhuntError:
        return  # it ends by itself


def forgotten(logins: Logins, url: str, home: Path) -> Login | None:
    login = logins.of(url)
    if login is not None:
        keep(logins.without(url), home)
    return login


def revoke(server: Server, login: Login) -> bool:
    """Only a key that the login made: others may use one that was given."""
    if not login.own:
        return False
    try:
        server.ask("DELETE", f"/keys/{login.key.split('_')[1]}", Key)
    except NotAllowed:
        return False
    except HeadhuntError:
        return False
    return True

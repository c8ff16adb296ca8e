"""`login` and `logout`: a server's key, kept in the home for this user alone."""

import argparse
import getpass
import sys

from headhunt.cli.opening import warn
from headhunt.errors import BadValue
from headhunt.home import home_folder
from headhunt.remote.address import address, in_the_clear
from headhunt.remote.credentials import Login, file_in, logins_in
from headhunt.remote.login import forgotten, revoke, with_key, with_password
from headhunt.remote.transport import Server
from headhunt.wire import SignIn

STDIN = "-"


def login(asked: argparse.Namespace) -> None:
    url, home = address(asked.url), home_folder()
    if asked.key is not None and asked.user is not None:
        raise BadValue("--key and --user are two ways in. Give one.")
    if asked.project is not None and asked.user is None:
        raise BadValue("--project goes with --user; a key belongs to one project already.")
    warn(*filter(None, [in_the_clear(url)]))
    logins_in(home)  # one that cannot be read is told before anything is asked
    if asked.user is not None:
        secret = SignIn(name=asked.user, password=typed(f"Password of {asked.user} at {url}: "))
        with Server(url) as server:
            made = with_password(server, secret, asked.project, home)
        print(f"Signed in to {url}: a {made.key.role}'s key {made.key.name!r} was made, and is in {file_in(home)}.")
    else:
        key = typed(f"Key for {url}: ") if asked.key in (None, STDIN) else asked.key
        with Server(url, key) as server:
            me = with_key(server, key, home)
        print(f"Signed in to {url} as {me.role} of its project; the key is in {file_in(home)}.")
    print("Commands ask it, and trainings tell it; --server local, or 'headhunt logout', goes back to this machine.")


def typed(prompt: str) -> str:
    """Without an echo at a terminal; else a line of standard input, for scripts."""
    text = getpass.getpass(prompt) if sys.stdin.isatty() else sys.stdin.readline()
    if not text.strip():
        raise BadValue("Nothing was given. Type it when asked, or send it in a line of standard input.")
    return text.rstrip("\r\n")


def logout(asked: argparse.Namespace) -> None:
    home = home_folder()
    logins = logins_in(home)
    url = address(asked.url) if asked.url is not None else logins.default
    if url is None or (login := forgotten(logins, url, home)) is None:
        others = ", ".join(one.server for one in logins.logins)
        raise BadValue(f"There is no login to {url or 'a server'} here." + (f" There is: {others}." if others else ""))
    print(f"Forgot {url}; {ending(url, login)}")


def ending(url: str, login: Login) -> str:
    if not login.own:
        return "the key was given, and holds as before for those who have it."
    with Server(url, login.key) as server:
        done = revoke(server, login)
    number = login.key.split("_")[1]
    return "its key was revoked." if done else f"its key {number} could not be revoked: an owner of the project can."

"""Commands of those who run a server: `serve`; `key create` and `collect` on the server's own machine."""

import argparse
import getpass
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from headhunt.cli.values import bounded, whole
from headhunt.errors import BadValue, InUse
from headhunt.home import home_folder
from recommender.fan_ray import checked_address
from service.collecting import Collector
from service.keys import role_named
from service.mailing import SMTP, mailing_of
from service.parts import Service, service_of
from service.projects import DEFAULT
from service.serve import serve
from service.settings import Settings
from service.store import DATABASE, STORE
from zoo.catalogue.columns import in_columns
from zoo.catalogue.quantities import parse_bytes, write_bytes


def start(asked: argparse.Namespace) -> None:
    serve(settings_of(asked))


def create_key(asked: argparse.Namespace) -> None:
    """Prints the key and nothing else, so that a script can take it."""
    days = None if asked.days is None else bounded("days", asked.days, float, "a number above 0", lambda n: n > 0)
    with service_here(asked, f"key create --project {asked.project} --role {asked.role}") as service:
        print(service.key(asked.project, asked.role, asked.name or "", days))


def add_user(asked: argparse.Namespace) -> None:
    """Prints the link, for the one who adds to hand on."""
    role = role_named(asked.role)
    with service_here(asked, f"user add {asked.name}") as service:
        named = asked.project
        project = None if named is None else service.projects.ensure(named, make=named == DEFAULT)
        made = service.people.add(asked.name, asked.admin)
        if project is not None:
            service.projects.put_member(project, made.id, role)
        print(service.settings.link(service.people.link(made.id)[0]))


def link_user(asked: argparse.Namespace) -> None:
    with service_here(asked, f"user link {asked.name}") as service:
        print(service.settings.link(service.people.link(asked.name)[0]))


def list_users(asked: argparse.Namespace) -> None:
    with service_here(asked) as service:
        found = service.people.all(limit=10**6)
    rows = [(one.name, "admin" if one.admin else "", "" if one.has_password else "no password yet") for one in found]
    print("\n".join(in_columns([("name", "", ""), *rows], right=())))


def remove_user(asked: argparse.Namespace) -> None:
    with service_here(asked, f"user remove {asked.name}") as service:
        service.people.remove(asked.name)


def list_projects(asked: argparse.Namespace) -> None:
    with service_here(asked) as service:
        found = [service.projects.one(project) for project in service.projects.ids()]
        usual = service.settings.project_bytes
    rows = [
        (one.name, write_bytes(one.bytes), write_bytes(one.max_bytes or usual), "public" if one.public else "")
        for one in found
    ]
    print("\n".join(in_columns([("name", "keeps", "may keep", ""), *rows], right=(1, 2))))


def limit_project(asked: argparse.Namespace) -> None:
    size = None if asked.size == "default" else parse_bytes(asked.size)
    with service_here(asked, f"project limit {asked.name} {asked.size}") as service:
        service.projects.limit(service.projects.ensure(asked.name), size)


@contextmanager
def service_here(asked: argparse.Namespace, did: str = "") -> Iterator[Service]:
    """did: what the audit says of it afterwards."""
    service = service_of(settings_of(asked))
    try:
        yield service
        if did:
            service.audit.add(None, f"command of {who_types()}", (f"headhunt {did}", "", 0), None)
    finally:
        service.database.close()


def who_types() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container may run as a number that has no name
        return str(os.getuid())


def collect(asked: argparse.Namespace) -> None:
    service = service_of(settings_of(asked))
    try:
        found = Collector(service.database, service.settings.home, service.store).collect(asked.dry_run)
    finally:
        service.database.close()
    if found is None:
        raise InUse("Another process is collecting at this moment. Try again later.")
    verb = "would be removed" if asked.dry_run else "removed"
    told = [f"{count:,} {what}" for what, count in msgspec.structs.asdict(found).items() if count and what != "freed"]
    print(f"{', '.join(told) or 'nothing'} {verb}, {write_bytes(found.freed)} freed")


def settings_of(asked: argparse.Namespace) -> Settings:
    home = home_folder() if asked.home is None else Path(asked.home).expanduser()
    database, store = asked.database or os.environ.get(DATABASE), asked.store or os.environ.get(STORE)
    url = address(getattr(asked, "url", None))
    plain = Settings(home=home.absolute(), database=database, store=store, url=url)
    if not hasattr(asked, "port"):
        return plain
    port = bounded("port", asked.port, int, "a number from 1 to 65535", lambda n: 1 <= n <= 65535)
    workers = whole("workers", asked.workers, least=0)
    ray = None if asked.ray is None else checked_address(asked.ray)
    mails = bool(os.environ.get(SMTP))
    if mails:
        mailing_of(os.environ)  # a wrong address is told now, not by the first mail
    return msgspec.structs.replace(plain, host=asked.host, port=port, workers=workers, ray=ray, mails=mails)


def address(url: str | None) -> str | None:
    if url is None:
        return None
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/") or parts.query:
        raise BadValue(f"{url!r} is no address of a server. Give one as https://hunt.example.org.")
    return url.rstrip("/")

"""Commands of those who run a server: `serve`, and `key create` on the server's own machine."""

import argparse
import os
from pathlib import Path

from headhunt.cli.values import bounded, whole
from headhunt.home import home_folder
from service.parts import service_of
from service.serve import serve
from service.settings import Settings
from service.work import DATABASE


def start(asked: argparse.Namespace) -> None:
    serve(settings_of(asked))


def create_key(asked: argparse.Namespace) -> None:
    """Prints the key and nothing else, so that a script can take it."""
    days = None if asked.days is None else bounded("days", asked.days, float, "a number above 0", lambda n: n > 0)
    service = service_of(settings_of(asked))
    try:
        print(service.key(asked.project, asked.role, asked.name or "", days))
    finally:
        service.database.close()


def settings_of(asked: argparse.Namespace) -> Settings:
    home = home_folder() if asked.home is None else Path(asked.home).expanduser()
    plain = Settings(home=home.absolute(), database=asked.database or os.environ.get(DATABASE))
    if not hasattr(asked, "port"):
        return plain
    port = bounded("port", asked.port, int, "a number from 1 to 65535", lambda n: 1 <= n <= 65535)
    workers = whole("workers", asked.workers, least=0)
    return Settings(home=plain.home, database=plain.database, host=asked.host, port=port, workers=workers)

"""Under which names this server may be addressed. A page elsewhere that lets its own name point here gets nothing."""

import ipaddress
import socket
from urllib.parse import urlsplit

from headhunt.errors import Misdirected, printable
from service.settings import Settings


class Hosts:
    """Addresses as numbers, this machine's own name, and the one that `--url` gives."""

    def __init__(self, settings: Settings) -> None:
        own = socket.gethostname()
        named = urlsplit(settings.url).hostname if settings.url else None
        self.first = own.partition(".")[0].lower()
        known = ("localhost", own, self.first, f"{self.first}.local", settings.host, named)
        self.names = {name.lower() for name in known if name}

    def check(self, header: str) -> None:
        """Raises Misdirected."""
        name = host_of(header)
        if name in self.names or is_address(name):
            return
        raise Misdirected(
            f"This server is not called {printable(name, 80)!r}. Start it with --url, as in --url http://{self.first}:8765."
        )


def host_of(header: str) -> str:
    """Without its port: `[::1]:80` is ::1."""
    if header.startswith("["):
        return header[1:].partition("]")[0].lower()
    return header.partition(":")[0].lower()


def is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True

"""Lists of a server, page after page."""

from typing import Any

from headhunt.remote.transport import Server
from headhunt.wire import Page


def pages(server: Server, path: str, kind: Any, at_once: int) -> list[Any]:
    """All that is there. kind: of one of them."""
    found: list[Any] = []
    after = ""
    while True:
        page = server.ask("GET", f"{path}?limit={at_once}{after}", Page[kind])
        found += page.items
        if page.next is None:
            return found
        after = f"&after={page.next}"

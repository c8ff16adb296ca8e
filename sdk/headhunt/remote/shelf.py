"""What stands in the zoo of a server, to look at."""

from headhunt.remote.credentials import Chosen
from headhunt.remote.transport import Server
from headhunt.vocabulary import ModelCard
from headhunt.wire import Page

AT_ONCE = 1_000


def cards_at(found: Chosen) -> list[ModelCard]:
    """All of them, page after page."""
    cards: list[ModelCard] = []
    after = ""
    with Server(found.url, found.key) as server:
        server.greet()
        while True:
            page = server.ask("GET", f"/zoo/models?limit={AT_ONCE}{after}", Page[ModelCard])
            cards += page.items
            if page.next is None:
                return cards
            after = f"&after={page.next}"

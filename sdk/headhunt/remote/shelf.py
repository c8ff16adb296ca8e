"""What stands in the zoo of a server, to look at."""

from headhunt.remote.credentials import Chosen
from headhunt.remote.pages import pages
from headhunt.remote.transport import Server
from headhunt.vocabulary import ModelCard

AT_ONCE = 1_000


def cards_at(found: Chosen) -> list[ModelCard]:
    with Server(found.url, found.key) as server:
        server.greet()
        return pages(server, "/zoo/models", ModelCard, AT_ONCE)

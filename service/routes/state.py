"""What routes work with: made once by `create_app`, handed to each by name."""

from dataclasses import dataclass
from typing import Any

from litestar import Request

from headhunt.errors import NotAllowed, NotSignedIn
from headhunt.vocabulary import Role
from service.database import Database
from service.datasets import Datasets
from service.jobs.queue import Queue
from service.keys import REFUSED, Caller, Keys
from service.settings import Settings


@dataclass(frozen=True)
class Service:
    settings: Settings
    database: Database
    queue: Queue
    keys: Keys
    datasets: Datasets


def caller_of(service: Service, request: Request[Any, Any, Any], role: Role) -> Caller:
    """Who asks, and that it may. Raises NotSignedIn, NotAllowed."""
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "bearer" or not token:
        raise NotSignedIn(REFUSED)
    caller = service.keys.caller(token.strip())
    if not caller.may(role):
        raise NotAllowed(f"This key is of a {caller.role}, and this needs a {role}. Ask an owner for another key.")
    return caller

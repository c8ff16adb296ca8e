"""How far a piece of work is, as it is told while it goes on: the same word from this process and from a server."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """How far it is: the stage, what is done of it, and words for people."""

    stage: str
    done: int
    total: int
    words: str = ""


Watch = Callable[[Progress], None]

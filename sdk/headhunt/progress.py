"""How far a piece of work is, as it is told while it goes on: the same word from this process and from a server."""

from collections.abc import Callable

import msgspec

Leaders = tuple[tuple[str, float | None], ...]
"""The best models, each with the accuracy that is expected of it; None: without labels."""


class Progress(msgspec.Struct, frozen=True):
    """How far it is: the stage, what is done of it, and words for people."""

    stage: str
    done: int
    total: int
    words: str = ""
    leaders: Leaders = ()
    """The ranking so far: it changes as evidence comes in, and is no promise."""


Watch = Callable[[Progress], None]

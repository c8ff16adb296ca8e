"""How much a request may send: what the project may still keep, what the disk has, what any upload may be."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from headhunt.errors import HeadhuntError, InsufficientStorage, TooLarge
from service.data.holdings import Holdings, over


@dataclass(frozen=True)
class Room:
    """most: bytes. fault: what is raised when more comes, given how many more at least."""

    most: int
    fault: Callable[[int], HeadhuntError]

    def check(self, size: int | None) -> None:
        """Before a body is read; None: its size is not known."""
        if self.most < 0 or (size is not None and size > self.most):
            raise self.fault((size or 0) - self.most)


def any_room(most: int) -> Room:
    return Room(most, lambda _: TooLarge(f"At most {most:,} bytes are taken at once, and this is more. Send less."))


def disk_room(home: Path, least_free: int) -> Room:
    free = shutil.disk_usage(home).free
    return Room(free - least_free, lambda _: nearly_full())


def nearly_full() -> InsufficientStorage:
    return InsufficientStorage("The disk is nearly full. Make space.")


def project_room(holdings: Holdings, project: str) -> Room:
    return Room(holdings.left(project), over)

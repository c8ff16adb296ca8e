"""Who looks after a run: one courier at a time says so by a lock, that goes with it however it ends.

    a courier goes       it gives the lock back, and then looks once more whether anything has come in
    a rank ends          it has written all, and then looks whether anybody holds the lock; if not, it sends a courier

So whatever was written is seen by one of them.
"""

import fcntl
import os
from contextlib import suppress
from pathlib import Path

from headhunt.errors import HeadhuntError
from headhunt.track.journal import Ended, Marked, frames_in
from headhunt.track.places import Place, alive, here
from headhunt.track.writer import Writer, writer_name

LOST = "The process ended without a word: killed, out of memory, or the machine went down."


class Lock:
    """Of one run, or none: a file system without locks leaves all to the offsets, which make two couriers harmless."""

    def __init__(self, place: Place) -> None:
        self._path = place.folder / "courier.lock"
        self._fd: int | None = None

    def take(self) -> bool:
        if self._fd is None:
            with suppress(OSError):
                fd = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
                try:
                    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    self._fd = fd
                except OSError:
                    os.close(fd)
        return self._fd is not None

    def give_back(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
        self._fd = None


def looked_after(place: Place) -> bool:
    lock = Lock(place)
    free = lock.take()
    lock.give_back()
    return not free


class Watched:
    """A run that a courier looks after, with a journal of its own in it."""

    def __init__(self, place: Place) -> None:
        self.place, self.lock = place, Lock(place)
        begun = place.begun()
        if begun is None:
            raise HeadhuntError(f"{place.folder} holds no run.")
        self.begun = begun
        self.writer = Writer(place.folder, begun.clock_here(), writer_name("courier"))
        self._read: dict[Path, int] = {}
        self.ended = False

    def look(self) -> bool:
        """Whether its end has been told."""
        for path in self.place.journals().values():
            with suppress(OSError), open(path, "rb") as file:
                file.seek(self._read.get(path, 0))
                start, data = file.tell(), file.read()
                for end, record in frames_in(data):
                    self._read[path] = start + end
                    self.ended = isinstance(record, Ended) or self.ended
        return self.ended

    def bury(self) -> None:
        """The process that began it is gone, on this machine, and has not said how it ended: it is lost."""
        gone = here(self.begun) and not alive(self.begun.pid, self.begun.born)
        if gone and not self.look():
            self.writer.put(Ended(self.writer.now(), "lost", LOST))
            self.ended = True

    def mark(self, words: str) -> None:
        self.writer.put(Marked(self.writer.now(), words))

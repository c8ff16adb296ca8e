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
from headhunt.track.journal import Began, Ended, Marked, frames_in
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
        self._newest = (0.0, False)
        """When it last began or ended, and whether that was its end: one that goes on has an end behind it."""
        self.ended = False

    def look(self) -> bool:
        """Whether its end has been told."""
        for path in self.place.journals().values():
            with suppress(OSError), open(path, "rb") as file:
                file.seek(self._read.get(path, 0))
                start, data = file.tell(), file.read()
                for end, record in frames_in(data):
                    self._read[path] = start + end
                    if isinstance(record, Began | Ended):
                        self._newest = max(self._newest, (record.at, isinstance(record, Ended)))
        self.ended = self._newest[1]
        return self.ended

    def bury(self) -> None:
        """The process that began it is gone, on this machine, and has not said how it ended: it is lost. One that goes
        on with it writes down first who it is, and then that it began: so it is asked for last who that was."""
        if self.look():
            return
        begun = self.place.begun() or self.begun
        if here(begun) and not alive(begun.pid, begun.born):
            self.writer.put(Ended(self.writer.now(), "lost", LOST))
            self.ended = True

    def beat(self) -> None:
        """It is alive and has nothing to say: whoever gathers from this home sees a journal that was touched."""
        with suppress(OSError):
            os.utime(self.writer.path)

    def mark(self, words: str) -> None:
        self.writer.put(Marked(self.writer.now(), words))

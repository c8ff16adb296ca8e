"""Appends what is told of a run to a journal: one call, one write. What the kernel has taken survives a kill.

On a full disk it waits in memory, up to a bound, and is written with the next words for which there is room. What goes
beyond the bound is counted, and marked as soon as anything can be written again.
"""

import errno
import os
import threading
import time
import zlib
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import Any

from headhunt.track.journal import HEAD, Marked, Noted, encode
from headhunt.track.places import Clock, ticking

MOST_HELD = 16 << 20
"""Bytes that wait in memory for room on the disk."""
LARGEST = 7 << 20
"""Of a record: a larger one would keep all that follows it from a server, which takes 8 MiB at once."""
RETRY_S = 0.2
LAST_STEP = 2**63 - 1
"""What comes after it has the same step: a later one could not be kept."""
FULL = "The disk had no room for what was told of the run."

pack, crc32, write = HEAD.pack, zlib.crc32, os.write


def writer_name(kind: str = "w") -> str:
    """Of one process, and of nobody else. What began earlier comes first by name, too."""
    return f"{int(time.time() * 1000):012x}-{kind}-{os.getpid()}-{os.urandom(3).hex()}"


class Writer:
    """first_step: what a call without a step gets next."""

    def __init__(self, folder: Path, clock: Clock, name: str, first_step: int = 0) -> None:
        self.folder, self.name, self.next_step = folder, name, first_step
        self.clock = clock
        self._ahead = clock.wall - clock.tick
        self._fd: int | None = None
        self._forget()

    def _forget(self) -> None:
        self.lock = threading.RLock()  # a signal's handler, or a finaliser, may speak in the midst of a call
        self._held: deque[bytes] = deque()
        self._held_bytes = self._lost = self._lost_told = 0
        self._retry_at = 0.0

    def forked(self) -> None:
        """In the child: a journal of its own, and what waits is written by the parent."""
        if self._fd is not None:
            os.close(self._fd)
        self._fd, self.name = None, writer_name()
        self._forget()

    @property
    def path(self) -> Path:
        return self.folder / f"{self.name}.journal"

    @property
    def lost(self) -> int:
        """Records that were lost for good."""
        return self._lost

    def now(self) -> float:
        return self._ahead + ticking()

    def points(self, values: dict[str, float], step: int | None) -> int:
        """The way of every `log()`: as short as can be. Returns the step."""
        with self.lock:
            if step is None:
                step = self.next_step
            self.put(("m", self._ahead + ticking(), step, values))
            if step >= self.next_step:
                self.next_step = min(step + 1, LAST_STEP)
        return step

    def take_step(self, step: int | None) -> int:
        with self.lock:
            step = self.next_step if step is None else step
            self.next_step = max(self.next_step, min(step + 1, LAST_STEP))
            return step

    def put(self, record: Any) -> None:
        """A record, or the array that stands for it. Raises what cannot be encoded or sent, and nothing else."""
        body = encode(record)
        if len(body) > LARGEST:
            raise ValueError(f"{len(body):,} bytes of a record are more than a server takes")
        data = pack(len(body), crc32(body)) + body
        with self.lock:
            if ((self._held or self._fd is None) and not self.settle()) or not self._written(data):
                self._hold(data)

    def note(self, kind: str, values: dict[str, Any]) -> None:
        self.put(Noted(self.now(), kind, values))

    def settle(self, now: bool = False) -> bool:
        """Write what waits. True: nothing waits any more."""
        with self.lock:
            if self._fd is not None and not now and ticking() < self._retry_at:
                return False
            if not self._open():
                return False
            while self._held:
                data = self._held[0]
                if not self._written(data):
                    return False
                self._held_bytes -= len(data)
                self._held.popleft()
            return self._tell_lost()

    def rest(self) -> None:
        """Nothing is held open until more is told."""
        with self.lock:
            if self.settle(now=True) and self._fd is not None:
                os.close(self._fd)
                self._fd = None

    def _tell_lost(self) -> bool:
        while self._lost > self._lost_told:
            count = self._lost - self._lost_told
            body = encode(Marked(self.now(), FULL, count))
            if not self._written(pack(len(body), crc32(body)) + body):
                return False
            self._lost_told += count
        return True

    def _written(self, data: bytes) -> bool:
        try:
            done = 0 if self._fd is None else write(self._fd, data)
        except OSError:
            done = 0
        if done != len(data):
            self._undo(done)
            return False
        return True

    def _undo(self, done: int) -> None:
        """Half a record would hide all after it: it is taken back, or a journal is begun anew."""
        self._retry_at = ticking() + RETRY_S
        if not done or self._fd is None:
            return
        try:
            os.ftruncate(self._fd, os.fstat(self._fd).st_size - done)
        except OSError:
            os.close(self._fd)
            self._fd, self.name = None, writer_name()

    def _hold(self, data: bytes) -> None:
        if self._held_bytes + len(data) > MOST_HELD:
            self._lost += 1
            return
        self._held.append(data)
        self._held_bytes += len(data)

    def _open(self) -> bool:
        if self._fd is None:
            if ticking() < self._retry_at:
                return False
            try:
                self._fd = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
            except OSError as error:
                self._retry_at = ticking() + RETRY_S
                if error.errno == errno.ENOENT:  # somebody removed the folder
                    with suppress(OSError):
                        self.folder.mkdir(parents=True, exist_ok=True)
                return False
        return True

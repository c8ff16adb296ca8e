"""What the program prints, beside where it goes: the two streams are listened to, and stay the objects that they are.

a line that ends                      is written down at once
a line that is drawn anew (\\r)        once a second, the newest state of it
more than the allowance               is not kept, and counted: 1 MiB at once, 64 KiB a second after that
"""

import sys
import threading
from collections.abc import Callable
from typing import Any

from headhunt.track.places import ticking
from headhunt.track.values import clean_text

AT_ONCE, A_SECOND = 1 << 20, 64 << 10
REDRAWN_S = 1.0
PIECE = 64 << 10
NAMES = {"out": "stdout", "err": "stderr"}

Tell = Callable[[str, str], None]
"""stream, text"""


class Ear:
    """At one stream."""

    def __init__(self, name: str, tell: Tell) -> None:
        self.name, self.tell = name, tell
        self.stream: Any = getattr(sys, NAMES[name])
        self._line, self._redrawn_at = "", 0.0
        self._room, self._filled_at, self._dropped = float(AT_ONCE), ticking(), 0
        self._busy, self._deaf = threading.local(), False
        self._before = self.stream.write
        self._patched = self._write
        self.stream.write = self._patched

    def _write(self, text: str) -> Any:
        done = self._before(text)
        if not getattr(self._busy, "here", False):  # what is printed while it is written down is not written down
            self._busy.here = True
            try:
                self._hear(text)
            except Exception:  # noqa: S110  printing goes on whatever happens here
                pass
            finally:
                self._busy.here = False
        return done

    def _hear(self, text: str) -> None:
        if self._deaf or not isinstance(text, str) or not text:
            return
        whole = self._line + text
        ended, newline, rest = whole.rpartition("\n")
        if newline:
            self._say("\n".join(line.rpartition("\r")[2] or line for line in ended.split("\n")) + "\n")
        self._line = rest
        if "\r" in rest:
            self._line = rest if rest.endswith("\r") else "\r" + rest.rpartition("\r")[2]
            if ticking() >= self._redrawn_at:
                self._redrawn_at = ticking() + REDRAWN_S
                self._say("\r" + self._line.strip("\r").rpartition("\r")[2])
        if len(self._line) > PIECE:
            self._say(self._line)
            self._line = ""

    def _say(self, text: str) -> None:
        now = ticking()
        self._room = min(AT_ONCE, self._room + (now - self._filled_at) * A_SECOND)
        self._filled_at = now
        if len(text) > self._room:
            self._dropped += len(text)
            return
        self._room -= len(text)
        self._tell_dropped()
        for at in range(0, len(text), PIECE):
            self.tell(self.name, clean_text(text[at : at + PIECE]))

    def _tell_dropped(self) -> None:
        if self._dropped:
            count, self._dropped = self._dropped, 0
            self.tell(self.name, f"[{count:,} characters came faster than they are kept]\n")

    def close(self) -> None:
        """What is left is written down; somebody who listens after us goes on hearing."""
        self._busy.here = True
        if self._line.strip("\r"):
            self._say(self._line.strip("\r").rpartition("\r")[2])
        self._tell_dropped()
        self._line = ""
        if getattr(self.stream, "write", None) == self._patched:
            try:
                del self.stream.write
            except AttributeError:
                self.stream.write = self._before
        else:
            self._deaf = True


def listen(tell: Tell) -> list[Ear]:
    """A stream that is closed, or cannot be listened to, is left alone."""
    ears = []
    for name in NAMES:
        try:
            ears.append(Ear(name, tell))
        except (AttributeError, TypeError, ValueError):
            continue
    return ears

"""What the program prints, beside where it goes: the two streams are listened to, and stay the objects that they are.

what is printed                       is gathered for a moment, and written down in one piece
a line that is drawn anew (\\r)        every two seconds, the newest state of it
more than the allowance               is not kept, and counted: 1 MiB at once, 64 KiB a second after that
"""

import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from headhunt.track.places import ticking
from headhunt.track.values import clean_text

AT_ONCE, A_SECOND = 1 << 20, 64 << 10
MOMENT_S, REDRAWN_S = 0.2, 2.0
PIECE = 32 << 10
NAMES = {"out": "stdout", "err": "stderr"}

Tell = Callable[[str, str], None]
"""stream, text"""


class Ear:
    """At one stream. hurry: called when something was heard that should be written down in a moment."""

    def __init__(self, name: str, tell: Tell, hurry: Callable[[], None]) -> None:
        self.name, self.tell, self.hurry = name, tell, hurry
        self.stream: Any = getattr(sys, NAMES[name])
        self.forget()
        self._redrawn_at = 0.0
        self._room, self._filled_at, self._dropped = float(AT_ONCE), ticking(), 0
        self._deaf = False
        self._before = self.stream.write
        self._patched = self._write
        self.stream.write = self._patched

    def forget(self) -> None:
        """What was heard so far is told by another: this is a child."""
        self._lock, self._busy = threading.RLock(), threading.local()
        self._heard = self._line = ""

    def _write(self, text: str) -> Any:
        done = self._before(text)
        if self._deaf or getattr(self._busy, "here", False):  # what is printed while we write down is not ours
            return done
        self._busy.here = True
        with suppress(Exception):  # printing goes on whatever happens here
            self._hear(text)
        self._busy.here = False
        return done

    def _hear(self, text: str) -> None:
        if not isinstance(text, str) or not text:
            return
        with self._lock:
            if self._line or "\r" in text:
                text = self._redrawn(text)
            self._heard += text
            if len(self._heard) > PIECE:
                self.settle()
        if text:
            self.hurry()

    def _redrawn(self, text: str) -> str:
        """Of a line that is drawn again and again, only the newest state is kept, and seldom told."""
        ended, newline, line = (self._line + text).rpartition("\n")
        told = "".join(newest(one) + "\n" for one in ended.split("\n")) if newline else ""
        self._line = newest(line) if "\r" in line else ""
        if "\r" not in line:
            return told + line
        if ticking() < self._redrawn_at:
            return told
        self._redrawn_at = ticking() + REDRAWN_S
        return told + self._line

    def settle(self) -> None:
        """Write down what was heard."""
        with self._lock:
            text, self._heard = self._heard, ""
            now = ticking()
            self._room = min(AT_ONCE, self._room + (now - self._filled_at) * A_SECOND)
            self._filled_at = now
            if len(text) > self._room:
                self._dropped += len(text)
                return
            self._room -= len(text)
            if self._dropped and text:
                text = f"[{self._dropped:,} characters came faster than they are kept]\n{text}"
                self._dropped = 0
            for at in range(0, len(text), PIECE):
                self.tell(self.name, clean_text(text[at : at + PIECE]))

    def close(self) -> None:
        """What is left is written down; somebody who listens after us goes on hearing."""
        self._deaf = True
        self._heard += self._line
        if self._dropped:
            self._heard += "\n"
            self._room = max(self._room, 1000.0)
        self.settle()
        if getattr(self.stream, "write", None) == self._patched:
            try:
                del self.stream.write
            except AttributeError:
                self.stream.write = self._before


def newest(line: str) -> str:
    """`10%\\r20%\\r` shows 20%."""
    if "\r" not in line:
        return line
    return "\r" + next((part for part in reversed(line.split("\r")) if part), "")


class Console:
    """Both streams, and a thread that writes down in a moment what they heard; it sleeps while nothing is printed."""

    def __init__(self, tell: Tell) -> None:
        self._something, self._over = threading.Event(), threading.Event()
        self.ears: list[Ear] = []
        for name in NAMES:
            with suppress(AttributeError, TypeError, ValueError):  # a stream that is closed, or takes no listener
                self.ears.append(Ear(name, tell, self._something.set))
        self._start()

    def _start(self) -> None:
        threading.Thread(target=self._listen, args=(self._something, self._over), daemon=True).start()

    def _listen(self, something: threading.Event, over: threading.Event) -> None:
        while something.wait() and not over.wait(MOMENT_S):
            something.clear()
            for ear in self.ears:
                with suppress(Exception):
                    ear.settle()

    def forked(self) -> None:
        """The thread stayed with the parent."""
        self._something, self._over = threading.Event(), threading.Event()
        for ear in self.ears:
            ear.forget()
            ear.hurry = self._something.set
        self._start()

    def close(self) -> None:
        self._over.set()
        self._something.set()
        for ear in self.ears:
            ear.close()

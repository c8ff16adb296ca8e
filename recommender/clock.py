"""Time that runs out: what is left of the seconds that somebody promised."""

import math
import time
from collections.abc import Callable
from typing import Protocol

from headhunt.errors import BadValue


class Clock(Protocol):
    """Whoever spends time asks how much there is."""

    def left(self) -> float:
        """Seconds until the promise; below zero once it is broken."""


class Deadline:
    """So many seconds from now on. `now` is any clock that never runs backwards; `inf` seconds never end."""

    def __init__(self, seconds: float, now: Callable[[], float] = time.monotonic) -> None:
        if math.isnan(seconds):
            raise BadValue("A budget of nan seconds cannot be kept; give a number of seconds, or none.")
        self._now, self._end = now, now() + seconds

    def left(self) -> float:
        return self._end - self._now()


class Until:
    """The same clock, with some seconds kept back."""

    def __init__(self, clock: Clock, kept: float) -> None:
        self._clock, self._kept = clock, kept

    def left(self) -> float:
        return self._clock.left() - self._kept

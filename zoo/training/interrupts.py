"""Ctrl-C that waits for the end of a step, so that what is kept is whole."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Stop:
    """Whether the user asked to stop."""

    asked = False

    def ask(self, signum: int, frame: FrameType | None) -> None:
        """The first Ctrl-C is a wish, the second is an order."""
        if self.asked:
            signal.default_int_handler(signum, frame)
        self.asked = True


@contextmanager
def patient_interrupts() -> Iterator[Stop]:
    """In the main thread, and where nobody else handles Ctrl-C; elsewhere nothing changes."""
    stop = Stop()
    ours = threading.current_thread() is threading.main_thread()
    if not ours or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield stop
        return
    signal.signal(signal.SIGINT, stop.ask)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)

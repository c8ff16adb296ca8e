"""An objective that never returns is given up when twice the time of its study has passed: a search with a time ends.

In the main thread a timer of the system interrupts it, wherever its Python code is; what hangs in compiled code is only
killed by `trial_timeout`. Whoever uses that timer already keeps it. Other threads are left to themselves.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

AGAIN_S = 5.0
"""An objective that swallows even this is interrupted again."""
WORDS = (
    "The objective had not returned when twice the time of the study had passed. Give trial_timeout to end it earlier."
)


class Late(BaseException):
    """No error of the objective's, which may catch all of those."""


@contextmanager
def given_up_after(seconds: float) -> Iterator[None]:
    """Raises Late within."""
    if not is_free():
        yield
        return
    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, max(1e-3, seconds), AGAIN_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)


def late(*_: object) -> NoReturn:
    raise Late


def is_free() -> bool:
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "setitimer"):
        return False
    return signal.getsignal(signal.SIGALRM) == signal.SIG_DFL and signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)

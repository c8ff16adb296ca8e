"""How a process leaves, and what becomes of its runs: the newest is the one that is told of.

it ends                 atexit               finished
sys.exit(3)             atexit, `leaving`    failed, with that; None and 0: finished
an error nobody caught  sys.excepthook       failed, with its traceback; also where another took the hook
SIGTERM                 unless the user has a handler of their own: failed
it is forked            the child tells of the same runs, in journals of its own, and ends none
anything else           the courier notices
"""

import atexit
import os
import signal
import sys
import threading
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any

from headhunt.track import leaving
from headhunt.track.places import ENVIRONMENT

if TYPE_CHECKING:
    from headhunt.track.run import LiveRun

RUNS: list["LiveRun"] = []
"""Of this process, that have not ended; the newest last."""
LAST: list["LiveRun"] = []
"""The one that ended last: what is told after its end is kept with it, and marked."""
_armed: list[Any] = []


def entered(run: "LiveRun") -> None:
    arm()
    RUNS.append(run)
    os.environ[ENVIRONMENT] = str(run.folder)


def left(run: "LiveRun") -> None:
    """The one before it is told of again."""
    if run in RUNS:
        RUNS.remove(run)
        LAST[:] = [run]
    mine = os.environ.get(ENVIRONMENT) == str(run.folder)
    if mine and run.owner:
        if RUNS:
            os.environ[ENVIRONMENT] = str(RUNS[-1].folder)
        else:
            del os.environ[ENVIRONMENT]


def arm() -> None:
    """Once in a process."""
    if not _armed:
        _armed.append(sys.excepthook)
        sys.excepthook = uncaught
        leaving.watch()
        atexit.register(left_by_all)
        os.register_at_fork(after_in_child=forked)
    if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, terminated)


def left_by_all() -> None:
    error = leaving.why() if RUNS else None
    for run in reversed(RUNS.copy()):
        run.finish("finished" if error is None else "failed", error)


def uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """At a prompt an error ends nothing."""
    if not leaving.at_a_prompt():
        import traceback

        words = "".join(traceback.format_exception(kind, error, trace))
        for run in reversed(RUNS.copy()):
            run.finish("failed", words, wait=False)
    _armed[0](kind, error, trace)


def terminated(number: int, _: FrameType | None) -> None:
    for run in reversed(RUNS.copy()):
        run.finish("failed", "The process was asked to end (SIGTERM).", wait=False)
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


def forked() -> None:
    for run in RUNS:
        run.forked()

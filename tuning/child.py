"""One objective in a child process, so that it can be killed: when it takes too long, or when its thread shall end.

The child is forked, so any function will do, also one that was written a line ago; what it changes in memory is gone
with it. Readings and the result come over a pipe; the answer to each reading is whether to go on. A child whose parent
was killed ends with it: nobody would hear it any more, and its trial is somebody else's by then.
"""

import contextlib
import ctypes
import multiprocessing
import os
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from headhunt.errors import Interrupted, TrialFailed, TrialStopped
from headhunt.trials import Listener, running as trial_running
from tuning.outcomes import Outcome, reason_of

GRACE = 2.0
"""Seconds between a gentle end and a kill."""
PDEATHSIG = 1
LOOK = 1.0
"""Seconds between two looks for the parent."""


class Far:
    """In the child: hands readings to the parent."""

    def __init__(self, pipe: Connection) -> None:
        self.pipe = pipe

    def report(self, step: int | None, loss: float) -> str | None:
        self.pipe.send(("report", step, loss))
        answer: str | None = self.pipe.recv()
        return answer


def in_child(
    objective: Callable[[dict[str, Any]], Outcome],
    params: dict[str, Any],
    ear: Listener,
    seconds: float,
    at_start: Callable[[], None],
) -> Outcome | TrialFailed:
    """What the objective gave, or a TrialFailed with the reason. Raises TrialStopped, KeyboardInterrupt."""
    here, there = multiprocessing.Pipe()
    child = multiprocessing.get_context("fork").Process(
        target=alone, args=(objective, params, there, here, at_start, os.getpid()), daemon=False
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forking beside threads, which is meant
        child.start()
    there.close()
    try:
        return listened(here, ear, seconds)
    finally:
        end(child)
        here.close()


def listened(pipe: Connection, ear: Listener, seconds: float) -> Outcome | TrialFailed:
    limit = time.monotonic() + seconds
    while pipe.poll(max(0.0, limit - time.monotonic())):
        try:
            kind, *rest = pipe.recv()
        except EOFError:
            return TrialFailed("The process of the objective ended without a word, killed or out of memory.")
        if kind == "report":
            pipe.send(ear.report(*rest))
        elif kind == "stopped":
            raise TrialStopped(rest[0])
        elif kind == "interrupted":
            raise KeyboardInterrupt  # a terminal tells it to parent and child: the trial is given back
        else:
            return Outcome(*rest[0]) if kind == "value" else TrialFailed(rest[0])
    return TrialFailed(f"The objective had not returned after {seconds:.0f} s. Its process was ended.")


def alone(
    objective: Callable[[dict[str, Any]], Outcome],
    params: dict[str, Any],
    pipe: Connection,
    other: Connection,
    at_start: Callable[[], None],
    parent: int,
) -> None:
    """In the child. It ends by os._exit, so that nothing of the parent's is cleaned up twice."""
    end_with(parent)
    other.close()
    at_start()
    try:
        with trial_running(Far(pipe)):
            told: tuple[str, object] = ("value", objective(params))
    except TrialStopped as stopped:
        told = ("stopped", str(stopped))
    except (KeyboardInterrupt, Interrupted):
        told = ("interrupted", None)
    except BaseException as error:
        told = ("failed", reason_of(error))
    try:
        pipe.send(told)
    except OSError:
        pass  # nobody waits for it any more
    finally:
        os._exit(0)


def end_with(parent: int) -> None:
    """In the child: die when the parent dies, however that comes. Linux does it by itself; elsewhere a thread looks."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(PDEATHSIG, signal.SIGKILL)
    threading.Thread(target=looking_for, args=(parent,), daemon=True).start()


def looking_for(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(LOOK)
    os._exit(1)


def end(child: "multiprocessing.process.BaseProcess") -> None:
    if child.is_alive():
        child.join(0.05)
    if child.is_alive():
        child.terminate()
        child.join(GRACE)
    if child.is_alive():
        child.kill()
    child.join()

"""What jobs do in tests: functions that a child of a worker finds by name."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from headhunt.errors import BadValue, InsufficientStorage, NotWritten
from service.jobs.worker import Work

KINDS = {
    name: f"tests.service.work_kinds:{name}"
    for name in (
        "add",
        "refuse",
        "break_inside",
        "die",
        "die_once",
        "sleep",
        "count",
        "leave_pid",
        "greedy",
        "seen",
        "count_slowly",
        "full_once",
        "with_grandchild",
    )
}


def add(work: Work) -> object:
    return {"sum": sum(work.spec), "project": work.project}


def refuse(work: Work) -> object:
    raise BadValue("A budget of 'soon' cannot be kept.")


def break_inside(work: Work) -> object:
    raise RuntimeError("secret path /etc/passwd")


def die(work: Work) -> object:
    os.kill(os.getpid(), signal.SIGKILL)
    return None


def die_once(work: Work) -> object:
    """Killed after the second step of its first attempt; later attempts go on from there."""
    first = work.step or 0
    for i in range(first, 4):
        work.tell({"step": i}, step=i + 1)
        if first == 0 and i == 1:
            os.kill(os.getpid(), signal.SIGKILL)
    return "whole"


def sleep(work: Work) -> object:
    time.sleep(60)
    return None


def count(work: Work) -> object:
    for i in range(work.spec):
        work.tell({"at": i})
    return work.spec


def greedy(work: Work) -> object:
    held = [bytearray(b"x") * 2**24 for _ in range(work.spec["bytes"] >> 24)]
    time.sleep(60)
    return len(held)


def seen(work: Work) -> object:
    """The GPUs that a job may use."""
    return os.environ["CUDA_VISIBLE_DEVICES"]


def count_slowly(work: Work) -> object:
    """Goes on where the attempt before stopped."""
    for i in range(work.step or 0, work.spec):
        work.tell({"at": i}, step=i + 1)
        time.sleep(0.2)
    return work.spec


def full_once(work: Work) -> object:
    """The disk is full at the first attempt."""
    if work.step is None:
        work.tell({}, step=1)
        raise (InsufficientStorage if work.spec == "insufficient_storage" else NotWritten)("The disk is full.")
    return "written"


def with_grandchild(work: Work) -> object:
    """Starts another process, which holds so many bytes; then waits, ends or dies."""
    holds = f"held = b'x' * {work.spec['bytes']}; import time; time.sleep(60)"
    one = subprocess.Popen([sys.executable, "-c", holds])
    Path(work.spec["place"]).write_text(f"{os.getpid()} {one.pid}")
    if work.spec["then"] == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if work.spec["then"] == "wait":
        time.sleep(60)
    return "done"


def leave_pid(work: Work) -> object:
    Path(work.spec).write_text(str(os.getpid()))
    time.sleep(60)
    return None

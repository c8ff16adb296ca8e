"""A job's processes: its child, and all that the child started. They are counted together, and end together.

The child leads a group of processes of its own. No session: Linux shares the CPU between sessions first, and a job's
`nice` would count for nothing (sched_autogroup).
"""

import contextlib
import os
import signal
from pathlib import Path

ROUNDS = 3
"""One that is killed while it starts another leaves that to the next round."""


def lead() -> None:
    """In the child, before it starts anything."""
    os.setpgid(0, 0)


def members(leader: int) -> list[int]:
    """Asks the kernel for each process's group: some 2 microseconds each."""
    try:
        names = os.listdir("/proc")  # noqa: PTH208 - often, and a path for each process takes longer
    except OSError:  # no Linux: the leader speaks for all
        return [leader]
    return [int(name) for name in names if name.isdecimal() and group_of(int(name)) == leader]


def group_of(pid: int) -> int | None:
    try:
        return os.getpgid(pid)
    except OSError:
        return None


def memory_of(leader: int, enough: int) -> int:
    """Bytes that they hold together. What they share is counted for each at first, which costs little; and once, where
    that comes to more than `enough`."""
    found = members(leader)
    held = sum(resident(pid) for pid in found)
    return held if held <= enough or len(found) < 2 else sum(share_of(pid) for pid in found)


def resident(pid: int) -> int:
    """Bytes that a process has in memory; 0 where the system does not tell, or it is gone."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0


def share_of(pid: int) -> int:
    """The same, with what it shares divided by those who share it."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return resident(pid)
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)


def end(leader: int) -> None:
    """All of them, and whoever calls this last."""
    for _ in range(ROUNDS):
        for pid in members(leader):
            if pid != os.getpid():
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGKILL)
    with contextlib.suppress(OSError):
        os.killpg(leader, signal.SIGKILL)

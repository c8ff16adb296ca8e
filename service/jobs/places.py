"""Where jobs run on a machine: so many places for the CPU, and one for each GPU.

    resource of a job   cpu: any CPU place   gpu: a GPU only   any: a GPU where this machine has one, else a CPU place

One job at a time per GPU: whoever runs one there holds its lock, a file in the home that the kernel lets go of when the
process ends, however it ends. A job sees its own GPU alone, and a CPU job none.
"""

import fcntl
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

GPUS = Path("/proc/driver/nvidia/gpus")
VISIBLE = "CUDA_VISIBLE_DEVICES"


@dataclass(frozen=True)
class Place:
    """Room for one job. gpu: its number, as CUDA counts, or None."""

    resources: tuple[str, ...]
    gpu: str | None = None

    def enter(self) -> None:
        """In the child, before CUDA is touched: see this GPU alone, or none."""
        os.environ[VISIBLE] = self.gpu or ""


def places(slots: int, gpus: tuple[str, ...]) -> tuple[Place, ...]:
    """GPUs come first: what may run on either is taken there."""
    on_cpu = ("cpu",) if gpus else ("cpu", "any")
    return (*(Place(("gpu", "any"), gpu) for gpu in gpus), *(Place(on_cpu) for _ in range(slots)))


def gpus_here(folder: Path = GPUS) -> tuple[str, ...]:
    """The GPUs that this process may use, without loading CUDA."""
    named = os.environ.get(VISIBLE)
    if named is not None:
        return tuple(one.strip() for one in named.split(",") if one.strip() and one.strip() != "-1")
    count = len(list(folder.iterdir())) if folder.is_dir() else 0
    return tuple(str(number) for number in range(count))


def hold(place: Place, home: Path) -> IO[bytes] | None:
    """The lock of a GPU, as an open file; None: somebody else works there."""
    folder = home / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    file = (folder / f"gpu-{''.join(c for c in place.gpu or '' if c.isalnum() or c == '-')}.lock").open("ab")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        return None
    return file


def memory_here() -> int:
    """Bytes of memory that this machine, or the container, has."""
    most = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for limit in _container_limits():
        most = min(most, limit)
    return most


def _container_limits() -> Iterator[int]:
    for name in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            text = Path(name).read_text().strip()
        except OSError:
            continue
        if text.isdecimal():
            yield int(text)

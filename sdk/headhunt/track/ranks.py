"""Several processes of one training, that a launcher started: they have one run, which the first of them begins."""

import itertools
import os

from headhunt.track.places import boot, process_born

RANKS = ("RANK", "OMPI_COMM_WORLD_RANK", "PMI_RANK", "SLURM_PROCID")

_begun = itertools.count()


def rank_here() -> int:
    """0 for the first, and where there is but one."""
    for name in RANKS:
        told = os.environ.get(name, "")
        if told.isdecimal():
            return int(told) if several(name) else 0
    return 0


def node_here() -> int:
    """Which of several machines this is."""
    for name in ("GROUP_RANK", "SLURM_NODEID"):
        if os.environ.get(name, "").isdecimal():
            return int(os.environ[name])
    return 0


def first_here() -> bool:
    """The first process of this machine."""
    return not rank_here() or os.environ.get("LOCAL_RANK", os.environ.get("SLURM_LOCALID", "")) == "0"


def several(name: str) -> bool:
    """An interactive job of Slurm has a number too, and is alone."""
    return name != "SLURM_PROCID" or os.environ.get("SLURM_NTASKS", "1") not in ("", "1")


def run_of_ranks() -> str | None:
    """What `torchrun` says is the same for all of its processes, and another at the next start. Each process begins its
    runs in the same order, so the second run is the same for all, too."""
    start = os.environ.get("TORCHELASTIC_RUN_ID")
    if start is None or "LOCAL_RANK" not in os.environ:
        return None
    told = [start, os.environ.get("MASTER_ADDR", ""), os.environ.get("MASTER_PORT", "")]
    if start == "none" or os.environ.get("GROUP_WORLD_SIZE", "1") == "1":  # on one machine: the launcher itself
        told += [boot(), str(os.getppid()), str(process_born(os.getppid()))]
    import hashlib

    told.append(str(next(_begun)))
    return hashlib.sha256(" ".join(told).encode()).hexdigest()[:32]

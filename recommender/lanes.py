"""Several probes at once where a GPU has the room, one after the other where it is a CPU.

Small networks leave most of a GPU idle, waiting for the next kernel. Threads share its memory and its context, which
processes would not, and each has its own stream; torch lets go of Python's lock while kernels are launched and read.
With several threads all draw from torch's one generator, so what dropout drops, and where a head that is no linear
layer begins, depends on who comes first; everything else stays as it is with one.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TypeVar

import torch

from recommender.probes import out_of_memory
from zoo.training.devices import choose_device

T = TypeVar("T")
Job = Callable[[], T]

MOST = 4
"""Beyond that Python's lock is what they wait for."""
ROOM = 0.8
"""The share of the free memory that all together may take."""


class Lanes:
    """How many probes run at a time on this device, and who has to stop."""

    def __init__(self, device: str | None = None) -> None:
        self.place = choose_device(device)
        self.width = 1
        self._halt = threading.Event()

    def stopped(self) -> bool:
        """Whether the probes on the other lanes should end."""
        return self._halt.is_set()

    def widen(self, job: Job[T]) -> T:
        """Run one job alone; from what it took of the GPU's memory the number of lanes follows."""
        if self.place.type != "cuda":
            return job()
        torch.cuda.reset_peak_memory_stats(self.place)
        before = torch.cuda.memory_allocated(self.place)
        done = job()
        free, _ = torch.cuda.mem_get_info(self.place)
        self.width = lanes_for(torch.cuda.max_memory_allocated(self.place) - before, free)
        return done

    def run(self, jobs: Sequence[Job[T]]) -> Iterator[T]:
        """The jobs' results, as they are done. One that finds no memory beside the others is run again, alone."""
        if self.width == 1 or len(jobs) < 2:
            yield from (job() for job in jobs)
            return
        alone: list[Job[T]] = []
        with torch.random.fork_rng(), ThreadPoolExecutor(self.width, "probe") as pool:
            waiting = {pool.submit(self._on_a_stream, job): job for job in jobs}
            try:
                for future in as_completed(waiting):
                    error = future.exception()
                    if isinstance(error, RuntimeError) and out_of_memory(error):
                        alone.append(waiting[future])
                    else:
                        yield future.result()
            except BaseException:
                self._halt.set()
                pool.shutdown(cancel_futures=True)
                raise
        yield from (job() for job in alone)

    def _on_a_stream(self, job: Job[T]) -> T:
        own = torch.cuda.Stream(self.place) if self.place.type == "cuda" else None  # type: ignore[no-untyped-call]
        with torch.cuda.stream(own):
            return job()


def lanes_for(taken: int, free: int) -> int:
    """How many jobs of `taken` bytes fit into `free` bytes beside what they leave to others."""
    return max(1, min(MOST, int(ROOM * free / max(1, taken))))

"""Question: how many threads does work of this size gain from, here and now?

Threads of one operation wait for each other. On cores that other programs use as well, the slowest of them is always
late, and small networks become ten times slower with two threads than with one. So both are tried, for a moment.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median

import torch
from torch.nn import functional

TRIES = 7
WORTH = 0.9
"""More threads have to take less than this share of the time of one."""


@contextmanager
def fitting_threads() -> Iterator[None]:
    """One thread for a while, where more gain nothing; what the user set comes back."""
    asked = torch.get_num_threads()
    if asked > 1 and not gain(asked):
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(asked)


def gain(threads: int) -> bool:
    """Whether so many threads are faster than one at a step of a small network."""
    many, one = seconds(threads), seconds(1)
    torch.set_num_threads(threads)
    return many < WORTH * one


def seconds(threads: int) -> float:
    """The median of some convolutions of 64 small images."""
    torch.set_num_threads(threads)
    images, kernel = torch.ones(64, 16, 16, 16), torch.ones(32, 16, 3, 3)
    times = []
    with torch.inference_mode():
        for _ in range(TRIES):
            began = time.perf_counter()
            for _ in range(4):
                functional.conv2d(images, kernel, padding=1)
            times.append(time.perf_counter() - began)
    return median(times)

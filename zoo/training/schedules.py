"""How the learning rate moves through a training: a share of the peak rate, from the share of the steps done.

Every schedule is a pure function of progress in [0, 1], so a training that was broken off needs to remember nothing
of it, and 24 steps pass through the same shape as 24,000.
"""

import math
from typing import Literal

Schedule = Literal["one-cycle", "cosine", "constant"]

FLOOR = 1 / 25
"""Where one-cycle begins, as a share of the peak rate."""


def rate_share(schedule: Schedule, progress: float, warmup: float) -> float:
    """The rate at `progress`, as a share of the peak rate; `warmup` is the share of all steps in which it rises."""
    if progress < warmup:
        risen = progress / warmup
        return FLOOR + (1 - FLOOR) * _half_wave(risen) if schedule == "one-cycle" else risen
    if schedule == "constant":
        return 1.0
    fallen = (progress - warmup) / (1 - warmup)
    return 1 - _half_wave(fallen)


def step_progress(step: int, steps: int, start: int = 0) -> float:
    """The middle of step `step` on the way from step `start` to `steps`: no step is spent at a rate of nothing."""
    return min(1.0, max(0.0, (step + 0.5 - start) / (steps - start)))


def _half_wave(x: float) -> float:
    """From 0 to 1 along half a cosine."""
    return (1 - math.cos(math.pi * min(1.0, x))) / 2

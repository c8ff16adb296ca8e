"""The worker of benchmarks/chaos.py: its jobs take some steps, and come to the same whatever happened on the way."""

import hashlib
import time
from typing import Any

from service.jobs.worker import Work
from service.work import main

KINDS = {name: f"benchmarks.chaos_worker:{name}" for name in ("digest", "slow_digest")}
STEPS = 5
STEP_S = 0.02
SLOW_S = 0.4


def digest(work: Work) -> Any:
    return steps(work, STEP_S)


def slow_digest(work: Work) -> Any:
    """There is time to stop it in the middle."""
    return steps(work, SLOW_S)


def steps(work: Work, seconds: float) -> Any:
    """A chain of hashes, kept after every step, so that a later attempt goes on from there."""
    done, held = work.step or (0, work.spec)
    for number in range(done, STEPS):
        time.sleep(seconds)
        held = chained(held)
        work.tell({"step": number}, step=(number + 1, held))
    return {"of": work.spec, "is": held}


def chained(held: str) -> str:
    return hashlib.sha256(held.encode()).hexdigest()


def expected(spec: str) -> dict[str, str]:
    held = spec
    for _ in range(STEPS):
        held = chained(held)
    return {"of": spec, "is": held}


if __name__ == "__main__":
    main(KINDS, ())

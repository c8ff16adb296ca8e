"""Errands for tests of fans: sums, errors, a process that dies. Importable, so that other processes find them."""

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headhunt.errors import HeadhuntError, UnknownModel
from recommender.fan import Parcel, Part


@dataclass(frozen=True)
class Plus:
    """Adds to the sum of its parts. dies: the process, at the first so many tries, which are counted in `notes`."""

    number: int
    notes: Path
    dies: int = 0
    error: HeadhuntError | None = None
    sleeps: float = 0.0

    def do(self, parts: tuple[Any, ...]) -> tuple[int, int]:
        with (self.notes / f"{self.number}").open("a") as tries:
            tries.write("x")
        if (self.notes / f"{self.number}").stat().st_size <= self.dies:
            os._exit(9)
        if self.error is not None:
            raise self.error
        time.sleep(self.sleeps)
        return self.number + sum(parts), os.getpid()


@dataclass
class Sum:
    task: Plus
    parts: tuple[Part, ...] = ()
    stays: bool = False

    def here(self) -> tuple[int, int]:
        return self.task.number + sum(int(str(part.make())) for part in self.parts), os.getpid()

    def packed(self) -> Parcel | None:
        if self.task.number < 0:
            raise UnknownModel("minus")
        return None if self.stays else Parcel(self.task, self.parts)

    def unpacked(self, answer: tuple[int, int]) -> tuple[int, int]:
        return answer

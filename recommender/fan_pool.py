"""Processes beside this one that carry out tasks: each at one task at a time, with a pipe of its own, so it is known
whose task a process died of. They end when this process does: their pipes are closed then.
"""

import multiprocessing
import os
import pickle
import signal
import tempfile
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from headhunt.errors import WorkLost
from recommender.fan import TRIES, FieldLost, Parcel, Task, carried_out

HELD = 3
"""So many parts a process remembers: the pictures, the weights, and one more."""


@dataclass(frozen=True)
class Order:
    """What is sent to a process: a task, and the files of its parts."""

    number: int
    task: Task
    files: tuple[Path, ...]


@dataclass
class Hand:
    """One process, and what it does."""

    process: BaseProcess
    pipe: Connection
    order: Order | None = None


class Pool:
    """So many processes on this machine, with so many threads each. Parts lie in files that they share."""

    def __init__(self, size: int, threads: int = 1) -> None:
        self.width, self.threads = size, threads
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["recommender.fan_tasks"])
        self._temporary = tempfile.TemporaryDirectory(prefix="headhunt-")
        self.folder = Path(self._temporary.name)
        self._files: dict[str, Path] = {}
        self._names = 0
        self._deaths: dict[int, int] = {}
        self._hands: list[Hand] = []

    def begin(self, number: int, parcel: Parcel) -> None:
        files = []
        for part in parcel.parts:
            known = self._files.get(part.key) if part.key else None
            path = known or self._written(part.make())
            if part.key:
                self._files[part.key] = path
            files.append(path)
        self._hand_to(self._free(), Order(number, parcel.task, tuple(files)))

    def done(self, patience: float) -> Iterator[tuple[int, Any]]:
        busy = {hand.pipe: hand for hand in self._hands if hand.order is not None}
        for pipe in wait(list(busy), patience):
            hand = busy[pipe]  # type: ignore[index]
            order, hand.order = hand.order, None
            if order is None:
                continue
            try:
                yield order.number, pickle.loads(hand.pipe.recv_bytes())  # noqa: S301 - our own process
            except (EOFError, OSError):
                self._bury(hand)
                if (again := self._again(order)) is not None:
                    yield again

    def drop(self, numbers: Iterable[int]) -> None:
        gone = set(numbers)
        for hand in list(self._hands):
            if hand.order is not None and hand.order.number in gone:
                self._bury(hand)

    def close(self) -> None:
        for hand in list(self._hands):
            self._bury(hand)
        self._temporary.cleanup()

    # --- processes ---

    def _free(self) -> Hand:
        for hand in self._hands:
            if hand.order is None and hand.process.is_alive():
                return hand
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=work, args=(theirs, self.threads), daemon=True)
        try:
            process.start()
        except OSError as error:
            raise FieldLost(f"no process could be started ({error})") from error
        theirs.close()
        self._hands.append(Hand(process, ours))
        return self._hands[-1]

    def _hand_to(self, hand: Hand, order: Order) -> None:
        hand.order = order
        with suppress(OSError):  # it has died: `done` will see that
            hand.pipe.send(order)

    def _again(self, order: Order) -> tuple[int, Any] | None:
        """After a death: another try, or what to tell."""
        self._deaths[order.number] = self._deaths.get(order.number, 0) + 1
        if self._deaths[order.number] < TRIES:
            self._hand_to(self._free(), order)
            return None
        return order.number, WorkLost(f"{TRIES} processes died of it")

    def _bury(self, hand: Hand) -> None:
        self._hands.remove(hand)
        hand.process.kill()
        hand.process.join()
        hand.process.close()
        hand.pipe.close()

    def _written(self, value: object) -> Path:
        self._names += 1
        path = self.folder / str(self._names)
        with path.open("wb") as file:
            pickle.dump(value, file, protocol=5)
        return path


# --- In the process ---------------------------------------------------------------------------------------------------


def work(pipe: Connection, threads: int) -> None:
    """Until the pipe is closed. Ctrl-C is for the process that asks; ours ends with it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    import torch

    torch.set_num_threads(threads)
    held: OrderedDict[Path, Any] = OrderedDict()
    with suppress(EOFError, OSError):
        while True:
            order: Order = pipe.recv()
            parts = tuple(read(path, held) for path in order.files)
            answer = carried_out(order.task, parts)
            pipe.send_bytes(pickle.dumps(answer, protocol=5))
    os._exit(0)


def read(path: Path, held: OrderedDict[Path, Any]) -> Any:
    if path not in held:
        held[path] = pickle.loads(path.read_bytes())  # noqa: S301 - written by the process that asks
    held.move_to_end(path)
    found = held[path]
    while len(held) > HELD:
        held.popitem(last=False)
    return found

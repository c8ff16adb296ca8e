"""Processes that fill cells: one torch thread each, stopped by a word, and gone when their parent is."""

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing.context import SpawnContext
from multiprocessing.sharedctypes import Synchronized
from multiprocessing.synchronize import Event

import torch

from headhunt.errors import Interrupted
from headhunt.vocabulary import ModelCard
from zoo.starter.cell import Cell, fill
from zoo.training.trainer import Step


class Desk:
    """What the parent and its workers share: the steps done so far, and whether to stop."""

    def __init__(self, context: SpawnContext) -> None:
        self.steps: Synchronized[int] = context.Value("q", 0)
        self.stop: Event = context.Event()

    def step(self, _: Step) -> None:
        if self.stop.is_set():
            raise Interrupted("The build of the starter zoo was stopped. The same command goes on from here.")
        with self.steps.get_lock():
            self.steps.value += 1


class Workers:
    """A pool of processes; fresh ones, since a fork of a process that has used torch's threads can hang."""

    def __init__(self, count: int) -> None:
        context = multiprocessing.get_context("spawn")
        self.desk = Desk(context)
        self.pool = ProcessPoolExecutor(count, context, initializer=_begin, initargs=(self.desk,))

    def fill(self, cell: Cell) -> "Future[tuple[ModelCard, bytes]]":
        return self.pool.submit(_fill, cell)

    def close(self) -> None:
        """Nothing new is begun, and what is being trained ends at its next step."""
        self.desk.stop.set()
        self.pool.shutdown(wait=True, cancel_futures=True)


@contextlib.contextmanager
def workers(count: int) -> Iterator[Workers]:
    hired = Workers(count)
    try:
        yield hired
    finally:
        hired.close()


_desk: list[Desk] = []
"""In a worker: its one desk."""


def _begin(desk: Desk) -> None:
    """Ctrl-C goes to every process of a terminal: the parent answers it, and tells the desk."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(1)
    _desk.append(desk)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A parent that was killed cannot tell; its workers must not train on for nobody."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _fill(cell: Cell) -> tuple[ModelCard, bytes]:
    return fill(cell, _desk[0].step)

"""Building the starter zoo: every domain by every network, in as many processes as there are cores.

    for found in build_starter(folder, skip=ids_that_are_there): store it

Each model is yielded as soon as it is trained, so a build that is broken off loses only what was being trained, and
the next one, told by `skip` what is there, goes on with the rest.
"""

from collections.abc import Callable, Collection, Iterator
from concurrent.futures import FIRST_COMPLETED, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path

from safetensors.torch import load

from headhunt.errors import BadValue, TrainingFailed
from zoo.machine import usable_cores
from zoo.sources import Found
from zoo.starter.cell import Cell
from zoo.starter.domains import FULL, Counts, starter_domain, starter_domains
from zoo.starter.networks import StarterNetwork, starter_networks
from zoo.starter.workers import Workers, workers

LOOK_S = 0.5
"""How often the progress is told while nothing is finished."""


@dataclass(frozen=True)
class StarterPlan:
    """What is built. The whole zoo, unless a test wants less."""

    domains: tuple[str, ...]
    networks: tuple[StarterNetwork, ...]
    counts: Counts = FULL

    def cells(self, folder: Path) -> list[Cell]:
        """Network by network, so that workers begin on different domains and none is drawn twice."""
        return [
            Cell(domain, network.name, network.protocol, self.counts, folder)
            for network in self.networks
            for domain in self.domains
        ]


@dataclass(frozen=True)
class Progress:
    """How far a build is: steps of training over all cells, and models finished."""

    steps: int
    all_steps: int
    models: int
    all_models: int


def whole_plan() -> StarterPlan:
    return StarterPlan(tuple(domain.name for domain in starter_domains()), starter_networks())


def starter_ids(plan: StarterPlan | None = None) -> tuple[str, ...]:
    """The ids of all cards that the build makes."""
    return tuple(cell.id for cell in (plan or whole_plan()).cells(Path()))


def build_starter(
    folder: Path,
    *,
    plan: StarterPlan | None = None,
    process_count: int | None = None,
    skip: Collection[str] = (),
    on_progress: Callable[[Progress], None] | None = None,
) -> Iterator[Found]:
    """Train what `skip` does not name, and yield each model when it is done. The drawn samples stay in `folder`.

    folder: where the samples are packed (`pack(domain, folder)` tells the file, which is a sample like any other).
    process_count: None: one for each core that this process may use.
    Raises UnknownDomain and BadValue before anything is spent, TrainingFailed when a worker is lost.
    """
    if process_count is not None and process_count < 1:
        raise BadValue(f"{process_count} workers cannot build anything. Give 1 or more.")
    asked = plan or whole_plan()
    for name in asked.domains:
        starter_domain(name)
    cells = [cell for cell in asked.cells(folder) if cell.id not in skip]
    if not cells:
        return
    tell = on_progress or (lambda _: None)
    with workers(min(process_count or usable_cores(), len(cells))) as hired:
        yield from _harvest(hired, cells, tell)


def _harvest(hired: Workers, cells: list[Cell], tell: Callable[[Progress], None]) -> Iterator[Found]:
    all_steps = sum(cell.steps for cell in cells)
    growing = {hired.fill(cell): cell for cell in cells}
    while growing:
        ripe, _ = wait(growing, LOOK_S, FIRST_COMPLETED)
        for future in ripe:
            cell = growing.pop(future)
            try:
                card, state = future.result()
            except BrokenProcessPool as error:
                raise TrainingFailed(
                    f"A worker ended while {cell.id} was due: killed, or out of memory. "
                    "The same command goes on from here; --workers 1 needs least memory."
                ) from error
            yield Found(card, load(state))
        tell(Progress(hired.desk.steps.value, all_steps, len(cells) - len(growing), len(cells)))

"""Make a zoo to rank: every network trained on every source, each a cell of a repository in a folder of its own.

    python -m benchmarks.zoo --sources a.zip b.zip [--networks test_resnet test_vit] --out DIR [--json FILE]

Called again after a stop it goes on with what is missing. DIR is a home: `HEADHUNT_HOME=DIR headhunt zoo list` shows
it, and `headhunt zoo add` puts other models beside these.
"""

import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

import torch
from tqdm import tqdm

from benchmarks.report import Table, arguments, publish
from headhunt.vocabulary import ModelCard, Protocol
from zoo.cells import Plan, train_cell
from zoo.images.samples import open_sample
from zoo.machine import usable_cores
from zoo.networks.building import checked_architecture
from zoo.repository import Zoo
from zoo.starter.networks import starter_networks

NETWORKS = ("test_resnet", "test_efficientnet", "test_mambaout", "test_vit", "test_convnext")
RATE = 2e-3
"""Of networks that the starter zoo does not teach; its own rates hold for its own."""


@dataclass(frozen=True)
class Cell:
    """One training: a network on a source, into a home."""

    source: Path
    network: str
    protocol: Protocol
    out: Path

    @property
    def id(self) -> str:
        return f"{self.source.name.split('.')[0]}/{self.network}"


def main(given: list[str] | None = None) -> int:
    parser = arguments((__doc__ or "").partition("\n")[0])
    parser.add_argument("--sources", type=Path, nargs="+", required=True, metavar="ARCHIVE")
    parser.add_argument("--networks", nargs="+", default=NETWORKS, metavar="NAME", help="architectures of timm")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument("--epochs", type=float, default=10)
    parser.add_argument("--input", type=int, default=32, metavar="PIXELS")
    parser.add_argument("--workers", type=int, default=usable_cores(), metavar="N")
    asked = parser.parse_args(given)
    for network in asked.networks:
        checked_architecture(network)
    zoo = Zoo(asked.out)
    cells = [
        Cell(source, network, taught(network, asked.epochs, asked.input, asked.seed), asked.out)
        for network in asked.networks
        for source in asked.sources
    ]
    known = zoo.catalogue.read().cards
    fill([cell for cell in cells if cell.id not in known], asked.workers)
    publish("zoo", [table(zoo, cells)], seed=asked.seed, keep=asked.json)
    return 0


def taught(network: str, epochs: float, size: int, seed: int) -> Protocol:
    rates = {known.name: known.protocol.lr for known in starter_networks()}
    return Protocol(epochs=epochs, lr=rates.get(network, RATE), input_size=size, evaluate_every=0, seeds=(seed,))


def fill(cells: list[Cell], workers: int) -> None:
    """Each cell in a process with one thread: small networks gain nothing from a second."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        futures = [pool.submit(fill_cell, cell) for cell in cells]
        for future in tqdm(as_completed(futures), "models", len(futures), disable=None):
            future.result()


def fill_cell(cell: Cell) -> ModelCard:
    with open_sample(cell.source) as sample:
        plan = Plan(cell.id.partition("/")[0], cell.protocol, cell.network)
        return train_cell(Zoo(cell.out), sample, plan).card


def table(zoo: Zoo, cells: list[Cell]) -> Table:
    """Rows: sources; columns: networks; cells: accuracy on the source's own test part, in per cent."""
    networks = list(dict.fromkeys(cell.network for cell in cells))
    shown = Table("accuracy on the source's own test part, in %", ["source", *networks])
    for source in dict.fromkeys(cell.id.partition("/")[0] for cell in cells):
        cards = [zoo.card(f"{source}/{network}") for network in networks]
        shown.add(source, *(None if card.accuracy is None else round(100 * card.accuracy, 1) for card in cards))
    return shown


if __name__ == "__main__":
    sys.exit(main())

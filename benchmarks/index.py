"""How well and how fast each kind of index finds the nearest vectors, against exact search.

    python -m benchmarks.index [--vectors 1000000] [--dimension 512] [--queries 200] [--json FILE]

The vectors are clustered, of fewer directions than they have dimensions, as features of networks are.
"""

import argparse
import sys
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.report import Table, arguments, publish, spread
from discriminator.index import KINDS, Borders, Index
from discriminator.index_kinds import bytes_of

Floats = NDArray[np.float32]
K = 10
BATCH = 50_000
LATER = 1000
COLUMNS = ("kind", "chosen", "recall@10", "ms a query", "spread", "build s", "add 1,000 s", "MB", "asked")
FORCED = {"exact": Borders(exact_below=2**62, memory_bytes=2**62), "graph": Borders(0, 2**62), "packed": Borders(0, 0)}


class Clusters:
    """Vectors [n, d] around many centres of unequal weight, with noise in a fifth of the directions."""

    def __init__(self, dimension: int, seed: int) -> None:
        self._rng = np.random.default_rng(seed)
        self._centres = self._rng.normal(size=(1000, dimension)).astype(np.float32)
        self._weights = self._rng.dirichlet(np.full(1000, 0.5))
        inner = max(4, dimension // 5)
        self._spread = (self._rng.normal(size=(inner, dimension)) / np.sqrt(inner)).astype(np.float32)

    def draw(self, count: int) -> Floats:
        found = np.empty((count, self._centres.shape[1]), np.float32)
        for _, part in batches(found):
            near = self._rng.choice(len(self._centres), len(part), p=self._weights)
            noise = self._rng.normal(size=(len(part), len(self._spread))).astype(np.float32)
            part[:] = self._centres[near] + noise @ self._spread
        return found


def batches(vectors: Floats) -> Iterator[tuple[int, Floats]]:
    """Views of the vectors, with the row that each begins at."""
    for start in range(0, len(vectors), BATCH):
        yield start, vectors[start : start + BATCH]


def filled(kind: str, vectors: Floats) -> Index:
    """An index of this kind. The packed one learns its codes from what it is given first: it gets all at once."""
    index = Index(vectors.shape[1], borders=FORCED[kind])
    began = time.perf_counter()
    for start, part in [(0, vectors)] if kind == "packed" else batches(vectors):
        say(f"{kind}: {start:,} of {len(vectors):,} vectors, {time.perf_counter() - began:.0f} s")
        index.add([f"v{start + i}" for i in range(len(part))], part)
    return index


def say(line: object) -> None:
    print(line, file=sys.stderr, flush=True)


def asked_one_by_one(index: Index, queries: Floats) -> tuple[list[set[str]], list[float]]:
    """(the names found, milliseconds of each)."""
    names, times = [], []
    for query in queries:
        began = time.perf_counter()
        found, _ = index.search(query[None], K)
        times.append(1000 * (time.perf_counter() - began))
        names.append(set(found[0]))
    return names, times


class Measured(NamedTuple):
    """Of one kind. It is gone when the next is built, so that memory holds one index at a time."""

    names: list[set[str]]
    times: list[float]
    built: float
    more: float


def measured(kind: str, vectors: Floats, queries: Floats, later: Floats) -> Measured:
    began = time.perf_counter()
    index = filled(kind, vectors)
    built = time.perf_counter() - began
    names, times = asked_one_by_one(index, queries)
    began = time.perf_counter()
    index.add([f"later {i}" for i in range(len(later))], later)
    return Measured(names, times, built, time.perf_counter() - began)


def recall(found: list[set[str]], truth: list[set[str]]) -> float:
    return float(np.mean([len(here & best) / len(best) for here, best in zip(found, truth, strict=True)]))


def measure(asked: argparse.Namespace) -> Table:
    source = Clusters(asked.dimension, asked.seed)
    vectors, queries, later = (source.draw(count) for count in (asked.vectors, asked.queries, LATER))
    table = Table(f"{asked.vectors:,} vectors of {asked.dimension}, {asked.queries} queries", COLUMNS)
    chosen = Borders().kind(asked.vectors, asked.dimension)
    truth: list[set[str]] = []
    for kind in KINDS:
        found = measured(kind, vectors, queries, later)
        truth = truth or found.names
        row: list[Any] = [kind, "yes" if kind == chosen else "", recall(found.names, truth), *spread(found.times)]
        megabytes = bytes_of(kind, asked.vectors, asked.dimension) / 1e6
        table.add(*row, found.built, found.more, megabytes, ">= 0.95" if kind == chosen else None)
        say(table)
    return table


def main() -> None:
    parser = arguments("How well and how fast each kind of index finds the nearest vectors.")
    parser.add_argument("--vectors", type=int, default=1_000_000)
    parser.add_argument("--dimension", type=int, default=512)
    parser.add_argument("--queries", type=int, default=200)
    asked = parser.parse_args()
    publish("index", [measure(asked)], seed=asked.seed, keep=asked.json)


if __name__ == "__main__":
    main()

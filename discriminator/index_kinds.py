"""Three ways to keep vectors so that the nearest are found, behind one shape. faiss is known here and in index.py only.

    Exact    every vector is compared: right by construction, 60 ms a query at a million vectors of 512
    Graph    HNSW (Malkov & Yashunin 2016): a walk over neighbours of neighbours; the vectors and 0.3 kB more each
    Packed   IVF-PQ (Jegou et al. 2011): codes of at most 64 bytes in memory, the vectors themselves in a file;
             what the codes hold for near is compared again exactly

N vectors, d dimensions, Q queries, k neighbours. All compare by inner product; higher is nearer. Rows are counted
from 0 in the order of adding, and stay.
"""

import mmap
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import faiss as typed_faiss
import numpy as np
from numpy.typing import NDArray

faiss: Any = typed_faiss
"""Its own stubs lack what its Python side adds: keywords, and arrays as arguments."""
Floats = NDArray[np.float32]
Flags = NDArray[np.bool_]
Rows = NDArray[np.int64]
LINKS = 32
"""Neighbours that the graph keeps of each vector, on each level; twice as many on the lowest."""
EF_BUILD, EF_SEARCH = 120, 128
"""How many candidates a walk over the graph keeps, when it is built and when it is asked."""
CODE_BYTES = 64
RERANKED = 50
"""Neighbours by code that are compared exactly, for each one asked for."""
BLOCK = 65_536
LISTS_VISITED = 48
"""At least so many lists are searched for a query, a sixteenth of all where that is more."""
TRAINED_ON = 64
"""Vectors for each list of the packed kind that its centres are learnt from."""


class Kind(Protocol):
    """What the index asks of each way of keeping vectors."""

    name: str
    faiss: Any

    def add(self, vectors: Floats) -> None: ...

    def search(self, queries: Floats, k: int, allowed: Flags) -> tuple[Floats, Rows]:
        """Similarities and rows [Q, k], nearest first, of `allowed` [N] rows; row -1 where those are fewer."""

    def blocks(self) -> Iterator[Floats]:
        """All vectors in the order of their rows."""


class Exact:
    name = "exact"

    def __init__(self, dimension: int, index: Any = None) -> None:
        self.faiss = faiss.IndexFlatIP(dimension) if index is None else index

    def add(self, vectors: Floats) -> None:
        self.faiss.add(vectors)

    def search(self, queries: Floats, k: int, allowed: Flags) -> tuple[Floats, Rows]:
        near: tuple[Floats, Rows] = self.faiss.search(queries, k, params=faiss.SearchParameters(sel=selector(allowed)))
        return near

    def blocks(self) -> Iterator[Floats]:
        return reconstructed(self.faiss)


class Graph:
    name = "graph"

    def __init__(self, dimension: int, index: Any = None) -> None:
        self.faiss = faiss.IndexHNSWFlat(dimension, LINKS, faiss.METRIC_INNER_PRODUCT) if index is None else index
        self.faiss.hnsw.efConstruction = EF_BUILD

    def add(self, vectors: Floats) -> None:
        self.faiss.add(vectors)

    def search(self, queries: Floats, k: int, allowed: Flags) -> tuple[Floats, Rows]:
        wide = faiss.SearchParametersHNSW(sel=selector(allowed), efSearch=max(EF_SEARCH, 2 * k))
        near: tuple[Floats, Rows] = self.faiss.search(queries, k, params=wide)
        return near

    def blocks(self) -> Iterator[Floats]:
        return reconstructed(self.faiss.storage)


class Packed:
    """Learns its codes from the first vectors that come in; the caller sees to it that those are many."""

    name = "packed"

    def __init__(self, dimension: int, index: Any = None, shelf: "Shelf | None" = None) -> None:
        self.dimension = dimension
        self.faiss = index
        self.shelf = shelf or Shelf(dimension)

    def add(self, vectors: Floats) -> None:
        if self.faiss is None:
            self.faiss = trained(vectors)
        self.faiss.add(vectors)
        self.shelf.add(vectors)

    def search(self, queries: Floats, k: int, allowed: Flags) -> tuple[Floats, Rows]:
        wide = faiss.SearchParametersIVF(sel=selector(allowed), nprobe=max(LISTS_VISITED, self.faiss.nlist // 16))
        _, rows = self.faiss.search(queries, min(k * RERANKED, self.faiss.ntotal), params=wide)
        similar, near = np.full((len(queries), k), -np.inf, np.float32), np.full((len(queries), k), -1, np.int64)
        for i, candidates in enumerate(rows):
            found = candidates[candidates >= 0]
            exact = self.shelf.take(found) @ queries[i]
            best = np.argsort(-exact, kind="stable")[:k]
            similar[i, : len(best)], near[i, : len(best)] = exact[best], found[best]
        return similar, near

    def blocks(self) -> Iterator[Floats]:
        return self.shelf.blocks()


class Shelf:
    """Vectors in files that are mapped into memory: read where they are asked for, and gone with the process."""

    def __init__(self, dimension: int, stored: Path | None = None) -> None:
        self.dimension = dimension
        self._parts: list[Floats] = []
        self._ends: list[int] = []
        if stored is not None:
            self._append(np.memmap(stored, np.float32, "r").reshape(-1, dimension))

    def add(self, vectors: Floats) -> None:
        with tempfile.TemporaryFile(prefix="headhunt-") as file:
            file.truncate(vectors.nbytes)
            mapped = mmap.mmap(file.fileno(), vectors.nbytes)
        part = np.frombuffer(mapped, np.float32).reshape(vectors.shape)
        part[:] = vectors
        self._append(part)

    def _append(self, part: Floats) -> None:
        self._ends.append((self._ends[-1] if self._ends else 0) + len(part))
        self._parts.append(part)

    def take(self, rows: Rows) -> Floats:
        """[len(rows), d]"""
        found = np.empty((len(rows), self.dimension), np.float32)
        places = np.searchsorted(self._ends, rows, side="right")
        for place in np.unique(places):
            here = places == place
            found[here] = self._parts[place][rows[here] - (self._ends[place - 1] if place else 0)]
        return found

    def blocks(self) -> Iterator[Floats]:
        for part in self._parts:
            for start in range(0, len(part), BLOCK):
                yield np.asarray(part[start : start + BLOCK])


def selector(allowed: Flags) -> Any:
    return faiss.IDSelectorBitmap(np.packbits(allowed, bitorder="little"))


def reconstructed(index: Any) -> Iterator[Floats]:
    for start in range(0, index.ntotal, BLOCK):
        yield index.reconstruct_n(start, min(BLOCK, index.ntotal - start))


def trained(vectors: Floats) -> Any:
    """An empty IVF-PQ whose centres and codes fit these vectors [N, d]: about 4 sqrt(N) lists."""
    count, dimension = vectors.shape
    lists = int(np.clip(4 * np.sqrt(count), 1, max(1, count // 39)))
    code = max(m for m in range(1, CODE_BYTES + 1) if dimension % m == 0)
    bits = 8 if count >= 256 else max(1, int(np.log2(count)))
    index = faiss.IndexIVFPQ(faiss.IndexFlatIP(dimension), dimension, lists, code, bits, faiss.METRIC_INNER_PRODUCT)
    for clustering in (index.cp, index.pq.cp):
        clustering.min_points_per_centroid = 1
    chosen = np.random.default_rng(0).permutation(count)[: max(TRAINED_ON * lists, 2**14)]
    index.train(vectors[np.sort(chosen)])
    return index


def bytes_of(kind: str, count: int, dimension: int) -> int:
    """The memory that so many vectors take, roughly."""
    plain = count * dimension * 4
    return {"exact": plain, "graph": plain + count * LINKS * 9, "packed": count * (CODE_BYTES + 8)}[kind]

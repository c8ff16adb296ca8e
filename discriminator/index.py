"""Which of many vectors, known by name, are nearest to these? An index that grows, shrinks and survives on the disk.

    names --rows--> Exact | Graph | Packed (index_kinds.py), chosen by how many there are and what memory allows

    below 200,000       exact
    above               graph: recall@10 >= 0.95 at a million vectors (python -m benchmarks.index)
    beyond the memory   packed: the vectors lie in a file, and the best by code are compared again

Adding does not rebuild: each kind takes in what is new. Only when an index grows over a border between two kinds is it
converted, once. Removing marks a row; when half of all rows are marked, the index is written anew without them.

    FOLDER/index.json           kind, names, and the digests of the others: replaced last, as a whole
    FOLDER/<sha256>.faiss       the structure
    FOLDER/<sha256>.vectors     of a packed index: the vectors, float32

`metric` is "cosine" (distance 1 - cosine, vectors of any length) or "inner" (distance = minus the inner product).
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import faiss
import msgspec
import numpy as np

from discriminator.index_kinds import Exact, Floats, Graph, Kind, Packed, Shelf, bytes_of
from headhunt.errors import BadValue, CatalogueBroken, NameTaken, NotWritten, UnknownName, first_few, one_line
from headhunt.vocabulary import GIB, Struct
from zoo.files import clear_drafts, discard, draft_beside, put_in_place, replace_file, unwritten, writer_lock

Metric = Literal["cosine", "inner"]
Neighbours = tuple[list[list[str]], list[Floats]]
HEAD = "index.json"


@dataclass(frozen=True)
class Borders:
    """Where one kind ends and the next begins."""

    exact_below: int = 200_000
    memory_bytes: int = 4 * GIB

    def kind(self, count: int, dimension: int) -> str:
        fitting = "exact" if count < self.exact_below else "graph"
        return fitting if bytes_of(fitting, count, dimension) <= self.memory_bytes else "packed"


class Head(Struct, frozen=True, omit_defaults=False):
    """What stands in index.json."""

    kind: str
    dimension: int
    metric: Metric
    ids: tuple[str, ...]
    removed: tuple[int, ...]
    files: dict[str, str]
    """Suffix -> SHA-256."""


class Index:
    """Vectors [N, d] under names. In memory until `save`."""

    def __init__(self, dimension: int, metric: Metric = "cosine", borders: Borders | None = None) -> None:
        if dimension < 1 or metric not in ("cosine", "inner"):
            raise BadValue(
                f"An index of {dimension} dimensions by {metric!r} cannot be; 1 or more by cosine or inner can."
            )
        self.dimension = dimension
        self.metric: Metric = metric
        self.borders = borders or Borders()
        self._kind: Kind = Exact(dimension)
        self._ids: list[str] = []
        self._rows: dict[str, int] = {}
        self._alive = np.empty(0, bool)

    @property
    def kind(self) -> str:
        """exact, graph or packed."""
        return self._kind.name

    @property
    def names(self) -> tuple[str, ...]:
        """Of all vectors that are there, in the order they came."""
        return tuple(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def __contains__(self, name: str) -> bool:
        return name in self._rows

    def add(self, ids: Sequence[str], vectors: Floats) -> bool:
        """Take in vectors [len(ids), d] under new names. True if the index was converted to another kind for it."""
        if len(ids) != len(vectors):
            raise BadValue(f"{len(ids)} names for {len(vectors)} vectors; one for each is needed.")
        twice = (name for name, count in Counter(ids).items() if count > 1 or name in self._rows)
        if taken := sorted(twice):
            raise NameTaken(
                f"The index has {first_few(taken)} already, or is given it twice. Remove what is to be replaced first."
            )
        plain = self._checked(vectors)
        if not len(plain):
            return False
        converted = self._convert(len(self._ids) + len(plain), plain)
        if not converted:
            self._kind.add(plain)
        self._name(ids)
        return converted

    def _name(self, ids: Sequence[str]) -> None:
        self._rows.update((name, len(self._ids) + i) for i, name in enumerate(ids))
        self._ids.extend(ids)
        self._alive = np.append(self._alive, np.ones(len(ids), bool))

    def _convert(self, count: int, more: Floats) -> bool:
        """Change the kind where so many vectors want another; from exact to graph to packed, never back."""
        order = list(KINDS)
        wanted = self.borders.kind(count, self.dimension)
        if order.index(wanted) <= order.index(self.kind):
            return False
        self._kind = built(wanted, np.concatenate([*self._kind.blocks(), more]))
        return True

    def remove(self, ids: Sequence[str]) -> None:
        """Forget names. Their places are used again when half of all are empty."""
        for name in ids:
            if name not in self._rows:
                raise UnknownName(name[:80], list(self._rows)[:10_000], "The index does not hold it.")
        self._alive[[self._rows.pop(name) for name in set(ids)]] = False
        if 2 * len(self) < len(self._ids):
            self._compact()

    def _compact(self) -> None:
        vectors = np.concatenate([np.empty((0, self.dimension), np.float32), *self._kind.blocks()])[self._alive]
        ids = [name for name, alive in zip(self._ids, self._alive, strict=True) if alive]
        self._kind = built(self.borders.kind(len(ids), self.dimension), vectors)
        self._ids, self._rows, self._alive = [], {}, np.empty(0, bool)
        self._name(ids)

    def search(self, vectors: Floats, k: int) -> Neighbours:
        """For each of [Q, d]: the names and distances of the k nearest, nearest first; fewer where there are fewer."""
        if k < 1:
            raise BadValue(f"{k} neighbours cannot be found; 1 or more can.")
        queries = self._checked(vectors)
        if not len(self) or not len(queries):
            return [[] for _ in queries], [np.empty(0, np.float32) for _ in queries]
        similar, rows = self._kind.search(queries, min(k, len(self)), self._alive)
        found = [line >= 0 for line in rows]
        names = [[self._ids[row] for row in line[here]] for line, here in zip(rows, found, strict=True)]
        one = np.float32(1 if self.metric == "cosine" else 0)
        return names, [one - line[here] for line, here in zip(similar, found, strict=True)]

    def _checked(self, vectors: Floats) -> Floats:
        """float32 [n, d], of length one where the metric is the cosine."""
        plain = np.array(vectors, np.float32, order="C")
        if plain.ndim != 2 or plain.shape[1] != self.dimension:
            raise BadValue(f"Vectors of shape {plain.shape} do not fit an index of {self.dimension} dimensions.")
        if not np.isfinite(plain).all():
            raise BadValue(f"Vector {int((~np.isfinite(plain).all(1)).argmax())} holds values that are no numbers.")
        if self.metric == "cosine":
            lengths = np.linalg.norm(plain, axis=1, keepdims=True)
            if not lengths.all():
                raise BadValue(f"Vector {int((lengths == 0).argmax())} is all zeros and has no direction to compare.")
            plain /= lengths
        return plain

    def save(self, folder: Path) -> None:
        """Write to a folder: after any crash it holds what it held, or this."""
        with writer_lock(folder / ".lock"):
            clear_drafts(folder / "part")
            files = {".faiss": self._write_structure(folder)} if len(self._ids) else {}
            if isinstance(self._kind, Packed):
                files[".vectors"] = self._write_vectors(folder, self._kind)
            removed = tuple(np.flatnonzero(~self._alive).tolist())
            head = Head(
                kind=self.kind,
                dimension=self.dimension,
                metric=self.metric,
                ids=tuple(self._ids),
                removed=removed,
                files=files,
            )
            replace_file(folder / HEAD, msgspec.json.encode(head))
            kept = {digest + suffix for suffix, digest in files.items()}
            for old in (path for suffix in (".faiss", ".vectors") for path in folder.glob(f"*{suffix}")):
                if old.name not in kept:
                    discard(old)

    def _write_structure(self, folder: Path) -> str:
        return keep(folder, ".faiss", lambda place: faiss.write_index(self._kind.faiss, str(place)))

    @staticmethod
    def _write_vectors(folder: Path, packed: Packed) -> str:
        def write(place: Path) -> None:
            with place.open("wb") as file:
                for block in packed.blocks():
                    file.write(block.data)

        return keep(folder, ".vectors", write)

    @classmethod
    def open(cls, folder: Path, borders: Borders | None = None) -> "Index":
        """An index that was saved, checked against its digests."""
        try:
            head = msgspec.json.decode((folder / HEAD).read_bytes(), type=Head)
            index = cls(head.dimension, head.metric, borders)
            index._kind = opened(folder, head)
            index._name(head.ids)
            index._alive[list(head.removed)] = False
        except (OSError, ValueError, IndexError, KeyError, RuntimeError, msgspec.DecodeError, BadValue) as error:
            raise CatalogueBroken(
                f"The index in {folder} cannot be read ({type(error).__name__}). Remove the folder and build it again."
            ) from error
        index._rows = {name: row for name, row in index._rows.items() if index._alive[row]}
        return index


KINDS: dict[str, type[Exact] | type[Graph] | type[Packed]] = {"exact": Exact, "graph": Graph, "packed": Packed}


def built(kind: str, vectors: Floats) -> Kind:
    """A new structure over all these vectors [N, d]."""
    made = KINDS[kind](vectors.shape[1])
    if len(vectors):
        made.add(vectors)
    return made


def keep(folder: Path, suffix: str, write: Callable[[Path], None]) -> str:
    """A file under the digest of what `write` put into it, which is returned."""
    draft = draft_beside(folder / "part")
    try:
        write(draft)
        digest = digest_of(draft)
        put_in_place(draft, folder / f"{digest}{suffix}")
    except (OSError, RuntimeError) as error:  # RuntimeError: faiss could not write
        raise NotWritten(
            unwritten(folder, error if isinstance(error, OSError) else OSError(one_line(error)))
        ) from error
    finally:
        discard(draft)
    return digest


def digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def opened(folder: Path, head: Head) -> Kind:
    """The structure as it was saved. ValueError where a file is not what its name says."""
    places = {suffix: folder / f"{digest}{suffix}" for suffix, digest in head.files.items()}
    if any(digest_of(place) != place.stem for place in places.values()):
        raise ValueError("a file has changed")
    kind = KINDS[head.kind]
    if not head.ids:
        return kind(head.dimension)
    structure = faiss.read_index(str(places[".faiss"]))
    if structure.ntotal != len(head.ids) or structure.d != head.dimension:
        raise ValueError("the names do not fit the vectors")
    if kind is Packed:
        return Packed(head.dimension, structure, Shelf(head.dimension, places[".vectors"]))
    return kind(head.dimension, structure)

"""The index: every kind is held to exact search, to its names, and to what the disk may do to it."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from discriminator.index import Borders, Index
from discriminator.index_kinds import Shelf
from headhunt.errors import BadValue, CatalogueBroken, NameTaken, UnknownName

EXACT = Borders()
GRAPH = Borders(exact_below=0)
PACKED = Borders(memory_bytes=0)
EACH = pytest.mark.parametrize("borders", [EXACT, GRAPH, PACKED], ids=["exact", "graph", "packed"])
D = 32


def clusters(count: int, seed: int = 0) -> NDArray[np.float32]:
    """Vectors as networks make them: around many centres, in fewer directions than there are."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(60, D))
    noise = rng.normal(size=(count, D // 2)) @ rng.normal(size=(D // 2, D)) * 0.2
    return (centres[rng.integers(0, 60, count)] + noise).astype(np.float32)


def names(count: int, first: int = 0) -> list[str]:
    return [f"v{i}" for i in range(first, first + count)]


def nearest(vectors: NDArray[np.float32], queries: NDArray[np.float32], k: int) -> list[set[str]]:
    """By the definition, in double precision."""
    unit = vectors / np.linalg.norm(vectors.astype(float), axis=1, keepdims=True)
    order = np.argsort(-(queries.astype(float) @ unit.T), axis=1)[:, :k]
    return [{f"v{i}" for i in line} for line in order]


def recall(found: list[list[str]], true: list[set[str]]) -> float:
    return float(np.mean([len(set(line) & best) / len(best) for line, best in zip(found, true, strict=True)]))


@EACH
def test_each_kind_finds_what_exact_search_finds(borders: Borders) -> None:
    vectors, queries = clusters(3000), clusters(50, seed=1)
    index = Index(D, borders=borders)
    index.add(names(3000), vectors)
    found, distances = index.search(queries, 10)
    assert recall(found, nearest(vectors, queries, 10)) >= (1.0 if borders is EXACT else 0.95)
    assert all(np.all(np.diff(line) >= 0) for line in distances)


@EACH
def test_a_vector_is_nearest_to_itself_at_distance_zero(borders: Borders) -> None:
    vectors = clusters(500)
    index = Index(D, borders=borders)
    index.add(names(500), vectors)
    found, distances = index.search(7 * vectors[:20], 1)
    assert [line[0] for line in found] == names(20)
    np.testing.assert_allclose(np.concatenate(distances), 0, atol=1e-5)


@EACH
def test_what_is_added_later_is_found_and_what_is_removed_is_not(borders: Borders) -> None:
    first, later = clusters(600), clusters(300, seed=2)
    index = Index(D, borders=borders)
    index.add(names(600), first)
    assert not index.add(names(300, 600), later), "adding converted an index of the right kind"
    assert index.search(later[:1], 1)[0] == [["v600"]]
    index.remove(["v600", "v3"])
    assert len(index) == 898
    assert "v600" not in index
    assert index.search(later[:1], 1)[0] != [["v600"]]
    index.add(["v600"], later[:1])
    assert index.search(later[:1], 1)[0] == [["v600"]]


@EACH
def test_when_most_are_removed_the_rest_is_still_found(borders: Borders) -> None:
    vectors = clusters(500)
    index = Index(D, borders=borders)
    index.add(names(500), vectors)
    index.remove(names(440))
    found, _ = index.search(vectors[440:450], 3)
    assert (
        recall(found, [{f"v{int(n[1:]) + 440}" for n in line} for line in nearest(vectors[440:], vectors[440:450], 3)])
        >= 0.9
    )
    assert len(index) == 60
    index.remove(names(60, 440))
    assert index.search(vectors[:1], 3)[0] == [[]]


@EACH
def test_it_comes_back_from_the_disk_as_it_was(borders: Borders, tmp_path: Path) -> None:
    vectors = clusters(600)
    index = Index(D, borders=borders)
    index.add(names(600), vectors)
    index.remove(["v0"])
    index.save(tmp_path / "index")
    again = Index.open(tmp_path / "index", borders)
    assert (again.kind, len(again), again.dimension, again.metric) == (index.kind, 599, D, "cosine")
    assert again.search(vectors[:9], 5)[0] == index.search(vectors[:9], 5)[0]
    again.add(["new"], -vectors[:1])
    again.save(tmp_path / "index")
    assert Index.open(tmp_path / "index", borders).search(-vectors[:1], 1)[0] == [["new"]]


@EACH
def test_saving_again_leaves_no_file_behind(borders: Borders, tmp_path: Path) -> None:
    index = Index(D, borders=borders)
    index.add(names(500), clusters(500))
    index.save(tmp_path)
    before = len(list(tmp_path.iterdir()))
    index.add(["one more"], clusters(1, seed=5))
    index.save(tmp_path)
    assert len(list(tmp_path.iterdir())) == before


def test_an_index_that_outgrows_the_memory_is_packed_once() -> None:
    borders = Borders(exact_below=400, memory_bytes=800 * D * 4)
    index, converted = Index(D, borders=borders), []
    for start in range(0, 1000, 100):
        converted.append(index.add(names(100, start), clusters(100, seed=start)))
    assert sum(converted) == 1
    assert index.kind == "packed", "a graph of 400 takes more than the memory that is allowed"
    assert index.search(clusters(100, seed=0)[:1], 1)[0] == [["v0"]]


def test_an_exact_index_becomes_a_graph_at_the_border_and_not_again() -> None:
    index = Index(D, borders=Borders(exact_below=300))
    kinds = [(index.add(names(100, start), clusters(100, seed=start)), index.kind) for start in range(0, 600, 100)]
    assert kinds == [(False, "exact"), (False, "exact"), (True, "graph"), *[(False, "graph")] * 3]


def test_more_neighbours_than_vectors_gives_all_of_them() -> None:
    index = Index(D)
    index.add(names(3), clusters(3))
    found, distances = index.search(clusters(1), 10)
    assert set(found[0]) == {"v0", "v1", "v2"}
    assert len(distances[0]) == 3


def test_an_empty_index_finds_nothing_and_is_kept(tmp_path: Path) -> None:
    Index(D, "inner").save(tmp_path)
    again = Index.open(tmp_path)
    assert again.search(clusters(2), 5)[0] == [[], []]
    assert again.metric == "inner"


def test_the_inner_product_counts_lengths() -> None:
    index = Index(2, "inner")
    index.add(["short", "long"], np.array([[1, 0], [3, 3]], np.float32))
    names, distances = index.search(np.array([[1, 0]], np.float32), 2)
    assert names == [["long", "short"]]
    np.testing.assert_allclose(distances[0], [-3, -1])


def wrong_value(values: float) -> NDArray[np.float32]:
    return np.full((1, D), values, np.float32)


@pytest.mark.parametrize(
    ("vectors", "said"),
    [
        (np.ones((1, D + 1), np.float32), "do not fit an index of 32"),
        (np.ones(D, np.float32), "do not fit an index of 32"),
        (wrong_value(np.nan), "no numbers"),
        (wrong_value(np.inf), "no numbers"),
        (wrong_value(0), "no direction"),
    ],
)
def test_vectors_that_cannot_be_compared_are_refused(vectors: NDArray[np.float32], said: str) -> None:
    index = Index(D)
    index.add(["good"], clusters(1))
    for act in (lambda: index.add(["bad"], vectors), lambda: index.search(vectors, 1)):
        with pytest.raises(BadValue, match=said):
            act() if vectors.ndim == 2 else index.search(vectors, 1)
    assert len(index) == 1


def test_names_are_given_once_and_for_each_vector() -> None:
    index = Index(D)
    index.add(["a"], clusters(1))
    with pytest.raises(NameTaken, match="a already"):
        index.add(["b", "a"], clusters(2))
    with pytest.raises(NameTaken):
        index.add(["c", "c"], clusters(2))
    with pytest.raises(BadValue, match="3 names for 2 vectors"):
        index.add(names(3), clusters(2))
    with pytest.raises(UnknownName, match="Did you mean 'another'"):
        index.add(["another"], clusters(1)) or index.remove(["anothr"])
    with pytest.raises(BadValue, match="0 neighbours"):
        index.search(clusters(1), 0)
    assert len(index) == 2


@EACH
@pytest.mark.parametrize("harm", ["cut", "flip", "gone", "head"])
def test_a_damaged_index_says_so(borders: Borders, harm: str, tmp_path: Path) -> None:
    index = Index(D, borders=borders)
    index.add(names(300), clusters(300))
    index.save(tmp_path)
    victim = tmp_path / "index.json" if harm == "head" else next(tmp_path.glob("*.faiss"))
    data = bytearray(victim.read_bytes())
    data[len(data) // 2] ^= 0xFF
    victim.unlink() if harm == "gone" else victim.write_bytes(data[: len(data) // 2] if harm == "cut" else data)
    if harm == "head":
        victim.write_bytes(b'{"kind": "exact"}')
    with pytest.raises(CatalogueBroken, match="Remove the folder"):
        Index.open(tmp_path, borders)


def test_no_index_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(CatalogueBroken):
        Index.open(tmp_path / "nothing")


def test_the_given_vectors_stay_as_they_are() -> None:
    vectors = clusters(20)
    before = vectors.copy()
    index = Index(D)
    index.add(names(20), vectors)
    index.search(vectors, 3)
    np.testing.assert_array_equal(vectors, before)


def test_a_shelf_gives_back_rows_of_all_its_parts() -> None:
    vectors, shelf = clusters(70), Shelf(D)
    for start in (0, 20, 50):
        shelf.add(vectors[start : {0: 20, 20: 50, 50: 70}[start]])
    rows = np.array([69, 0, 20, 19, 50, 49])
    np.testing.assert_array_equal(shelf.take(rows), vectors[rows])
    np.testing.assert_array_equal(np.concatenate(list(shelf.blocks())), vectors)

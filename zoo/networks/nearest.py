"""Which architecture of timm do these weights look like? Answered by shapes alone, in about a second.

Building all of timm's architectures takes minutes, even without memory for their weights. So a table in the source
(architectures.tsv, written by `python -m zoo.networks.nearest`) holds the number of parameters and of
tensors of each; the few that come near are built, on the meta device, and compared shape by shape.
"""

import math
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from zoo.networks.building import build_network, head_name, network_names
from zoo.networks.hollow import hollow

TABLE = Path(__file__).with_name("architectures.tsv")
SHORTLIST = 16
ALIKE = 0.6
"""Below this share of common tensors nothing is near."""
BUFFERS = ("running_mean", "running_var", "num_batches_tracked", "relative_position_index", "attn_mask")

Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class Size:
    """What the table knows of an architecture: its parameters without and with its own head, and its tensors."""

    name: str
    body: int
    whole: int
    tensors: int


def nearest_architecture(state: Mapping[str, Tensor]) -> str | None:
    """The architecture with the most tensors of the same shape; among equals the one with the most equal keys."""
    wanted = shapes_in(state)
    scored = [(*likeness(wanted, shapes_of(size.name)), -len(size.name), size.name) for size in shortlist(wanted)]
    best = max(scored, default=None)
    return best[-1] if best is not None and best[0] >= ALIKE else None


def shortlist(wanted: Shapes) -> list[Size]:
    known = frozenset(network_names())
    held, tensors = sum(math.prod(shape) for shape in wanted.values()), len(wanted)
    if not held:
        return []
    near = sorted((distance(size, held, tensors), size.name, size) for size in read_table() if size.name in known)
    return [size for _, _, size in near[:SHORTLIST]]


def distance(size: Size, held: int, tensors: int) -> float:
    """How far two networks are apart in size, on a logarithmic scale; a smaller head than its own is no distance."""
    parameters = max(math.log(max(size.body, 1) / held), math.log(held / size.whole), 0.0)
    return parameters + abs(math.log(size.tensors / tensors))


def likeness(wanted: Shapes, offered: Shapes) -> tuple[float, int]:
    """The share of tensors of the same shape (common / all, with multiplicity), and how many keys agree as well."""
    ours, theirs = Counter(wanted.values()), Counter(offered.values())
    common = (ours & theirs).total() / max((ours | theirs).total(), 1)
    return round(common, 2), sum(offered.get(key) == shape for key, shape in wanted.items())


def shapes_of(name: str) -> Shapes:
    with hollow():
        network = build_network(name, classes=None)
    return shapes_in(network.state_dict())


def shapes_in(state: Mapping[str, Tensor]) -> Shapes:
    """The tensors that were learnt, under every name they have."""
    return {key: tuple(value.shape) for key, value in state.items() if not key.endswith(BUFFERS)}


# --- The table --------------------------------------------------------------------------------------------------------


def read_table() -> Iterator[Size]:
    for line in TABLE.read_text(encoding="utf-8").splitlines():
        name, body, whole, tensors = line.split("\t")
        yield Size(name, int(body), int(whole), int(tensors))


def survey(names: Iterable[str]) -> Iterator[Size]:
    """The rows of the table, counted anew."""
    for name in names:
        with hollow():
            network = build_network(name, classes=None)
        sizes = {key: math.prod(shape) for key, shape in shapes_in(network.state_dict()).items()}
        head = head_name(network)
        outputs = sum(size for key, size in sizes.items() if head and key.startswith(f"{head}."))
        yield Size(name, sum(sizes.values()) - outputs, sum(sizes.values()), len(sizes))


def main() -> None:
    lines = [f"{size.name}\t{size.body}\t{size.whole}\t{size.tensors}\n" for size in survey(network_names())]
    TABLE.write_text("".join(lines), encoding="utf-8")
    print(f"{len(lines)} architectures in {TABLE}", file=sys.stderr)


if __name__ == "__main__":
    main()

"""The matrix Data x Network: a row is a domain, a column a network, a cell how many models, how good.

Too wide for its place, networks are joined into families (`resnet18` and `resnet50` into `resnet`), and families that
still do not fit are counted in one last column. Every model is counted somewhere, so the totals always add up.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from headhunt.errors import first_few
from headhunt.vocabulary import ModelCard
from zoo.catalogue.columns import GAP, cut, in_columns, text_width
from zoo.catalogue.store import Shelf

LONGEST_ROW_NAME = 32
LONGEST_HEAD = 24
TOTAL = "models"
REST = "more"
VARIANTS = frozenset({"cs", "dm", "eca", "ese", "gc", "hf", "legacy", "nf", "test", "tf", "tiny", "wide"})
"""First words of timm's names that say whose it is, how large or with what additions, not what it is."""


@dataclass
class Cell:
    """What stands at one crossing: how many models, and the best accuracy that is known of them."""

    count: int = 0
    best: float | None = None
    models: list[str] = field(default_factory=list)

    def add(self, card: ModelCard) -> None:
        self.count += 1
        self.models.append(card.id)
        if card.accuracy is not None:
            self.best = max(card.accuracy, self.best or 0.0)


@dataclass(frozen=True)
class Matrix:
    """A matrix ready to be shown. `hidden`: the columns that stand together in the last one, `REST`."""

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: dict[tuple[str, str], Cell]
    totals: dict[str, int]
    hidden: tuple[str, ...] = ()
    families: bool = False

    def cell(self, row: str, column: str) -> Cell:
        return self.cells.get((row, column), EMPTY)

    def row_total(self, row: str) -> int:
        return self.totals.get(row, 0)


EMPTY = Cell()


def matrix_of(shelf: Shelf, label: Callable[[ModelCard], str], hidden: Iterable[str] = ()) -> Matrix:
    """Count the cards of a shelf under the label of each; those in `hidden` under one. Fullest columns come first."""
    away = frozenset(hidden)
    cells: dict[tuple[str, str], Cell] = defaultdict(Cell)
    sizes: dict[str, int] = defaultdict(int)
    totals: dict[str, int] = defaultdict(int)
    for card in sorted(shelf.cards.values(), key=lambda card: card.id):
        column = label(card)
        sizes[column] += column not in away
        totals[card.domain] += 1
        cells[card.domain, REST if column in away else column].add(card)
    columns = sorted((name for name, size in sizes.items() if size), key=lambda name: (-sizes[name], name))
    return Matrix(tuple(sorted(shelf.domains)), tuple(columns), dict(cells), dict(totals), tuple(sorted(away)))


def fitted(shelf: Shelf, fits: Callable[[Matrix], bool]) -> Matrix:
    """The finest matrix that fits: by network, else by family, else by as many families as fit and a rest."""
    whole = matrix_of(shelf, lambda card: card.network)
    if fits(whole):
        return whole
    names = matrix_of(shelf, lambda card: family(card.network)).columns
    fewest, most = 0, len(names)
    while fewest < most:
        kept = (fewest + most + 1) // 2
        fewest, most = (kept, most) if fits(by_family(shelf, names[kept:])) else (fewest, kept - 1)
    return by_family(shelf, names[fewest:])


def by_family(shelf: Shelf, hidden: Sequence[str]) -> Matrix:
    found = matrix_of(shelf, lambda card: family(card.network), hidden)
    return Matrix(found.rows, found.columns, found.cells, found.totals, found.hidden, families=True)


def family(network: str) -> str:
    """What a name begins with, less its size and version: `tf_efficientnetv2_b0.in1k` is an efficientnet."""
    words = [word for word in re.split(r"[_.\-\s]+", network.rpartition(":")[2].lower()) if word]
    named = next((word for word in words if word not in VARIANTS), network)
    return re.sub(r"(?<=[^\W\d]{3})v?\d+[a-z]{0,2}$", "", named)


# --- As text ---------------------------------------------------------------------------------------------------------


def as_text(shelf: Shelf, width: int = 80) -> str:
    """The matrix for a terminal of `width` characters."""
    if not shelf.domains:
        return "The repository is empty. Fill it: 'headhunt zoo build-starter' or 'headhunt zoo add recommended'."
    found = fitted(shelf, lambda matrix: is_narrow(matrix, width))
    lines = table(found)
    models, networks = len(shelf.cards), len({card.network for card in shelf.cards.values()})
    lines += [
        "",
        f"{models} models: {len(shelf.domains)} domains x {networks} networks. A cell: models, best accuracy in %.",
    ]
    if found.families:
        lines.append("Networks are joined into families; 'headhunt zoo matrix --html FILE' shows each.")
    if found.hidden:
        lines.append(f"'{REST}': {first_few([cut(name, LONGEST_HEAD) for name in found.hidden], 6)}.")
    return "\n".join(lines)


def is_narrow(matrix: Matrix, width: int) -> bool:
    """Whether its lines fit; a matrix of very many columns is not even drawn for that."""
    return (1 + GAP) * len(matrix.columns) <= width and text_width(table(matrix)[0]) <= width


def table(matrix: Matrix) -> list[str]:
    """Lines of equal columns: names to the left, cells to the right, totals around."""
    columns = [*matrix.columns, *([REST] if matrix.hidden else [])]
    heads = ["domain", *(cut(name, LONGEST_HEAD) for name in columns), TOTAL]
    body = [
        [
            cut(row, LONGEST_ROW_NAME),
            *(said(matrix.cell(row, column)) for column in columns),
            str(matrix.row_total(row)),
        ]
        for row in matrix.rows
    ]
    sums = [sum(matrix.cell(row, column).count for row in matrix.rows) for column in columns]
    foot = [TOTAL, *map(str, sums), str(sum(sums))]
    return in_columns((heads, *body, foot), right=range(1, len(heads)))


def said(cell: Cell) -> str:
    if cell.count == 0:
        return "."
    return f"{cell.count}" if cell.best is None else f"{cell.count} {100 * cell.best:.0f}%"

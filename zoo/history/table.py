"""Outcomes as a table for others, and which rows of such a table are new."""

import csv
import io
from collections import Counter
from collections.abc import Iterable, Sequence

from headhunt.vocabulary import Outcome

COLUMNS = (
    "model", "dataset", "accuracy", "val_accuracy", "protocol", "learning_rate", "epochs", "batch_size", "seconds",
    "seed", "network", "version", "flags", "source", "created",
)  # fmt: skip
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for the beginning of a formula."""

Key = tuple[str | float | int | None, ...]


def key(row: Outcome) -> Key:
    """What tells one outcome from another: everything that a table says of it."""
    name = protocol_name(row)
    return (
        row.model, row.dataset, row.accuracy, row.val_accuracy, name, row.lr, row.epochs, row.batch_size, row.seconds,
        row.seed,
    )  # fmt: skip


def protocol_name(row: Outcome) -> str | None:
    """Its name; a protocol of our own is called by what a table can say of it."""
    if row.protocol_name is not None or row.protocol is None:
        return row.protocol_name
    return f"{row.protocol.optimiser}, {row.protocol.schedule}"


def unseen(new: Sequence[Outcome], there: Iterable[Outcome]) -> tuple[Outcome, ...]:
    """The rows that are not there yet. Equal rows count: a table with two equal runs adds two, once."""
    left = Counter(key(row) for row in there)
    chosen = []
    for row in new:
        if left[key(row)] > 0:
            left[key(row)] -= 1
        else:
            chosen.append(row)
    return tuple(chosen)


def as_csv(rows: Iterable[Outcome]) -> str:
    """The rows as a table that `import-history` reads again, and that no spreadsheet takes for formulas."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        cells = (*key(row), row.network, row.version, " ".join(row.flags), row.source, row.created)
        writer.writerow([harmless(cell) for cell in cells])
    return out.getvalue()


def harmless(cell: str | float | int | None) -> str:
    if cell is None:
        return ""
    if isinstance(cell, str):
        return "'" + cell if cell.startswith(FORMULA) else cell
    return repr(cell)


def original(cell: str) -> str:
    """A cell as it was before `harmless`."""
    return cell[1:] if cell[:1] == "'" and cell[1:].startswith(FORMULA) else cell

"""Tables of outcomes made elsewhere: read without trust, row by row, and judged as a whole.

    csv --header--> columns --each row--> Outcome, or a reason why not --all--> scale, flags --> rows, report

A table that cannot be one is refused by name (BadTable) before anything is written; a row that cannot be one is left
out, and the report says which and why.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from headhunt.errors import BadTable, printable
from headhunt.vocabulary import Outcome, Struct
from zoo.clock import now
from zoo.history.cells import SHARES, Raw, Skipped, Unusable, read_rows
from zoo.history.flagging import Dataset, flag

SHOWN_SKIPS = 1000
TOLD_SKIPS = 10
MEANINGS = {
    "diverged": "no better than naming the largest class",
    "seen-target": "the model was already trained on this data",
    "untested": "accuracy 0 where validation says otherwise",
}


class ImportReport(Struct, frozen=True):
    """What came of an import. `flags` counts the rows of the table that bear each flag."""

    file: str
    rows: int
    added: int
    already: int
    skipped: int
    flags: dict[str, int]
    datasets: dict[str, Dataset]
    reasons: dict[str, int]
    skips: tuple[Skipped, ...] = ()
    """The first of them, with their lines."""
    percent: bool = False
    """The accuracies were percentages."""
    ignored: tuple[str, ...] = ()
    """Columns that were not read."""

    def told(self) -> str:
        """What a user is told: what came in, what did not and why, what was flagged, dataset by dataset."""
        scale = "percentages" if self.percent else "fractions"
        lines = [
            f"{self.file}: {self.rows} rows; {self.added} added, {self.already} here already. Accuracies are {scale}."
        ]
        lines += [f"columns not read: {', '.join(self.ignored)}"] if self.ignored else []
        lines += [f"{self.skipped} rows left out:"] if self.skipped else []
        lines += [f"  line {skip.line}: {skip.reason}" for skip in self.skips[:TOLD_SKIPS]]
        lines += [f"  and {self.skipped - TOLD_SKIPS} more"] if self.skipped > TOLD_SKIPS else []
        lines += [f"rows flagged {name}: {count} ({MEANINGS[name]})" for name, count in sorted(self.flags.items())]
        lines += [f"  {name}: {found.told()}" for name, found in self.datasets.items() if found.flags]
        return "\n".join(lines)


@dataclass(frozen=True)
class Table:
    """A table as it was read: its rows, flagged, and what there is to say of it."""

    rows: tuple[Outcome, ...]
    told: ImportReport

    def report(self, added: Sequence[Outcome]) -> ImportReport:
        return msgspec.structs.replace(self.told, added=len(added), already=len(self.rows) - len(added))


def read_table(path: Path, floors: Mapping[str, float], lineage: Mapping[str, frozenset[str]]) -> Table:
    """Read a csv, decide on its scale, flag its rows. Nothing is written."""
    rows, skips, ignored = read_rows(path)
    outcomes: list[Outcome] = []
    scales = {fact: scale([row.shares[fact] for row in rows if fact in row.shares]) for fact in SHARES}
    created, source = now(), f"import:{printable(path.name, 100)}"
    for row in rows:
        try:
            outcomes.append(outcome(row, scales, source, created))
        except Unusable as reason:
            skips.append(Skipped(line=row.line, reason=str(reason)))
    if not outcomes:
        first = f" line {skips[0].line}: {skips[0].reason}." if skips else " it has a header only."
        raise BadTable(f"{path} has no row that can be used;{first} Nothing was imported.")
    flagged, datasets = flag(outcomes, floors, lineage)
    skips.sort(key=lambda skip: skip.line)
    told = ImportReport(
        file=path.name,
        rows=len(flagged),
        added=0,
        already=0,
        skipped=len(skips),
        flags=dict(Counter(name for row in flagged for name in row.flags)),
        datasets=datasets,
        reasons=dict(Counter(skip.reason.partition(": ")[0] for skip in skips).most_common()),
        skips=tuple(skips[:SHOWN_SKIPS]),
        percent=scales["accuracy"] == 100,
        ignored=ignored,
    )
    return Table(flagged, told)


def scale(values: Sequence[float]) -> int:
    """100 where most values are above one: percentages; else 1. A lone 1.2 among fractions is a mistake."""
    return 100 if sum(value > 1 for value in values) * 2 > len(values) else 1


def outcome(row: Raw, scales: Mapping[str, int], source: str, created: str) -> Outcome:
    shares = {fact: value if scales[fact] == 1 else round(value / 100, 10) for fact, value in row.shares.items()}
    for fact, value in shares.items():
        if not 0 <= value <= 1:
            most = "100 %" if scales[fact] == 100 else "1, in a table of fractions"
            raise Unusable(f"{fact} out of range: {row.shares[fact]:g} is not between 0 and {most}")
    facts = {**row.texts, **shares, **row.numbers, "source": source, "created": created}
    return msgspec.convert(facts, Outcome)

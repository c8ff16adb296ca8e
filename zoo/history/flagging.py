"""Which outcomes of a table say nothing of transfer: runs that diverged, and models that knew their target before.

Each table is judged by itself and by what is known beside it; the rules are in `constant_answers.py`
(diverged, untested) and `seen_target.py` beside this file.
"""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from headhunt.vocabulary import Outcome, Struct
from zoo.history.constant_answers import Level, judge
from zoo.history.seen_target import names_target, remembering


class Dataset(Struct, frozen=True):
    """What a table says of one dataset. `floor`: what one answer to all images gives at best, as far as it shows."""

    rows: int
    floor: float | None
    levels: tuple[Level, ...]
    flags: dict[str, int]

    def told(self) -> str:
        floor = "" if self.floor is None else f"; one answer to all gives {100 * self.floor:.4g} %"
        return ", ".join(f"{count} {name}" for name, count in self.flags.items()) + f" of {self.rows} rows{floor}"


def flag(
    rows: Sequence[Outcome], floors: Mapping[str, float], lineage: Mapping[str, frozenset[str]]
) -> tuple[tuple[Outcome, ...], dict[str, Dataset]]:
    """The rows with their flags, in their order, and what was found for each dataset."""
    flagged = list(rows)
    datasets: dict[str, Dataset] = {}
    for name in sorted({row.dataset for row in rows}):
        places = [i for i, row in enumerate(rows) if row.dataset == name]
        own = [rows[i] for i in places]
        verdict = judge(own, floors.get(name))
        sound = [row for row, flags in zip(own, verdict.flags, strict=True) if not flags]
        knowing = names_target(own, lineage) | remembering(sound)
        for i, row, flags in zip(places, own, verdict.flags, strict=True):
            seen = ("seen-target",) if row.model in knowing else ()
            flagged[i] = msgspec.structs.replace(row, flags=(*flags, *seen))
        datasets[name] = Dataset(
            rows=len(own), floor=verdict.floor, levels=verdict.levels, flags=counted(flagged[i].flags for i in places)
        )
    return tuple(flagged), datasets


def counted(flags: Iterable[tuple[str, ...]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for name in (name for names in flags for name in names):
        found[name] = found.get(name, 0) + 1
    return found

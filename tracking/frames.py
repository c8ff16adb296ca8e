"""A piece of a journal, read: what it says, up to where it is whole, and what is wrong with what follows.

A frame that is cut off may still come whole. One whose sum does not fit, or that says what this headhunt has not
learned, never will: that is told, and what came before it is kept.
"""

import zlib
from dataclasses import dataclass, field

from headhunt.errors import BrokenJournal, UnknownRecord
from headhunt.track.journal import HEAD, LONGEST, Points, Record, frames_in
from tracking.values import is_time

INT64 = 2**63
Column = tuple[list[int], list[float], list[float]]


@dataclass
class Told:
    """What a piece of a journal says. points: steps, times and values by the name of the metric, as they came."""

    size: int = 0
    """Bytes that are whole."""
    points: dict[str, Column] = field(default_factory=dict)
    records: list[Record] = field(default_factory=list)
    """All that are no points, as they came."""
    marks: list[str] = field(default_factory=list)
    fault: BrokenJournal | UnknownRecord | None = None


def read(data: bytes | memoryview, offset: int = 0) -> Told:
    """offset: of its first byte in the journal."""
    told = Told()
    for end, record in frames_in(data):  # type: ignore[arg-type]
        if type(record) is Points:
            _add(told, record)
        else:
            told.records.append(record)
        told.size = end
    told.fault = fault_of(data, told.size, offset)
    return told


def _add(told: Told, record: Points) -> None:
    points, step, at = told.points, record.step, record.at
    if not (-INT64 <= step < INT64 and is_time(at)):
        told.marks.append("points whose step or time is no number that can be kept")
        return
    for name, value in record.values.items():
        column = points.get(name)
        if column is None:
            column = points[name] = ([], [], [])
        column[0].append(step)
        column[1].append(at)
        column[2].append(value)


def fault_of(data: bytes | memoryview, place: int, offset: int) -> BrokenJournal | UnknownRecord | None:
    """Of the frame that begins there; None where it is cut off, or there is none."""
    if place + HEAD.size > len(data):
        return None
    length, crc = HEAD.unpack_from(data, place)
    body = data[place + HEAD.size : place + HEAD.size + length]
    if length <= LONGEST and len(body) < length:
        return None
    if length > LONGEST or zlib.crc32(body) != crc:
        return BrokenJournal(
            f"The journal is damaged at byte {offset + place:,}: what comes after it cannot be read."
            " What came before is kept."
        )
    return UnknownRecord(
        f"The journal says something at byte {offset + place:,} that this server has not learned."
        " What came before is kept. Bring the server to the version of what wrote the journal."
    )

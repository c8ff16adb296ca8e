"""What a journal says becomes rows: of one run, whose row is locked, in the transaction in which its place moves on."""

import re
from collections.abc import Collection
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from headhunt.errors import BadValue
from headhunt.track.journal import Began, Ended, Kept, Known, Marked, Noted, Points, Record, Said
from tracking.sql import in_parts, put
from tracking.tables import LONGEST_PATH, NO_STEP, run_console, run_files, run_values
from tracking.values import LARGEST_VALUE, SHOWN, Marks, clipped, fitting, is_time, named, read, without_nul, written

MOST_VALUES, MOST_FILES = 10_000, 100_000
LARGEST_FACTS, LARGEST_ERROR, LONGEST_SAID = 4 << 20, 64 * 1024, 64 * 1024
MOST_SAID = 100_000
"""Pieces of a console's output."""
KINDS = ("param", "tag", "summary")
DIGEST = re.compile(r"[0-9a-f]{64}")
ENDS = ("finished", "failed", "lost")


class Taking:
    """Records of one run, applied one by one and written together. changes: to its row."""

    def __init__(self, connection: Connection, run: Any, marks: Marks) -> None:
        self.connection, self.run, self.marks = connection, run, marks
        self.changes: dict[str, Any] = {}
        self._values: dict[tuple[str, str], Any] = {}
        self._files: dict[tuple[str, int], dict[str, Any]] = {}
        self._said: list[Said] = []
        self._facts: dict[str, Any] | None = None

    def take(self, records: list[Record]) -> None:
        for record in records:
            self._one(record)
        self._write_values()
        self._write_files()
        self._write_said()
        if self._facts is not None:
            self._write_facts(self._facts)

    def _one(self, record: Record) -> None:
        match record:
            case Noted():
                self._noted(record)
            case Kept():
                self._kept(record)
            case Said():
                self._said.append(record)
            case Began():
                self._began(record)
            case Known():
                self._know(record.facts)
            case Ended():
                self._ended(record)
            case Marked():
                self.marks.add(record.words, record.count)
            case Points():
                pass  # tracking/curves.py

    def _noted(self, record: Noted) -> None:
        if record.kind not in KINDS:
            self.marks.add(f"facts of a kind that is not known here ({record.kind[:40]!r}) were not kept")
            return
        for name, value in record.values.items():
            self._values[record.kind, named(name, self.marks)] = value

    def _kept(self, record: Kept) -> None:
        path = without_nul(record.path)
        step = NO_STEP if record.step is None else record.step
        if not DIGEST.fullmatch(record.digest) or len(path) > LONGEST_PATH or not NO_STEP <= step < 2**63:
            self.marks.add(f"the file {record.path[:60]!r} has no digest, path or step that can be kept")
            return
        self._files[path, step] = {
            "run": self.run.id,
            "path": path,
            "step": step,
            "digest": record.digest,
            "size": min(max(record.size, 0), 2**62),
            "kind": without_nul(record.kind)[:32],
            "created": self._time(record.at),
            "facts": fitting(path, record.facts, self.marks),
        }

    def _began(self, record: Began) -> None:
        """What is told of it now stands where nothing stood; a run that had ended goes on."""
        self.changes |= {"state": "running", "ended": None, "error": None}
        facts = dict(record.facts)
        for name in ("name", "intent", "parent", "group", "dataset", "model"):
            value = facts.pop(name, None)
            there = getattr(self.run, name) or self.changes.get(name)
            if value and not there and isinstance(value, str):
                whole = name in ("intent", "dataset", "model")
                self.changes[name] = without_nul(value)[: 64 * SHOWN] if whole else clipped(value)
        facts.pop("experiment", None)
        self._know({"process": facts} if facts else {})

    def _know(self, facts: dict[str, Any]) -> None:
        if self._facts is None:
            self._facts = read(self.run.facts)
        if isinstance(data := facts.get("data"), dict):
            self._saw(data, self._facts.get("data"))
            facts = {"data": self._facts.get("data", data), **{name: facts[name] for name in facts if name != "data"}}
        self._facts |= facts

    def _saw(self, data: dict[str, Any], before: Any) -> None:
        """Which version its data was; the first holds, since that is what its beginning was trained on."""
        version, known = data.get("version"), before.get("version") if isinstance(before, dict) else None
        if not isinstance(version, str) or not version:
            return
        if known and known != version:
            self.marks.add(f"it went on with other data: {without_nul(version)[:80]}")
        else:
            self.changes["dataset"] = without_nul(version)[: 64 * SHOWN]

    def _ended(self, record: Ended) -> None:
        state = record.state if record.state in ENDS else "failed"
        error = None if record.error is None else without_nul(record.error)
        if error is not None and len(error) > LARGEST_ERROR:
            error = f"{error[: LARGEST_ERROR // 2]}\n...\n{error[-LARGEST_ERROR // 2 :]}"
        self.changes |= {"state": state, "ended": self._time(record.at), "error": error}

    def _time(self, at: float) -> float:
        """Now, where something comes without a time that can be kept."""
        if is_time(at):
            return at
        self.marks.add("a time was told that is none; the time at which it came is kept")
        return float(self.run.now)

    # --- writing ---

    def _write_values(self) -> None:
        gone = [key for key, value in self._values.items() if key[0] == "tag" and value is None]
        for key in gone:
            del self._values[key]
        if gone:
            remove_values(self.connection, self.run.id, "tag", [name for _, name in gone])
        for kind in KINDS:
            self._write_kind(kind, {name: value for (of, name), value in self._values.items() if of == kind})

    def _write_kind(self, kind: str, values: dict[str, Any]) -> None:
        if not values:
            return
        mine = (run_values.c.run == self.run.id) & (run_values.c.kind == kind)
        there = set(self.connection.execute(sa.select(run_values.c.name).where(mine)).scalars())
        new = [name for name in values if name not in there]
        for name in new[max(MOST_VALUES - len(there), 0) :]:
            self.marks.add(f"a run has {MOST_VALUES:,} values of a kind at most: others of {kind} were not kept")
            del values[name]
        rows = [
            {"run": self.run.id, "kind": kind, "name": name, "value": fitting(name, as_told(kind, value), self.marks)}
            for name, value in values.items()
        ]
        put(self.connection, run_values, rows)

    def _write_files(self) -> None:
        if not self._files:
            return
        there = sa.select(sa.func.count()).select_from(run_files).where(run_files.c.run == self.run.id)
        room = MOST_FILES - int(self.connection.execute(there).scalar() or 0)
        rows = list(self._files.values())
        if len(rows) > room:
            self.marks.add(f"a run has {MOST_FILES:,} files at most: others were not kept", len(rows) - max(room, 0))
            rows = rows[: max(room, 0)]
        put(self.connection, run_files, rows)

    def _write_said(self) -> None:
        if not self._said:
            return
        top = sa.select(sa.func.max(run_console.c.number)).where(run_console.c.run == self.run.id)
        number = int(self.connection.execute(top).scalar() or 0)
        room = max(MOST_SAID - number, 0)
        if len(self._said) > room:
            self.marks.add(f"of the output, {MOST_SAID:,} pieces are kept: others were not", len(self._said) - room)
        rows = [
            {
                "run": self.run.id,
                "number": number + place,
                "at": self._time(one.at),
                "stream": without_nul(one.stream)[:8],
                "text": self._text(one.text),
            }
            for place, one in enumerate(self._said[:room], 1)
        ]
        put(self.connection, run_console, rows)

    def _text(self, text: str) -> str:
        if len(text) > LONGEST_SAID:
            self.marks.add(f"a piece of the output was longer than {LONGEST_SAID:,} characters, and was cut")
        return without_nul(text)[:LONGEST_SAID]

    def _write_facts(self, facts: dict[str, Any]) -> None:
        text = written(facts)
        if len(text) > LARGEST_FACTS:
            self.marks.add(f"more than {LARGEST_FACTS:,} bytes were told of the run's surroundings: some is not kept")
            return
        self.changes["facts"] = text


def as_told(kind: str, value: Any) -> Any:
    """Tags are texts."""
    return value if kind != "tag" or isinstance(value, str) else str(value)


def remove_values(connection: Connection, run: str, kind: str, names: list[str]) -> None:
    mine = (run_values.c.run == run) & (run_values.c.kind == kind)
    for some in in_parts(names):
        connection.execute(sa.delete(run_values).where(mine, run_values.c.name.in_(some)))


def check_tags(connection: Connection, run: str, values: Collection[str | None]) -> None:
    """Raises BadValue where a tag is too long, or there are too many: what was put is taken back."""
    if any(len(value) > LARGEST_VALUE for value in values if value is not None):
        raise BadValue(f"A tag has at most {LARGEST_VALUE:,} characters. Keep the text as a file.")
    mine = (run_values.c.run == run) & (run_values.c.kind == "tag")
    count = connection.execute(sa.select(sa.func.count()).select_from(run_values).where(mine)).scalar_one()
    if count > MOST_VALUES:
        raise BadValue(f"A run has {MOST_VALUES:,} tags at most, and would have {count:,}. Take some away.")

"""A run while it goes: all that a training tells of it comes through here, and nothing here raises into the training.

The one thing that every training waits for is `log`. Where all values are numbers under short names, it is a check of
each, one frame and one write; all else takes the longer way through `_sorted`.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec

from headhunt.track import companion, endings
from headhunt.track.console import Console
from headhunt.track.journal import Ended, Kept, Said
from headhunt.track.keeping import files_under, keep_bytes, keep_file, kind_by_name
from headhunt.track.marks import Marks, warn
from headhunt.track.places import Begun, Place, replaced
from headhunt.track.things import Thing, confusion, counted, text, thing_of
from headhunt.track.values import (
    LONGEST_NAME,
    LONGEST_TEXT,
    clean_name,
    clean_text,
    flat,
    kind_of,
    members,
    number,
    plain,
)
from headhunt.track.watching import looked_after
from headhunt.track.writer import Writer

Numbers = (float, int)
MOST_AT_ONCE = 4_000
"""Names of one frame."""
LARGEST_NOTE = 1 << 20
LONGEST_ERROR = 60_000
STEPS = 2**63


class Summary(dict[str, Any]):
    """What a run comes to: `run.summary["best"] = 0.93`."""

    def __init__(self, run: "LiveRun") -> None:
        super().__init__()
        self._run = run

    def __setitem__(self, name: str, value: Any) -> None:
        super().__setitem__(name, value)
        self._run.note("summary", {name: value})

    def __ior__(self, values: Any) -> "Summary":  # type: ignore[override, misc]
        self.update(values)
        return self

    def setdefault(self, name: str, value: Any = None) -> Any:
        if name not in self:
            self[name] = value
        return self[name]

    def update(self, *values: Any, **named: Any) -> None:
        for name, value in dict(*values, **named).items():
            self[name] = value


class LiveRun:
    """owner: this process began it, and ends it. server: where its courier brings it, if anywhere."""

    def __init__(
        self, place: Place, begun: Begun, writer: Writer, *, owner: bool, carrier: "companion.Companion | None"
    ) -> None:
        self.place, self.begun, self.owner, self.carrier = place, begun, owner, carrier
        self.id, self.name = begun.id, begun.asked.name
        self.summary = Summary(self)
        self.ended: str | None = None
        self._writer = writer
        self._marks = Marks(writer)
        self._console: Console | None = None

    @property
    def folder(self) -> Path:
        """Where it lies on this machine."""
        return self.place.folder

    @property
    def server(self) -> str | None:
        """Who is told of it, besides this machine."""
        return None if self.carrier is None else self.carrier.server

    def __repr__(self) -> str:
        return f"<headhunt run {self.id} {self.name!r}, {self.ended or 'running'}>"

    # --- numbers ---

    def log(self, values: Any = None, /, step: Any = None, **named: Any) -> None:
        """Numbers of a step, by name; also pictures, lists, tables, texts and files. Without a step: the next one.

        A list of dicts is a history: one step each.
        """
        try:
            if values is None:
                values = named
            elif named:
                values = {**values, **named} if isinstance(values, Mapping) else values
            if self.ended is None and (step is None or (type(step) is int and step < STEPS)) and type(values) is dict:
                for name, value in values.items():
                    if type(value) not in Numbers or type(name) is not str or not 0 < len(name) <= LONGEST_NAME:
                        break
                else:
                    if 0 < len(values) <= MOST_AT_ONCE:
                        self._writer.points(values, step)
                        return
            self._log_with_care(values, named, step)
        except Exception:
            self._log_with_care(values, named, step)

    def _log_with_care(self, values: Any, named: dict[str, Any], step: Any) -> None:
        try:
            if self.ended is not None:
                self.mark(f"log() was called after the run had {self.ended}; it is kept.")
            if isinstance(values, list | tuple) and values and all(isinstance(one, Mapping) for one in values):
                for one in values:
                    self._sorted(one, None)
                values = named
            if not isinstance(values, Mapping):
                self.mark(f"log() was given a {kind_of(values)}, not names with values; it is kept as text.")
                values = {"value": repr(values), **named}
            if values:
                self._sorted(values, self._step(step))
            self._wake()
        except Exception as error:
            self._unkept("log()", error)

    def _step(self, step: Any) -> int | None:
        if step is None:
            return None
        found = number(step)
        if found is None or found != int(found) or not -STEPS <= found < STEPS:
            self.mark(f"A step was given as a {kind_of(step)} that is no whole number; the next one was taken.")
            return None
        return int(step) if isinstance(step, int) else int(found)

    def _sorted(self, values: Mapping[Any, Any], step: int | None) -> None:
        points, others = dict[str, float](), list[tuple[str, Any]]()
        for name, value in flat(values):
            clear, same = clean_name(name)
            if not same:
                self.mark(f"A name was given as a {kind_of(name)}, or is longer than {LONGEST_NAME}; it was changed.")
            found = number(value)
            if found is None:
                others.append((clear, value))
            else:
                points[clear] = found
        step = self._writer.take_step(step)
        names = list(points)
        for at in range(0, len(names), MOST_AT_ONCE):
            self._writer.points({name: points[name] for name in names[at : at + MOST_AT_ONCE]}, step)
        for name, value in others:
            self._keep_value(name, value, step)

    def _keep_value(self, name: str, value: Any, step: int) -> None:
        try:
            thing = thing_of(value)
        except Exception as error:
            self._unkept(f"{name!r}", error)
            thing = None
        if thing is None:
            self.mark(f"{name!r} was given a {kind_of(value)}, which is no number; it is kept as text.")
            thing = text(described(value))
        elif thing.kind == "text" and len(thing.data) > LONGEST_TEXT:
            self.mark(f"{name!r} was given a text of more than {LONGEST_TEXT:,} bytes; it is kept as a file.")
        self._keep(thing, thing.path(name), step)

    # --- what is more than a number ---

    def save(self, path: Any, name: str | None = None, kind: str | None = None) -> None:
        """A file, or all files of a folder, as they are now. name: its path in the run (default: its own name)."""
        try:
            found = Path(path)
            if not found.exists():
                self.mark(f"{clean_text(str(path))[:200]!r} was to be saved, and is not there.")
                return
            for inner, one in files_under(found):
                whole = inner if name is None else name + inner[len(found.name) :]
                self._keep(Thing(kind or kind_by_name(one), "", "", source=one), clean_text(whole), None)
            self._wake()
        except Exception as error:
            self._unkept("save()", error)

    def confusion(
        self,
        truth: Sequence[Any] | None = None,
        predicted: Sequence[Any] | None = None,
        *,
        matrix: Any = None,
        classes: Sequence[Any] | None = None,
        name: str = "confusion",
        step: int | None = None,
    ) -> None:
        """What was true and what was said, as two lists or as a matrix that counts them; per class, too."""
        try:
            if matrix is None:
                rows, names = counted(truth or (), predicted or (), classes)
            else:
                rows = [[int(cell) for cell in row] for row in matrix]
                names = [str(one) for one in (classes if classes is not None else range(len(rows)))]
            thing = confusion(rows, names)
            self._keep(thing, thing.path(clean_name(name)[0]), self._step(step))
            self._wake()
        except Exception as error:
            self._unkept("confusion()", error)

    def _keep(self, thing: Thing, path: str, step: int | None) -> None:
        try:
            source = thing.source
            digest, size = keep_bytes(self.place, thing.data) if source is None else keep_file(self.place, source)
        except OSError as error:
            self.mark(f"{path!r} could not be kept: {error.strerror or error}.")
            return
        self._writer.put(Kept(self._writer.now(), path, digest, size, thing.kind, step, thing.facts))

    # --- facts ---

    def config(self, values: Any = None, /, **params: Any) -> None:
        """What the training was asked to do, by name; dicts in dicts get names with dots."""
        try:
            given = {} if values is None else members(values)
            if given is None:
                self.mark(f"config() was given a {kind_of(values)}, not names with values; it is kept as text.")
                given = {"config": str(values)}
            self.note("param", {**given, **params})
        except Exception as error:
            self._unkept("config()", error)

    def tag(self, *tags: str, **values: str) -> None:
        self.note("tag", {**dict.fromkeys(tags, ""), **values})

    def note(self, kind: str, values: Mapping[Any, Any]) -> None:
        """kind: param, tag, summary."""
        try:
            told, size = dict[str, Any](), 0
            for name, value in flat(values):
                clear, same = clean_name(name)
                if not same:
                    self.mark(
                        f"A name was given as a {kind_of(name)}, or is longer than {LONGEST_NAME}; it was changed."
                    )
                told[clear] = self._short(clear, plain(value))
                size += 300 + (len(told[clear]) if isinstance(told[clear], str) else 0)
                if size > LARGEST_NOTE:
                    self._writer.note(kind, told)
                    told, size = {}, 0
            if told:
                self._writer.note(kind, told)
            self._wake()
        except Exception as error:
            self._unkept(f"a {kind}", error)

    def _short(self, name: str, value: Any) -> Any:
        size = len(value) if isinstance(value, str) else len(repr(value)) if isinstance(value, list | dict) else 0
        if size <= LONGEST_TEXT:
            return value
        self.mark(f"{name!r} has a value of more than {LONGEST_TEXT:,} characters; the whole of it is kept as a file.")
        thing = text(value if isinstance(value, str) else repr(value))
        self._keep(thing, thing.path(name), None)
        return thing.data[:200].decode("utf-8", "ignore") + "..."

    def keep_whole(self, what: str, words: str) -> None:
        """Of what `init` was given, where it is too long to stand beside the run."""
        try:
            self.mark(f"The {what} has {len(words):,} characters; it was cut, and the whole of it is kept as a file.")
            thing = text(words)
            self._keep(thing, thing.path(what), None)
        except Exception as error:
            self._unkept(f"the {what}", error)

    def ask(self, what: str, values: dict[str, Any]) -> None:
        """Of the server, which the courier asks as soon as it answers."""
        try:
            self.place.asked.mkdir(exist_ok=True)
            replaced(self.place.asked / f"{what}-{os.urandom(4).hex()}.json", msgspec.json.encode(plain(values)))
            self._wake()
            if self.server is None:
                self.mark("A report was asked for, and there is no server to send it.")
        except Exception as error:
            self._unkept("watch_report()", error)

    def mark(self, words: str) -> None:
        """Something was not kept as it was told."""
        self._marks.add(words)

    def _unkept(self, what: str, error: BaseException) -> None:
        try:
            self.mark(f"{what} could not be kept as it was told: {kind_of(error)}.")
        except Exception:
            warn(f"{what} could not be kept.")

    # --- its end ---

    def listen(self) -> None:
        """What the program prints belongs to it from now on."""
        self._console = Console(self._hear)

    def _hear(self, stream: str, words: str) -> None:
        self._writer.put(Said(self._writer.now(), stream, words))

    def finish(self, state: str = "finished", error: str | None = None, wait: bool = True) -> None:
        """It has ended. In a process that did not begin it, only that what it told is written down."""
        try:
            with self._writer.lock:
                first, self.ended = self.ended is None, self.ended or state
            if first:
                self._end(state, error)
            if first and wait and self.owner and self.carrier is not None:
                self.carrier.wait(self)
        except Exception as fault:
            self._unkept("The end of the run", fault)

    def _end(self, state: str, error: str | None) -> None:
        if self._console is not None:
            self._console.close()
        self._writer.settle(now=True)
        self._marks.settle()
        if self.owner:
            self._writer.put(Ended(self._writer.now(), state, shortened(error)))
        elif state != "finished":
            self.mark(f"A process that tells of the run has {state}: {last_line(error)}")
        endings.left(self)
        self._writer.settle(now=True)
        if self._writer.lost:
            warn(f"{self._writer.lost:,} records of the run {self.id} had no room on the disk, and are lost.")
        if self.owner:
            self._wake()
        else:
            self._leave()

    def _wake(self) -> None:
        """What was told after the end is brought, too."""
        if self.carrier is not None and self.owner and self.ended is not None:
            self.carrier.tell(self)

    def _leave(self) -> None:
        """Whoever began it may be gone already, and the courier with it."""
        if self.carrier is not None and self.carrier.server is not None and not looked_after(self.place):
            self.carrier.tell(self)

    def forked(self) -> None:
        """In a child: it tells of the same run, and does not end it."""
        self.owner = False
        self.carrier = None if self.carrier is None else self.carrier.again()
        self._writer.forked()
        self._marks = Marks(self._writer)
        if self._console is not None:
            self._console.forked()

    def __enter__(self) -> "LiveRun":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None or (isinstance(error, SystemExit) and error.code in (None, 0)):
            self.finish()
        else:
            self.finish("failed", told(error))


def told(error: BaseException) -> str:
    import traceback

    try:
        return "".join(traceback.format_exception(error))
    except Exception:
        return kind_of(error)


def shortened(error: str | None) -> str | None:
    if error is None or len(error) <= LONGEST_ERROR:
        return None if error is None else clean_text(error)
    half = LONGEST_ERROR // 2
    return clean_text(f"{error[:half]}\n...\n{error[-half:]}")


def last_line(error: str | None) -> str:
    return (error or "").strip().rpartition("\n")[2][:200]


def described(value: Any) -> str:
    try:
        return repr(value)
    except Exception:
        return f"<{kind_of(value)}>"

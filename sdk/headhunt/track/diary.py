"""The diary of headhunt's own trainings, as journals: runs like all others, without a courier and a console.

Whatever goes wrong, the training goes on: an entry that cannot be begun is silent, what cannot be kept is left out.
"""

import hashlib
import logging
import os
import platform
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from headhunt.track.calls import facts_of
from headhunt.track.journal import Began, Ended, Kept, Known, Points, frames_in
from headhunt.track.keeping import keep_bytes
from headhunt.track.places import ENVIRONMENT, ID, Begun, Place, alive, here, new_clock, place_of, process_born
from headhunt.track.run import shortened, told
from headhunt.track.surroundings import without_secrets
from headhunt.track.things import Thing, confusion, counted, per_class, table
from headhunt.track.values import flat, plain
from headhunt.track.wire import RunBegun
from headhunt.track.writer import Writer, writer_name
from zoo.telling import SILENT

if TYPE_CHECKING:
    from zoo.telling import About, Entry

log = logging.getLogger("headhunt.diary")
MOST_CLASSES = 100
"""Of a confusion matrix: one of more takes longer to make than a training should wait for."""


class Journals:
    """home: in whose `runs` they lie. origin: who trains, so that nobody else's runs have the same ids. tags, facts: of
    every run; given, nothing else is told of this machine. words: what is told of an error."""

    listens = True

    def __init__(
        self,
        home: Path,
        origin: str | None = None,
        tags: Mapping[str, str] | None = None,
        facts: Mapping[str, Any] | None = None,
        words: Callable[[BaseException], str] = told,
    ) -> None:
        self.home = home
        self.origin = f"{platform.node()}\0{home.absolute()}" if origin is None else origin
        self.tags, self.facts = dict(tags or {}), facts_here() if facts is None else dict(facts)
        self.hidden, self.words = () if facts is None else ("pid", "host"), words

    def begin(self, about: "About") -> "Entry":
        try:
            return self._begin(about)
        except Exception as error:
            log.warning("the run %s is not kept: %s", about.name, error)
            return SILENT.begin(about)

    def _begin(self, about: "About") -> "JournalEntry":
        place = self._place(about)
        before = place.begun()
        asked = RunBegun(
            experiment=about.experiment[:250],
            name=about.name[:250],
            parent=about.parent or outer_run(),
            dataset=about.dataset,
            model=about.model,
            tags=about.tags,
            started=time.time() - about.ago,
        )
        pid = os.getpid()
        begun = Begun(
            id=place.id,
            asked=asked if before is None else before.asked,
            clock=new_clock() if before is None else before.clock_here(),
            host=os.uname().nodename,
            pid=pid,
            born=process_born(pid),
        )
        place.begin(begun)
        entry = JournalEntry(place, begun, last_steps(place) if before else {}, self.words)
        facts = facts_of(begun)
        entry.put(Began(entry.now(), {name: facts[name] for name in facts if name not in self.hidden}))
        entry.put(Known(entry.now(), dict(self.facts)))
        entry.note("tag", {**dict.fromkeys(about.tags, ""), **self.tags})
        entry.note("param", about.params)
        return entry

    def _place(self, about: "About") -> Place:
        """Of the newest run of this identity that is not over; a training that begins anew gets another."""
        if about.identity is None:
            return place_of(self.home, os.urandom(16).hex())
        number, place = 0, self._numbered(about.identity, 0)
        while place.folder.exists():
            following = self._numbered(about.identity, number := number + 1)
            if not following.folder.exists() and (about.resumed or free(place)):
                return place
            place = following
        return place

    def newest(self, identity: str) -> str | None:
        """The run of this identity that was begun last."""
        found, number = None, 0
        while (place := self._numbered(identity, number)).folder.exists():
            found, number = place.id, number + 1
        return found

    def _numbered(self, identity: str, number: int) -> Place:
        words = f"headhunt training\0{self.origin}\0{identity}\0{number}".encode()
        return place_of(self.home, hashlib.sha256(words).hexdigest()[:32])


class JournalEntry:
    """One run. last: the last step of each curve that was told before it was broken off."""

    def __init__(self, place: Place, begun: Begun, last: dict[str, int], words: Callable[[BaseException], str]) -> None:
        self.place, self.id, self.last, self.words = place, place.id, last, words
        self._writer = Writer(place.folder, begun.clock, writer_name())
        self.now = self._writer.now

    def put(self, record: Any) -> None:
        try:
            self._writer.put(record)
        except Exception as error:
            log.warning("something was not kept of the run %s: %s", self.id, error)

    def numbers(self, step: int, values: Mapping[str, float]) -> None:
        if step > self.last.get(next(iter(values)), -1):
            self.put(("m", self.now(), step, values))

    def note(self, kind: str, values: Mapping[str, Any]) -> None:
        if told_now := {name: plain(value) for name, value in flat(values)}:
            self.put(("n", self.now(), kind, told_now))

    def confusion(self, truth: Sequence[int], predicted: Sequence[int], classes: Sequence[str]) -> None:
        """The whole matrix, or of many classes what is right of each."""
        try:
            thing = matrix_of(truth, predicted, classes)
            path = thing.path("test")
            digest, size = keep_bytes(self.place, thing.data)
            self.put(Kept(self.now(), path, digest, size, thing.kind, None, thing.facts))
        except Exception as error:
            log.warning("the evaluation of the run %s was not kept: %s", self.id, error)

    def __enter__(self) -> "JournalEntry":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        state = "finished" if error is None else "failed"
        self.put(Ended(self.now(), state, None if error is None else shortened(self.words(error))))
        self._writer.rest()


def matrix_of(truth: Sequence[int], predicted: Sequence[int], classes: Sequence[str]) -> Thing:
    if len(classes) <= MOST_CLASSES:
        return confusion(*counted(truth, predicted, classes))
    hits, trues, saids = [0] * len(classes), [0] * len(classes), [0] * len(classes)
    for true, said in zip(truth, predicted, strict=True):
        trues[true] += 1
        saids[said] += 1
        hits[true] += true == said
    return table([row_of(*row) for row in zip(classes, hits, trues, saids, strict=True)])


def row_of(name: str, hit: int, true: int, said: int) -> dict[str, Any]:
    """As `per_class` has it, of the two by two that the class makes with all others."""
    return {**per_class([[hit, true - hit], [said - hit, 0]], 0, name)}


def free(place: Place) -> bool:
    """It was broken off, and nobody else tells of it."""
    begun = place.begun()
    other = begun is not None and begun.pid != os.getpid() and here(begun) and alive(begun.pid, begun.born)
    return not other and not finished(place)


def finished(place: Place) -> bool:
    ends = [one for path in place.journals().values() for _, one in frames_in(path.read_bytes())]
    states = [(one.at, one.state if isinstance(one, Ended) else "") for one in ends if isinstance(one, Began | Ended)]
    return bool(states) and max(states)[1] == "finished"


def last_steps(place: Place) -> dict[str, int]:
    last: dict[str, int] = {}
    for path in place.journals().values():
        for _, record in frames_in(path.read_bytes()):
            if isinstance(record, Points):
                last |= {name: max(record.step, last.get(name, -1)) for name in record.values}
    return last


def outer_run() -> str | None:
    """Of the training of a user's that has this one done."""
    name = Path(os.environ.get(ENVIRONMENT, "")).name
    return name if ID.fullmatch(name) else None


def facts_here() -> dict[str, Any]:
    """What costs nothing to know."""
    return {"code": {"command": without_secrets(sys.orig_argv[:200])}, "environment": versions()}


def versions() -> dict[str, Any]:
    import headhunt

    torch = sys.modules.get("torch")
    return {
        "python": platform.python_version(),
        "host": platform.node(),
        "cores": os.cpu_count(),
        "packages": {"headhunt": headhunt.__version__} | ({"torch": str(torch.__version__)} if torch else {}),
    }

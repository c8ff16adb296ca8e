"""Studies in a file: Optuna's journal, under a lock that goes with the process, and whole again after any kill.

    HOME/studies/NAME/journal.log     what happened, a line each; `journal.log.lock`: who writes now
    HOME/studies/NAME/turn.lock       who takes the next trial now
    HOME/studies/NAME/notes.json      whether it is paused or stopped, and what may be spent
    HOME/studies/NAME/workers/ID      held by a worker for as long as it lives

Optuna's own locks are files that a killed process leaves behind, and half a line at the end breaks its journal as soon
as the next line is written after it. Both are mended here: locks are the kernel's, and half a line is cut off.
"""

import fcntl
import json
import os
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import msgspec
import optuna
from optuna.storages import BaseStorage, InMemoryStorage, JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

from headhunt.errors import BadValue, BrokenJournal, NotWritten, one_line, printable
from headhunt.vocabulary import Struct
from zoo.files import unwritten

STUDIES, JOURNAL, TURN, WORKERS, NOTES = "studies", "journal.log", "turn.lock", "workers", "notes.json"
QUESTION, KEPT = "question.json", "kept.json"
"""Of a tuning: what it tunes for, and which trial became which model."""


class Notes(Struct, frozen=True, omit_defaults=False):
    """What is said of a study beside its journal."""

    state: Literal["running", "paused", "stopped"] = "running"
    trials: int | None = None
    seconds: float | None = None
    created: float | None = None


class KernelLock(JournalFileOpenLock):
    """flock on a file beside the journal; taking it also cuts off half a line that a killed writer left."""

    def __init__(self, journal: Path) -> None:
        super().__init__(str(journal))
        self.journal = journal
        self.path = journal.with_name(journal.name + ".lock")
        self._within = threading.Lock()
        self._held: int | None = None

    def acquire(self) -> bool:
        self._within.acquire()
        try:
            self._held = locked(self.path)
            mend(self.journal)
        except BaseException:
            self.release()
            raise
        return True

    def release(self) -> None:
        if self._held is not None:
            unlocked(self._held)
            self._held = None
        self._within.release()


def locked(path: Path, *, wait: bool = True) -> int:
    """A file held by this process until it is closed. BlockingIOError: another one holds it."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BaseException:
        os.close(handle)
        raise
    return handle


def unlocked(handle: int) -> None:
    """Let go at once: closing alone would not do while a child that was forked meanwhile has the file open, too."""
    fcntl.flock(handle, fcntl.LOCK_UN)
    os.close(handle)


@contextmanager
def held(path: Path) -> Iterator[None]:
    """By one process at a time; the others wait."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = locked(path)
    try:
        yield
    finally:
        unlocked(handle)


def mend(journal: Path) -> None:
    """Cut off what stands behind the last end of a line."""
    with journal.open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        if size == 0 or (file.seek(size - 1) is not None and file.read(1) == b"\n"):
            return
        file.seek(0)
        file.truncate(file.read().rfind(b"\n") + 1)


class Shelf:
    """Where one study lies: in a folder, or, without a name, in the memory of this process."""

    proposes = True
    """Trials are asked for here; else the study is looked at alone."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self._within = threading.Lock()
        self._held: int | None = None
        self.worker = uuid.uuid4().hex
        if folder is not None:
            (folder / WORKERS).mkdir(parents=True, exist_ok=True)

    def storage(self) -> BaseStorage:
        if self.folder is None:
            return InMemoryStorage()
        journal = self.folder / JOURNAL
        return JournalStorage(JournalFileBackend(str(journal), lock_obj=KernelLock(journal)))

    @contextmanager
    def turn(self) -> Iterator[None]:
        """One worker at a time: counting trials and taking the next are one act."""
        with self._within:
            handle = None if self.folder is None else locked(self.folder / TURN)
            try:
                yield
            finally:
                if handle is not None:
                    unlocked(handle)

    def notes(self) -> Notes:
        """What nobody can read says nothing."""
        if self.folder is None:
            return Notes()
        try:
            return msgspec.json.decode((self.folder / NOTES).read_bytes(), type=Notes)
        except (OSError, msgspec.DecodeError):
            return Notes()

    def state(self) -> str:
        return self.notes().state

    def tunes(self) -> bool:
        """It is a tuning's, who knows what its trials are."""
        return self.folder is not None and (self.folder / QUESTION).exists()

    def tuned(self) -> bool:
        """The best of a tuning is trained, and nobody searches on."""
        return self.folder is not None and (self.folder / KEPT).exists() and not self.busy()

    def busy(self) -> bool:
        """Whether anybody works on it."""
        return self.folder is not None and any(self.lives(one.name) for one in (self.folder / WORKERS).glob("*"))

    def note(self, notes: Notes) -> None:
        if self.folder is not None:
            draft = self.folder / f".{NOTES}.{uuid.uuid4().hex}"
            draft.write_bytes(msgspec.json.encode(notes))
            draft.replace(self.folder / NOTES)

    def note_trials(self, trials: int | None, new: bool) -> None:
        """What may be spent, for those who look at the study or join it: as much as was ever asked for."""
        before = self.notes()
        if new and before.created is None:
            self.note(msgspec.structs.replace(before, trials=trials, created=time.time()))
        elif trials is not None and (before.created is None or trials > (before.trials or trials)):
            self.note(msgspec.structs.replace(before, trials=max(trials, before.trials or 0)))

    def sign_in(self) -> None:
        """From now on the trials of this worker are its own, until it closes or dies."""
        if self.folder is not None and self._held is None:
            for path in (self.folder / WORKERS).iterdir():
                self.lives(path.name)  # the files of the dead go
            self._held = locked(self.folder / WORKERS / self.worker)

    def sign_out(self) -> None:
        if self.folder is not None and self._held is not None:
            (self.folder / WORKERS / self.worker).unlink(missing_ok=True)
            unlocked(self._held)
            self._held = None

    def forget(self) -> None:
        """In a forked child: let go of what is the parent's, so that the parent's death is seen."""
        if self._held is not None:
            os.close(self._held)
            self._held = None

    def lives(self, worker: str) -> bool:
        """Whether the worker of that id still holds its file."""
        if self.folder is None or worker == self.worker:
            return worker == self.worker
        path = self.folder / WORKERS / worker
        if not path.exists():
            return False
        try:
            unlocked(locked(path, wait=False))
        except BlockingIOError:
            return True
        path.unlink(missing_ok=True)
        return False


@contextmanager
def in_words(folder: Path | None) -> Iterator[None]:
    """What a disk does to a study is said in words: it is full, or closed to us, or lost a part of the journal."""
    try:
        yield
    except OSError as error:
        raise NotWritten(unwritten(folder or Path(), error)) from error
    except (json.JSONDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise BrokenJournal(
            f"The study in {folder} cannot be read ({one_line(error)}). Take another name, or remove that folder."
        ) from error


@contextmanager
def quiet() -> Iterator[None]:
    """Optuna tells of each new study on the terminal."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)


def shelf(home: Path, name: str | None) -> Shelf:
    """The place of a study by its name; without a name, memory."""
    return Shelf(None if name is None else home / STUDIES / checked(name))


def checked(name: object) -> str:
    """Names become folders, so they are plain."""
    plain = isinstance(name, str) and 0 < len(name) <= 100 and not name.startswith((".", "-"))
    if not plain or not all(one.isalnum() or one in "-_. " for one in str(name)) or str(name) != str(name).strip():
        raise BadValue(
            f"A study is named {printable(repr(name), 60)}. Take 1 to 100 letters, digits, '-', '_' and '.', with a"
            " letter or digit first."
        )
    return str(name)

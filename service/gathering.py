"""Runs that lie in the home are brought into its database: by `headhunt serve` while it runs, and by the command line.

    HOME/runs/RUN/run.json          what was asked for when the run began
    HOME/runs/RUN/WRITER.journal    what each process told since
    HOME/runs/RUN/files/DIGEST      what was kept with it
    HOME/runs/RUN/to-SERVER.json    it goes to a server: it is brought there, and not taken here

As with a journal that is sent: what has been taken is not taken again, whoever else is at it.
"""

import hashlib
import logging
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec
import sqlalchemy as sa

from headhunt.errors import BrokenJournal, HeadhuntError, UnknownRecord, UnknownRun
from headhunt.track.journal import LONGEST
from headhunt.track.places import Place, alive, here
from headhunt.track.watching import Watched, looked_after
from headhunt.track.wire import RunBegun
from service.projects import DEFAULT, Projects
from service.run_files import RunFiles
from tracking.store import RUN, WRITER, Lying, Tracking
from tracking.tables import runs

log = logging.getLogger("headhunt.gathering")
PIECE = 4 << 20
SOON_S, LATER_S = 1.0, 5.0
"""Between two looks: while something grows, and while nothing does."""


class Asked(msgspec.Struct, frozen=True):
    """Of run.json."""

    asked: RunBegun


class Size(NamedTuple):
    """A journal that looks the same has nothing new."""

    bytes: int
    changed: int


class Gathering:
    """home: whose runs. project: the id of theirs; None: the default one."""

    def __init__(
        self, home: Path, tracking: Tracking, files: RunFiles, projects: Projects, project: str | None = None
    ) -> None:
        self.folder, self.tracking, self.files, self.projects = home / "runs", tracking, files, projects
        self._project = project
        self._seen: dict[Path, Size] = {}
        self._sent: set[tuple[str, str]] = set()

    def gather(self) -> int:
        """How many bytes were new. What one run lacks keeps no other back."""
        new = 0
        for folder in self._runs():
            try:
                new += self._gather_run(folder)
            except UnknownRun:  # it is another project's, and brought there by others; or it was removed
                self._seen |= dict(journals(folder))
            except (HeadhuntError, OSError) as error:
                log.warning("the run %s was not taken: %s", folder.name, error)
            except Exception:  # whatever it is that one run does to us, the others are taken
                log.exception("the run %s was not taken", folder.name)
        return new + sum(self._bury(run) for run in self._still_running())

    def _still_running(self) -> list[str]:
        """As far as they have told."""
        mine = (runs.c.project == self._default()) & (runs.c.state == "running") & runs.c.deleted.is_(None)
        with self.tracking.database.read() as connection:
            return list(connection.execute(sa.select(runs.c.id).where(mine)).scalars())

    def _bury(self, run: str) -> int:
        """One whose process is gone from this machine without a word is lost at once: one of headhunt's own trainings
        has no courier that would say so."""
        place = Place(self.folder / run)
        begun = place.begun()
        if begun is None or not begun.pid or not here(begun) or alive(begun.pid, begun.born) or looked_after(place):
            return 0
        try:
            watched = Watched(place)
            watched.bury()
            return self._gather_run(place.folder) if watched.ended else 0
        except (HeadhuntError, OSError) as error:
            log.warning("the run %s was not looked after: %s", run, error)
            return 0

    def brought(self) -> bool:
        """Nothing lies there that was not seen as it is, nor a file that is still wanted."""
        if any(True for _ in self._runs()):
            return False
        return not any(self._lacks(one.name) for one in self.folder.glob("*") if RUN.fullmatch(one.name))

    def _lacks(self, run: str) -> bool:
        """Of one that is another project's, or was removed, nothing is wanted."""
        try:
            return bool(self.tracking.lacking(self._default(), run))
        except UnknownRun:
            return False

    def _runs(self) -> Iterator[Path]:
        """Those that changed, and go to no server."""
        try:
            folders = sorted(self.folder.iterdir())
        except OSError:
            return
        for folder in folders:
            ours = RUN.fullmatch(folder.name) is not None and not bound_elsewhere(folder)
            if ours and any(self._seen.get(path) != size for path, size in journals(folder)):
                yield folder

    def _gather_run(self, folder: Path) -> int:
        run, project = folder.name, self._default()
        try:
            kept = self.tracking.journal(project, run)
        except UnknownRun:
            self.tracking.begin(project, run, begun(folder), lying=Lying(heard(folder), written(folder)))
            kept = {}
        new = 0
        for path, size in journals(folder):
            if self._seen.get(path) != size and WRITER.fullmatch(path.stem):
                new += self._take(run, path, kept.get(path.stem, 0), size)
                self._seen[path] = size
        self._bring_files(run, folder)
        return new

    def _take(self, run: str, path: Path, kept: int, size: Size) -> int:
        """A journal from where it has been read. One that is damaged is taken up to there, and told of once."""
        first, heard, piece = kept, size.changed / 1e9, PIECE
        with open(path, "rb") as file:
            while True:
                file.seek(kept)
                data = file.read(piece)
                try:
                    now = self.tracking.append(self._default(), run, path.stem, kept, data, seen=heard)
                except (BrokenJournal, UnknownRecord) as error:
                    log.warning("%s: %s", path, error)
                    return self.tracking.journal(self._default(), run).get(path.stem, first) - first
                if now == kept and (len(data) < piece or piece > LONGEST):
                    return kept - first
                piece = PIECE if now > kept else LONGEST + PIECE
                kept = now

    def _bring_files(self, run: str, folder: Path) -> None:
        for digest in self.tracking.lacking(self._default(), run):
            path = folder / "files" / digest
            if (run, digest) not in self._sent and path.is_file() and digest_of(path) == digest:
                self.files.keep_path(self._default(), digest, path)
                self._sent.add((run, digest))

    def _default(self) -> str:
        if self._project is None:
            self._project = self.projects.ensure(DEFAULT, make=True)
        return self._project


class Gatherer:
    """A thread that gathers while a server runs."""

    def __init__(self, gathering: Gathering) -> None:
        self.gathering = gathering
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._keep_on, name="gathering", daemon=True)

    def __enter__(self) -> "Gatherer":
        self._thread.start()
        return self

    def __exit__(self, *fault: object) -> None:
        self._ending.set()
        self._thread.join(10.0)

    def _keep_on(self) -> None:
        while not self._ending.is_set():
            try:
                new = self.gathering.gather()
            except Exception:  # the server goes on without
                log.exception("nothing was gathered")
                new = 0
            self._ending.wait(SOON_S if new else LATER_S)


def names_in(folder: Path) -> list[str]:
    """None where it was removed meanwhile."""
    try:
        return sorted(path.name for path in folder.iterdir())
    except OSError:
        return []


def bound_elsewhere(folder: Path) -> bool:
    """It goes to a server."""
    return any(name.startswith("to-") and name.endswith(".json") for name in names_in(folder))


def journals(folder: Path) -> Iterator[tuple[Path, Size]]:
    for path in (folder / name for name in names_in(folder) if name.endswith(".journal")):
        try:
            found = path.stat()
        except OSError:
            continue
        yield path, Size(found.st_size, found.st_mtime_ns)


def begun(folder: Path) -> RunBegun:
    """What is known of a run whose beginning was lost: since when something of it lies here."""
    try:
        found = msgspec.json.decode((folder / "run.json").read_bytes(), type=Asked).asked
    except (OSError, msgspec.DecodeError):
        found = RunBegun()
    if found.started is not None:
        return found
    return msgspec.structs.replace(found, started=min(path.stat().st_mtime for path in folder.iterdir()))


def heard(folder: Path) -> float:
    return max(size.changed for _, size in journals(folder)) / 1e9


def written(folder: Path) -> float:
    """When the run was begun here, by its file; 0 where there is none."""
    try:
        return (folder / "run.json").stat().st_mtime
    except OSError:
        return 0.0


def forget(home: Path, run: str) -> None:
    """A run that was removed is not gathered again. One that goes to another server stays for it."""
    folder = home / "runs" / run
    if RUN.fullmatch(run) and folder.is_dir() and not bound_elsewhere(folder):
        shutil.rmtree(folder, ignore_errors=True)


def digest_of(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

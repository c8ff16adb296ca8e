"""Files that runs name: where they lie, by digest, and whose they are.

    home/files/ab/DIGEST     and `files/ab/DIGEST` of the store, where several machines share one

What a run calls a file is a label, and never a path here. A file is the project's when it has come, and seen by a run
that names it. Of those that no run of the project names, the collector takes what is a day old.
"""

import os
from pathlib import Path

from sqlalchemy.engine import Connection

from headhunt.errors import ChecksumMismatch, UnknownFile, printable
from service.data.holdings import Holdings, Pushed, keep_files, over
from service.store import Store
from service.uploads import Draft
from tracking.store import Tracking
from zoo.images.blobs import DIGEST, Blobs

FOLDER = "files"


class RunFiles:
    def __init__(self, store: Store, holdings: Holdings, tracking: Tracking, home: Path) -> None:
        self.store, self.holdings, self.tracking = store, holdings, tracking
        self.blobs = Blobs(home / FOLDER)

    def check(self, project: str, run: str, digest: str) -> None:
        """Before a body is read. Raises UnknownRun, UnknownFile."""
        self.tracking.need(project, run)
        if not DIGEST.fullmatch(digest):
            raise UnknownFile(
                printable(digest, 80), hint="A file is named by its SHA-256: 64 digits and letters a to f."
            )

    def keep(self, project: str, digest: str, file: Draft) -> None:
        """What has come lies where it belongs, and the project has it. Raises ChecksumMismatch, OverQuota."""
        if file.digest != digest:
            raise ChecksumMismatch(f"What came is {file.digest}, and was to be {digest}. Send it again.")
        if file.size > (left := self.holdings.left(project)):
            raise over(file.size - left)
        self._put(project, digest, Path(file.name), file.size)

    def keep_path(self, project: str, digest: str, path: Path) -> None:
        """A file of this machine that is known by this digest."""
        self._put(project, digest, path, path.stat().st_size)

    def _put(self, project: str, digest: str, path: Path, size: int) -> None:
        """Raises Vanished where the collector was at it meanwhile: sent again, it stays."""
        pushed = self.holdings.push(None, ())
        self._settle(digest, path, size)
        self.tracking.keep_file(project, digest, size, lambda connection: self._check(connection, pushed))

    def _check(self, connection: Connection, pushed: Pushed) -> None:
        keep_files(connection)
        self.holdings.check_pushed(connection, pushed)

    def _settle(self, digest: str, path: Path, size: int) -> None:
        """Linked, since the draft goes afterwards; whoever reads sees all of it or nothing."""
        place = self.blobs.path(digest)
        if not (place.is_file() and place.stat().st_size == size and self.blobs.touch(digest)):
            place.parent.mkdir(parents=True, exist_ok=True)
            waiting = place.with_name(f"{digest}.{os.getpid()}-{path.name[-24:]}.tmp")
            link_or_copy(path, waiting)
            waiting.replace(place)
            os.utime(place)
        self.store.send({name_of(digest): place})

    def path(self, project: str, run: str, digest: str) -> Path:
        """Where a file lies that this run names. Raises UnknownRun, UnknownFile."""
        self.check(project, run, digest)
        if not self.tracking.has_file(project, run, digest):
            raise UnknownFile(digest, hint="The run names no such file, or it has not come yet.")
        place = self.blobs.path(digest)
        if not place.is_file():
            place.parent.mkdir(parents=True, exist_ok=True)
            self.store.bring({name_of(digest): place})
        if not place.is_file():
            raise UnknownFile(digest, hint="It has not come yet.")
        return place


def link_or_copy(path: Path, place: Path) -> None:
    place.unlink(missing_ok=True)
    try:
        os.link(path, place)
    except OSError:  # another disk
        with open(path, "rb") as source, open(place, "wb") as out:
            while piece := source.read(1 << 20):
                out.write(piece)


def name_of(digest: str) -> str:
    return f"{FOLDER}/{digest[:2]}/{digest}"

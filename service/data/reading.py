"""Images come in: how much of them is kept on the way, and a tar of images without an order."""

import shutil
from pathlib import Path
from typing import Self

from headhunt.errors import NotAnArchive
from headhunt.vocabulary import MIB, Refusal, SampleLimits
from service.data.holdings import Holdings, Vanished, over
from service.data.room import nearly_full
from zoo.images.archives import sniff
from zoo.images.blobs import Blobs
from zoo.images.samples import Reading
from zoo.images.tars import TarSource

LOOKED = 8 * MIB
"""The disk is looked at after so much."""


class Measured(Blobs):
    """Blobs that one request stores for a project: it stops when there is no room left for what is new to it, or on the
    disk, so that a small archive with large images in it does not fill the disk first. In a `with`: what it wrote is
    taken back where it fails."""

    def __init__(self, blobs: Blobs, project: str, holdings: Holdings) -> None:
        super().__init__(blobs.folder)
        self._project, self._holdings = project, holdings
        self._seen: set[str] = set()
        self._unsure: dict[str, int] = {}
        self._left = holdings.left(project, announced=False)
        self._written: dict[Path, int] = {}
        self._unlooked = LOOKED

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None and not issubclass(kind, Vanished):  # of which all will be stored again
            self._holdings.take_back(self._written)

    def put(self, digest: str, data: bytes) -> None:
        if digest not in self._seen:
            self._seen.add(digest)
            self._unsure[digest] = len(data)
            self._left -= len(data)
        if self._left < 0:  # unless the project has some of them already, which cost nothing
            self._left += sum(self._holdings.owned(self._project, self._unsure).values())
            self._unsure.clear()
            if self._left < 0:
                raise over(-self._left)
        path = self.path(digest)
        if path in self._written:  # writing it once more would look as if somebody had found it
            return
        if path.exists():
            super().put(digest, data)
            return
        self._check_disk(len(data))
        super().put(digest, data)
        try:
            self._written[path] = path.stat().st_mtime_ns
        except FileNotFoundError as error:
            raise Vanished("A file was collected as it came. Send it again.") from error

    def _check_disk(self, size: int) -> None:
        """Now and then, and before what is large."""
        self._unlooked += size
        if self._unlooked >= LOOKED:
            self._unlooked = 0
            self.folder.mkdir(parents=True, exist_ok=True)
            if shutil.disk_usage(self.folder).free - size < self._holdings.least_free:
                raise nearly_full()


def read_images(archive: Path, limits: SampleLimits, blobs: Blobs) -> tuple[dict[str, int], tuple[Refusal, ...]]:
    """The sizes of all good images of a tar, which are in the blobs now, and what else was in it."""
    kind = sniff(archive, limits, "the body")
    if kind == "zip":
        raise NotAnArchive("this is a zip, and images come here in a tar. Send a zip to /api/v1/datasets")
    source = TarSource(archive, limits, packed=kind == "tar.gz")
    try:
        reading = Reading(limits, blobs)
        for member in source.members():
            reading.take(member)
    finally:
        source.close()
    reading.unused("")
    return {found.digest: found.size for found in reading.found}, tuple(reading.refused.values())

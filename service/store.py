"""Where the files of datasets lie for good: in the home, or where several machines reach them.

    home      all work is done there: files are read, checked and stored there first
    store     nothing more, and nothing is copied (LocalStore); or a bucket (service/object_store.py), to which files go
              before a row names them, and from which a machine fetches what it lacks before a job runs

`store_of` makes the one that a server was set up with.
"""

import os
import shutil
import uuid
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from headhunt.errors import BadValue
from headhunt.vocabulary import Version
from zoo.images.blobs import Blobs
from zoo.images.versions import stored_version

STORE, DATABASE = "HEADHUNT_STORE", "HEADHUNT_DATABASE"
"""They tell workers where all is kept: a word of a command is seen by everybody."""
PIECE = 1 << 20


class Lying(NamedTuple):
    """A file of the store: its name below the folder that was asked for, and seconds since it was last written."""

    name: str
    age_s: float


class Writable(Protocol):
    def write(self, data: bytes, /) -> Any: ...


class Store(Protocol):
    """Files by digest, manifests by the id of their version, parts of uploads by number.

    All methods may raise ServiceUnavailable, and leave nothing half made.
    """

    shared: bool
    """Whether other machines have it, too."""

    def push(self, version: str | None, digests: Collection[str]) -> None:
        """Files of the home, and the manifest of this version, are where all machines find them afterwards."""

    def lacking(self, digests: Collection[str], pushed: Collection[str]) -> set[str]:
        """Which of these files are not here. pushed: those that this request has pushed a moment ago."""

    def fetch(self, version: str) -> None:
        """A version with all of its files is in the home afterwards."""

    def manifest(self, version: str) -> Version:
        """Raises UnknownVersion."""

    def put_part(self, upload: str, name: str, file: Path) -> None:
        """The file may go afterwards."""

    def join(self, upload: str, names: Collection[str], into: Writable) -> None:
        """Writes parts in this order. Raises FileNotFoundError or BlobBroken where one is gone."""

    def parts(self, upload: str) -> set[str]:
        """The names of all that are here."""

    def drop_part(self, upload: str, name: str) -> None:
        """Removes one; nothing when there is none."""

    def drop(self, upload: str) -> None:
        """Removes all parts of an upload; nothing when there are none."""

    def send(self, files: Mapping[str, Path]) -> None:
        """Names in the store, and the files that are to lie there."""

    def bring(self, files: Mapping[str, Path]) -> None:
        """Names in the store, and where in the home they are to lie; each whole or not at all."""

    def lying(self, folder: str) -> Iterator[Lying]:
        """What is in a folder of the shared store; nothing, where the home is the store."""

    def remove(self, names: Collection[str]) -> None:
        """Those of the shared store."""


class LocalStore:
    """The home itself."""

    shared = False

    def __init__(self, home: Path) -> None:
        self.home, self.blobs = home, Blobs(home / "blobs")

    def push(self, version: str | None, digests: Collection[str]) -> None:
        """They are here."""

    def lacking(self, digests: Collection[str], pushed: Collection[str]) -> set[str]:  # noqa: ARG002 - may be gone
        return {digest for digest in digests if digest not in self.blobs}

    def fetch(self, version: str) -> None:
        """It is here."""

    def manifest(self, version: str) -> Version:
        return stored_version(version, self.home / "versions")

    def put_part(self, upload: str, name: str, file: Path) -> None:
        place = parts_of(self.home, upload) / name
        if place.exists():  # named by its content
            return
        place.parent.mkdir(parents=True, exist_ok=True)
        waiting = place.with_name(f"{uuid.uuid4().hex}.tmp")
        os.link(file, waiting)
        waiting.replace(place)

    def join(self, upload: str, names: Collection[str], into: Writable) -> None:
        for name in names:
            with (parts_of(self.home, upload) / name).open("rb") as part:
                shutil.copyfileobj(part, into, PIECE)

    def parts(self, upload: str) -> set[str]:
        folder = parts_of(self.home, upload)
        return {path.name for path in folder.iterdir()} if folder.is_dir() else set()

    def drop_part(self, upload: str, name: str) -> None:
        (parts_of(self.home, upload) / name).unlink(missing_ok=True)

    def drop(self, upload: str) -> None:
        shutil.rmtree(parts_of(self.home, upload), ignore_errors=True)

    def send(self, files: Mapping[str, Path]) -> None:
        """They are here."""

    def bring(self, files: Mapping[str, Path]) -> None:
        """They are here."""

    def lying(self, folder: str) -> Iterator[Lying]:  # noqa: ARG002 - the collector looks at the home itself
        return iter(())

    def remove(self, names: Collection[str]) -> None:
        """The collector removes files of the home itself."""


def parts_of(home: Path, upload: str) -> Path:
    return home / "uploads" / upload


def store_of(home: Path, url: str | None) -> Store:
    """url: as s3://bucket/prefix; None: the home itself."""
    if url is None:
        return LocalStore(home)
    if not url.startswith("s3://") or not url[5:].strip("/"):
        raise BadValue(f"{url!r} is no store. Give s3://bucket/prefix, or nothing to keep files in the home.")
    try:
        from service.object_store import ObjectStore  # here, since its libraries are an extra, and slow to import
    except ModuleNotFoundError as error:
        raise BadValue("A store needs what is not installed here. Run: pip install 'headhunt[s3]'.") from error
    return ObjectStore(home, url)

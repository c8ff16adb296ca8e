"""A bucket as the store, for servers of several machines: everything that speaks S3.

    PREFIX/blobs/ab/<sha256>, PREFIX/versions/<id>.json    as in a home
    PREFIX/uploads/<id>/<part>                             until the upload is finished
    PREFIX/zoo/, PREFIX/weights/                           service/shared_zoo.py

Who may enter is told by the usual variables (AWS_ACCESS_KEY_ID ...) or the machine's role; HEADHUNT_STORE_ENDPOINT
names a server other than Amazon's. Files are named by their content, so sending one twice does no harm.
"""

import os
import shutil
import uuid
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from aiohttp import ClientError
from botocore.exceptions import BotoCoreError
from fsspec.exceptions import FSTimeoutError
from s3fs import S3FileSystem

from headhunt.errors import BlobBroken, InsufficientStorage, ServiceUnavailable, UnknownVersion, one_line
from headhunt.vocabulary import Version
from service.store import PIECE, Lying, Writable
from zoo.images.blobs import FULL, Blobs
from zoo.images.versions import stored_version

ENDPOINT = "HEADHUNT_STORE_ENDPOINT"
AT_ONCE = 64
"""Files on the way at the same time."""
IN_A_ROW = 2000
"""Files that are brought before they are put in their places."""
PATIENCE = {"connect_timeout": 5, "read_timeout": 60, "retries": {"max_attempts": 2}}


class ObjectStore:
    """A bucket, and the home of this machine before it."""

    shared = True

    def __init__(self, home: Path, url: str) -> None:
        self.home, self.blobs = home, Blobs(home / "blobs")
        self.root = url.removeprefix("s3://").strip("/")
        self._process, self._opened = 0, None

    @property
    def files(self) -> Any:
        """The connection of this process: a fork must not use its parent's."""
        if self._opened is None or self._process != os.getpid():
            self._process, self._opened = os.getpid(), opened()
        return self._opened

    def push(self, version: str | None, digests: Collection[str]) -> None:
        self.send({blob_name(digest): self.blobs.path(digest) for digest in digests})
        if version is not None:
            self.send({manifest_name(version): self.home / "versions" / f"{version}.json"})

    def lacking(self, digests: Collection[str], pushed: Collection[str]) -> set[str]:
        """Rows say what is there: a file is pushed before its row is written."""
        return set(digests) - set(pushed)

    def fetch(self, version: str) -> None:
        wanted = {entry.digest for entry in self.manifest(version).entries}
        self.bring({blob_name(digest): self.blobs.path(digest) for digest in wanted if digest not in self.blobs})

    def manifest(self, version: str) -> Version:
        try:
            return stored_version(version, self.home / "versions")
        except UnknownVersion:
            try:
                self.bring({manifest_name(version): self.home / "versions" / f"{version}.json"})
            except BlobBroken:
                raise UnknownVersion(version) from None
        return stored_version(version, self.home / "versions")

    def put_part(self, upload: str, name: str, file: Path) -> None:
        self.send({f"uploads/{upload}/{name}": file})

    def join(self, upload: str, names: Collection[str], into: Writable) -> None:
        with drafts_in(self.home) as folder:
            for name in names:  # one by one: the disk need not hold them all twice
                self.bring({f"uploads/{upload}/{name}": folder / name})
                with (folder / name).open("rb") as part:
                    shutil.copyfileobj(part, into, PIECE)
                (folder / name).unlink()

    def parts(self, upload: str) -> set[str]:
        return {lying.name for lying in self.lying(f"uploads/{upload}")}

    def drop_part(self, upload: str, name: str) -> None:
        with suppress(BlobBroken):
            self.remove([f"uploads/{upload}/{name}"])

    def drop(self, upload: str) -> None:
        self.remove([f"uploads/{upload}/{lying.name}" for lying in self.lying(f"uploads/{upload}")])

    def send(self, files: Mapping[str, Path]) -> None:
        if not files:
            return
        with reaching():
            self.files.put([str(file) for file in files.values()], self._names(files), batch_size=AT_ONCE)

    def bring(self, files: Mapping[str, Path]) -> None:
        """By way of drafts, so that nobody sees half a file."""
        rest = iter(files.items())
        while some := dict(islice(rest, IN_A_ROW)):
            with drafts_in(self.home) as folder:
                drafts = [folder / str(i) for i in range(len(some))]
                with reaching():
                    self.files.get(self._names(some), [str(draft) for draft in drafts], batch_size=AT_ONCE)
                for draft, place in zip(drafts, some.values(), strict=True):
                    place.parent.mkdir(parents=True, exist_ok=True)
                    draft.replace(place)

    def lying(self, folder: str) -> Iterator[Lying]:
        now = datetime.now(UTC)
        top = f"{self.root}/{folder}/"
        with reaching():
            found = self.files.find(top, detail=True)
        for name, facts in found.items():
            yield Lying(name.removeprefix(top), (now - facts["LastModified"]).total_seconds())

    def remove(self, names: Collection[str]) -> None:
        if names:
            with reaching():
                self.files.rm(self._names(names))

    def _names(self, names: Collection[str]) -> list[str]:
        return [f"{self.root}/{name}" for name in names]


def opened() -> Any:
    return S3FileSystem(
        endpoint_url=os.environ.get(ENDPOINT),
        config_kwargs=PATIENCE,
        use_listings_cache=False,
        skip_instance_cache=True,
    )


@contextmanager
def reaching() -> Iterator[None]:
    """What goes wrong on the way is of this moment; what is not there is broken; a full disk is a full disk."""
    try:
        yield
    except FileNotFoundError as error:
        raise BlobBroken(f"A file is not in the store ({one_line(error)}). Send its dataset again.") from error
    except (OSError, BotoCoreError, ClientError, FSTimeoutError, TimeoutError) as error:
        if isinstance(error, OSError) and error.errno in FULL:
            raise InsufficientStorage("The disk of this machine is full. Make space.") from error
        raise ServiceUnavailable("The store of files does not answer. Try again.") from error


@contextmanager
def drafts_in(home: Path) -> Iterator[Path]:
    folder = home / "uploads" / f"fetch-{uuid.uuid4().hex}"
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def blob_name(digest: str) -> str:
    return f"blobs/{digest[:2]}/{digest}"


def manifest_name(version: str) -> str:
    return f"versions/{version}.json"

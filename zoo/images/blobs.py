"""Files by their content: FOLDER/ab/<sha256>, each stored once.

A blob is written to a temporary name and renamed, so a name never shows half a file to another process. Nothing is
synced to the disk: losing power may lose a blob that was just written, or leave it empty, but `read` compares every
blob with its name and never hands out wrong bytes. Storing the sample again heals it.
"""

import errno
import hashlib
import os
import re
import threading
from pathlib import Path

from headhunt.errors import BlobBroken, InsufficientStorage, NotWritten

DIGEST = re.compile(r"[0-9a-f]{64}")
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""What a system says when no more can be written."""


class Blobs:
    """A folder of blobs. Opening it does nothing; several threads and processes may write to it at once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ready: set[str] = set()

    def path(self, digest: str) -> Path:
        if not DIGEST.fullmatch(digest):
            raise ValueError(f"{digest!r} is not a SHA-256 in hex")
        return self.folder / digest[:2] / digest

    def __contains__(self, digest: str) -> bool:
        return self.path(digest).exists()

    def add(self, data: bytes) -> str:
        """Keep these bytes, once, and say their name."""
        digest = hashlib.sha256(data).hexdigest()
        self.put(digest, data)
        return digest

    def put(self, digest: str, data: bytes) -> None:
        """Keep bytes whose digest the caller has just computed."""
        place = f"{self._subfolder(digest)}/{digest}"
        try:
            if os.stat(place).st_size == len(data):  # noqa: PTH116 - a Path for every image costs as much as the call
                os.utime(place)
                return
        except FileNotFoundError:
            pass
        write_whole(place, data)

    def touch(self, digest: str) -> bool:
        """Whether it is here; if so it is new again: what is old and nobody's is collected."""
        try:
            os.utime(self.path(digest))
        except FileNotFoundError:
            return False
        return True

    def read(self, digest: str) -> bytes:
        try:
            data = self.path(digest).read_bytes()
        except OSError as error:
            raise BlobBroken(
                f"The stored image {digest} cannot be read ({error.strerror}). Store its sample again."
            ) from error
        if hashlib.sha256(data).hexdigest() != digest:
            raise BlobBroken(f"The stored image {digest} has changed on the disk. Store its sample again.")
        return data

    def _subfolder(self, digest: str) -> str:
        """Made once; remembering that saves a system call for every blob."""
        folder = f"{self.folder}/{digest[:2]}"
        if folder not in self._ready:
            Path(folder).mkdir(parents=True, exist_ok=True)
            self._ready.add(folder)
        return folder


def write_whole(place: str, data: bytes) -> None:
    """All or nothing under this name. The mode lets the owner's group read, as an ordinary file would."""
    waiting = f"{place}.{os.getpid()}-{threading.get_ident()}.tmp"
    try:
        write_and_move(waiting, place, data)
    except OSError as error:
        kind = InsufficientStorage if error.errno in FULL else NotWritten
        raise kind(f"{place} could not be written: {error.strerror}. Make space, or set HEADHUNT_HOME.") from error


def write_and_move(waiting: str, place: str, data: bytes) -> None:
    handle = os.open(waiting, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0), 0o644)
    try:
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(handle, view) :]
        finally:
            os.close(handle)
        os.replace(waiting, place)  # noqa: PTH105 - as above
    except BaseException:
        Path(waiting).unlink(missing_ok=True)
        raise

"""Files that survive: replaced as a whole or not at all, and written by one process at a time.

A replaced file is written beside the old one, flushed to the disk and renamed over it, so a reader that opens it once
sees one state, and a crash at any moment leaves the old state or the new one. The lock is the kernel's (flock): it goes
with the process that holds it, also when that is killed.
"""

import errno
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from headhunt.errors import HomeLocked, NotWritten, printable

PATIENCE = 30.0
"""Seconds that a writer waits for another before it gives up."""
LONGEST_NAP = 0.02
DRAFT = ".draft"


def replace_file(path: Path, data: bytes) -> None:
    """Put `data` where `path` is, as a whole: after any crash the file holds what it held, or this.

    A device or a pipe (/dev/stdout, /dev/null) is written to: a file must not take its place.
    """
    try:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, "Is a directory")
        if path.exists() and not path.is_file():
            path.write_bytes(data)
        else:
            replace_plain(path.resolve(), data)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise NotWritten(unwritten(path, error)) from error


def replace_plain(target: Path, data: bytes) -> None:
    draft = draft_beside(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        draft.write_bytes(data)
        put_in_place(draft, target)
    finally:
        discard(draft)


def draft_beside(target: Path) -> Path:
    """A name to write to, that no other writer has, before it becomes `target`."""
    return target.with_name(f".{target.name}.{os.getpid()}-{os.urandom(4).hex()}{DRAFT}")


def put_in_place(draft: Path, target: Path) -> None:
    """Make a written draft the file, on the disk, too."""
    flush(draft)
    draft.replace(target)
    flush(target.parent)


def discard(draft: Path) -> None:
    """Remove a draft that did not become the file; what a failing disk keeps is left to the next writer."""
    try:
        draft.unlink(missing_ok=True)
    except OSError:
        return


def clear_drafts(path: Path) -> None:
    """Remove what killed writers of `path` left. Only for who holds its lock: nobody else is writing then."""
    target = path.resolve()
    if target.parent.is_dir():
        for draft in target.parent.glob(f".{target.name}.*{DRAFT}"):
            discard(draft)


def flush(path: Path) -> None:
    """Make a file, or the names in a folder, durable: a rename is only on the disk when its folder is."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def writer_lock(path: Path, patience: float = PATIENCE) -> Iterator[None]:
    """Be the only writer, among all processes and threads, while the block runs. `path` is the lock's own file."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise NotWritten(unwritten(path, error)) from error
    try:
        wait_for(handle, path, patience)
        yield
    finally:
        os.close(handle)


def wait_for(handle: int, path: Path, patience: float) -> None:
    until, nap = time.monotonic() + patience, 0.001
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                raise HomeLocked(
                    f"Another process has been writing for {patience:g} s and holds {path}."
                    " Try again when it is done; if it hangs, end it, and the lock is free."
                ) from None
            time.sleep(nap)
            nap = min(2 * nap, LONGEST_NAP)
        else:
            return


def unwritten(path: Path, error: OSError | ValueError) -> str:
    why = getattr(error, "strerror", None) or error
    return (
        f"{printable(str(path))} could not be written: {why}. What was there is kept."
        " Check its permissions and the space on the disk, or set HEADHUNT_HOME to another folder."
    )

"""A folder as a source of members: ordinary files below it, nothing that links out of it."""

import os
from collections.abc import Iterator
from pathlib import Path

from headhunt.errors import (
    DeclaredTotalTooLarge,
    FileTooLarge,
    ImageRefused,
    LinkNotAllowed,
    MissingFile,
    SpecialFile,
    TooManyFiles,
)
from headhunt.vocabulary import SampleLimits
from zoo.images.archives import Member
from zoo.images.names import Names, is_litter

FIRST = 16 * 1024
"""A first read of this size holds most small images; a larger one costs more than the file to allocate."""
FLAGS = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
"""Not through a link, and never waiting for a pipe, should either take the place of a file that was looked at."""


class FolderSource:
    """The files below a folder, in sorted order."""

    def __init__(self, root: Path, limits: SampleLimits) -> None:
        self.ignored = 0
        self._root = root
        self._limits = limits
        self._paths: list[str] = []

    def members(self) -> Iterator[Member]:
        names, total = Names(), 0
        for path, relative in self._walk():
            name = names.take(relative)
            self.ignored = names.ignored
            if name is None:
                continue
            data = self._read(path)
            size = Path(path).stat().st_size if isinstance(data, ImageRefused) else len(data)
            total += size
            if total > self._limits.max_total_bytes:
                raise DeclaredTotalTooLarge(f"the folder holds more than {self._limits.max_total_bytes:,} bytes", name)
            self._paths.append(path)
            yield Member(name, size, data, len(self._paths) - 1)

    def fetch(self, place: int) -> bytes:
        data = self._read(self._paths[place])
        if isinstance(data, ImageRefused):
            raise data
        return data

    def close(self) -> None:
        """Nothing is held open."""

    def _walk(self) -> Iterator[tuple[str, str]]:
        """(path on this machine, name below the root) of every file, depth first. Litter folders are not entered."""
        stack, seen = [(str(self._root), "")], 0
        while stack:
            folder, prefix = stack.pop()
            below: list[tuple[str, str]] = []
            for item in _listing(folder):
                seen += 1
                if seen > self._limits.max_members:
                    raise TooManyFiles(f"the folder holds more than {self._limits.max_members:,} files and folders")
                name = prefix + item.name
                if not item.is_symlink() and item.is_dir(follow_symlinks=False) and not is_litter(item.name):
                    below.append((item.path, name + "/"))
                elif is_litter(item.name) or _is_plain(item, name):
                    yield item.path, name
            stack.extend(reversed(below))

    def _read(self, path: str) -> bytes | ImageRefused:
        try:
            handle = os.open(path, FLAGS)
        except OSError as error:
            raise MissingFile(f"{path} cannot be read: {error.strerror}.") from error
        try:
            start = os.read(handle, FIRST)
            return start if len(start) < FIRST else self._read_on(handle, start)
        finally:
            os.close(handle)

    def _read_on(self, handle: int, start: bytes) -> bytes | ImageRefused:
        cap = self._limits.max_member_bytes
        size = os.fstat(handle).st_size
        if size > cap:
            return FileTooLarge(f"has {size:,} bytes; {cap:,} are allowed")
        pieces, got = [start], len(start)
        while piece := os.read(handle, min(max(size - got, FIRST), cap + 1 - got)):
            pieces.append(piece)
            got += len(piece)
            if got > cap:
                return FileTooLarge(f"has more than {cap:,} bytes")
        return b"".join(pieces)


def _listing(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as items:
            return sorted(items, key=lambda item: item.name)
    except OSError as error:
        raise MissingFile(f"{folder} cannot be read: {error.strerror}.") from error


def _is_plain(item: os.DirEntry[str], name: str) -> bool:
    if item.is_symlink():
        raise LinkNotAllowed("is a link. Put the file itself there, or remove it", name)
    if not item.is_file(follow_symlinks=False):
        raise SpecialFile("is neither a file nor a folder. Remove it", name)
    return True

"""The files of a folder, as DVC sees them: without what .dvcignore names, .git, .hg and .dvc.

DVC reads the .dvcignore of its repository's root (the folder that holds .dvc), and of every folder from there down to
the one that is added; of patterns that match, the last holds. Inside the folder itself it refuses one, and so do we.
Links to files are read, links to folders are passed over.
"""

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

from headhunt.errors import BadValue, MissingFile, printable

IGNORES = ".dvcignore"
NEVER = frozenset({".git", ".hg", ".dvc"})


class Pattern(NamedTuple):
    place: str
    """The folder of its .dvcignore, from the root of the repository; empty for the root itself."""
    regex: "re.Pattern[str]"
    leaves_out: bool
    folders_only: bool

    def matches(self, path: str, folder: bool) -> bool:
        if self.folders_only and not folder:
            return False
        if self.place:
            if not path.startswith(self.place + "/"):
                return False
            path = path[len(self.place) + 1 :]
        return bool(self.regex.match(path) or (folder and self.regex.match(path + "/")))


def files_in(folder: Path) -> Iterator[tuple[str, Path]]:
    """Relative path, with slashes, and place of every file."""
    top = folder.resolve()
    if not top.is_dir():
        raise MissingFile(f"{printable(str(folder))} is no folder. Give one that holds the files of the version.")
    root = repository_of(top)
    patterns = patterns_of(root, top) if root else []
    above = "" if root is None or root == top else top.relative_to(root).as_posix() + "/"
    for where, folders, names in os.walk(top, onerror=unreadable):
        inside = Path(where).relative_to(top).as_posix()
        before = "" if inside == "." else inside + "/"
        folders[:] = [name for name in folders if wanted(patterns, above + before + name, folder=True)]
        for name in names:
            if wanted(patterns, above + before + name, folder=False):
                yield checked(before + name), readable(Path(where) / name)


def repository_of(folder: Path) -> Path | None:
    """The nearest folder above, or this one, that holds a .dvc."""
    return next((one for one in (folder, *folder.parents) if (one / ".dvc").is_dir()), None)


def patterns_of(root: Path, top: Path) -> list[Pattern]:
    between = [root, *reversed([one for one in top.parents if root in one.parents])] if root != top else [root]
    return [pattern for place in between for pattern in patterns_in(place, root)]


def patterns_in(place: Path, root: Path) -> Iterator[Pattern]:
    file = place / IGNORES
    if not file.is_file():
        return
    inside = place.relative_to(root).as_posix()
    for line in map(str.strip, file.read_text(encoding="utf-8", errors="replace").splitlines()):
        if line and not line.startswith("#"):
            regex, leaves_out = GitIgnoreSpecPattern.pattern_to_regex(line)
            if isinstance(regex, str) and leaves_out is not None:
                yield Pattern("" if inside == "." else inside, re.compile(regex), leaves_out, line.endswith("/"))


def wanted(patterns: list[Pattern], path: str, folder: bool) -> bool:
    name = PurePosixPath(path).name
    if name in NEVER and (folder or name == ".git"):
        return False
    return not next((one.leaves_out for one in reversed(patterns) if one.matches(path, folder)), False)


def checked(path: str) -> str:
    """The path as it may stand in a manifest."""
    if path.rpartition("/")[2] == IGNORES:
        raise BadValue(f"{printable(path)} lies inside the folder, where DVC takes none. Put it beside the folder.")
    try:
        path.encode()
    except UnicodeEncodeError:
        raise BadValue(f"The name {printable(path)} is no Unicode. Rename the file.") from None
    return path


def readable(place: Path) -> Path:
    try:
        mode = place.stat().st_mode
    except OSError:
        raise MissingFile(f"{printable(str(place))} cannot be read; a link that leads nowhere? Remove it.") from None
    if not stat.S_ISREG(mode):
        raise BadValue(f"{printable(str(place))} is a pipe, socket or device. Take it out of the folder.")
    return place


def unreadable(error: OSError) -> None:
    raise MissingFile(f"{printable(str(error.filename))} cannot be read: {error.strerror}. Check its permissions.")

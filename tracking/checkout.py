"""A version back into a folder. What is kept nowhere else is not overwritten, and nothing is written outside."""

import os
import shutil
from pathlib import Path

from headhunt.errors import BadValue, BlobBroken, MissingFile, first_few, printable
from headhunt.vocabulary import Struct
from tracking.versions import DataFile, DataVersion, Shelf, check_path, file_at, version_at


class Restored(Struct, frozen=True, omit_defaults=False):
    """left: files that no version holds, which lie there still."""

    written: int
    removed: int
    same: int
    left: tuple[str, ...]


def checkout(shelf: Shelf, version: DataVersion, folder: Path, force: bool = False) -> Restored:
    """Make the folder this version. Files of it whose content is kept here are replaced or removed, since they can be
    had again; others are replaced with `force` only, and never removed."""
    lacking = [file.path for file in version.files if not shelf.has(file.digest)]
    if lacking:
        words = f"{len(lacking):,} files of version {version.id} are not kept here: {first_few(lacking)}."
        raise MissingFile(f"{words} 'headhunt data pull {version.id}' brings them from a server that has them.")
    folder.mkdir(parents=True, exist_ok=True)
    there = {file.path: file for file in version_at(folder).files}
    want = {file.path: file for file in version.files}
    changed = [path for path in want if path in there and not replaceable(shelf, there[path], want[path])]
    changed += [path for path in want if path not in there and os.path.lexists(folder / path)]
    if changed and not force:
        raise BadValue(f"{len(changed)} files have changed and are kept nowhere: {first_few(changed)}. Give --force.")
    gone = [path for path, file in there.items() if path not in want and shelf.has(file.digest)]
    for path in gone:
        remove(folder, path)
    stale = [file for path, file in want.items() if path not in there or there[path].digest != file.digest]
    for file in stale:
        restore(shelf, file, folder)
    left = tuple(sorted(path for path in there if path not in want and path not in gone))
    return Restored(written=len(stale), removed=len(gone), same=len(want) - len(stale), left=left)


def replaceable(shelf: Shelf, there: DataFile, want: DataFile) -> bool:
    return there.digest == want.digest or shelf.has(there.digest)


def remove(folder: Path, path: str) -> None:
    """The file, and folders that are empty without it."""
    (folder / path).unlink(missing_ok=True)
    for parent in (folder / path).relative_to(folder).parents:
        try:
            if parent.parts:
                (folder / parent).rmdir()
        except OSError:
            return


def restore(shelf: Shelf, file: DataFile, folder: Path) -> None:
    """Written beside, checked, and put in place. A link among the folders on the way is not followed."""
    check_path(file.path)
    place = inner_place(folder, file.path)
    if place.is_dir() and not place.is_symlink():
        raise BadValue(f"{printable(file.path)} is a folder here, and a file in the version. Move it away.")
    draft = place.with_name(f".headhunt-{os.getpid()}.draft")
    try:
        shutil.copyfile(shelf.place(file.digest), draft)
        if file_at(file.path, draft).digest != file.digest:
            raise BlobBroken(f"What is kept of {printable(file.path)} has changed on the disk. Pull or add it again.")
        draft.replace(place)
    finally:
        draft.unlink(missing_ok=True)


def inner_place(folder: Path, path: str) -> Path:
    place = folder
    for part in path.split("/")[:-1]:
        place = place / part
        if place.is_symlink() or (place.exists() and not place.is_dir()):
            raise BadValue(f"{printable(str(place))} is no folder of its own. Move it away.")
        place.mkdir(exist_ok=True)
    return place / path.rpartition("/")[2]

"""Versions of any folder: named by their content, with the id that DVC gives the same folder, kept in a home.

    HOME/data/files/AB/ABCDEF...      every file once, by its SHA-256
    HOME/data/versions/ID.json        which files, under which paths
    HOME/data/added.jsonl             what was added when, under which name, with which note: a line each

The id is that of DVC 3: the MD5 of the JSON list of {"md5", "relpath"} by path, and `.dir`. MD5 can be forged, so files
are kept, found and checked by SHA-256; the id is a name that a DVC user knows, and two folders that share it, with
other files, are refused.
"""

import hashlib
import json
import os
import re
import shutil
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec

from headhunt.errors import BadValue, BlobBroken, UnknownVersion, printable
from headhunt.vocabulary import MIB, Struct
from tracking.dvcignore import NEVER, files_in

ID = re.compile(r"[0-9a-f]{32}\.dir")
PREFIX = re.compile(r"[0-9a-f]{6,32}(\.dir)?")
DIGEST = re.compile(r"[0-9a-f]{64}")
MD5 = re.compile(r"[0-9a-f]{32}")
LONGEST_PATH = 4096
THREADS = min(4, os.cpu_count() or 1)


class DataFile(Struct, frozen=True, omit_defaults=False):
    path: str
    md5: str
    digest: str
    """SHA-256."""
    size: int


class DataVersion(Struct, frozen=True, omit_defaults=False):
    id: str
    files: tuple[DataFile, ...]

    @property
    def size(self) -> int:
        return sum(file.size for file in self.files)


class Added(Struct, frozen=True, omit_defaults=False):
    """One line of the log. images: the id of the same folder as a version of images, where it is one."""

    name: str
    version: str
    created: float
    files: int
    size: int
    note: str = ""
    images: str | None = None


def dvc_id(files: Iterable[tuple[str, str]]) -> str:
    """(path, md5) -> the id, as DVC 3 makes it."""
    listed = [{"md5": md5, "relpath": path} for path, md5 in sorted(files)]
    return hashlib.md5(json.dumps(listed, sort_keys=True).encode(), usedforsecurity=False).hexdigest() + ".dir"


def version_of(files: Iterable[DataFile]) -> DataVersion:
    ordered = tuple(sorted(files, key=lambda file: file.path))
    return DataVersion(id=dvc_id((file.path, file.md5) for file in ordered), files=ordered)


def version_at(folder: Path) -> DataVersion:
    """The version that a folder is now. Nothing is kept."""
    with ThreadPoolExecutor(THREADS) as pool:
        return version_of(pool.map(lambda found: file_at(*found), files_in(folder)))


def file_at(path: str, place: Path) -> DataFile:
    md5, sha, size = hashlib.md5(usedforsecurity=False), hashlib.sha256(), 0
    with place.open("rb") as file:
        while block := file.read(MIB):
            md5.update(block)
            sha.update(block)
            size += len(block)
    return DataFile(path=path, md5=md5.hexdigest(), digest=sha.hexdigest(), size=size)


def check_version(version: DataVersion) -> DataVersion:
    """A manifest that came from elsewhere: its id is that of its files, and no path leads out of a folder."""
    paths = [file.path for file in version.files]
    if not ID.fullmatch(version.id) or version_of(version.files) != version or len(set(paths)) < len(paths):
        raise BlobBroken(f"The manifest of version {printable(version.id)} is not what its id says. Add it again.")
    folders = {folder for path in paths for folder in folders_of(path)}
    for file in version.files:
        check_path(file.path)
        if file.path in folders or file.size < 0 or not DIGEST.fullmatch(file.digest) or not MD5.fullmatch(file.md5):
            raise BlobBroken(f"The manifest of version {version.id} cannot be: see {printable(file.path)}.")
    return version


def check_path(path: str) -> None:
    parts = path.split("/")
    bad = any(part in {"", ".", ".."} or "\0" in part for part in parts)
    if bad or len(path) > LONGEST_PATH or NEVER.intersection(parts[:-1]) or parts[-1] == ".git":
        raise BlobBroken(f"{printable(path)} is no path inside a folder. This manifest is not used.")


def folders_of(path: str) -> Iterator[str]:
    at = path.find("/")
    while at >= 0:
        yield path[:at]
        at = path.find("/", at + 1)


class Shelf:
    """The versions that a home keeps."""

    def __init__(self, home: Path) -> None:
        self.folder = home / "data"

    def place(self, digest: str) -> Path:
        return self.folder / "files" / digest[:2] / digest

    def has(self, digest: str) -> bool:
        return self.place(digest).is_file()

    def add(self, folder: Path, name: str = "", note: str = "", images: str | None = None) -> Added:
        """Keep a folder as it is now. The same again is told again, and costs no room."""
        version = version_at(folder)
        for file in version.files:
            if not self.has(file.digest):
                self.keep(folder / file.path, file)
        self.keep_manifest(version)
        told = Added(
            name=name or folder.resolve().name or "data",
            version=version.id,
            created=time.time(),
            files=len(version.files),
            size=version.size,
            note=note,
            images=images,
        )
        self.tell(told)
        return told

    def keep(self, source: Path, file: DataFile) -> None:
        """Copied, and checked while it is: a file that changes while it is added is not kept under a wrong name."""
        place = self.place(file.digest)
        place.parent.mkdir(parents=True, exist_ok=True)
        draft = place.with_name(f".{place.name}.{os.getpid()}.draft")
        try:
            shutil.copyfile(source, draft)
            if file_at(file.path, draft) != file:
                raise BlobBroken(f"{printable(file.path)} changed while it was read. Add the folder again.")
            draft.replace(place)
        finally:
            draft.unlink(missing_ok=True)

    def keep_manifest(self, version: DataVersion) -> None:
        place = self.folder / "versions" / f"{version.id}.json"
        if place.is_file() and self.version(version.id) != version:
            raise BlobBroken(f"Another folder with the id {version.id} is kept here: one of the two was forged.")
        place.parent.mkdir(parents=True, exist_ok=True)
        draft = place.with_name(f".{place.name}.{os.getpid()}.draft")
        draft.write_bytes(msgspec.json.encode(version))
        draft.replace(place)

    def tell(self, added: Added) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        log = os.open(self.folder / "added.jsonl", os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            size = os.fstat(log).st_size
            whole = size == 0 or os.pread(log, 1, size - 1) == b"\n"
            os.write(log, (b"" if whole else b"\n") + msgspec.json.encode(added) + b"\n")
        finally:
            os.close(log)

    def log(self) -> list[Added]:
        """What was added, oldest first. A line that a full disk cut off is passed over."""
        try:
            lines = (self.folder / "added.jsonl").read_bytes().splitlines()
        except FileNotFoundError:
            return []
        found = []
        for line in lines:
            try:
                found.append(msgspec.json.decode(line, type=Added))
            except msgspec.DecodeError:
                continue
        return found

    def ids(self) -> list[str]:
        return sorted(path.stem for path in (self.folder / "versions").glob("*.json") if ID.fullmatch(path.stem))

    def version(self, version: str) -> DataVersion:
        if not ID.fullmatch(version):
            raise UnknownVersion(version, (), "The id of a version is 32 hexadecimal digits and '.dir'.")
        try:
            data = (self.folder / "versions" / f"{version}.json").read_bytes()
        except FileNotFoundError:
            raise UnknownVersion(version, self.ids(), "'headhunt data list' shows those kept here.") from None
        try:
            found = msgspec.json.decode(data, type=DataVersion)
        except msgspec.DecodeError as error:
            raise BlobBroken(f"The manifest of version {version} cannot be read. Add the folder again.") from error
        if found.id != version:
            raise BlobBroken(f"The manifest of version {version} has changed on the disk. Add the folder again.")
        return check_version(found)

    def id_named(self, text: str) -> str | None:
        """The id that an id, the beginning of one, or a name stands for; of a name, the newest. None: nothing kept."""
        if ID.fullmatch(text):
            return text
        newest = next((one.version for one in reversed(self.log()) if text in (one.name, one.images)), None)
        if newest or not PREFIX.fullmatch(text):
            return newest
        near = [one for one in self.ids() if one.startswith(text)]
        if len(near) > 1:
            raise BadValue(f"{text} begins {len(near)} versions. Give more of the id: {', '.join(near[:3])}.")
        return near[0] if near else None

    def named(self, text: str) -> DataVersion:
        """A version by id, the beginning of its id, name, or the folder that it is now."""
        found = self.id_named(text)
        if found:
            return self.version(found)
        if Path(text).is_dir():
            return version_at(Path(text))
        known = {one.name for one in self.log()}
        raise UnknownVersion(text, known, "Give an id, a name of 'headhunt data list', or a folder.")


def version_named(text: str, home: Path, folder: Path | None = None) -> str | None:
    """The id to be noted of a run that names its data so: of an id or name at once, of a folder by reading it. None
    where nothing of that name is known: the run keeps the name as it was given. folder: from where on a path is."""
    try:
        found = Shelf(home).id_named(text)
    except BadValue:
        return None
    place = (folder or Path()) / text
    return found or (version_at(place).id if place.is_dir() else None)

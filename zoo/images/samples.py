"""A sample: the user's images out of a folder, zip, tar or tar.gz, checked, hashed and named.

    source --members--> name, size, bytes --inspect--> good: digest, and kept in the blobs if asked
                                                   +-> refused: reported, counted, left out
           --arrange--> entries with parts and labels --> Version --> Sample

One pass, one member in memory at a time. Pixels are decoded later, by zoo/images/pixels.py.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from headhunt.errors import (
    BadLabels,
    BlobBroken,
    ImageRefused,
    MissingFile,
    NoImages,
    NotAnImage,
    UnknownSplit,
    printable,
)
from headhunt.vocabulary import MIB, Entry, Refusal, SampleLimits, Version
from zoo.images.archives import Member, Source, sniff
from zoo.images.blobs import Blobs
from zoo.images.folders import FolderSource
from zoo.images.headers import inspect
from zoo.images.layouts import LABELS, Found, arrange, check_classes, common_root
from zoo.images.sample_checks import check_broken, folder_of, promises_picture, warnings_of
from zoo.images.tars import TarSource
from zoo.images.versions import store_version, stored_version, version_of
from zoo.images.zips import ZipSource

LARGEST_TABLE = 32 * MIB


@dataclass(frozen=True)
class Facts:
    """What is known of a sample besides its images."""

    name: str
    refused: tuple[Refusal, ...] = ()
    ignored: int = 0
    warnings: tuple[str, ...] = ()
    limits: SampleLimits = field(default_factory=SampleLimits)


class Sample:
    """The user's images, open for reading. Close it, or use it in a `with`."""

    def __init__(
        self, facts: Facts, version: Version, fetch: Callable[[Entry], bytes], close: Callable[[], None]
    ) -> None:
        self.name = facts.name
        self.refused = facts.refused
        self.ignored = facts.ignored
        self.warnings = facts.warnings
        self.limits = facts.limits
        self.version = version
        self.classes = version.classes
        self.splits = tuple(sorted({entry.split for entry in version.entries if entry.split is not None}))
        self._fetch = fetch
        self._close = close

    def entries(self, split: str | None = None) -> tuple[Entry, ...]:
        """All images in the order of their paths, or those of one part."""
        if split is None:
            return self.version.entries
        if split not in self.splits:
            raise UnknownSplit(split, self.splits, f"{self.name} has {', '.join(self.splits) or 'no splits'}.")
        return tuple(entry for entry in self.version.entries if entry.split == split)

    def read(self, entry: Entry) -> bytes:
        """The bytes of an image, the same that were hashed; from any thread."""
        data = self._fetch(entry)
        if hashlib.sha256(data).hexdigest() != entry.digest:
            raise BlobBroken(
                f"{printable(entry.path)} of {self.name} has changed since it was opened. Open the sample again."
            )
        return data

    def store(self, blobs: Blobs) -> Version:
        """Keep every image once, then the manifest beside the blobs' folder."""
        for entry in self.version.entries:
            if not blobs.touch(entry.digest):
                blobs.put(entry.digest, self.read(entry))
        store_version(self.version, blobs.folder.parent / "versions")
        return self.version

    def close(self) -> None:
        self._close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_sample(
    source: str | Path, limits: SampleLimits | None = None, blobs: Blobs | None = None, name: str | None = None
) -> Sample:
    """Read and check a sample. With `blobs`, every good image is kept there in the same pass. `name`: what its owner
    calls it, where the file is called otherwise."""
    path = Path(source)
    limits = limits or SampleLimits()
    opened = _open(path, limits, name)
    try:
        sample = _read(opened, _name(path) if name is None else name, limits, blobs)
    except BaseException:
        opened.close()
        raise
    if blobs is not None:
        opened.close()
    return sample


def stored_sample(version_id: str, home: Path) -> Sample:
    """A sample that was stored, by the id of its version."""
    version = stored_version(version_id, home / "versions")
    blobs = Blobs(home / "blobs")
    return Sample(Facts(version_id[:12]), version, lambda entry: blobs.read(entry.digest), _nothing)


def _nothing() -> None:
    """Blobs hold nothing open."""


def _name(path: Path) -> str:
    """As words: what of it is no UTF-8 is written as an escape, so that it can be told and kept as JSON."""
    name = (path.name or path.resolve().name).encode("utf-8", "backslashreplace").decode()
    if path.is_dir():
        return name
    for suffix in (".tar.gz", ".tgz", ".tar", ".zip"):
        if name.lower().endswith(suffix):
            return name[: -len(suffix)]
    return Path(name).stem


def _open(path: Path, limits: SampleLimits, name: str | None) -> Source:
    if path.is_dir():
        return FolderSource(path, limits)
    if not path.is_file():
        raise MissingFile(f"No file or folder {str(path)!r}. Give a folder of images, a zip, a tar or a tar.gz.")
    kind = sniff(path, limits, name)
    return ZipSource(path, limits) if kind == "zip" else TarSource(path, limits, packed=kind == "tar.gz")


class Reading:
    """What one pass over a source finds."""

    def __init__(self, limits: SampleLimits, blobs: Blobs | None) -> None:
        self.found: list[Found] = []
        self.places: dict[str, int] = {}
        self.refused: dict[str, Refusal] = {}
        self.tables: dict[str, bytes] = {}
        self._limits = limits
        self._blobs = blobs

    def take(self, member: Member) -> None:
        """A picture, a table of labels, or a refusal."""
        try:
            if member.name.rpartition("/")[2].lower() == LABELS:
                self._table(member)
                return
            if isinstance(member.data, ImageRefused):
                raise member.data
            inspect(member.data, self._limits)
        except ImageRefused as error:
            self.refused[member.name] = Refusal(member=printable(member.name), code=error.code, reason=error.reason)
            return
        digest = hashlib.sha256(member.data).hexdigest()
        if self._blobs is not None:
            self._blobs.put(digest, member.data)
        self.found.append(Found(member.name, digest, member.size))
        self.places[member.name] = member.place

    def _table(self, member: Member) -> None:
        if isinstance(member.data, ImageRefused):
            raise BadLabels(member.data.reason, member.name)
        if member.size > LARGEST_TABLE:
            raise BadLabels(f"has {member.size:,} bytes; {LARGEST_TABLE:,} are allowed", member.name)
        folder = folder_of(member.name)
        self.tables[f"{folder}/{LABELS}" if folder else LABELS] = member.data

    def unused(self, table: str) -> None:
        """Report the tables that stand elsewhere than at the top."""
        for name in self.tables.keys() - {table}:
            reason = f"is a table of labels below the top of the sample, where none is read; {table!r} would be"
            self.refused[name] = Refusal(member=printable(name), code=NotAnImage.code, reason=reason)


def _read(source: Source, name: str, limits: SampleLimits, blobs: Blobs | None) -> Sample:
    reading = Reading(limits, blobs)
    for member in source.members():
        reading.take(member)
    broken = {member for member in reading.refused if promises_picture(member)}
    check_broken([reading.refused[member] for member in sorted(broken)], len(reading.found), limits)
    if not reading.found:
        raise NoImages(f"{name} holds no images: {len(reading.refused)} other file(s), {source.ignored} passed over")
    root = common_root([image.name for image in reading.found] + list(reading.tables), name)
    entries = arrange(reading.found, reading.tables.get(root + LABELS), set(reading.refused), root)
    reading.unused(root + LABELS)
    check_classes(entries, limits)
    lost = {folder_of(member) for member in broken} - {folder_of(image.name) for image in reading.found}
    facts = Facts(name, tuple(reading.refused.values()), source.ignored, warnings_of(entries, lost), limits)
    if blobs is not None:
        return Sample(facts, version_of(entries), lambda entry: blobs.read(entry.digest), _nothing)
    places = {entry.path: reading.places[image.name] for entry, image in zip(entries, reading.found, strict=True)}
    return Sample(facts, version_of(entries), lambda entry: source.fetch(places[entry.path]), source.close)

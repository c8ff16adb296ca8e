"""Versions of a sample: one state of it, named by its content, and what changed between two."""

import hashlib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import msgspec

from headhunt.errors import BlobBroken, UnknownVersion
from headhunt.vocabulary import Entry, Version, VersionDiff
from zoo.images.blobs import DIGEST, write_whole


def version_of(entries: Iterable[Entry]) -> Version:
    """The version that these entries are, in the order of their paths."""
    ordered = tuple(sorted(entries, key=lambda entry: entry.path))
    return Version(id=version_id(ordered), entries=ordered)


def version_id(ordered: Iterable[Entry]) -> str:
    """SHA-256 of `path NUL digest NUL label NUL size LF` of every entry. No name holds a NUL, so nothing is ambiguous.

    A label is written behind a `=`, so that an image without one differs from any label.
    """
    lines = [
        f"{entry.path}\0{entry.digest}\0{'' if entry.label is None else '=' + entry.label}\0{entry.size}\n"
        for entry in ordered
    ]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def diff(before: Version, after: Version) -> VersionDiff:
    """What was added, removed and relabelled, by path. Changed bytes under one path are a removal and an addition."""
    old = {entry.path: entry for entry in before.entries}
    new = {entry.path: entry for entry in after.entries}
    same = [(old[path], new[path]) for path in old if path in new and old[path].digest == new[path].digest]
    kept = {entry.path for entry, _ in same}
    return VersionDiff(
        added=tuple(entry for entry in after.entries if entry.path not in kept),
        removed=tuple(entry for entry in before.entries if entry.path not in kept),
        relabelled=tuple((a, b) for a, b in same if a.label != b.label),
        balance=_balance(before, after),
    )


def _balance(before: Version, after: Version) -> dict[str, tuple[int, int]]:
    old, new = (Counter(entry.label for entry in version.entries) for version in (before, after))
    labels = sorted({label for label in (*old, *new) if label is not None})
    return {label: (old[label], new[label]) for label in labels}


def store_version(version: Version, folder: Path) -> None:
    """The manifest as FOLDER/<id>.json, whole or not at all."""
    place = folder / f"{version.id}.json"
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(str(place), msgspec.json.encode(version))


def stored_version(version: str, folder: Path) -> Version:
    """A manifest that was stored; checked against its name."""
    if not DIGEST.fullmatch(version):
        raise UnknownVersion(version, (), "A version is named by 64 hexadecimal digits.")
    try:
        data = (folder / f"{version}.json").read_bytes()
    except FileNotFoundError:
        raise UnknownVersion(
            version, (path.stem for path in folder.glob("*.json")), "Store the sample first."
        ) from None
    try:
        found = msgspec.json.decode(data, type=Version)
    except msgspec.DecodeError as error:
        raise BlobBroken(f"The manifest of version {version} cannot be read. Store the sample again.") from error
    if found.id != version or version_id(found.entries) != version:
        raise BlobBroken(f"The manifest of version {version} has changed on the disk. Store the sample again.")
    return found

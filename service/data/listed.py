"""A dataset that is described instead of sent: its files are here already, and every word about them is checked, as the
reader of archives checks it. What comes out is the same version that the client has.

The parts are read from the paths, never taken as told: a version is known by its id, which does not hold them, so all
who have it must have the same.
"""

import unicodedata
from collections.abc import Mapping, Sequence

from headhunt.errors import BadLabels, BadName, BlobsMissing, NoImages, SizeMismatch, TooManyFiles, first_few
from headhunt.vocabulary import Entry, SampleLimits, Version
from service.data.holdings import check_digests
from service.data.rows import Facts
from zoo.images.layouts import check_classes, split_of, splits
from zoo.images.names import Names
from zoo.images.sample_checks import warnings_of
from zoo.images.versions import version_of

LONGEST_LABEL = 512


def version_listed(entries: Sequence[Entry], limits: SampleLimits) -> Version:
    """Raises SampleRefused, BadValue."""
    if not entries:
        raise NoImages("the dataset has no images. Send at least one")
    if len(entries) > limits.max_members:
        raise TooManyFiles(f"the dataset has {len(entries):,} images; {limits.max_members:,} are allowed")
    check_digests(entry.digest for entry in entries)
    names = Names()
    for entry in entries:
        _check_path(entry.path, names)
        _check_label(entry)
    parts = splits([entry.path for entry in entries])
    for entry in entries:
        if entry.split != (split_of(entry.path) if parts else None):
            raise BadLabels(f"is told to be of the part {entry.split!r}, which its place does not say", entry.path)
    check_classes(entries, limits)
    return version_of(entries)


def check_sizes(version: Version, held: Mapping[str, int]) -> None:
    """held: the sizes of the files that the project has."""
    missing = list(dict.fromkeys(entry.digest for entry in version.entries if entry.digest not in held))
    if missing:
        raise BlobsMissing(
            f"{len(missing):,} files are not here: {first_few(missing)}. Send them to /api/v1/blobs, then ask again."
        )
    for entry in version.entries:
        if held[entry.digest] != entry.size:
            raise SizeMismatch(f"has {held[entry.digest]:,} bytes, and {entry.size:,} were told", entry.path)


def facts_listed(version: Version) -> Facts:
    """The warnings are the reader's own; nothing was refused, since nothing was read."""
    return Facts(
        images=len(version.entries),
        bytes=sum(entry.size for entry in version.entries),
        classes=version.classes,
        splits=tuple(sorted({entry.split for entry in version.entries if entry.split is not None})),
        refused=(),
        refused_count=0,
        warnings=warnings_of(version.entries, ()),
    )


def _check_path(path: str, names: Names) -> None:
    kept = names.take(path)
    if kept is None:
        raise BadName("is a hidden file, or what systems leave in folders. Leave it out", path)
    if kept != path:
        raise BadName(f"is not as paths are written: it would be {kept!r}", path)


def _check_label(entry: Entry) -> None:
    label = entry.label
    if label is None:
        return
    if not label or "\0" in label or len(label) > LONGEST_LABEL or unicodedata.normalize("NFC", label) != label:
        raise BadLabels("has an unusable label: 1 to 512 characters in NFC, without NUL", entry.path)

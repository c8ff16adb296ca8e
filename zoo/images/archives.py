"""What every source of members gives: folders, zips and tars look the same to whoever reads a sample.

    source --> members(), each once, in the order they stand --> fetch(place), any of them again, any number of times

Nothing is ever extracted by name. A source raises SampleRefused where the whole must not be trusted, and hands over an
ImageRefused in place of the bytes where one member is broken.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

from headhunt.errors import (
    ArchiveTooLarge,
    CompressionRatio,
    EmptySample,
    ImageRefused,
    MissingFile,
    NotAnArchive,
    UnsupportedMethod,
    printable,
)
from headhunt.vocabulary import SampleLimits

RATIO_FLOOR = 256 * 1024
"""Below so many bytes no ratio is a bomb: a blank 256 x 256 BMP shrinks to a thousandth."""


class Member(NamedTuple):
    """One file of a sample. `data` is its content, or why it cannot be had."""

    name: str
    size: int
    data: bytes | ImageRefused
    place: int


class Source(Protocol):
    """A folder or an archive that is open."""

    ignored: int

    def members(self) -> Iterator[Member]: ...

    def fetch(self, place: int) -> bytes: ...

    def close(self) -> None: ...


def check_ratio(packed: int, unpacked: int, limits: SampleLimits, member: str | None = None) -> None:
    if unpacked > RATIO_FLOOR and unpacked > limits.max_ratio * max(packed, 1):
        raise CompressionRatio(
            f"{packed:,} bytes unpack to {unpacked:,} or more, over {limits.max_ratio:g} to 1. Pack plain images",
            member,
        )


def sniff(path: Path, limits: SampleLimits, name: str | None = None) -> str:
    """`zip`, `tar.gz` or `tar`, by the content; the name does not count. `name`: what it is called in errors."""
    name = path.name if name is None else printable(name, 200)
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            start = file.read(512)
    except OSError as error:
        raise MissingFile(f"{path} cannot be read: {error.strerror}.") from error
    if not size:
        raise EmptySample(f"{name} is empty (0 bytes)")
    if size > limits.max_archive_bytes:
        raise ArchiveTooLarge(f"{name} has {size:,} bytes; {limits.max_archive_bytes:,} are allowed")
    return _kind(start, name)


def _kind(start: bytes, name: str) -> str:
    if start.startswith((b"PK\3\4", b"PK\5\6")):
        return "zip"
    if start.startswith(b"\x1f\x8b"):
        return "tar.gz"
    if looks_like_tar(start):
        return "tar"
    known = {b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"\x28\xb5\x2f\xfd": "zstd", b"7z\xbc\xaf": "7z", b"Rar!": "rar"}
    for magic, method in known.items():
        if start.startswith(magic):
            raise UnsupportedMethod(f"{name} is packed with {method}; headhunt reads zip, tar and tar.gz")
    raise NotAnArchive(f"{name} is no zip, tar or tar.gz. Give one of these, or a folder of images")


def looks_like_tar(block: bytes) -> bool:
    """A tar has no magic that all of them carry: the checksum of the first header must fit. All zeros: an empty one."""
    if len(block) < 512:
        return False
    return not any(block) or header_sum_fits(block)


def header_sum_fits(block: bytes) -> bool:
    """The sum of the bytes, its own field counted as blanks. Old programs summed signed bytes."""
    field = block[148:156].strip(b" \0")
    if not field or not all(48 <= byte <= 55 for byte in field):
        return False
    said = int(field, 8)
    total = sum(block) - sum(block[148:156]) + 8 * 32
    high = sum(byte > 127 for byte in block[:148]) + sum(byte > 127 for byte in block[156:])
    return said in (total, total - 256 * high)


class Readable(Protocol):
    def read(self, count: int, /) -> bytes: ...


def read_exactly(file: Readable, count: int) -> bytes:
    """All of them, or as many as there are."""
    pieces = []
    while count > 0 and (piece := file.read(min(count, 2**20))):
        pieces.append(piece)
        count -= len(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)

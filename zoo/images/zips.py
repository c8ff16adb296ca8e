"""A zip as a source of members, read by its central directory, which is checked as a whole before any member is.

    [local header, data] ... [local header, data] [central directory] [end record]

The standard library's zipfile cuts names at a NUL, takes entries that overlap (before Python 3.13), and builds an
object for each of a million entries before one can count them. What is read here is the plain part of the format
(stored and deflated members, zip64); everything else is refused by name.
"""

import struct
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple

from headhunt.errors import (
    BrokenImage,
    DeclaredTotalTooLarge,
    Encrypted,
    FileTooLarge,
    HeaderTooLarge,
    ImageRefused,
    InconsistentArchive,
    LinkNotAllowed,
    NotAnArchive,
    OverlappingEntries,
    SizeMismatch,
    SpecialFile,
    TooManyFiles,
    UnsupportedMethod,
)
from headhunt.vocabulary import SampleLimits
from zoo.images.archives import Member, check_ratio, read_exactly
from zoo.images.names import Names, clean

END = struct.Struct("<4s4H2LH")
END64_LOCATOR = struct.Struct("<4sLQL")
END64 = struct.Struct("<4sQ2H2L4Q")
CENTRAL = struct.Struct("<4s6H3L5H2L")
LOCAL = struct.Struct("<4s5H3L2H")
STORED, DEFLATED = 0, 8
METHODS = {
    1: "shrink",
    6: "implode",
    9: "deflate64",
    12: "bzip2",
    14: "LZMA",
    93: "zstd",
    95: "xz",
    98: "PPMd",
    99: "AES",
}
ENCRYPTED = 0x1 | 0x40 | 0x2000
LATER = 0x8
"""The local header leaves sizes and checksum to a record behind the data."""
DIRECTORY_HEADERS = 64
"""The central directory may have so many times the limit on one header: 300 bytes for each of 200,000 members."""


class Packed(NamedTuple):
    """One entry of the central directory."""

    name: str
    raw: bytes
    method: int
    crc: int
    packed: int
    size: int
    offset: int

    @property
    def least_end(self) -> int:
        """Where the member ends if its local header has no extra field."""
        return self.offset + LOCAL.size + len(self.raw) + self.packed


class ZipSource:
    """The members of a zip, in the order of their data."""

    def __init__(self, path: Path, limits: SampleLimits) -> None:
        self.ignored = 0
        self._limits = limits
        self._lock = threading.Lock()
        self._file: IO[bytes] = path.open("rb")
        try:
            self._entries = self._directory(path.stat().st_size)
        except BaseException:
            self._file.close()
            raise

    def members(self) -> Iterator[Member]:
        for place, entry in enumerate(self._entries):
            yield Member(entry.name, entry.size, self._unpack(place), place)

    def fetch(self, place: int) -> bytes:
        data = self._unpack(place)
        if isinstance(data, ImageRefused):
            raise data
        return data

    def close(self) -> None:
        self._file.close()

    def _directory(self, file_size: int) -> list[Packed]:
        """All entries that are files, checked one by one and then as a whole."""
        start, size, count = _find_directory(self._file, file_size)
        if count > self._limits.max_members:
            raise TooManyFiles(f"the archive has {count:,} members; {self._limits.max_members:,} are allowed")
        if size > DIRECTORY_HEADERS * self._limits.max_header_bytes:
            raise HeaderTooLarge(f"the archive's directory has {size:,} bytes")
        self._file.seek(start)
        entries = sorted(_entries(read_exactly(self._file, size), count, self._limits), key=lambda entry: entry.offset)
        self._ends = _check_places(entries, start)
        _check_sizes(entries, file_size, self._limits)
        names = Names()
        kept = []
        for entry in entries:
            name = None if entry.raw.endswith(b"/") else names.take(entry.name)
            if name is not None:
                kept.append(entry._replace(name=name))
        self.ignored = names.ignored
        return kept

    def _unpack(self, place: int) -> bytes | ImageRefused:
        entry = self._entries[place]
        if entry.size > self._limits.max_member_bytes:
            return FileTooLarge(f"has {entry.size:,} bytes; {self._limits.max_member_bytes:,} are allowed")
        with self._lock:
            start = self._data_start(entry)
            if entry.method == STORED:
                self._file.seek(start)
                data: bytes | None = read_exactly(self._file, entry.size)
            else:
                data = self._inflate(entry, start)
        if data is None or len(data) < entry.size or zlib.crc32(data) != entry.crc:
            return BrokenImage("its packed bytes are damaged: they do not fit their checksum")
        return data

    def _data_start(self, entry: Packed) -> int:
        """Behind the local header, which must say what the directory says: two programs must not see two archives."""
        self._file.seek(entry.offset)
        header = self._file.read(LOCAL.size + len(entry.raw))
        if len(header) < LOCAL.size + len(entry.raw) or not header.startswith(b"PK\3\4"):
            raise InconsistentArchive("the directory points to a place where no member begins", entry.name)
        fields: tuple[int, ...] = LOCAL.unpack(header[: LOCAL.size])[1:]
        _, flags, method, _, _, crc, packed, size, name_length, extra_length = fields
        start = entry.offset + LOCAL.size + name_length + extra_length
        same = name_length == len(entry.raw) and header[LOCAL.size :] == entry.raw and method == entry.method
        if not (flags & LATER or 0xFFFFFFFF in (packed, size)):
            same = same and (crc, packed, size) == (entry.crc, entry.packed, entry.size)
        if not same:
            raise InconsistentArchive("its own header and the archive's directory disagree", entry.name)
        if start + entry.packed > self._ends[entry.offset]:
            raise OverlappingEntries("its data reach into the next member", entry.name)
        return start

    def _inflate(self, entry: Packed, start: int) -> bytes | None:
        """At most one byte more than declared. None: damaged."""
        self._file.seek(start)
        inflater, pieces, left, room = zlib.decompressobj(-15), [], entry.packed, entry.size + 1
        try:
            while left > 0 and room > 0 and not inflater.eof:
                packed = self._file.read(min(left, 2**20))
                if not packed:
                    return None
                left -= len(packed)
                pieces.append(inflater.decompress(packed, room))
                room -= len(pieces[-1])
        except zlib.error:
            return None
        if room == 0 or (inflater.eof and room > 1):
            word = "more" if room == 0 else "fewer"
            raise SizeMismatch(f"declares {entry.size:,} bytes and holds {word}", entry.name)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _find_directory(file: IO[bytes], file_size: int) -> tuple[int, int, int]:
    """(start, size, number of entries) of the central directory; the archive must begin and end where the file does."""
    reach = min(file_size, END.size + 0xFFFF)
    file.seek(file_size - reach)
    tail = read_exactly(file, reach)
    at = tail.rfind(b"PK\5\6")
    while at >= 0 and not (at + END.size <= reach and at + END.size + END.unpack_from(tail, at)[-1] == reach):
        at = tail.rfind(b"PK\5\6", 0, at)
    if at < 0:
        raise NotAnArchive(
            "the zip has no end record, or something stands behind it: cut off, or not a zip. Send it again"
        )
    _, disk, first_disk, here, count, size, start, _ = END.unpack_from(tail, at)
    end = file_size - reach + at
    if 0xFFFF in (here, count) or 0xFFFFFFFF in (size, start):
        end, size, start, count = _find_zip64(file, end, (size, start, count))
    elif disk or first_disk or here != count:
        raise NotAnArchive("the zip is one part of several. Join them first")
    if start + size != end:
        raise NotAnArchive("something stands before the zip, or its directory is not where its end record says")
    return start, size, count


def _find_zip64(file: IO[bytes], end: int, plain: tuple[int, int, int]) -> tuple[int, int, int, int]:
    """(end, size, start, number of entries) of the directory as the zip64 records say, where there are any."""
    size, start, count = plain
    file.seek(max(end - END64_LOCATOR.size, 0))
    locator = file.read(END64_LOCATOR.size)
    if len(locator) < END64_LOCATOR.size or not locator.startswith(b"PK\6\7"):
        return end, size, start, count
    _, _, where, _ = END64_LOCATOR.unpack(locator)
    if where > end - END64_LOCATOR.size - END64.size:
        raise NotAnArchive("the zip's end record points outside the file")
    file.seek(where)
    record = END64.unpack(file.read(END64.size))
    if record[0] != b"PK\6\6":
        raise NotAnArchive("the zip's end record points to a place where there is none")
    return where, record[8], record[9], record[7]


def _entries(directory: bytes, count: int, limits: SampleLimits) -> Iterator[Packed]:
    at = 0
    for _ in range(count):
        if at + CENTRAL.size > len(directory) or directory[at : at + 4] != b"PK\1\2":
            raise InconsistentArchive(f"the directory has fewer members than the {count:,} it declares")
        fields = CENTRAL.unpack_from(directory, at)
        name_at = at + CENTRAL.size
        extra_at = name_at + fields[10]
        at = extra_at + fields[11] + fields[12]
        if at > len(directory):
            raise InconsistentArchive("the directory is cut off")
        yield _entry(fields, directory[name_at:extra_at], directory[extra_at : extra_at + fields[11]], limits)
    if at != len(directory):
        raise InconsistentArchive(f"the directory has more than the {count:,} members it declares")


def _entry(fields: tuple[int, ...], raw: bytes, extra: bytes, limits: SampleLimits) -> Packed:
    flags, method, crc, packed, size = fields[3], fields[4], fields[7], fields[8], fields[9]
    mode, offset = fields[15] >> 16, fields[16]
    name = clean(_decode(raw, flags)) or "/"
    if flags & ENCRYPTED:
        raise Encrypted("is encrypted. Pack it without a password", name)
    if method not in (STORED, DEFLATED):
        raise UnsupportedMethod(
            f"is packed with {METHODS.get(method, f'method {method}')}; headhunt reads stored and deflated", name
        )
    _check_kind(mode, name)
    if 0xFFFFFFFF in (packed, size, offset):
        size, packed, offset = _zip64(extra, size, packed, offset)
    if max(size, packed) > limits.max_total_bytes:
        raise DeclaredTotalTooLarge(
            f"declares {max(size, packed):,} bytes; {limits.max_total_bytes:,} are allowed in all", name
        )
    if method == STORED and size != packed:
        raise InconsistentArchive(f"is stored as it is, in {packed:,} bytes, and declares {size:,}", name)
    return Packed(name, raw, method, crc, packed, size, offset)


def _decode(raw: bytes, flags: int) -> str:
    """UTF-8 where the flag says so, or where it fits; else the format's old code page."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("utf-8", "surrogateescape") if flags & 0x800 else raw.decode("cp437")


def _check_kind(mode: int, name: str) -> None:
    """The Unix mode, wherever one is given: a file or a folder, nothing else."""
    kind = mode & 0o170000
    if kind == 0o120000:
        raise LinkNotAllowed("is a link. Pack the file itself", name)
    if kind not in (0, 0o100000, 0o040000):
        raise SpecialFile("is neither a file nor a folder", name)


def _zip64(extra: bytes, size: int, packed: int, offset: int) -> tuple[int, int, int]:
    """The 64-bit values of the extra field, which stand there in this order, each only where its 32 bits are full."""
    at = 0
    while at + 4 <= len(extra):
        tag, length = struct.unpack_from("<HH", extra, at)
        if tag == 1:
            values = iter(struct.unpack_from(f"<{min(length, len(extra) - at - 4) // 8}Q", extra, at + 4))
            size, packed, offset = (next(values, v) if v == 0xFFFFFFFF else v for v in (size, packed, offset))
            break
        at += 4 + length
    return size, packed, offset


def _check_places(entries: list[Packed], directory: int) -> dict[int, int]:
    """Members lie one behind the other, before the directory. Gives for each offset where the next one begins."""
    ends: dict[int, int] = {}
    following = [entry.offset for entry in entries[1:]] + [directory]
    for entry, limit in zip(entries, following, strict=True):
        if entry.offset >= directory or (entry.least_end > directory and limit == directory):
            raise InconsistentArchive("lies outside the archive", entry.name)
        if entry.least_end > limit:
            raise OverlappingEntries("shares its bytes with another member", entry.name)
        ends[entry.offset] = limit
    return ends


def _check_sizes(entries: list[Packed], file_size: int, limits: SampleLimits) -> None:
    total = sum(entry.size for entry in entries)
    if total > limits.max_total_bytes:
        raise DeclaredTotalTooLarge(f"the members declare {total:,} bytes; {limits.max_total_bytes:,} are allowed")
    for entry in entries:
        check_ratio(entry.packed, entry.size, limits, entry.name)
    check_ratio(file_size, total, limits)

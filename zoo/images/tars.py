"""A tar or tar.gz as a source of members: one pass over headers of 512 bytes, nothing believed before it is checked.

The standard library's tarfile reads an extended header of any size into memory, follows sparse maps, and takes
longer for a member than all of the checking and hashing here. Formats read: v7, ustar, GNU long names, PAX. Sparse
files are refused by name.
"""

import gzip
import struct
import tempfile
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple

from headhunt.errors import (
    BadName,
    BrokenArchive,
    DeclaredTotalTooLarge,
    FileTooLarge,
    HeaderTooLarge,
    ImageRefused,
    LinkNotAllowed,
    SpecialFile,
    TooManyFiles,
    UnsupportedMethod,
)
from headhunt.vocabulary import SampleLimits
from zoo.images.archives import Member, check_ratio, header_sum_fits, read_exactly
from zoo.images.names import Names, clean

BLOCK = 512
REGULAR, FOLDER = (b"\x00", b"0", b"7"), b"5"
LINKS, SPECIALS = (b"1", b"2"), (b"3", b"4", b"6")
LONG_NAME, LONG_LINK, PAX, PAX_GLOBAL, SPARSE = b"L", b"K", b"x", b"g", b"S"
NUMBER = struct.Struct("124x12s")


class Head(NamedTuple):
    """What a header says, with the long name and the size that came before it."""

    name: str
    size: int
    kind: bytes


class Unpacking:
    """A gzip stream that counts what goes in and what comes out, and stops at a bomb. Errors become BrokenArchive."""

    def __init__(self, file: IO[bytes], limits: SampleLimits) -> None:
        self._raw = file
        self._unzip = gzip.GzipFile(fileobj=file, mode="rb")
        self._limits = limits
        self._out = 0
        self.member: str | None = None

    def read(self, count: int) -> bytes:
        try:
            data = self._unzip.read(count)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise BrokenArchive("the gzip stream is damaged or cut off. Send the archive again") from error
        self._out += len(data)
        check_ratio(self._raw.tell(), self._out, self._limits, self.member)
        return data


class TarSource:
    """The members of a tar. What comes through gzip is kept in a temporary file, so that it can be read again."""

    def __init__(self, path: Path, limits: SampleLimits, packed: bool) -> None:
        self.ignored = 0
        self._limits = limits
        self._lock = threading.Lock()
        self._file: IO[bytes] = path.open("rb")
        self._places: list[tuple[int, int]] = []
        self._stream = Unpacking(self._file, limits) if packed else self._file
        self._spool = tempfile.TemporaryFile(prefix="headhunt-") if packed else None  # noqa: SIM115 - `close` does
        self._at = 0
        self._counted = 0
        self._unpacked = 0

    def members(self) -> Iterator[Member]:
        names = Names()
        while (head := self._next()) is not None:
            name = names.take(head.name) if head.kind in REGULAR else None
            self.ignored = names.ignored
            if name is None:
                self._pass_over(-(-head.size // BLOCK) * BLOCK if head.kind in REGULAR else 0)
                continue
            data = self._content(head)
            self._places.append(self._keep(data, head.size))
            self._pass_over(-head.size % BLOCK)
            yield Member(name, head.size, data, len(self._places) - 1)
        self._drain()

    def fetch(self, place: int) -> bytes:
        offset, size = self._places[place]
        file = self._file if self._spool is None else self._spool
        with self._lock:
            file.seek(offset)
            return read_exactly(file, size)

    def close(self) -> None:
        self._file.close()
        if self._spool is not None:
            self._spool.close()

    def _next(self) -> Head | None:
        """The next header of a file or a folder, with what the extended headers before it say; None at the end."""
        name, size = "", None
        while True:
            block = self._read(BLOCK)
            if not block.strip(b"\0"):
                return None
            kind = block[156:157]
            own = _size(block)
            if kind in (LONG_NAME, LONG_LINK, PAX, PAX_GLOBAL):
                extended = self._extended(own)
                if kind == LONG_NAME:
                    name = _text(extended.rstrip(b"\0"))
                elif kind == PAX:
                    name, size = _pax(extended, name, size)
                continue
            head = Head(name or _short_name(block), own if size is None else size, kind)
            self._check(head)
            return head

    def _extended(self, size: int) -> bytes:
        if size > self._limits.max_header_bytes:
            raise HeaderTooLarge(f"an extended header of {size:,} bytes; {self._limits.max_header_bytes:,} are allowed")
        self._count(0)
        data = self._read(size)
        self._pass_over(-size % BLOCK)
        return data

    def _check(self, head: Head) -> None:
        self._count(head.size)
        if head.kind in LINKS:
            raise LinkNotAllowed("is a link. Pack the file itself (tar --dereference)", head.name)
        if head.kind == SPARSE:
            raise UnsupportedMethod("is a sparse file. Pack it without --sparse", head.name)
        if head.kind in SPECIALS:
            raise SpecialFile("is a device or a pipe. Leave it out", head.name)
        if head.kind not in REGULAR and head.kind != FOLDER:
            raise UnsupportedMethod(f"is a member of kind {head.kind!r}, which headhunt does not read", head.name)
        clean(head.name)
        if isinstance(self._stream, Unpacking):
            self._stream.member = head.name
        if head.name.endswith("/") and head.kind in REGULAR and head.size:
            raise BadName("is named as a folder and has content", head.name)
        if self._unpacked > self._limits.max_total_bytes:
            raise DeclaredTotalTooLarge(
                f"with it the members declare {self._unpacked:,} bytes; {self._limits.max_total_bytes:,} are allowed",
                head.name,
            )

    def _count(self, size: int) -> None:
        self._unpacked += size
        self._counted += 1
        if self._counted > 2 * self._limits.max_members:
            raise TooManyFiles(f"the archive has more than {self._limits.max_members:,} members")

    def _content(self, head: Head) -> bytes | ImageRefused:
        if len(self._places) >= self._limits.max_members:
            raise TooManyFiles(f"the archive has more than {self._limits.max_members:,} members")
        if head.size <= self._limits.max_member_bytes:
            return self._read(head.size)
        self._pass_over(head.size)
        return FileTooLarge(f"has {head.size:,} bytes; {self._limits.max_member_bytes:,} are allowed")

    def _keep(self, data: bytes | ImageRefused, size: int) -> tuple[int, int]:
        if isinstance(data, ImageRefused):
            return (0, 0)
        if self._spool is None:
            return (self._at - size, size)
        offset = self._spool.tell()
        self._spool.write(data)
        return (offset, size)

    def _read(self, count: int) -> bytes:
        data = self._stream.read(count) if count <= 2**20 else b""
        if len(data) < count:
            data += read_exactly(self._stream, count - len(data))
        if len(data) < count:
            raise BrokenArchive("the tar is cut off. Send it again")
        self._at += count
        return data

    def _pass_over(self, count: int) -> None:
        while count > 0:
            piece = min(count, 2**20)
            self._read(piece)
            count -= piece

    def _drain(self) -> None:
        """To the end of the stream: its checksum stands there, and a bomb may hide behind the last member."""
        while data := self._stream.read(2**16):
            if data.strip(b"\0"):
                raise BrokenArchive("something stands behind the end of the tar. Pack it again")


def _size(block: bytes) -> int:
    if not header_sum_fits(block):
        raise BrokenArchive("a header's checksum does not fit: the tar is damaged. Send it again", _short_name(block))
    size = _number(NUMBER.unpack_from(block)[0], block)
    if size < 0:
        raise BrokenArchive("declares a negative size", _short_name(block))
    return size


def _number(field: bytes, block: bytes) -> int:
    """Octal digits, or (GNU) a binary number whose first byte is 0x80, 0xff for negative ones."""
    if field[0] in (0x80, 0xFF):
        return int.from_bytes(field[1:], "big") - (256 ** (len(field) - 1) if field[0] == 0xFF else 0)
    digits = field.split(b"\0")[0].strip()
    if not all(48 <= byte <= 55 for byte in digits):
        raise BrokenArchive(f"declares the size {digits!r}, which is no octal number", _short_name(block))
    return int(digits or b"0", 8)


def _short_name(block: bytes) -> str:
    name = block[:100].split(b"\0")[0]
    prefix = block[345:500].split(b"\0")[0] if block[257:263] == b"ustar\0" else b""
    return _text(prefix + b"/" + name if prefix else name)


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


def _pax(data: bytes, name: str, size: int | None) -> tuple[str, int | None]:
    """Records `LENGTH KEY=VALUE\\n`: of these a path, a size, and whether the file is sparse matter here."""
    at = 0
    while at < len(data):
        length_text, space, _ = data[at : at + 12].partition(b" ")
        if not space or not length_text.isdigit() or not len(length_text) + 3 <= int(length_text) <= len(data) - at:
            raise BrokenArchive("an extended header is damaged. Pack the tar again")
        key, equals, value = data[at + len(length_text) + 1 : at + int(length_text) - 1].partition(b"=")
        if key.startswith(b"GNU.sparse"):
            raise UnsupportedMethod("is a sparse file. Pack it without --sparse", name or None)
        if key == b"path" and equals:
            name = _text(value)
        elif key == b"size":
            if not value.isdigit() or len(value) > 20:
                raise BrokenArchive(f"an extended header declares the size {value[:30]!r}", name or None)
            size = int(value)
        at += int(length_text)
    return name, size

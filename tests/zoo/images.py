"""Pictures and archives for tests: good ones, and the hostile ones that are made by hand, byte by byte."""

import io
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image


def picture(seed: int = 0, size: tuple[int, int] = (8, 8), format: str = "PNG", **options: object) -> bytes:
    """A small picture, different for every seed."""
    smooth = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    return encode(Image.fromarray(smooth).resize(size, Image.Resampling.BICUBIC), format, **options)


def encode(image: Image.Image, format: str = "PNG", **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, format, **options)
    return stream.getvalue()


def many(count: int = 40) -> dict[str, bytes]:
    """Good images of two classes."""
    return {f"{'cat' if i % 2 else 'dog'}/{i}.png": picture(i) for i in range(count)}


def folder_of(files: dict[str, bytes], root: Path) -> Path:
    for name, data in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    return root


def zip_of(
    files: Iterable[tuple[str | zipfile.ZipInfo, bytes]], path: Path, method: int = zipfile.ZIP_DEFLATED
) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in files:
            archive.writestr(name, data)
    return path


def tar_of(files: Iterable[tuple[str | tarfile.TarInfo, bytes]], path: Path, format: int = tarfile.PAX_FORMAT) -> Path:
    with tarfile.open(path, "w:gz" if path.suffix in (".gz", ".tgz") else "w", format=format) as archive:
        for item, data in files:
            info = item if isinstance(item, tarfile.TarInfo) else tarfile.TarInfo(item)
            info.size = info.size or len(data)
            archive.addfile(info, io.BytesIO(data) if data else None)
    return path


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width: int, height: int, data: bytes, bits: int = 8, colour: int = 2, extra: bytes = b"") -> bytes:
    """A PNG with this header and these unpacked rows, whether they fit or not."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + extra + chunk(b"IDAT", zlib.compress(data, 9)) + chunk(b"IEND", b"")


def with_size(jpeg: bytes, width: int, height: int) -> bytes:
    """The same JPEG, but its frame header declares another size."""
    at = next(at for at in range(len(jpeg)) if jpeg[at] == 0xFF and jpeg[at + 1] in (0xC0, 0xC1, 0xC2))
    return jpeg[: at + 5] + struct.pack(">HH", height, width) + jpeg[at + 9 :]


def with_exif(jpeg: bytes, orientation: int) -> bytes:
    tiff = b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 0x0112, 3, 1, orientation, 0, 0)
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(tiff) + 8) + b"Exif\0\0" + tiff + jpeg[2:]


def raw_zip(members: Iterable[tuple[bytes, bytes, dict[str, int]]], path: Path) -> Path:
    """A zip of stored members in which any field of the directory may lie: `name`, `data`, and what is overruled."""
    body, directory, count = bytearray(), bytearray(), 0
    for name, data, lies in members:
        facts = {
            "flags": 0x800,
            "method": 0,
            "crc": zlib.crc32(data),
            "packed": len(data),
            "size": len(data),
            "mode": 0,
        }
        facts |= {"offset": len(body), "local_name": len(name)} | lies
        local = (facts["flags"], facts["method"], 0, 0x21, facts["crc"], len(data), facts["size"], len(name), 0)
        if not lies.get("shared"):
            body += struct.pack("<4s5H3L2H", b"PK\3\4", 20, *local) + name + data
        sizes = (
            facts["crc"],
            facts["packed"],
            facts["size"],
            len(name),
            0,
            0,
            0,
            0,
            facts["mode"] << 16,
            facts["offset"],
        )
        directory += struct.pack("<4s6H3L5H2L", b"PK\1\2", 0x314, 20, facts["flags"], facts["method"], 0, 0x21, *sizes)
        directory += name
        count += 1
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, min(count, 0xFFFF), min(count, 0xFFFF), len(directory), len(body), 0)
    path.write_bytes(bytes(body + directory + end))
    return path


def tar_header(name: bytes, size: bytes, kind: bytes = b"0") -> bytes:
    """One header block with a checksum that fits, whatever it says."""
    block = bytearray(512)
    block[: len(name)] = name
    block[100:108] = b"0000644\0"
    block[124 : 124 + len(size)] = size
    block[148:156] = b" " * 8
    block[156:157] = kind
    block[257:265] = b"ustar\x0000"
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)

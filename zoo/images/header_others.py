"""The headers of GIF, WebP, BMP and TIFF: the size, and the little that decides how they are decoded.

`native_bytes` counts what Pillow's decoder holds a pixel: WebP's keeps two canvases, a copy and the picture.
"""

import struct

from headhunt.errors import BadHeader, UnsupportedMode
from zoo.images.header_facts import Header, exif_orientation, first_values

MAX_RIFF_CHUNKS = 4096
WIDTH, HEIGHT, BITS = 256, 257, 258


def read_gif(data: bytes) -> Header:
    """The canvas. Of an animation the first frame counts."""
    if len(data) < 13:
        return Header("GIF", 1, 1, fault="ends within its header")
    width, height = struct.unpack_from("<HH", data, 6)
    return Header("GIF", width, height, mode="P", native_bytes=9)


def read_webp(data: bytes) -> Header:
    """The canvas from VP8X, or the size from the frame itself; the orientation from the EXIF chunk."""
    size, orientation, at = (0, 0), 1, 12
    for _ in range(MAX_RIFF_CHUNKS):
        if at + 8 > len(data):
            break
        kind, length = struct.unpack_from("<4sI", data, at)
        body = data[at + 8 : at + 8 + min(length, 32)]
        if not any(size):
            size = _webp_size(kind, body)
        if kind == b"EXIF":
            orientation = exif_orientation(data[at + 8 : at + 8 + length].removeprefix(b"Exif\0\0"))
        at += 8 + length + length % 2
    fault = (
        "ends before the length that its header gives" if struct.unpack_from("<I", data, 4)[0] + 8 > len(data) else ""
    )
    return Header("WEBP", *size, mode="RGBA", orientation=orientation, fault=fault, native_bytes=16)


def _webp_size(kind: bytes, body: bytes) -> tuple[int, int]:
    if kind == b"VP8X" and len(body) >= 10:
        return 1 + int.from_bytes(body[4:7], "little"), 1 + int.from_bytes(body[7:10], "little")
    if kind == b"VP8 " and len(body) >= 10 and body[3:6] == b"\x9d\x01\x2a":
        width, height = struct.unpack_from("<HH", body, 6)
        return width & 0x3FFF, height & 0x3FFF
    if kind == b"VP8L" and len(body) >= 5 and body[0] == 0x2F:
        packed = int.from_bytes(body[1:5], "little")
        return 1 + (packed & 0x3FFF), 1 + (packed >> 14 & 0x3FFF)
    return 0, 0


def read_bmp(data: bytes) -> Header:
    """OS/2's 12-byte header has 16-bit sizes; in the others a negative height means that rows run downwards."""
    if struct.unpack_from("<I", data, 14)[0] == 12:
        width, height, _, bits = struct.unpack_from("<HHHH", data, 18)
        packing = 0
    else:
        width, height, _, bits, packing = struct.unpack_from("<iiHHI", data, 18)
    least = struct.unpack_from("<I", data, 10)[0] + abs(height) * ((abs(width) * bits + 31) // 32 * 4)
    fault = "ends before its last row" if packing in (0, 3) and len(data) < least else ""
    return Header("BMP", width, abs(height), mode="RGB", fault=fault)


def read_tiff(data: bytes) -> Header:
    """The first page."""
    if len(data) < 8:
        return Header("TIFF", 1, 1, fault="ends within its header")
    order = "<" if data[:2] == b"II" else ">"
    first = struct.unpack_from(f"{order}I", data, 4)[0]
    tags = first_values(data, order, first)
    if first >= len(data):
        return Header("TIFF", 1, 1, fault="ends before its directory")
    if WIDTH not in tags or HEIGHT not in tags:
        raise BadHeader("does not declare its size")
    bits = tags.get(BITS, 1)
    if bits not in (1, 2, 4, 8, 16, 32):
        raise UnsupportedMode(f"has {bits} bits a channel; headhunt reads 1 to 16, and 32 of floating point")
    return Header("TIFF", tags[WIDTH], tags[HEIGHT], bits, orientation=exif_orientation(data), native_bytes=12)

"""The chunks of a PNG (W3C PNG, third edition), and the same picture without the chunks that only describe it."""

import struct
from collections.abc import Iterator

from headhunt.errors import BadHeader, MetadataTooLarge
from zoo.images.header_facts import Header, exif_orientation

MODES = {0: "L", 2: "RGB", 3: "P", 4: "LA", 6: "RGBA"}
CHANNELS = {"L": 1, "RGB": 3, "P": 1, "LA": 2, "RGBA": 4}
DEPTHS = {0: {1, 2, 4, 8, 16}, 2: {8, 16}, 3: {1, 2, 4, 8}, 4: {8, 16}, 6: {8, 16}}
NEEDED = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})
MAX_CHUNKS = 65_536
MAX_DEFLATE = 1032
"""No deflate stream unpacks to more than so many times itself."""


def chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """(kind, where the content begins, its length), up to IEND; stops where a chunk reaches beyond the file."""
    at = 8
    for _ in range(MAX_CHUNKS):
        if at + 12 > len(data):
            return
        length, kind = struct.unpack_from(">I4s", data, at)
        if at + 12 + length > len(data):
            return
        yield kind, at + 8, length
        if kind == b"IEND":
            return
        at += 12 + length
    raise MetadataTooLarge(f"has more than {MAX_CHUNKS:,} chunks")


def read_png(data: bytes) -> Header:
    if data[12:16] != b"IHDR" or len(data) < 29:
        raise BadHeader("does not begin with a whole IHDR chunk")
    width, height, bits, colour, _, _, interlace = struct.unpack_from(">IIBBBBB", data, 16)
    if bits not in DEPTHS.get(colour, ()):
        raise BadHeader(f"declares {bits} bits of colour type {colour}, which PNG does not have")
    mode, orientation, packed, whole = MODES[colour], 1, 0, False
    if width < 2**31 and height < 2**31:
        for kind, at, length in chunks(data):
            packed += length if kind == b"IDAT" else 0
            whole = kind == b"IEND"
            if kind == b"eXIf":
                orientation = exif_orientation(data[at : at + length])
    rows = height * (1 + width * bits * CHANNELS[mode] // 8)
    fault = "has no IEND chunk" if not whole else ""
    if not fault and packed * MAX_DEFLATE < rows and not interlace:
        fault = f"has {packed:,} bytes for {width} x {height} pixels, {rows // MAX_DEFLATE:,} are the least"
    return Header(
        "PNG",
        width,
        height,
        bits,
        mode,
        orientation=orientation,
        fault=fault,
        native_bytes=4 if mode != "P" and (bits == 16 or CHANNELS[mode] > 1) else 1,
    )


def bare(data: bytes) -> bytes:
    """Only what makes the picture: no colour profile, no text, no frames of an animation, so nothing to inflate."""
    pieces = [data[:8]]
    pieces += [data[at - 8 : at + length + 4] for kind, at, length in chunks(data) if kind in NEEDED]
    return b"".join(pieces)

"""The segments of a JPEG, up to its first scan (ITU T.81, annex B)."""

from headhunt.errors import BadHeader, MetadataTooLarge, UnsupportedMode
from zoo.images.header_facts import Header, exif_orientation

FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
READ = {0xC0, 0xC1, 0xC2}
PROGRESSIVE = 0xC2
SCAN, APP1, END = 0xDA, 0xE1, b"\xff\xd9"
MAX_SEGMENTS = 4096
MAX_SCANS = 100
"""A progressive JPEG has about ten; every scan costs a pass over all of its coefficients."""


class Frame:
    """What the frame header says: size, depth, and how the components are sampled."""

    def __init__(self, kind: int, data: bytes, at: int) -> None:
        self.kind = kind
        self.bits = data[at]
        self.height = int.from_bytes(data[at + 1 : at + 3], "big")
        self.width = int.from_bytes(data[at + 3 : at + 5], "big")
        self.components = data[at + 5]
        self.sampling = data[at + 7 : at + 7 + 3 * self.components : 3]

    @property
    def blocks_per_mcu(self) -> float:
        """Blocks of 8 x 8 for every block of the picture, all components together: 3 for 4:4:4, 1.5 for 4:2:0."""
        sizes = [(byte >> 4) * (byte & 15) for byte in self.sampling]
        widest = max((byte >> 4 for byte in self.sampling), default=1) * max(
            (byte & 15 for byte in self.sampling), default=1
        )
        return sum(sizes) / max(widest, 1)


def read_jpeg(data: bytes) -> Header:
    frame, orientation, at = None, 1, 2
    for _ in range(MAX_SEGMENTS):
        kind, body, following = _segment(data, at)
        if kind in FRAMES and frame is None and following <= len(data) and following - body >= 9:
            frame = Frame(kind, data, body)
        elif kind == APP1 and data[body : body + 6] == b"Exif\0\0":
            orientation = exif_orientation(data[body + 6 : following])
        if kind == SCAN or following > len(data):
            return _header(data, frame, orientation, body, following)
        at = following
    raise MetadataTooLarge(f"has more than {MAX_SEGMENTS:,} segments before its picture")


def _segment(data: bytes, at: int) -> tuple[int, int, int]:
    """(marker, where its content begins, where the next marker is). Past the end: the file is cut off."""
    if at + 4 > len(data):
        return 0, at, len(data) + 1
    if data[at] != 0xFF:
        raise BadHeader("has bytes between its segments where none may be")
    while data[at + 1 : at + 2] == b"\xff":
        at += 1
    kind = data[at + 1] if at + 1 < len(data) else 0
    if kind == 0x01 or 0xD0 <= kind <= 0xD8:
        return kind, at + 2, at + 2
    length = int.from_bytes(data[at + 2 : at + 4], "big")
    if length < 2:
        raise BadHeader(f"has a segment of {length} bytes")
    return kind, at + 4, at + 2 + length


def _header(data: bytes, frame: Frame | None, orientation: int, scan: int, entropy: int) -> Header:
    if frame is None:
        if entropy > len(data):
            return Header("JPEG", 1, 1, fault="ends before its frame header")
        raise BadHeader("has a scan before its frame header")
    if frame.kind not in READ or frame.bits != 8 or frame.components not in (1, 3, 4):
        raise UnsupportedMode(
            f"is a JPEG of kind {frame.kind - 0xC0}, {frame.bits} bits, {frame.components} components;"
            " headhunt reads baseline and progressive ones of 8 bits and 1, 3 or 4 components"
        )
    if not frame.height:
        raise BadHeader("does not declare its height")
    buffered = frame.kind == PROGRESSIVE or (entropy <= len(data) and data[scan] < frame.components)
    end = _end(data, entropy, buffered)
    cmyk = frame.components == 4
    return Header(
        "JPEG",
        frame.width,
        frame.height,
        mode={1: "L", 3: "RGB", 4: "CMYK"}[frame.components],
        orientation=orientation,
        fault=_fault(data, frame, entropy, end),
        native_bytes=4 if cmyk else 0,
        fixed_bytes=2 * frame.blocks_per_mcu if buffered else 0,
    )


def _end(data: bytes, entropy: int, buffered: bool) -> int:
    """Where the end marker stands; -1: nowhere. All bytes are searched only if there may be several scans."""
    if not buffered:
        return len(data) - 2 if data.endswith(END) else data.rfind(END, entropy)
    end = data.find(END, entropy)
    scans = data.count(b"\xff\xda", entropy, end if end >= 0 else len(data)) + 1
    if scans > MAX_SCANS:
        raise BadHeader(f"has {scans:,} scans; {MAX_SCANS} are allowed")
    return end


def _fault(data: bytes, frame: Frame, entropy: int, end: int) -> str:
    """Each block of 8 x 8 pixels takes a bit at least in Huffman's code: a header cannot promise what is not there."""
    if entropy > len(data):
        return "ends before its first scan"
    if end < 0:
        return "has no end marker"
    least = -(-frame.width // 8) * -(-frame.height // 8) // 8
    if len(data) - entropy < least:
        return f"has {len(data) - entropy:,} bytes for {frame.width} x {frame.height} pixels, {least:,} are the least"
    return ""

"""The facts that a header gives, and the orientation that EXIF may add. One struct for every format."""

import struct
from typing import Literal

import msgspec

Format = Literal["JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF"]
ORIENTATION = 0x0112


class Header(msgspec.Struct, frozen=True):
    """`fault` says why the bytes cannot be the whole picture; empty: nothing speaks against it."""

    format: Format
    width: int
    height: int
    bits: int = 8
    mode: str = "RGB"
    orientation: int = 1
    fault: str = ""
    native_bytes: float = 4
    """What the decoder holds for a pixel, besides the 3 bytes of the result."""
    fixed_bytes: float = 0
    """Of these, what no reduction makes smaller: the coefficients of a progressive JPEG."""

    def peak_bytes(self, scale: int = 1) -> int:
        """The most memory that decoding takes, at 1/scale of the size where the format can do that."""
        pixels = self.width * self.height
        return int(pixels * ((self.native_bytes + 3) / scale**2 + self.fixed_bytes))

    def scale_below(self, limit: int) -> int | None:
        """The smallest reduction that needs no more than `limit` bytes: 1, and for JPEG 2, 4 or 8."""
        scales = (1, 2, 4, 8) if self.is_plain_jpeg else (1,)
        return next((scale for scale in scales if self.peak_bytes(scale) <= limit), None)

    def shrinks_below(self, limit: int) -> bool:
        return self.scale_below(limit) is not None

    @property
    def is_plain_jpeg(self) -> bool:
        """Grey or colour JPEG of 8 bits: nearly all photographs."""
        return self.format == "JPEG" and self.mode != "CMYK"


def exif_orientation(tiff: bytes) -> int:
    """The orientation, 1 to 8, out of an EXIF block that begins as a TIFF does; 1 where there is none, or nonsense."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None or len(tiff) < 8:
        return 1
    value = first_values(tiff, order, struct.unpack(f"{order}I", tiff[4:8])[0]).get(ORIENTATION, 1)
    return value if 1 <= value <= 8 else 1


def first_values(tiff: bytes, order: str, at: int) -> dict[int, int]:
    """Tag -> first value, of the short and long numbers of one directory that stand in it or that it points to."""
    if at + 2 > len(tiff):
        return {}
    found: dict[int, int] = {}
    for i in range(struct.unpack_from(f"{order}H", tiff, at)[0]):
        place = at + 2 + 12 * i
        if place + 12 > len(tiff):
            break
        tag, kind, count = struct.unpack_from(f"{order}HHI", tiff, place)
        if kind not in (3, 4) or not count:
            continue
        if count > (2 if kind == 3 else 1):
            place = struct.unpack_from(f"{order}I", tiff, place + 8)[0] - 8
        if place >= 0 and place + 12 <= len(tiff):
            found.setdefault(tag, struct.unpack_from(f"{order}{'H' if kind == 3 else 'I'}", tiff, place + 8)[0])
    return found

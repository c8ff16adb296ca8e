"""What a picture's own header says of it, without decoding a pixel: is it one, how large would it be, is it all there?

    bytes --magic--> JPEG | PNG | GIF | WebP | BMP | TIFF --parse--> Header --check--> Header, or ImageRefused

The order of the checks is the order of their cost to this machine: pixels first, then bytes that cannot hold the
pixels, then memory. The extension of the name does not count.
"""

from headhunt.errors import (
    AspectRatio,
    BadHeader,
    EmptyFile,
    ImageRefused,
    NestedArchive,
    NotAnImage,
    TooManyPixels,
    Truncated,
)
from headhunt.vocabulary import SampleLimits
from zoo.images.archives import looks_like_tar
from zoo.images.header_facts import Header
from zoo.images.header_jpeg import read_jpeg
from zoo.images.header_others import read_bmp, read_gif, read_tiff, read_webp
from zoo.images.header_png import read_png

PACKED = {
    b"PK\3\4": "zip",
    b"PK\5\6": "zip",
    b"\x1f\x8b": "gzip",
    b"7z\xbc\xaf": "7z",
    b"Rar!": "rar",
    b"BZh": "bzip2",
    b"\xfd7zXZ": "xz",
}
OTHERS = {
    b"<": "text (HTML, SVG or XML)",
    b"%PDF": "a PDF",
    b"%!PS": "PostScript",
    b"\xc5\xd0\xd3\xc6": "PostScript",
    b"\x00\x00\x01\x00": "an icon",
    b"8BPS": "a Photoshop file",
}


def inspect(data: bytes, limits: SampleLimits) -> Header:
    """The facts of a picture that may be decoded; ImageRefused otherwise."""
    header = _read(data)
    _check(header, limits)
    return header


def _read(data: bytes) -> Header:
    start = data[:16]
    if start.startswith(b"\xff\xd8\xff"):
        return read_jpeg(data)
    if start.startswith(b"\x89PNG\r\n\x1a\n"):
        return read_png(data)
    if start.startswith((b"GIF87a", b"GIF89a")):
        return read_gif(data)
    if start.startswith(b"RIFF") and start[8:12] == b"WEBP":
        return read_webp(data)
    if start.startswith(b"BM") and len(data) >= 34:
        return read_bmp(data)
    if start.startswith((b"II*\0", b"MM\0*")):
        return read_tiff(data)
    raise _not_an_image(data)


def _not_an_image(data: bytes) -> ImageRefused:
    if not data:
        return EmptyFile("has 0 bytes")
    if kind := next((kind for magic, kind in PACKED.items() if data.startswith(magic)), ""):
        return NestedArchive(f"is a {kind} inside the sample, and was not opened. Unpack it first")
    if data[257:262] == b"ustar" and looks_like_tar(data[:512]):
        return NestedArchive("is a tar inside the sample, and was not opened. Unpack it first")
    if data[4:8] == b"ftyp":
        return NotAnImage("is HEIF, AVIF or a film; headhunt reads JPEG, PNG, GIF, WebP, BMP and TIFF. Convert it")
    text = data.lstrip(b"\xef\xbb\xbf \t\r\n")
    kind = next((kind for magic, kind in OTHERS.items() if text.startswith(magic)), "none of these")
    return NotAnImage(f"is {kind}; headhunt reads JPEG, PNG, GIF, WebP, BMP and TIFF")


def _check(header: Header, limits: SampleLimits) -> None:
    width, height = header.width, header.height
    if width <= 0 or height <= 0 or width >= 2**31 or height >= 2**31:
        raise BadHeader(f"declares a size of {width} x {height} pixels")
    if width * height > limits.max_pixels:
        raise TooManyPixels(f"declares {width} x {height} pixels; {limits.max_pixels:,} are allowed")
    if header.fault:
        raise Truncated(f"{header.fault}. Send the file again")
    if max(width, height) > limits.max_aspect * min(width, height):
        raise AspectRatio(f"is {width} x {height}: longer than {limits.max_aspect:g} times its other side")
    if header.peak_bytes() > limits.max_decoded_bytes and not header.shrinks_below(limits.max_decoded_bytes):
        raise TooManyPixels(
            f"is {width} x {height} and would take {header.peak_bytes():,} bytes to decode;"
            f" {limits.max_decoded_bytes:,} are allowed. Make it smaller, or save it as a baseline JPEG"
        )

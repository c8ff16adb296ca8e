"""From the bytes of one picture to RGB pixels, upright, 8 bits a channel.

Plain JPEGs go through a strict decoder, which stops where libjpeg would only warn and paint the rest grey. Everything
else goes through Pillow, held to the format that the header showed, so that nothing else of Pillow is reachable.

    alpha, palette with transparency     laid on white
    16-bit grey                          v / 257, rounded
    16-bit RGB                           the high byte, at most one level from v / 257
    32-bit float (TIFF)                  0..1 to 0..255, cut off outside; values beyond 0..255 refused
    CMYK                                 as Pillow converts it
    animation                            its first frame
    EXIF orientation                     applied
"""

import io
import threading
from typing import Any

import numpy as np
import numpy.typing as npt
import simplejpeg
from PIL import Image

from headhunt.errors import BrokenImage, ImageRefused, TooManyPixels, Truncated, UnsupportedMode
from headhunt.vocabulary import SampleLimits
from zoo.images.header_facts import Header
from zoo.images.header_png import bare
from zoo.images.headers import inspect

Pixels8 = npt.NDArray[np.uint8]
STRIP = 2**19
"""Pixels that are converted at a time, so that a large picture is in memory once, not five times."""
REUSED = 16 * 2**20


class Scratch(threading.local):
    """One buffer a thread, for decoding into: new memory for every picture costs more than its conversion to RGB."""

    def __init__(self) -> None:
        self._buffer = np.empty(0, np.uint8)

    def take(self, size: int) -> Pixels8:
        if size > REUSED:
            return np.empty(size, np.uint8)
        if len(self._buffer) < size:
            self._buffer = np.empty(size, np.uint8)
        return self._buffer


_scratch = Scratch()


def decode(data: bytes, limits: SampleLimits) -> Pixels8:
    """[H, W, 3]. Valid until this thread decodes the next picture: copy what is to stay."""
    header = inspect(data, limits)
    scale = header.scale_below(limits.max_decoded_bytes)
    if scale is None:
        raise TooManyPixels(f"is {header.width} x {header.height}, which takes too much memory to decode")
    pixels = _decode_jpeg(data, header, scale) if header.is_plain_jpeg else _decode_other(data, header)
    return pixels if header.orientation == 1 else upright(pixels, header.orientation)


def upright(pixels: Pixels8, orientation: int) -> Pixels8:
    """Undo what EXIF's orientation says was done: 2-4 flip and turn by 180 degrees, 5-8 also exchange the sides."""
    if orientation >= 5:
        pixels = pixels.transpose(1, 0, 2)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)


def _decode_jpeg(data: bytes, header: Header, scale: int) -> Pixels8:
    height, width = -(-header.height // scale), -(-header.width // scale)
    try:
        if scale == 1:
            found: Pixels8 = simplejpeg.decode_jpeg(data, "RGB", buffer=_scratch.take(3 * height * width))
        else:
            found = simplejpeg.decode_jpeg(data, "RGB", min_factor=scale, min_height=height, min_width=width)
    except ValueError as error:
        text = str(error).lower()
        if "premature" in text or "truncated" in text:
            raise Truncated("its picture ends too early. Send the file again") from error
        raise BrokenImage("its picture data are damaged. Send the file again") from error
    return found


def _decode_other(data: bytes, header: Header) -> Pixels8:
    stream = io.BytesIO(bare(data) if header.format == "PNG" else data)
    try:
        with Image.open(stream, formats=(header.format,)) as picture:
            if picture.size != (header.width, header.height) and header.format != "TIFF":
                raise BrokenImage(
                    f"its header declares {header.width} x {header.height} and its picture {picture.size}"
                )
            picture.load()
            return _in_strips(picture)
    except ImageRefused:
        raise
    except Exception as error:
        # Pillow's plugins raise nearly anything on hostile bytes: OSError, SyntaxError, struct.error, IndexError.
        if "truncated" in str(error).lower():
            raise Truncated("its picture ends too early. Send the file again") from error
        raise BrokenImage("its picture data are damaged. Send the file again") from error


def _in_strips(picture: Image.Image) -> Pixels8:
    width, height = picture.size
    rows = max(1, STRIP // width)
    if rows >= height:
        return to_rgb(picture)
    result = np.empty((height, width, 3), np.uint8)
    for top in range(0, height, rows):
        bottom = min(top + rows, height)
        result[top:bottom] = to_rgb(picture.crop((0, top, width, bottom)))
    return result


def to_rgb(picture: Image.Image) -> Pixels8:
    """[H, W, 3] of a picture in any of Pillow's modes."""
    if picture.mode.startswith("I"):
        return _grey(_from_16_bits(np.asarray(picture)))
    if picture.mode == "F":
        return _grey(_from_float(np.asarray(picture)))
    if picture.mode in ("LA", "PA", "La", "RGBa", "RGBA") or "transparency" in picture.info:
        layer = picture.convert("RGBA")
        ground = Image.new("RGBA", layer.size, (255, 255, 255, 255))
        return np.array(Image.alpha_composite(ground, layer).convert("RGB"))
    return np.array(picture.convert("RGB"))


def _grey(level: Pixels8) -> Pixels8:
    return np.repeat(level[:, :, None], 3, axis=2)


def _from_16_bits(value: npt.NDArray[Any]) -> Pixels8:
    if value.size and (value.min() < 0 or value.max() > 65_535):
        raise UnsupportedMode(f"has whole numbers from {value.min()} to {value.max()}; headhunt reads 8 and 16 bits")
    return ((value.astype(np.uint32) + 128) // 257).astype(np.uint8)


def _from_float(value: npt.NDArray[Any]) -> Pixels8:
    if not np.isfinite(value).all() or value.min() < 0 or value.max() > 255:
        raise UnsupportedMode("has floating point values that are no brightness: not finite, negative, or above 255")
    scale = 255.0 if value.max() <= 1.0 else 1.0
    return np.round(value * scale).astype(np.uint8)
